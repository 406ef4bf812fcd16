"""Inputs that break vocoders: every variant, found by its path, answers each with audio or with a reason, never with a crash.

One that is trained is trained here for a few steps: what is asked is not how it sounds.
"""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from blocks.base import BadItem, Trainable, check_item, ports
from blocks.common.mel import log_mel
from blocks.load import find, names
from blocks.spec import AudioSpec
from runner.check import check, read_graph
from runner.graph import GraphError
from runner.plan import make_plan
from runner.run.local import LocalExecutor
from runner.store import Store
from runner.work.apply import map_rows
from runner.work.executor import Observer

SPEC = AudioSpec()
VOCODERS = [name for name in names() if name.startswith("vocoder.")]
INPUT_PORT = {name: next(iter(ports(find(name), "map").inputs.model_fields)) for name in VOCODERS}  # log_mel, or wave
OF_MELS = [name for name in VOCODERS if INPUT_PORT[name] == "log_mel"]
TRAIN = """
nodes:
  tone: {{read: toy.tones, config: {{count: 6, seconds: 0.5}}}}
  mel: {{map: features.log_mel, in: {{wave: tone.wave}}}}
  pitch: {{map: features.pitch, in: {{wave: tone.wave}}}}
  model: {{fit: {name}, in: {{{ports}}}, config: {config}}}
"""
ELSEWHERE = """
nodes:
  tone: {{read: toy.tones}}
  mel: {{map: features.log_mel, in: {{wave: tone.wave}}, spec: {{{field}: {value}}}}}
  model: {{load: nowhere, as: {name}}}
  voice: {{map: {name}, {model} in: {{log_mel: mel.log_mel}}}}
"""


def fitted(block: type[Trainable], name: str, folder: Path) -> Trainable:
    made_by = {"log_mel": "mel", "pitch": "pitch"}
    fields = {field: f"{made_by.get(field, 'tone')}.{field}" for field in ports(block, "fit").inputs.model_fields}
    config = block.tiny.model_dump(mode="json") | {"max_steps": 1}
    written = ", ".join(f"{field}: {edge}" for field, edge in fields.items())
    path = folder / "graph.yaml"
    path.write_text(TRAIN.format(name=name, ports=written, config=json.dumps(config)))
    store = Store(folder / "store")
    plan = make_plan(check(read_graph(path)), store)
    outcome = LocalExecutor().run(plan, store, Observer())
    assert outcome.error is None
    made = block(block.tiny, SPEC)
    made.load(Path(store.find_artifact(plan.steps["model"].digest)))
    return made


def slow_if_trained(name: str):
    return pytest.param(name, marks=pytest.mark.slow if issubclass(find(name), Trainable) else ())


@pytest.fixture(scope="module", params=map(slow_if_trained, VOCODERS))
def vocoder(request, tmp_path_factory):
    name = request.param
    block = find(name)
    trained = issubclass(block, Trainable)
    made = fitted(block, name, tmp_path_factory.mktemp("vocoder")) if trained else block(block.tiny, SPEC)
    made.setup()
    return made, INPUT_PORT[name]


def answers(block, *items: dict):
    schemas = ports(type(block), "map")
    return map_rows(block, schemas.inputs, schemas.output, [(str(n), item) for n, item in enumerate(items)], batch=16)


def sine(hz: float, seconds: float = 0.6, amplitude: float = 0.5) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(int(seconds * 16000)) / 16000)).astype(np.float32)


def mel(value: float, frames: int = 30) -> np.ndarray:
    return np.full((frames, SPEC.n_mels), value, np.float32)


RECORDED = {  # what was recorded
    "silence": np.zeros(9600, np.float32),
    "a pitch below all voices": sine(20),
    "a pitch above all voices": sine(3000),
    "clipped": np.sign(sine(150)),
    "noise": np.random.default_rng(0).uniform(-1, 1, 9600).astype(np.float32),
    "one frame": sine(150, 200 / 16000),
}
MADE = {  # what a model may have predicted
    "below the floor": mel(-50),
    "louder than full scale": mel(8),
    "one loud value": mel(-11) + 18 * (np.arange(30 * 80).reshape(30, 80) == 1200),
    "one frame at the ceiling": mel(3, 1),
}


