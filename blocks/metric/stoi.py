"""STOI: how intelligible speech is beside the reference, about 0 to 1.

Computed at 10 kHz over stretches of 384 ms, after frames 40 dB below the loudest of the reference are dropped;
pystoi's own resampler is part of the measure and is used.
"""

from typing import Annotated

from blocks.arrays import Value
from blocks.base import BadItem, BlockConfig, Failure, Mapper, Schema
from blocks.common.items import each
from blocks.metric._judge import one_length, sounding
from blocks.metric.schema import WavePair


class Intelligibility(Schema):
    stoi: Annotated[float, Value("stoi", "short-time objective intelligibility, about 0 to 1")]


class Config(BlockConfig):
    pass


class STOI(Mapper[Config]):
    tiny = Config()
    paper = "Taal, Hendriks, Heusdens, Jensen, An Algorithm for Intelligibility Prediction of Time-Frequency Weighted Noisy Speech, TASLP 2011"
    needs = ("pystoi",)
    extra = "judges"

    def apply(self, items: list[WavePair]) -> list[Intelligibility | Failure]:
        return each(self._one, items)

    def _one(self, item: WavePair) -> Intelligibility:
        import warnings

        from pystoi import stoi

        sounding(item.reference, "reference")
        prediction, reference = one_length(item.prediction, item.reference, self.spec)
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)  # how pystoi says that too little speech is left
            try:
                return Intelligibility(stoi=float(stoi(reference, prediction, self.spec.sample_rate)))
            except (RuntimeWarning, ValueError) as error:
                seconds = len(reference) / self.spec.sample_rate
                raise BadItem(
                    f"STOI wants 0.4 s of speech above silence, found less in {seconds:.2f} s ({error})"
                ) from error
