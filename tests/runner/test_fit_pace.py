"""What a training tells while it goes: speed, padding, and time spent waiting for data."""

import io
import json

import pytest
from rich.console import Console

from runner.check import check, read_graph
from runner.fit.pace import Pace
from runner.plan import make_plan
from runner.run.local import LocalExecutor
from runner.run.progress import Bars
from runner.store import Store

pytest.importorskip("torch")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now

    def go(self, seconds: float) -> None:
        self.now += seconds


def test_time_spent_waiting_is_told_from_time_spent_working():
    clock = Clock()
    pace = Pace(0.25, clock)
    assert pace.summary() == {"waiting": 0.0, "padding": 0.25}
    for _ in range(4):
        assert pace.wait(lambda: clock.go(1.0) or "batch") == "batch"
        clock.go(3.0)
        pace.step(600, 2)
    assert pace.waiting == pytest.approx(0.25)
    numbers = pace.summary()
    assert numbers["frames_per_s"] == pytest.approx(4 * 600 / 15), "from the first batch on"
    assert numbers["items_per_s"] == pytest.approx(8 / 15)


def test_speed_is_that_of_the_last_steps():
    clock = Clock()
    pace = Pace(0.0, clock)
    for seconds in [100.0] * 5 + [1.0] * 60:
        pace.wait(lambda: None)
        clock.go(seconds)
        pace.step(50, 1)
    assert pace.summary()["frames_per_s"] == pytest.approx(50)


GRAPH = """
nodes:
  tone: {read: toy.tones, config: {count: 12}}
  model: {fit: toy.tuned, in: {wave: tone.wave, split: tone.split}, config: {max_steps: 8, max_frames: 5000, pause_s: 0.02}}
"""


def test_the_terminal_and_metrics_json_tell_it(tmp_path):
    path = tmp_path / "graph.yaml"
    path.write_text(GRAPH)
    store = Store(tmp_path / "store")
    plan = make_plan(check(read_graph(path)), store)
    said = io.StringIO()
    with Bars(plan, Console(file=said, width=200)) as bars:
        outcome = LocalExecutor().run(plan, store, bars)
    assert outcome.error is None
    metrics = json.loads(store.files.read(f"artifacts/{plan.steps['model'].digest}/metrics.json"))
    (line,) = [line for line in said.getvalue().splitlines() if line.startswith("model")]
    assert f"{100 * metrics['padding']:.0f} % padding" in line
    assert "waiting for data" in line
    assert " frames/s" in line
    assert "loss 0." in line
    assert 0 <= metrics["waiting"] < 1
    longest = 12 * 1600 / (8 * 0.02)
    # At most all tones in every step, which takes 20 ms and more; the clock may begin within a step.
    assert 0 < metrics["frames_per_s"] < 2 * longest
