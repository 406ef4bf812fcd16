"""Where nodes compute: on the GPU they ask for, where there is one.

No machine of the tests has any, so PyTorch is told that there is one, and `meta`, a device without memory, stands in for it.
"""

from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import pytest
import torch

import runner.fit.node
import runner.work.apply
from blocks.aligner.monotonic import Monotonic
from blocks.common.symbols import Symbols
from blocks.load import find
from blocks.spec import AudioSpec
from blocks.toy.tuned import Tuned
from runner.catalogue.doctor import examine
from runner.check import check, read_graph
from runner.graph import Scale
from runner.plan import make_plan
from runner.run.local import LocalExecutor
from runner.store import Store
from runner.work.apply import make_block
from runner.work.device import device_of
from runner.work.executor import Observer


@dataclass(frozen=True)
class Checked:
    """As much of a checked node as a block is made from."""

    cls: type
    node: SimpleNamespace
    spec: AudioSpec = field(default_factory=AudioSpec)

    @property
    def config(self):
        return self.cls.tiny


def checked(block: str, gpus: float) -> Checked:
    return Checked(find(block), SimpleNamespace(scale=replace(Scale(), gpus=gpus)))


@pytest.mark.parametrize(
    ("block", "gpus", "there", "device"),
    [
        ("aligner.monotonic", 1, True, "cuda:0"),
        ("aligner.monotonic", 0.5, True, "cuda:0"),
        ("aligner.monotonic", 0, True, "cpu"),
        ("aligner.monotonic", 1, False, "cpu"),
        ("features.log_mel", 1, True, "cpu"),
    ],
)
def test_a_node_in_torch_computes_on_the_gpu_that_it_asks_for(monkeypatch, block, gpus, there, device):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    assert device_of(checked(block, gpus)) == device


def test_weights_are_loaded_onto_the_device(monkeypatch, tmp_path):
    made = Monotonic(Monotonic.tiny, AudioSpec())
    made.phones, made.centred = Symbols(["a", "b"]), True
    made.net = made._network()
    made.save(tmp_path)
    monkeypatch.setattr(runner.work.apply, "device_of", lambda node: "meta")
    assert make_block(checked("aligner.monotonic", 1), 0, str(tmp_path)).net.table.device.type == "meta"


def test_a_training_is_placed_there_too(monkeypatch, tmp_path):
    seen = {}

    def fit(self, run):
        model = run.parallel(torch.nn.Linear(1, 1))
        seen.update(block=self.device, run=run.device, model=model.weight.device.type)
        raise ValueError("that is all")

    monkeypatch.setattr(runner.fit.node, "device_of", lambda node: "meta")
    monkeypatch.setattr(Tuned, "fit", Tuned.fit)  # put back afterwards
    Tuned.fit = _annotated(fit)
    (tmp_path / "graph.yaml").write_text(
        "nodes:\n  tone: {read: toy.tones, config: {count: 4}}\n"
        "  model: {fit: toy.tuned, in: {wave: tone.wave, split: tone.split}, scale: {gpus: 1}}\n"
    )
    store = Store(tmp_path / "store")
    outcome = LocalExecutor().run(make_plan(check(read_graph(tmp_path / "graph.yaml")), store), store, Observer())
    assert "that is all" in str(outcome.error)
    assert seen == {"block": "meta", "run": "meta", "model": "meta"}


def _annotated(fit):
    """With the annotations and the name that ports are read from."""
    fit.__annotations__, fit.__qualname__ = Tuned.fit.__annotations__, Tuned.fit.__qualname__
    return fit


def test_the_doctor_tells_of_half_precision_and_gpus(tmp_path):
    lines, _ = examine([], str(tmp_path))
    assert any(line.startswith("precision: bfloat16") for line in lines)
    assert any(line.startswith("GPUs: ") for line in lines)
