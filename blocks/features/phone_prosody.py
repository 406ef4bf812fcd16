"""Pitch and level of each phone, from those of its frames: what `acoustic.parallel` takes, and what prosody transfer gives it.

Axes: N phones, T frames.
"""

from blocks import arrays
from blocks.base import BadItem, BlockConfig, Mapper, Schema
from blocks.common.prosody import phone_energy, phone_pitch


class Config(BlockConfig):
    pass


class Timed(Schema):
    durations: arrays.Durations
    pitch: arrays.Pitch
    energy: arrays.Energy


class Prosody(Schema):
    phone_pitch: arrays.PhonePitch
    phone_energy: arrays.PhoneEnergy


class PhoneProsody(Mapper[Config]):
    tiny = Config()
    paper = "Klimkov et al. 2019 (prosody of each phoneme); Lancucki 2021 (FastPitch, means over a phone)"

    def apply(self, items: list[Timed]) -> list[Prosody]:
        return [self._one(item) for item in items]

    def _one(self, item: Timed) -> Prosody:
        """Raises BadItem where durations are not those of the frames."""
        frames = item.durations.sum()
        for name, values in (("pitch", item.pitch), ("energy", item.energy)):
            if frames != len(values) or not frames:
                raise BadItem(
                    f"durations of {frames} frames in all, but {name} has {len(values)}: want as many, and at least one"
                )
        return Prosody(
            phone_pitch=phone_pitch(item.pitch, item.durations), phone_energy=phone_energy(item.energy, item.durations)
        )
