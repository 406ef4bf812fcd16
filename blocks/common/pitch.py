"""Settings that every search for a fundamental frequency shares."""

from pydantic import PositiveFloat, model_validator

from blocks.base import BlockConfig


class PitchRange(BlockConfig):
    """Where to look for a fundamental frequency. The defaults are WORLD's."""

    f_min: PositiveFloat = 71.0  # Hz
    f_max: PositiveFloat = 800.0  # Hz

    @model_validator(mode="after")
    def _ordered(self):
        if self.f_min >= self.f_max:
            raise ValueError(f"f_min {self.f_min:g} Hz must lie below f_max {self.f_max:g} Hz")
        return self

    @property
    def limits(self) -> dict[str, float]:
        """As pyworld's functions spell it."""
        return {"f0_floor": self.f_min, "f0_ceil": self.f_max}
