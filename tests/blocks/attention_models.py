"""Small models of `acoustic.attention`, trained on a language whose phones are tones."""

import itertools

import numpy as np
import pytest

from blocks.acoustic.attention import Attention
from blocks.acoustic.schema import Request, TrainItem
from blocks.spec import AudioSpec
from runner.fit.checkpoints import Checkpoints
from runner.fit.events import Events, curves
from runner.fit.local_run import Items, LocalRun
from runner.store import Store

torch = pytest.importorskip("torch")

PHONES = ("sil", "a", "s", "o", "m", "i")
SPEC = AudioSpec(n_mels=12)
TOGETHER = dict(rtol=1e-5, atol=1e-5)
WHOLE = Attention.tiny.model_copy(update={"streams": {}, "globals": {}, "references": {}})
TINY = WHOLE.model_copy(update={"pitch": False, "energy": False})  # most items here have neither


def utterance(seed, durations=False, **more):
    rng = np.random.default_rng(seed)
    inner = [PHONES[at] for at in rng.integers(1, len(PHONES), 4)]
    phones = ("sil", *(b for a, b in itertools.pairwise(["", *inner]) if a != b), "sil")
    frames = rng.integers(3, 7, len(phones)).astype(np.int32)
    bumps = [np.exp(-(((np.arange(12) - 2 * PHONES.index(phone)) / 1.5) ** 2)) for phone in phones]
    log_mel = (-5 + 5 * np.repeat(bumps, frames, axis=0)).astype(np.float32)
    return TrainItem(phones=phones, log_mel=log_mel, durations=frames if durations else None, **more)


def asked(item: TrainItem) -> Request:
    return Request(phones=item.phones, streams=item.streams, globals=item.globals)


def training(folder, config, items, dev=(), init=None, on_step=None):
    """A run as the runner makes one, with its curves."""
    named, files = {f"u{n}": item for n, item in enumerate(items)}, Store(folder).files
    checkpoints = Checkpoints(files, "fit")
    events = Events(files, "fit", SPEC.sample_rate, max(checkpoints.steps(), default=0))
    lengths = [len(item.log_mel) for item in items]
    run = LocalRun(
        config, 0, Items(list(named), named.__getitem__), Items([f"d{n}" for n in range(len(dev))], lambda id: dev[int(id[1:])]),
        lengths, checkpoints, events, init, lambda item: len(item.log_mel), on_step or (lambda batch, scalars: None),
    )  # fmt: skip
    return run, events, files


def fitted(folder, config, items, **more):
    run, events, files = training(folder, config, items, **more)
    block = Attention(config, SPEC)
    try:
        block.fit(run)
    finally:
        events.close()
    return block, curves(files, "fit")


SMALL = dict(
    hidden=24, wide=48, encoder_layers=1, decoder_layers=2, dropout=0.0, prenet=24, recurrent=40, recurrent_dropout=0.0,
    lr=1e-2, warmup_steps=10, max_items=8, checkpoint_interval=1000,
)  # fmt: skip


def curve(reported, name):
    """{step: number} of one name."""
    return {line["step"]: line[name] for line in reported if name in line}


def toned(item: TrainItem, seed: int) -> TrainItem:
    """With pitch and energy frame by frame; the log-mel is as much louder as the energy says."""
    rng, frames = np.random.default_rng(seed), item.durations
    loud = np.repeat(rng.uniform(-20, 0, len(frames)), frames).astype(np.float32)
    pitch = np.repeat(rng.choice([0.0, 120.0, 200.0], len(frames)), frames).astype(np.float32)
    log_mel = (item.log_mel + loud[:, None] / 5).astype(np.float32)
    return item.model_copy(update={"pitch": pitch, "energy": loud, "log_mel": log_mel})
