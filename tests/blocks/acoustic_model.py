"""A small `acoustic.parallel` with the weights that it starts from, and requests to it."""

import numpy as np
import pytest

from blocks.acoustic._inputs import Inputs
from blocks.acoustic.schema import Controlled
from blocks.load import find
from blocks.spec import AudioSpec
from tests.toys.toy.sayings import PHONES

torch = pytest.importorskip("torch")

Parallel = find("acoustic.parallel")
SPEC = AudioSpec(n_mels=20)
WHOLE = Parallel.tiny.model_copy(update={"references": {}})  # tests/blocks/test_acoustic_references.py is about these


def model(seed: int = 0, spec: AudioSpec = SPEC, **settings):
    block = Parallel(WHOLE.model_copy(update=settings), spec)
    block.inputs = Inputs(block.config.streams, block.config.globals)
    block.inputs.phones.extend(PHONES)
    for table in block.inputs.names.values():
        table.extend(["ann", "ben"])
    torch.manual_seed(seed)
    block.net = block._network().eval()
    block.net.longest += 20
    block.net.pitch_mean += 5  # about 150 Hz
    return block


def said(phones=("sil", "ˈa", "s", "o", "m", "sil"), **given) -> Controlled:
    return Controlled(**{"phones": phones, "globals": {"a": "ann", "b": "ben"}, **given})


def stream(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def alike(one, other) -> None:
    for name in ("log_mel", "durations", "phone_pitch", "phone_energy"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def lasting(block, frames: float = 2.3):
    """A model whose phones take about ten frames."""
    with torch.no_grad():
        block.net.duration.out.bias += frames
    return block
