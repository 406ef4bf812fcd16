"""What an acoustic model is given: phones, and the streams and globals that its settings declare.

Axes: B batch, N phones, C channels of a stream.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from blocks.acoustic._references import References
from blocks.acoustic.schema import Request, TrainItem
from blocks.base import BadItem
from blocks.common import weights
from blocks.common.conditions import Declared
from blocks.common.phones import nearest


@dataclass
class Inputs(Declared):
    """The declared inputs with their tables of symbols; rows are given out in `meet` alone."""

    unit = "phone"

    references: References = field(default_factory=References)

    def meet(self, items: Iterable[TrainItem]) -> None:
        """Give rows to the phones and names of these that have none. Raises ValueError as `check`."""
        for item in items:
            self.check(item)
            self.phones.extend(item.phones)
            super().meet([item])

    # ---- items ----

    def check(self, item: Request | TrainItem) -> None:
        """Raise BadItem for what cannot be said: no phones, streams or globals that are not declared or do not fit."""
        if not item.phones:
            raise BadItem("no phones to say, want at least one; leave out what has none")
        super().check(item, len(item.phones))
        self.references.check(item, len(item.phones))

    def check_request(self, item: Request) -> None:
        """`check`, and raise BadItem for phones and names that the model was not trained on."""
        self.check(item)
        if strange := list(dict.fromkeys(phone for phone in item.phones if not self.row(phone))):
            raise BadItem(
                f"phones that the model was not trained on: {', '.join(map(repr, strange))}; it knows "
                f"{' '.join(self.phones)}. Train it on data that has them, or give it what it knows"
            )
        self.check_known(item)

    def row(self, phone: str) -> int:
        """Of its `substitute`; 0 where there is nothing like it."""
        return self.phones.row(self.substitute(phone))

    def substituted(self, item: Request) -> str | None:
        """Which phones, if any, are said as others, such as ``ʒ as d͡ʒ, ˌaɪ as aɪ``."""
        others = {phone: self.substitute(phone) for phone in item.phones}
        return ", ".join(f"{phone} as {other}" for phone, other in others.items() if phone != other) or None

    def substitute(self, phone: str) -> str:
        """The phone itself, or the `nearest` of those that the model knows."""
        return nearest(phone, self.phones)

    def arrays(self, items: list, length: int = 0) -> dict[str, np.ndarray]:
        """`phones` (B, N), `streams.NAME` (B, N) or (B, N, C), `globals.NAME` (B) or (B, C), `tokens` (B): zeros beyond the end."""
        tokens = np.array([len(item.phones) for item in items], np.int64)
        shape = (len(items), max(length, int(tokens.max())))
        made = {"tokens": tokens, "phones": np.zeros(shape, np.int64)}
        for b, item in enumerate(items):
            made["phones"][b, : tokens[b]] = [self.row(phone) for phone in item.phones]
        return made | super().arrays(items, shape[1]) | self.references.arrays(items, shape[1])


def grown(found: dict[str, np.ndarray], wanted: dict) -> dict[str, np.ndarray]:
    """Weights for more phones, names, streams, globals and references: new rows are the mean of the known, new tables zero.

    Encoders of new references are as they begin. What says pitch or energy is left out where the new network says none.

    `wanted` is a state dict with an `Embed` called embed, and `ReferenceEncoders` called references.
    """
    parts = {name.partition(".")[0] for name in wanted}
    dropped = {"pitch", "pitch_in", "energy", "energy_in"} - parts
    found = {name: value for name, value in found.items() if name.partition(".")[0] not in dropped}
    for name, value in wanted.items():
        known, (_, table, of) = found.get(name), name.rpartition("embed.")
        if known is None and name.startswith("references."):
            found[name] = value.numpy(force=True)
        elif known is None and ((table and of.startswith(("streams.", "globals."))) or name.startswith("sinusoids.")):
            found[name] = np.zeros(tuple(value.shape), np.float32)
        elif known is not None and table and 1 < len(known) < len(value):
            found[name] = weights.more_rows(known, len(value))
    return found
