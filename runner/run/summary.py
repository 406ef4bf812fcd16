"""The results of a run on a terminal: tables of scores, and single values."""

from itertools import islice

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

GROUPS = 40  # shown on a terminal; the record has all


def print_results(console: Console, results: dict[str, dict], nodes: dict[str, dict] | None = None) -> None:
    """What each reduce node made: a `metric.table` as systems by metrics with intervals, groups as a table of them with
    their numbers and texts, any other row as name and value.

    With the `nodes` of the run's record, it is said of what a model was trained on.
    """
    for name, row in results.items():
        for model, count in (nodes or {}).get(name, {}).get("seen_in_training", {}).items():
            console.print(f"[yellow]{name}: {count} of these rows come from what {model} was trained on[/]")
        if row.keys() == {"by", "groups"}:
            _print_groups(console, name, **row)
        elif {"systems", "metrics", "means"} <= row.keys():
            console.print(_scores(name, row))
            for group in row.get("groups", ()):
                console.print(_scores(f"{name}, {group['name']}", row | group))
        else:
            plain = {key: value for key, value in row.items() if isinstance(value, str | int | float)}
            console.print(f"{name}: " + ", ".join(f"{key} {_short(value)}" for key, value in plain.items()))


def _print_groups(console: Console, name: str, by: str, groups: dict[str, dict]) -> None:
    if any({"systems", "metrics", "means"} <= row.keys() for row in groups.values()):
        print_results(console, {f"{name}, {group}": row for group, row in groups.items()})
        return
    field = by.partition(".")[2]
    fields = [key for key in next(iter(groups.values()), {}) if all(_is_short(row.get(key)) for row in groups.values())]
    table = Table(title=f"{name}: a row for each {field}", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1))
    table.add_column(field, no_wrap=True)
    for key in fields:
        table.add_column(key, justify="right")
    for group, row in islice(groups.items(), GROUPS):
        table.add_row(group, *(_short(row.get(key)) for key in fields))
    console.print(table)
    if len(groups) > GROUPS:
        console.print(f"and {len(groups) - GROUPS} more")


def _is_short(value) -> bool:
    return value is None or isinstance(value, str | int | float)


def _short(value) -> str:
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _scores(name: str, row: dict) -> Table:
    cells = {(cell["system"], cell["metric"]): cell for cell in row["means"]}
    numbers = {cell["n"] for cell in row["means"]}
    of = f"{numbers.pop()} " if len(numbers) == 1 else ""
    counted = any(cell.get("loops") is not None for cell in row["means"])
    what = f"mean over {of}utterances" + (
        ", of counts errors over all with the median of utterances" if counted else ""
    )
    table = Table(title=f"{name}: {what}, 95 % interval", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1))
    table.add_column(
        "metric", no_wrap=True
    )  # where it is narrow, an interval goes below its mean: no name and no digit is lost
    for system in row["systems"]:
        table.add_column(system, justify="right")
    for metric in row["metrics"]:
        found = [cells.get((system, metric)) for system in row["systems"]]
        apart = len({cell["n"] for cell in found if cell}) > 1
        table.add_row(metric, *(_cell(cell, apart) for cell in found))
    return table


def _cell(cell: dict | None, apart: bool) -> str:
    """Mean and interval; with its number of utterances where that is not the same for all systems."""
    if cell is None:
        return "-"
    interval = f" {cell['low']:.3g}..{cell['high']:.3g}" if cell["low"] is not None else ""
    number = f", n {cell['n']}" if apart else ""
    return f"{cell['mean']:.3g}[dim]{interval}{beside(cell)}{number}[/]"


def beside(cell: dict) -> str:
    """What a cell of counts says beside its mean: ``, median 0, 2 loops``."""
    if cell.get("loops") is None:
        return ""
    loops = f", {cell['loops']} loop{'s' * (cell['loops'] != 1)}" if cell["loops"] else ""
    return f", median {cell['median']:.3g}{loops}"
