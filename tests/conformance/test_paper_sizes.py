"""The widths that papers ask for take their first training steps, on few rows, few items a step and short crops."""

import json
from pathlib import Path

import numpy as np
import pytest

from blocks.common import weights
from blocks.load import restore
from runner.check import check, read_graph
from runner.plan import make_plan
from runner.run.local import LocalExecutor
from runner.store import Store
from runner.work.executor import Observer

GRAPHS = Path(__file__).parents[2] / "graphs"
STEPS = 2
FIRST = {  # node -> its graph, what is small of it, and widths that are not
    "universal": (
        "universal_vocoder",
        dict(max_steps=STEPS, adversarial_from=2, max_items=2, max_frames=32, crop=16),
        {512, 1536},
    ),
    "vocos": (
        "universal_vocoder",
        dict(max_steps=STEPS, adversarial_from=2, max_items=2, max_frames=32, crop=16),
        {512, 1536},
    ),
    "istftnet": (
        "universal_vocoder",
        dict(max_steps=STEPS, adversarial_from=2, max_items=2, max_frames=32, crop=16),
        {7, 128, 256, 512},
    ),
    "all_voices_rnn": (
        "universal_vocoder",
        dict(max_steps=STEPS, max_items=2, max_frames=16, crop=2),
        {128, 256, 896, 1024},
    ),
    "allison": ("speak", dict(max_steps=STEPS, adversarial_from=2, max_frames=1500), {256, 1024}),
    "copycat": ("flow_conversion", dict(max_steps=STEPS, adversarial_from=2, max_frames=1500), {512, 1536}),
    "autovc": ("flow_conversion", dict(max_steps=STEPS, max_frames=1500), {512, 1024}),
    "background": ("voice_filter", dict(max_steps=STEPS, max_frames=1500), {512, 1024}),
    "attention_tagged": (
        "distribution_augmentation",
        dict(max_steps=STEPS, teacher_forced_steps=1, max_frames=1500),
        {256, 512, 1024, 2048},
    ),
    "styled": ("style_transfer", dict(max_steps=STEPS, max_frames=1500), {32, 64, 128, 256}),
    "attending": ("speak", dict(max_steps=STEPS, teacher_forced_steps=1, max_frames=1500), {256, 512, 1024}),
}
UNTAUGHT = {
    "voice_filter": [
        "timing.max_steps=1",
        "aligned.min_score=-1000",
        "aligned.max_squeezed=1",
        "aligned.max_phone_seconds=30",
        "pairs.min_agreement=-1",
        "pairs.max_lag=12",
    ],
    "flow_conversion": [
        "timing.max_steps=1",
        "aligned.min_score=-1000",
        "aligned.max_squeezed=1",
        "aligned.max_phone_seconds=30",
    ],
    "distribution_augmentation": [
        "timing.max_steps=1",
        "aligned.min_score=-1000",
        "aligned.max_squeezed=1",
        "aligned.max_phone_seconds=30",
        "spliced.made=2",
    ],
    "style_transfer": [
        "timing.max_steps=1",
        "aligned.min_score=-1000",
        "aligned.max_squeezed=1",
        "aligned.max_phone_seconds=30",
        "background.max_steps=1",
        "background.max_frames=1500",
        "converter.max_steps=1",
        "converter.max_frames=1500",
        "shift.min_to_target=-1",
    ],
    "speak": [
        "timing.max_steps=1",
        "aligned.min_score=-1000",
        "aligned.max_squeezed=1",
        "aligned.max_phone_seconds=30",
    ],
}


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("node", FIRST)
def test_paper_size_takes_its_first_steps(node, tmp_path):
    graph, small, widths = FIRST[node]
    sets = [f"{node}.{key}={value}" for key, value in small.items()] + UNTAUGHT.get(graph, [])
    checked = check(read_graph(GRAPHS / f"{graph}.yaml", sets, "paper"))
    store = Store(tmp_path / "store")
    plan = make_plan(checked, store, until=node, limit=60)
    outcome = LocalExecutor().run(plan, store, Observer())
    assert outcome.error is None
    folder = Path(store.find_artifact(plan.steps[node].digest))
    metrics = json.loads((folder / "metrics.json").read_text())
    losses = [line["train/loss"] for line in metrics["curves"] if "train/loss" in line]
    assert metrics["steps"] == len(losses) == STEPS
    assert np.isfinite(losses).all()
    assert widths <= {size for tensor in weights.read(folder)[0].values() for size in tensor.shape}
    restore(folder)  # which refuses weights of any other widths
