"""Distribution augmentation while a model trains: sentences spliced of two recordings, drawn anew at every step (NumPy).

In a recording of the batch a constituent gives way to one of equal label from another recording with the same globals (voice,
style), phones, durations, pitch, energy and mel joined as one (Lajszczak et al. 2022, 2202.06409). Nothing of it is stored:
the draws are those of seed and step, so that a training that goes on hears what it would have heard. `splicer.constituent` makes
tables of such sentences, to listen to, to filter and to hand out.

Axes: N phones, T frames.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from pydantic import Field, PositiveInt

from blocks.acoustic.schema import TrainItem
from blocks.base import BadItem, BlockConfig
from blocks.common.conditions import Name
from blocks.common.splicing import boundary_tag, extent, joined


class Splice(BlockConfig):
    share: float = Field(0.5, gt=0, le=1)  # of a batch; the others are heard as they are (the identity)
    tag: Name | None = "joined"  # the stream that is 1 on the first phone after each join; none: joins are not told
    tries: PositiveInt = 10  # draws for one recording until it is heard as it is


class Splices:
    """Partners for the recordings of a training, known by what they are labelled.

    A batch is planned by its recordings: with what is spliced it may be longer than `max_frames` asks, by what came in.
    """

    def __init__(self, config: Splice, seed: int):
        self.config, self.seed = config, seed
        self.items: Sequence[TrainItem] = ()
        self.partners: dict[tuple, list[tuple[int, slice, slice]]] = defaultdict(list)
        self.met = 0

    def meet(self, item: TrainItem) -> None:
        """Know the stretches of the next item. Raises BadItem where it has no parse, or one of other words."""
        for label, phones, frames in _stretches(item):
            self.partners[_kind(item, label)].append((self.met, phones, frames))
        self.met += 1

    def of(self, items: Sequence[TrainItem]) -> "Splices":
        """Draw from these, in the order in which they were met."""
        self.items = items
        return self

    def drawn(self, items: list[TrainItem], step: int) -> list[TrainItem]:
        """The items of a batch at a step, about `share` of them spliced with another recording of the training."""
        rng = np.random.default_rng([self.seed, step])
        chosen = rng.random(len(items)) < self.config.share
        return [self._spliced(item, rng) if chosen[n] else item for n, item in enumerate(items)]

    def _spliced(self, item: TrainItem, rng: np.random.Generator) -> TrainItem:
        """The item itself where it has no constituents, or `tries` draws found no partner."""
        own = _stretches(item)
        for _ in range(self.config.tries if own else 0):
            label, phones, frames = own[rng.integers(len(own))]
            others = self.partners[_kind(item, label)]
            at, comes_phones, comes_frames = others[rng.integers(len(others))]
            other = self.items[at]
            if not np.array_equal(other.log_mel, item.log_mel):  # else it is the recording itself
                return self._joined(item, other, (phones, comes_phones), (frames, comes_frames))
        return item

    def _joined(self, item: TrainItem, other: TrainItem, phones: tuple, frames: tuple) -> TrainItem:
        out, into = phones
        said = item.phones[: out.start] + other.phones[into] + item.phones[out.stop :]
        streams = {name: joined(values, other.streams[name], *phones) for name, values in item.streams.items()}
        if self.config.tag:
            streams[self.config.tag] = boundary_tag(len(said), out.start, out.start + into.stop - into.start)
        made = {
            "phones": said,
            "streams": streams,
            "durations": joined(item.durations, other.durations, *phones),
            "log_mel": joined(item.log_mel, other.log_mel, *frames),
            "spans": None,  # of what was there before
            "word_of_phone": None,
        }
        for name in ("pitch", "energy"):
            if (values := getattr(item, name)) is not None:
                made[name] = joined(values, getattr(other, name), *frames)
        return item.model_copy(update=made)


def _kind(item: TrainItem, label: str) -> tuple:
    """What may stand for what: constituents of one label, of one voice and style."""
    names = ((name, value) for name, value in sorted(item.globals.items()) if isinstance(value, str))
    return label, *names


def _stretches(item: TrainItem) -> list[tuple[str, slice, slice]]:
    """Label, phones and frames of each constituent. Raises BadItem where they are not those of the item."""
    if item.spans is None or item.word_of_phone is None or item.durations is None:
        raise BadItem("no spans, no words of phones or no durations, want them to splice by")
    last = int(item.word_of_phone.max(initial=-1))
    if wrong := [span for span in item.spans if span.last > last + 1]:
        raise BadItem(f"{wrong[0].label} ends at word {wrong[0].last} of {last + 1}: is it another's parse?")
    return [(span.label, *extent(item.word_of_phone, item.durations, span.first, span.last)) for span in item.spans]
