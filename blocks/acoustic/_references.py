"""The recordings that an acoustic model may be conditioned on beside its phones: declared in the settings, held against items (NumPy).

A reference is the prosody of a recording, in numbers for each phone of the request (`per_phone`), or for each frame of the recording,
of which every phone finds its own by attention (`second_attention`), or whose mean conditions all phones (`utterance`), or what
strided convolutions over time and channels and a GRU make of them (`utterance_conv`: Skerry-Ryan et al. 2018, for log-mels).
Where a model encodes a whole recording through a bottleneck, a latent vector may stand in the recording's place.
Axes: B batch, L phones or frames of the recording, C numbers of each, Z latent.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveInt, model_validator

from blocks.base import BadItem, BlockConfig
from blocks.common.checks import check_numbers
from blocks.common.mel_model import Kernel
from blocks.common.schedule import ramp
from blocks.load import suggest


class Reference(BlockConfig):
    """Its encoder is trained with the model. A reference that is left out says nothing."""

    kind: Literal["per_phone", "second_attention", "utterance", "utterance_conv"] = "per_phone"
    size: PositiveInt = 1  # numbers a phone, or a frame
    width: PositiveInt = (
        64  # of its encoder; of utterance_conv that of the GRU and the last two of six layers, 128 as published
    )
    kernel: Kernel = 3  # phones, or frames, each of its layers sees
    # What it conditions: phones, and with them all that is made of them; or only what predicts how long, high and loud they are said, so that
    # a mel follows these and a voice sounds as it did.
    conditions: Literal["phones", "prosody"] = "phones"
    # Of its group, at most, that a row of a training hears as one whole recording, its own among them: what several have in common is what a mean
    # of latents will say, while one alone tells most of itself.
    recordings: PositiveInt = 1
    # A variational bottleneck (Kingma and Welling 2014) of so many numbers: means in use, draws in training. None: no bottleneck.
    latent: PositiveInt | None = None
    kl_from: NonNegativeInt = (
        0  # the weight of the Kullback-Leibler divergence, nats a phone, grows from 0 at this step
    )
    kl_until: PositiveInt = 1000  # to `kl_weight` at this one,
    kl_weight: NonNegativeFloat = 1.0
    kl_every: PositiveInt = 200  # and the divergence is counted in every so manieth step alone (Klimkov et al. 2019)

    @model_validator(mode="after")
    def _grows(self):
        if self.kl_until <= self.kl_from:
            raise ValueError(f"kl_until {self.kl_until} does not come after kl_from {self.kl_from}")
        if self.recordings > 1 and not self.of_whole:
            raise ValueError(
                f"recordings: {self.recordings} are heard as one by what hears whole ones, but this is {self.kind}"
            )
        return self

    @property
    def of_whole(self) -> bool:
        """Whether all phones are given the same of the recording."""
        return self.kind in ("utterance", "utterance_conv")

    def takes_latent(self, values: np.ndarray) -> bool:
        """Whether these numbers are a latent in the place of a recording, not one number for each of its frames."""
        return self.of_whole and self.latent is not None and self.size > 1 and values.ndim == 1

    def counts(self, step: int | None) -> float:
        """What the divergence weighs at a step; nothing in a validation."""
        if step is None or step % self.kl_every:
            return 0.0
        return self.kl_weight * ramp(step, self.kl_from, self.kl_until)


@dataclass
class References:
    """The declared ones. Items have a dict `references`."""

    declared: dict[str, Reference] = field(default_factory=dict)

    def all_wired(self, seen: set[str]) -> None:
        """Raise ValueError where one is declared that no item to train on has; `seen` are those that some have."""
        if unwired := sorted(self.declared.keys() - seen):
            raise ValueError(
                f"the settings declare {', '.join(unwired)}, which no item to train on has: wire references.{unwired[0]}, or "
                "leave it out of the settings"
            )

    def check(self, item, phones: int) -> None:
        """Raise BadItem for references that are not declared or do not fit."""
        for name, values in item.references.items():
            if name not in self.declared:
                raise BadItem(
                    f"a reference {name!r} that the model's settings do not declare{suggest(name, list(self.declared))}; "
                    "declare it under references and train, or leave it out"
                )
            each, unit = self.declared[name], "phone" if self.declared[name].kind == "per_phone" else "frame"
            if each.takes_latent(values):
                if len(values) != each.latent:
                    raise BadItem(
                        f"the reference {name} is a latent of {len(values)} numbers, but the model's is of {each.latent}: "
                        "want one that this model has encoded, or a recording"
                    )
                check_numbers(values, f"the reference {name}")
                continue
            if unit == "phone" and len(values) != phones:
                raise BadItem(
                    f"the reference {name} is of {len(values)} phones, but {phones} are to be said: want as many"
                )
            if not len(values):
                raise BadItem(f"the reference {name} has no frames, want at least one")
            if (size := values[0].size) != each.size:
                raise BadItem(
                    f"the reference {name} has {size} numbers a {unit}, but the model's settings say {each.size}"
                )
            check_numbers(values, f"the reference {name}")

    def arrays(self, items: list, phones: int) -> dict[str, np.ndarray]:
        """`references.NAME` (B, L, C), zeros beyond the end, and `reference_lengths.NAME` (B), 0 where there is none.

        Where some are latents, `reference_latents.NAME` (B, Z), NaN where none is given.
        """
        made = {}
        for name, each in self.declared.items():
            given = [item.references.get(name) for item in items]
            latents = {n: values for n, values in enumerate(given) if values is not None and each.takes_latent(values)}
            if latents:
                rows = np.full((len(items), each.latent), np.nan, np.float32)
                rows[list(latents)] = list(latents.values())
                made[f"reference_latents.{name}"] = rows
                given = [None if n in latents else values for n, values in enumerate(given)]
            lengths = np.array([0 if values is None else len(values) for values in given], np.int64)
            longest = phones if each.kind == "per_phone" else max(1, int(lengths.max()))
            rows = np.zeros((len(items), longest, each.size), np.float32)
            for row, values, length in zip(rows, given, lengths, strict=True):
                if values is not None:
                    row[:length] = values.reshape(length, each.size)
            made |= {f"references.{name}": rows, f"reference_lengths.{name}": lengths}
        return made

    def in_company(
        self, items: list, groups: list[str], beside: dict[str, list[dict]], rng: np.random.Generator
    ) -> list:
        """Items of a training whose whole recordings go on with others of their group, as many as `recordings` in all, at most. `beside` are the references of each group's rows."""
        named = [name for name, each in self.declared.items() if each.recordings > 1]
        made = []
        for item, group in zip(items, groups, strict=True):
            heard = dict(item.references)
            for name in named:
                others = [each[name] for each in beside[group] if name in each]
                if name in heard and others:
                    drawn = rng.integers(len(others), size=rng.integers(self.declared[name].recordings))
                    heard[name] = np.concatenate([heard[name], *(others[at] for at in drawn)])
            made.append(item.model_copy(update={"references": heard}) if named else item)
        return made

    def encoded(self) -> str:
        """The one that hears whole recordings through a bottleneck. Raises ValueError where there is none, or several."""
        found = [name for name, each in self.declared.items() if each.of_whole and each.latent]
        if len(found) != 1:
            raise ValueError(
                f"the model has {len(found)} references that hear whole recordings through a bottleneck"
                f"{': ' * bool(found)}{', '.join(found)}; want one, of kind utterance or utterance_conv with a latent"
            )
        return found[0]

    def whole(self, references: dict) -> bool:
        """Whether phones look for their own frames in one of these."""
        return any(self.declared[name].kind == "second_attention" for name in references)

    def part(self, references: dict, here: slice) -> dict:
        """Those of some phones of a request: what is not of phones stays whole."""
        return {
            name: values[here] if self.declared[name].kind == "per_phone" else values
            for name, values in references.items()
        }
