"""`vocoder.vocos` and `vocoder.istftnet`: the formulas of plain NumPy, streams equal to the whole, bad input, and a training."""

import functools
import importlib
import json
import re

import numpy as np
import pytest

from blocks.base import BadItem
from blocks.load import find
from blocks.spec import AudioSpec
from blocks.training import bucket
from blocks.vocoder.schema import Spectral
from runner.catalogue.export import export
from runner.check import check, read_graph
from runner.fit.events import curves
from runner.plan import make_plan
from runner.run.local import LocalExecutor
from runner.store import Store
from runner.store.artifact import write_manifest
from runner.work.executor import Observer
from tests.blocks import plain_convnets

jax = pytest.importorskip("jax")

NAMES = ("vocoder.vocos", "vocoder.istftnet")
SPECS = {
    "same": AudioSpec(n_mels=20),
    "center": AudioSpec(n_mels=20, padding="center", preemphasis=0.97),
    "none": AudioSpec(n_mels=20, padding="none"),
}
CLOSE = 1e-4  # of a model's output


def mels(frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(-4, 2, (frames, 20)).astype(np.float32)


@functools.cache
def block(name: str, padding: str = "same", **settings):
    """A vocoder whose weights are far from their start."""
    cls = find(name)
    made = cls(cls.tiny.model_copy(update=settings), SPECS[padding])
    rng = np.random.default_rng(1)
    made._params = jax.tree.map(lambda a: (0.3 * rng.standard_normal(a.shape)).astype(np.float32), made._wanted)
    made._scale = np.array([-4.0, 2.0], np.float32)
    return made


def spoken(made, mel: np.ndarray) -> np.ndarray:
    return made.apply([Spectral(log_mel=mel)])[0].wave


@pytest.mark.parametrize("frames", [1, 24])
@pytest.mark.parametrize("prior", ["none", "pseudo_inverse"])
def test_vocos_follows_its_formulas(frames, prior):
    made, mel = block("vocoder.vocos", prior=prior), mels(frames)
    how = made.config.layers, made.spec, 800, prior != "none"
    want = plain_convnets.vocos(mel, made._scale, made._params, *how)
    assert np.abs(want).max() > 0.05
    np.testing.assert_allclose(raw(made, mel), want, atol=CLOSE * np.abs(want).max())


@pytest.mark.parametrize("frames", [1, 24])
def test_istftnet_follows_its_formulas(frames):
    made, mel = block("vocoder.istftnet"), mels(frames)
    want = plain_convnets.istftnet(mel, made._scale, made._params, made.config, made.spec.hop_length)
    assert np.abs(want).max() > 0.05
    np.testing.assert_allclose(raw(made, mel), want, atol=CLOSE * np.abs(want).max())


def raw(made, mel: np.ndarray) -> np.ndarray:
    """Not clipped to full scale yet."""
    return np.asarray(made._compiled(made._params, mel[None], np.array([len(mel)], np.int32)))[0]


@pytest.mark.parametrize("padding", SPECS)
@pytest.mark.parametrize("name", NAMES)
def test_a_stream_says_what_the_whole_would(name, padding):
    made, mel = block(name, padding), mels(40)
    whole = spoken(made, mel)
    assert len(whole) == SPECS[padding].samples(40)
    ends = np.cumsum(sizes := (1, 2, 0, 12, 25))
    parts = list(made.stream(mel[end - size : end] for size, end in zip(sizes, ends, strict=True)))
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=CLOSE)


@pytest.mark.parametrize("name", NAMES)
def test_a_stream_lags_no_more_than_its_look_ahead_which_is_as_far_as_a_frame_reaches(name):
    made, mel = block(name), mels(90)
    said, got = 0, []
    for frames, wave in zip(range(30, 91, 30), made.stream(mel[at : at + 30] for at in (0, 30, 60)), strict=False):
        said += len(wave)
        got.append(frames * 200 - said)
    assert got == [made.lookahead * 200] * 3
    other = mel.copy()
    other[45] += 1.0
    changed = np.flatnonzero(np.abs(raw(made, other) - raw(made, mel)).reshape(90, 200).max(1) > 1e-7)
    assert 45 - changed[0] <= made.lookahead
    assert changed[-1] - 45 <= made.lookahead
    assert max(45 - changed[0], changed[-1] - 45) >= made.lookahead - 2, "it waits for more than it needs"


@pytest.mark.parametrize("name", NAMES)
def test_long_mels_go_piece_by_piece(name, monkeypatch):
    monkeypatch.setattr("blocks.vocoder._neural.LONGEST", 50)
    made = block(name)
    sizes, compiled = set(), made._compiled
    monkeypatch.setattr(
        made, "_compiled", lambda params, mel, *given: sizes.add(mel.shape[1]) or compiled(params, mel, *given)
    )
    mel = mels(230)
    found = spoken(made, mel)
    assert max(sizes) <= bucket(50 + 2 * made.lookahead)
    monkeypatch.undo()
    np.testing.assert_allclose(found, spoken(made, mel), atol=CLOSE)