@pytest.mark.parametrize("case", [*RECORDED, *MADE])
def test_what_was_never_a_voice_is_answered_with_audio(vocoder, case):
    block, takes = vocoder
    if takes == "wave" and case in MADE:
        item, samples = {"wave": np.clip(sine(150, amplitude=10), -1, 1)}, 9600
    elif takes == "wave":
        item, samples = {"wave": RECORDED[case]}, len(RECORDED[case])
    else:
        log_mel_in = log_mel(RECORDED[case], SPEC) if case in RECORDED else MADE[case].astype(np.float32)
        item, samples = {"log_mel": log_mel_in}, SPEC.samples(len(log_mel_in))
    shard = answers(block, item)
    assert [failure.reason for failure in shard.failures] == []
    (voiced,) = shard.rows
    assert voiced.wave.shape == (samples,)
    assert np.abs(voiced.wave).max() <= 1
    assert check_item(voiced, SPEC) is None


def refused(wrong):
    """(case, port, value, words of the reason)"""
    few = np.zeros((20, 80), np.float32)
    few[7, 9] = wrong
    return few


REFUSED = {
    "zero frames": ("log_mel", np.zeros((0, 80), np.float32), ("no frames", "want at least one")),
    "NaN": ("log_mel", refused(np.nan), ("1 of 1600", "NaN")),
    "infinity": ("log_mel", refused(np.inf), ("1 of 1600", "infinite")),
    "mels of another spec": ("log_mel", np.zeros((20, 100), np.float32), ("100", "80")),
    "no samples": ("wave", np.zeros(0, np.float32), ("no samples", "want at least one")),
    "samples that are NaN": ("wave", np.full(4000, np.nan, np.float32), ("4000 samples are NaN", "want")),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_nothing_can_be_said_from_is_refused_with_a_reason(vocoder, case):
    block, takes = vocoder
    port, wrong, words = REFUSED[case]
    if port != takes:
        return
    good = {"wave": sine(150)} if takes == "wave" else {"log_mel": log_mel(sine(150), SPEC)}
    shard = answers(block, good, {port: wrong}, good)
    assert shard.ids == ["0", "2"]
    (failure,) = shard.failures
    assert all(word in failure.reason for word in words), failure.reason
    assert isinstance(shard.first_error, BadItem)


def test_values_that_no_audio_has_are_answered_or_refused(vocoder):
    block, takes = vocoder
    item = {"wave": sine(150, amplitude=1e6)} if takes == "wave" else {"log_mel": mel(1e4)}
    shard = answers(block, item)
    assert len(shard.rows) + len(shard.failures) == 1
    assert type(shard.first_error) in (type(None), BadItem)
    assert all("want" in failure.reason for failure in shard.failures)


@pytest.mark.parametrize("name", OF_MELS)
@pytest.mark.parametrize(
    ("field", "value"),
    [("hop_length", 256), ("n_mels", 100), ("log_floor", 1e-4), ("f_min", 50.0), ("padding", "center")],
)
def test_a_mel_of_another_spec_is_refused_before_anything_runs(name, field, value, tmp_path):
    path = tmp_path / "graph.yaml"
    model = "model: model," if issubclass(find(name), Trainable) else ""
    text = ELSEWHERE.format(name=name, field=field, value=value, model=model)
    path.write_text("\n".join(line for line in text.splitlines() if model or "load:" not in line))
    said = f"voice.log_mel <- mel.log_mel: wants {field} {getattr(SPEC, field)}, but mel.log_mel has {field} {value}"
    with pytest.raises(GraphError, match=re.escape(said)):
        check(read_graph(path))
