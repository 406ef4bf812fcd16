"""Whether notes of some length have vibrato: a wave of 4 to 8 Hz in their F0, of 20 to 150 cents to either side.

To F0 behind the first `skip_s` of each note a straight line and a sine are fitted, the sine's rate being the best of a grid. It is vibrato where
the extent fits and the sine explains at least half of what the line leaves. Rates and extents as Sundberg 1987 tells of singers.
"""

from typing import Annotated

import numpy as np
from pydantic import Field, NonNegativeFloat, PositiveFloat

from blocks.arrays import Value
from blocks.base import BlockConfig, Failure, Mapper, Schema, Skip
from blocks.common.items import each
from blocks.metric._notes import PERIOD_S, Sung, pitch, places

_RATES = np.arange(4.0, 8.01, 0.1)  # Hz


class Config(BlockConfig):
    min_s: PositiveFloat = 0.6  # of the notes that count, in the score
    max_s: PositiveFloat = 60.0
    skip_s: NonNegativeFloat = 0.2
    voiced_s: PositiveFloat = 0.15  # of a note, at least
    extent_cents: tuple[PositiveFloat, PositiveFloat] = (20.0, 150.0)
    explained: Annotated[float, Field(gt=0, le=1)] = 0.5


class Waving(Schema):
    vibrato: Annotated[float, Value("vibrato", "notes of this length with vibrato", unit="%")]
    rate_hz: Annotated[float, Value("vibrato_rate", "of the sine that fits best, median over notes", unit="Hz")]
    extent_cents: Annotated[
        float, Value("vibrato_extent", "of that sine to either side, median over notes", unit="cents")
    ]


class Vibrato(Mapper[Config]):
    """Leaves out an item without a note of this length. One that is not voiced has none; nor rate and extent, 0, where none is."""

    tiny = Config(min_s=0.02, voiced_s=0.02)
    paper = "Sundberg 1987 (The Science of the Singing Voice)"
    needs = ("pyworld",)
    extra = "audio"

    def apply(self, items: list[Sung]) -> list[Waving | Failure]:
        return each(self._one, items)

    def _one(self, item: Sung) -> Waving | Skip:
        config, found, count = self.config, [], 0
        for place in places(item, self.spec):
            if not config.min_s <= place.note.seconds <= config.max_s:
                continue
            count += 1
            start = place.start + min(config.skip_s, 0.3 * (place.end - place.start))
            key = place.note.key
            times, keys = pitch(item.prediction, self.spec.sample_rate, start, place.end - 0.03, key, key)
            voiced = ~np.isnan(keys)
            if voiced.sum() * PERIOD_S >= config.voiced_s:
                found.append(fitted(times[voiced], 100 * (keys[voiced] - key)))
        if not count:
            return Skip(f"no note of {config.min_s:g} to {config.max_s:g} s")
        if not found:
            return Waving(vibrato=0.0, rate_hz=0.0, extent_cents=0.0)
        rates, extents, explained = np.array(found).T
        low, high = config.extent_cents
        waves = (extents >= low) & (extents <= high) & (explained >= config.explained)
        return Waving(
            vibrato=float(100 * waves.sum() / count),
            rate_hz=float(np.median(rates)),
            extent_cents=float(np.median(extents)),
        )


def fitted(times: np.ndarray, cents: np.ndarray) -> tuple[float, float, float]:
    """Rate in Hz and extent in cents of the sine that fits best beside a straight line, and the share it explains of what the line leaves."""
    line = np.stack([np.ones_like(times), times - times.mean()], axis=1)
    left = cents - line @ np.linalg.lstsq(line, cents, rcond=None)[0]
    whole = float(left @ left)
    best = (float(_RATES[0]), 0.0, 0.0)
    for rate in _RATES:
        angle = 2 * np.pi * rate * times
        design = np.concatenate([line, np.sin(angle)[:, None], np.cos(angle)[:, None]], axis=1)
        weights = np.linalg.lstsq(design, cents, rcond=None)[0]
        rest = cents - design @ weights
        share = 1 - float(rest @ rest) / max(whole, 1e-9)
        if share > best[2]:
            best = (float(rate), float(np.hypot(*weights[2:])), share)
    return best
