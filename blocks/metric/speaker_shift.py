"""Whose voice a conversion has: how near it is to the target's, how near still to the source's, and which is nearer.

Cosines of embeddings of one encoder, as in `metric.speaker_similarity`. The target's is best the centroid of recordings that the conversion
was not made of, or another recording. How much of the gap between unchanged source and recordings of the target is closed is a
matter of means over rows, not of one row: (to_target - that of the source unchanged) / (that of another recording - the same).
"""

from typing import Annotated

from blocks.arrays import Embedding, Value, apart
from blocks.base import BadItem, BlockConfig, Failure, Mapper, Schema, Skip
from blocks.common.items import each
from blocks.metric._embedding import direction


class Voices(Schema):
    prediction: Embedding  # of the conversion
    source: apart(Embedding, "source")
    target: apart(Embedding, "target")


class Shift(Schema):
    to_target: Annotated[float, Value("to_target", "cosine with the target's voice")]
    to_source: Annotated[float, Value("to_source", "cosine with the source's voice")]
    nearer: Annotated[float, Value("nearer", "1 where it is nearer to the target than to the source, 0 where not")]


class Config(BlockConfig):
    min_to_target: float | None = None  # what is less like the target is left out, and listed with its cosine


class SpeakerShift(Mapper[Config]):
    tiny = Config()

    def apply(self, items: list[Voices]) -> list[Shift | Failure]:
        return each(self._one, items)

    def _one(self, item: Voices) -> Shift | Skip:
        prediction, source, target = (
            direction(getattr(item, name), name) for name in ("prediction", "source", "target")
        )
        if not len(prediction) == len(source) == len(target):
            raise BadItem(
                f"embeddings of {len(prediction)}, {len(source)} and {len(target)} numbers: want all three of one encoder"
            )
        to_target, to_source = float(prediction @ target), float(prediction @ source)
        least = self.config.min_to_target
        if least is not None and to_target < least:
            return Skip(
                f"a cosine of {to_target:.2f} with the target's voice, {to_source:.2f} with the source's: want {least:g} at least"
            )
        return Shift(to_target=to_target, to_source=to_source, nearer=float(to_target > to_source))
