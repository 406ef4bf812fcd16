"""DistillMOS: how natural speech sounds, 1 to 5, as a small network guesses it without a reference.

The recording is resampled to 16 kHz and judged in windows of 7.68 s that are spread evenly with at most 1 s between
their starts (a shorter recording is padded with silence); the score is the mean over the windows. The network sets
every window to full scale itself, so level does not count.
"""

import contextlib
import io
import sys
import types
from typing import Annotated

import numpy as np

from blocks.arrays import Value
from blocks.base import BadItem, BlockConfig, Failure, Mapper, Schema
from blocks.common.items import each
from blocks.metric._judge import resample
from blocks.metric.schema import Audio

_RATE = 16000
_WINDOW = 122880  # samples that the network sees at once
_HOP = 16000  # samples between two windows, at most
_AT_ONCE = 4  # windows per call, so that memory does not grow with the recording


class Naturalness(Schema):
    distillmos: Annotated[float, Value("distillmos", "guessed mean opinion score of naturalness, 1 to 5")]


class Config(BlockConfig):
    pass


class DistillMOS(Mapper[Config]):
    tiny = Config()
    paper = "Stahl and Gamper, Distillation and Pruning for Scalable Self-Supervised Representation-Based Speech Quality Assessment, ICASSP 2025"
    needs = ("torch", "distillmos", "xls_r_sqa")
    extra = "judges"
    licences = ("MIT",)

    def setup(self) -> None:
        with _without_torchaudio():
            from distillmos import ConvTransformerSQAModel
        with contextlib.redirect_stdout(io.StringIO()):  # it announces its weights
            self.network = ConvTransformerSQAModel(segmenting_in_forward=False).eval().to(self.device)

    def apply(self, items: list[Audio]) -> list[Naturalness | Failure]:
        return each(self._one, items)

    def _one(self, item: Audio) -> Naturalness:
        import torch

        if len(item.prediction) == 0:
            raise BadItem("prediction: no samples, wants a recording")
        windows = torch.from_numpy(_windows(resample(item.prediction, self.spec.sample_rate, _RATE)))
        with torch.inference_mode():
            scores = torch.cat([self.network(some.to(self.device)) for some in windows.split(_AT_ONCE)])
        return Naturalness(distillmos=float(scores.mean()))


def _windows(wave: np.ndarray) -> np.ndarray:
    """float32 (windows, _WINDOW): the whole wave, in windows at most _HOP apart."""
    wave = np.pad(wave, (0, max(0, _WINDOW - len(wave))))
    spare = len(wave) - _WINDOW
    starts = np.linspace(0, 1, -(-spare // _HOP) + 1) * spare
    return np.stack([wave[start : start + _WINDOW] for start in starts.astype(int)])


@contextlib.contextmanager
def _without_torchaudio():
    """An empty torchaudio while distillmos is imported, which uses it for its command line only.

    The one that registries hand out beside a CPU torch does not load.
    """
    known = sys.modules.get("torchaudio")
    sys.modules["torchaudio"] = types.ModuleType("torchaudio")
    try:
        yield
    finally:
        del sys.modules["torchaudio"]
        if known is not None:
            sys.modules["torchaudio"] = known
