"""The vector of a voice from those of its recordings: the direction of their mean (a d-vector's centroid, Wan et al. 2018)."""

from pydantic import NonNegativeFloat

from blocks.arrays import Embedding, Seconds
from blocks.base import BadItem, BlockConfig, Reducer, Schema
from blocks.reference._means import direction
from blocks.reference.schema import Embedded


class Part(Schema):
    embedding: Embedding
    seconds: Seconds | None = None  # of the recording


class Config(BlockConfig):
    min_seconds: NonNegativeFloat = 0.0  # of all recordings together; less is refused


class Centroid(Reducer[Config]):
    """Raises BadItem where the vectors cancel each other out, and for recordings of less than `min_seconds`."""

    tiny = Config()
    paper = "Wan et al. 2018, Generalized End-to-End Loss for Speaker Verification"

    def reduce(self, items: list[Part]) -> Embedded:
        seconds = sum(item.seconds or 0.0 for item in items)
        if seconds < self.config.min_seconds:
            raise BadItem(
                f"{seconds:.1f} s of speech in {len(items)} recordings, want {self.config.min_seconds:g} s at least, "
                "better a minute, to know a voice by"
            )
        return Embedded(embedding=direction([item.embedding for item in items]))
