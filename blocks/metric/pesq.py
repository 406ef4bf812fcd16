"""PESQ, wide band (ITU-T P.862.2): quality beside the reference, 1.0 to 4.64.

Both recordings are resampled to 16 kHz. It follows delays but was made for telephone lines: it also punishes a phase
that no listener minds, so read it beside `metric.distillmos`. More than 20 s are skipped: the measure is for
sentences, and its reference code breaks beyond 50 stretches of speech, which is what 20 s can hold.
"""

from typing import Annotated

from blocks.arrays import Value
from blocks.base import BadItem, BlockConfig, Failure, Mapper, Schema, Skip
from blocks.common.items import each
from blocks.metric._judge import one_length, resample, sounding
from blocks.metric.schema import WavePair

_RATE = 16000
_LONGEST = 20  # seconds


class Quality(Schema):
    pesq: Annotated[float, Value("pesq", "wide-band PESQ as a mean opinion score, 1.0 to 4.64")]


class Config(BlockConfig):
    pass


class PESQ(Mapper[Config]):
    tiny = Config()
    paper = "ITU-T Recommendation P.862.2, 2007"
    needs = ("pesq",)
    extra = "judges"

    def apply(self, items: list[WavePair]) -> list[Quality | Failure]:
        return each(self._one, items)

    def _one(self, item: WavePair) -> Quality | Skip:
        from pesq import PesqError, pesq

        seconds = max(len(item.prediction), len(item.reference)) / self.spec.sample_rate
        if seconds > _LONGEST:
            return Skip(f"{seconds:.1f} s: PESQ judges up to {_LONGEST} s; split the recording at its pauses")
        sounding(item.prediction, "prediction"), sounding(item.reference, "reference")
        prediction, reference = (
            resample(wave, self.spec.sample_rate, _RATE)
            for wave in one_length(item.prediction, item.reference, self.spec)
        )
        try:
            return Quality(pesq=float(pesq(_RATE, reference, prediction, "wb")))
        except PesqError as error:
            raise BadItem(
                f"PESQ has no answer for {seconds:.2f} s: {error.args[0].decode()}; wants at least 0.25 s with speech in both"
            ) from error
