"""The part of a report about training: for every fit or loaded artifact its curves, with the best step marked.

They come from the log of the training, which a run that was cut off has too, else from the artifact's metrics.json.
Positions are shares of a chart in %, from its left and its foot.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runner.fit.events import curves
from runner.report import pictures

_POINTS = 300  # of a curve; where it has more, several steps are averaged
_FAR_OFF = 3  # times the range of all later values
_PLAIN = ("epoch", "skipped")  # no measurements
_DIVERGENCE = re.compile(
    r"(loss_)?kl_\w+"
)  # of one number of a latent, or one latent, from its prior, in nats; a sum, loss_kl, is in units of its model
_COLLAPSED = 0.01  # nats: a latent that diverges no more says nothing of its input

Curve = list[tuple[int, float]]  # (step, value), ascending


@dataclass
class Line:
    kind: str  # train or val
    path: str  # in a box of 1000 x 100
    last: float


@dataclass
class Chart:
    name: str
    lines: list[Line]
    ticks: list[tuple[float, str]]  # of values
    best: float | None = None  # where the best validation stands
    best_value: float | None = None


@dataclass
class Training:
    node: str
    block: str
    facts: dict[str, str]
    charts: list[Chart]
    steps: list[tuple[float, str]]  # ticks below every chart


def trainings(store, record: dict) -> list[Training]:
    """One for each fit and load node of a recorded run that has curves."""
    found = (_training(store, name, node) for name, node in record["nodes"].items() if node["verb"] in ("fit", "load"))
    return [training for training in found if training]


def _training(store, name: str, node: dict) -> Training | None:
    metrics = _metrics(store, node)
    lines = curves(store.files, f"fits/{node['digest']}") or metrics.get("curves", [])
    series = _series(lines)
    if not series:
        return None
    best = metrics.get("best") or store.files.read_json(f"fits/{node['digest']}/best.json")
    last = max(step for parts in series.values() for curve in parts.values() for step, _ in curve)
    charts = [_chart(title, parts, last, best) for title, parts in series.items()]
    facts = _facts(metrics, best, last) | _collapsed(series)
    return Training(name, node["block"], facts, charts, pictures.round_ticks(0, last, 5))


def _metrics(store, node: dict) -> dict:
    """metrics.json of the artifact, also of one that lies outside the store."""
    found = store.files.read_json(f"artifacts/{node['digest']}/metrics.json")
    path = Path(node.get("artifact") or "", "metrics.json")
    if found is None and node.get("artifact") and path.is_file():
        found = json.loads(path.read_text(encoding="utf-8"))
    return found or {}


def _series(lines: Iterable[dict]) -> dict[str, dict[str, Curve]]:
    """By name, then train or val; the loss first, then what was measured on dev rows, too."""
    found: dict[str, dict[str, Curve]] = {}
    for line in lines:
        for key, value in line.items():
            kind, slash, name = key.partition("/")
            if slash and name not in _PLAIN and np.isfinite(value):
                found.setdefault(name, {}).setdefault(kind, []).append((line["step"], value))
    return dict(sorted(found.items(), key=lambda item: (item[0] != "loss", "val" not in item[1])))


def _collapsed(series: dict[str, dict[str, Curve]]) -> dict[str, str]:
    """An alarm for latents whose divergence ended at 0 (posterior collapse, Bowman et al. 2016), by the names of their losses."""
    ends = {
        name: parts.get("val", parts.get("train"))[-1][1]
        for name, parts in series.items()
        if _DIVERGENCE.fullmatch(name)
    }
    empty = [name for name, value in ends.items() if value < _COLLAPSED]
    return {"collapsed": f"{', '.join(empty)}, {len(empty)} of {len(ends)} below {_COLLAPSED} nats"} if empty else {}


def _chart(name: str, parts: dict[str, Curve], last: int, best: dict | None) -> Chart:
    drawn = {kind: _averaged(curve) for kind, curve in parts.items()}
    low, high = _range(drawn)
    lines = [
        Line(kind, pictures.line_path(np.array(drawn[kind]), (0, last), (low, high)), parts[kind][-1][1])
        for kind in sorted(parts)
    ]
    chart = Chart(name, lines, pictures.round_ticks(low, high, 3))
    if best and name == "loss":
        chart.best, chart.best_value = round(100 * best["step"] / last, 2), best["score"]
    return chart


def _averaged(curve: Curve) -> Curve:
    parts = np.array_split(np.array(curve, dtype=float), min(len(curve), _POINTS))
    return [tuple(part.mean(axis=0)) for part in parts]


def _range(drawn: dict[str, Curve]) -> tuple[float, float]:
    """Holds all values, or all but the first, where those lie so far off that the others would be a flat line."""
    whole, later = (
        np.array([value for curve in drawn.values() for _, value in curve[int(skip * len(curve)) :]])
        for skip in (0, 0.1)
    )
    values = whole if np.ptp(whole) <= _FAR_OFF * np.ptp(later) else later
    low, high = float(values.min()), float(values.max())
    room = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return low - room, high + room


def _facts(metrics: dict, best: dict | None, last: int) -> dict[str, str]:
    facts = {"steps": f"{last:,}"}
    if best:
        last_kept = metrics.get("weights") == "last"
        facts["best"] = f"{best['score']:.5g} at step {best['step']:,}{', but the weights are the last' * last_kept}"
    for key, what in (("items", "trained on"), ("dev_items", "validated on")):
        if key in metrics:
            facts[what] = f"{metrics[key]:,} items"
    for key, what in (("padding", "padding"), ("waiting", "waiting for data")):
        if key in metrics:
            facts[what] = f"{100 * metrics[key]:.1f} %"
    return facts
