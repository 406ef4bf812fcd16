"""The report of a run: one HTML file that needs nothing else, to read, to look at and to listen to.

Everything comes from the run's record (`runner.run.record`) and the store; texts, styles and script are in
report.html.j2, report.css and report.js beside this file.
"""

import json
import os
import re
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from blocks.base import Skip
from runner.report.lineage import Lineage
from runner.report.listening import Listening, unit_of
from runner.report.training import trainings
from runner.run.summary import beside

_HERE = Path(__file__).parent
_FIRST = 8  # ids shown of each reason


def write_report(store, record: dict, path: str | Path, svg: str | None = None, most: int = 12) -> Path:
    """Write the report of a recorded run, with up to `most` utterances to listen to; gives its path.

    `svg` is a picture of the graph. What a run did not reach, or what was removed from the store since, is left out.
    """
    path = Path(path)
    page = render(store, record, svg, most)
    path.parent.mkdir(parents=True, exist_ok=True)
    number, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(number, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(page)
        Path(draft).chmod(0o644)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    return path


def render(store, record: dict, svg: str | None, most: int) -> str:
    """The page as text."""
    import jinja2
    import yaml
    from markupsafe import Markup

    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    env.filters |= {"number": number, "seconds": duration, "scalar": scalar, "nested": nested, "beside": beside}
    tables = open_tables(store, record)
    lineage = Lineage(record)
    listening = Listening(lineage, tables)
    results = list(results_of(record))
    return env.get_template("report.html.j2").render(
        record=record,
        css=Markup((_HERE / "report.css").read_text(encoding="utf-8")),
        js=Markup((_HERE / "report.js").read_text(encoding="utf-8")),
        svg=Markup(re.sub(r"^.*?(?=<svg)", "", svg, flags=re.DOTALL)) if svg else "",
        least=_least_width(svg or ""),
        totals=totals(record),
        scores={
            title: score_table(row, units(tables, lineage, name))
            for name, title, whole in results
            if is_table(whole)
            for title, row in _with_groups(title, whole)
        },
        others={title: row for _, title, row in results if not is_table(row) and not is_grouped(row)},
        grouped={title: row for _, title, row in results if is_grouped(row)},
        trainings=trainings(store, record),
        lost=lost_rows(store, record, tables),
        utterances=listening.utterances(most),
        licences=licences(listening),
        command=command(record),
        yaml=yaml.safe_dump(record["source"], sort_keys=False, allow_unicode=True, width=110),
    )


def _least_width(svg: str) -> int:
    """A wide drawing shrinks to the page, but not below what one can read."""
    width = re.search(r'<svg[^>]*? width="([\d.]+)', svg)
    return round(0.65 * float(width[1])) if width else 0


# ---- what the page is made from ----


def open_tables(store, record: dict) -> dict:
    """The complete tables of the run that are still in the store, by node."""
    finished = {name: node for name, node in record["nodes"].items() if node["state"] in ("ran", "cached")}
    found = {name: store.find_table(node["digest"]) for name, node in finished.items() if node["fields"]}
    return {name: table for name, table in found.items() if table is not None}


def totals(record: dict) -> dict:
    nodes = record["nodes"].values()
    states = [node["state"] for node in nodes]
    return {
        "nodes": len(states),
        "made": states.count("ran"),
        "cached": states.count("cached"),
        "read": sum(node["rows"] for node in nodes if node["verb"] == "read"),
        "failures": sum(node["failures"] for node in nodes),
        "skipped": sum(node["skipped"] for node in nodes),
        "failed": next((name for name, node in record["nodes"].items() if node["state"] == "failed"), None),
    }


def results_of(record: dict) -> Iterator[tuple[str, str, dict]]:
    """(node, title, row) of what was reduced; tables of scores of several groups stand one by one, other groups together."""
    for name, made in record["results"].items():
        if is_grouped(made) and any(map(is_table, made["groups"].values())):
            yield from ((name, f"{name}, {group}", row) for group, row in made["groups"].items())
        else:
            yield name, name, made


def is_grouped(made: dict) -> bool:
    """Whether it is ``{"by": node.field, "groups": {name: row}}``, of a reduce with `by`."""
    return made.keys() == {"by", "groups"}


def is_table(row: dict) -> bool:
    """Whether a reduced row is a table of systems by metrics, as ``metric.table`` makes it."""
    return row.keys() >= {"systems", "metrics", "lower", "means", "differences"}


def _with_groups(name: str, row: dict) -> list[tuple[str, dict]]:
    """The table of all rows, then that of each group."""
    return [(name, row), *((f"{name}, {group['name']}", row | group) for group in row.get("groups", ()))]


def units(tables: dict, lineage: Lineage, name: str) -> dict[str, str]:
    """Of each metric of a table, where the column that it judges has one."""
    found = {}
    for node, _, metric, (judge, field) in lineage.scored:
        if node == name and judge in tables:
            found[metric] = unit_of(tables[judge], field, metric)
    return found


def score_table(row: dict, units: dict[str, str]) -> dict:
    """Cells by system and metric, and differences by metric."""
    compared = {metric: sum(mean["metric"] == metric for mean in row["means"]) for metric in row["metrics"]}
    return {
        "systems": row["systems"],
        "metrics": [
            {
                "name": metric,
                "unit": units.get(metric, ""),
                "lower": metric in row["lower"],
                "compared": compared[metric],
            }
            for metric in row["metrics"]
        ],
        "cells": {(mean["system"], mean["metric"]): mean for mean in row["means"]},
        "differences": row["differences"],
    }


def lost_rows(store, record: dict, tables: dict) -> list[dict]:
    """For each node what failed or was left out, equal reasons together, the most frequent first."""
    found = []
    for name, node in record["nodes"].items():
        failures = tables[name].failures if name in tables else _of_unfinished(store, node)
        groups: dict[tuple, dict] = {}
        for failure in failures:
            skipped = isinstance(failure, Skip)
            group = groups.setdefault(
                (skipped, _kind_of(failure.reason, failure.id)),
                {"reason": failure.reason, "skipped": skipped, "ids": []},
            )
            group["ids"].append(failure.id or "?")
        if groups or node["unmatched"]:
            ordered = sorted(groups.values(), key=lambda group: (group["skipped"], -len(group["ids"])))
            for group in ordered:
                group |= {"count": len(group["ids"]), "ids": group["ids"][:_FIRST]}
            found.append(
                {
                    "node": name,
                    "groups": ordered,
                    "unmatched": node["unmatched"],
                    "failed": sum(group["count"] for group in ordered if not group["skipped"]),
                    "skipped": sum(group["count"] for group in ordered if group["skipped"]),
                }
            )
    return found


def _of_unfinished(store, node: dict) -> list:
    """Failures in the shards of a table that was not completed."""
    if node["state"] != "failed":
        return []
    from runner.store.upkeep import failures

    try:
        return list(failures(store, node["digest"]))
    except LookupError:
        return []


def _kind_of(reason: str, id: str | None) -> str:
    """The reason without what differs from row to row: its id, numbers and quoted texts."""
    reason = reason.replace(id, "#") if id else reason
    return re.sub(r"""'[^']*'|"[^"]*"|\d+(?:[.,]\d+)*""", "#", reason)


def licences(listening: Listening) -> dict[str, list[str]]:
    """Of everything one can hear: the licences its table was made under."""
    found = {}
    for system in listening.systems:
        metas = [listening.tables[node].manifest["meta"] for node, _ in system.columns if node in listening.tables]
        found[system.name] = sorted({licence for meta in metas for licence in meta.get("licences", ())})
    return found


def command(record: dict) -> str:
    """What was typed, if the record says so, else what makes the same nodes of the same graph."""
    if typed := record.get("command"):
        return typed
    words = ["voxblocks", "run", record["file"]]
    if record["size"]:
        words += ["--size", record["size"]]
    if set(record["source"]["nodes"]) - set(record["nodes"]):
        words += ["--to-nodes", ",".join(record["targets"])]
    return shlex.join(words)


# ---- how values are written ----


def number(value: float | None, places: int | None = None) -> str:
    """About four digits, a true minus sign, a dash for None."""
    if value is None:
        return "\N{EN DASH}"
    if not np.isfinite(value):
        return str(value)
    if places is None:
        places = places_of(value)
    text = f"{value:,.{places}f}"
    return ("\N{MINUS SIGN}" + text[1:] if text.strip("-0.,") else text[1:]) if text.startswith("-") else text


def places_of(value: float) -> int:
    size = abs(value)
    return 0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 1 or size == 0 else 3


def duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.{2 if seconds < 1 else 1}f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def nested(value) -> str:
    """A reduced list or mapping as JSON; nothing for any other value."""
    return json.dumps(value, indent=1, ensure_ascii=False, default=scalar) if isinstance(value, dict | list) else ""


def scalar(value) -> str:
    """A reduced value that is no table."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, np.ndarray):
        return f"{value.dtype} array of {' x '.join(map(str, value.shape))}"
    return str(value)
