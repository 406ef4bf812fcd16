"""The results of a run on a terminal: tables of scores, and single values."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table


def print_results(console: Console, results: dict[str, dict], nodes: dict[str, dict] | None = None) -> None:
    """Each reduce node's row: a `metric.table` as systems by metrics with intervals, any other as name and value.

    With the `nodes` of the run's record, it is said of what a model was trained on.
    """
    for name, row in results.items():
        for model, count in (nodes or {}).get(name, {}).get("heard", {}).items():
            console.print(f"[yellow]{name}: {count} of these rows come from what {model} was trained on[/]")
        if {"systems", "metrics", "means"} <= row.keys():
            console.print(_scores(name, row))
            for group in row.get("groups", ()):
                console.print(_scores(f"{name}, {group['name']}", row | group))
        else:
            plain = {key: value for key, value in row.items() if isinstance(value, str | int | float)}
            console.print(
                f"{name}: "
                + ", ".join(
                    f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}"
                    for key, value in plain.items()
                )
            )


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