@pytest.mark.parametrize("name", NAMES)
def test_neighbours_and_padding_do_not_matter(name):
    made = block(name)
    batch = np.zeros((2, 40, 20), np.float32)
    batch[0, :30], batch[0, 30:], batch[1] = mels(30), 9.0, mels(40, 1)
    together = np.asarray(made._compiled(made._params, batch, np.array([30, 40], np.int32)))
    np.testing.assert_allclose(together[0, : 30 * 200], raw(made, mels(30)), atol=CLOSE)


@pytest.mark.parametrize("name", NAMES)
def test_what_breaks_vocoders_gets_an_answer(name):
    made = block(name)
    for wrong, said in {
        "no frames": mels(0),
        "7 mels, but the audio spec says n_mels 20": np.zeros((3, 7), np.float32),
        "1 of 60 mel values are NaN": np.where(np.arange(60).reshape(3, 20) == 7, np.nan, mels(3)).astype(np.float32),
        "no audio is so loud": np.full((9, 20), 1e4, np.float32),
    }.items():
        with pytest.raises(BadItem, match=wrong):
            spoken(made, said)
    with pytest.raises(ValueError, match="no weights yet"):
        find(name)(find(name).tiny, SPECS["same"]).apply([Spectral(log_mel=mels(3))])
    for strange in (np.full((9, 20), -1e4), np.full((9, 20), 30.0), np.full((9, 20), np.log(1e-5))):
        assert np.abs(spoken(made, strange.astype(np.float32))).max() <= 1


def test_settings_that_do_not_fit_are_refused():
    cls = find("vocoder.istftnet")
    for wrong, said in {
        "2 kernels, but dilations for 3": dict(kernels=(3, 5)),
        "kernels [4] are even": dict(kernels=(3, 4, 7)),
        "6 channels cannot be halved in 2 stages": dict(channels=6),
    }.items():
        with pytest.raises(ValueError, match=re.escape(wrong)):
            cls.Config(**said)
    with pytest.raises(ValueError, match="want a divisor of hop_length 200"):
        _ = cls(cls.Config(rates=(8, 8)), SPECS["same"])._generator


GRAPH = """
about: a vocoder of tones
spec: {{n_mels: 20}}
seed: 3
nodes:
  tone: {{read: toy.tones, config: {{count: 12, seconds: 0.4}}}}
  mel: {{map: features.log_mel, in: {{wave: tone.wave}}}}
  model:
    fit: {name}
    in: {{log_mel: mel.log_mel, wave: tone.wave, speaker: tone.speaker, split: tone.split}}
    config:
      {{{net}, crop: 16, max_frames: 64, max_steps: 60, warmup_steps: 5, lr: 3.0e-3, ema: 0.5,
       balance: 1, val_check_interval: 30, checkpoint_interval: 30}}
  again: {{map: {name}, model: model, in: {{log_mel: mel.log_mel}}}}
"""


@pytest.mark.parametrize(
    ("name", "net"),
    [
        ("vocoder.vocos", "hidden: 16, wide: 32, layers: 1"),
        ("vocoder.istftnet", "channels: 8, rates: [5, 4], kernels: [3], dilations: [[1, 2]]"),
    ],
)
def test_it_learns(name, net, tmp_path):
    """On spectra; the steps against discriminators are those of `vocoder.fourier`, and tested there."""
    path = tmp_path / "graph.yaml"
    path.write_text(GRAPH.format(name=name, net=net))
    store = Store(tmp_path / "store")
    plan = make_plan(check(read_graph(path)), store)
    outcome = LocalExecutor().run(plan, store, Observer())
    assert outcome.error is None
    lines = curves(store.files, f"fits/{plan.steps['model'].digest}")
    half, whole = (line["val/loss"] for line in lines if "val/loss" in line)
    assert whole < half
    table = store.find_table(plan.steps["again"].digest)
    assert {len(row["wave"]) for row in table.rows()} == {6400}


@pytest.mark.parametrize("padding", SPECS)
@pytest.mark.parametrize("name", NAMES)
def test_stablehlo_says_what_the_block_says(name, padding):
    made = block(name, padding)
    exporter = importlib.import_module(f"blocks.{name}.export")
    if made.spec.preemphasis:
        with pytest.raises(ValueError, match=r"preemphasis 0\.97, which cannot be exported"):
            exporter.stablehlo(made, {})
        return
    run = jax.export.deserialize(bytearray(exporter.stablehlo(made, {}))).call
    for frames in (2, 40):
        np.testing.assert_allclose(np.asarray(run(mels(frames)[None]))[0], spoken(made, mels(frames)), atol=CLOSE)


@pytest.mark.parametrize("name", NAMES)
def test_the_command_says_which_formats_there_are(name, tmp_path):
    made = block(name)
    made._trained = {"params": made._params, "discriminators": {}}
    made.save(tmp_path)
    write_manifest(
        tmp_path, {"block": name, "config": made.config.model_dump(mode="json"), "spec": made.spec.model_dump()}
    )
    with pytest.raises(ValueError, match=f"{name} has no export to onnx; it has stablehlo"):
        export(tmp_path, "onnx", tmp_path / "out")
    written, beside = export(tmp_path, "stablehlo", tmp_path / "out")
    run = jax.export.deserialize(bytearray(written.read_bytes())).call
    np.testing.assert_allclose(np.asarray(run(mels(40)[None]))[0], spoken(made, mels(40)), atol=CLOSE)
    assert json.loads(beside.read_text())["block"] == name
