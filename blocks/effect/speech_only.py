"""A recording as it is where it sounds like speech; music and steady noise are refused in one sentence.

Syllables come some four a second, so that the level of speech rises and falls between 2 and 8 times a second in every band; music,
whose notes go on, does so less. The measure is the 4 Hz modulation energy of Scheirer and Slaney 1997: the deviation of each band's amplitude,
filtered to those rates, over its mean, averaged over the bands by their amplitude. Of 160 recordings of seven voices (1.3 to 7 s) the
least had 0.55; of 109 pieces of music (5 s, 14 tracks of a game) three in four had less than 0.5, the default: what is refused is
no speech, but music with a beat of its own passes. Silence, and what is shorter than half a second, is left to others to judge.
Axes: samples; T frames, M mels.
"""

import numpy as np
from pydantic import NonNegativeFloat

from blocks.base import BadItem, BlockConfig, Failure, Mapper
from blocks.common.items import each
from blocks.common.mel import log_mel, mel_power
from blocks.effect.schema import Changed, Recorded
from blocks.spec import AudioSpec

RATES_HZ = (2.0, 8.0)  # of syllables
_LEAST_S = 0.5  # one period of the slowest


class Config(BlockConfig):
    min_modulation: NonNegativeFloat = 0.5  # 0 refuses nothing


class SpeechOnly(Mapper[Config]):
    tiny = Config()
    paper = "Scheirer and Slaney 1997, Construction and Evaluation of a Robust Multifeature Speech/Music Discriminator"

    def apply(self, items: list[Recorded]) -> list[Changed | Failure]:
        return each(self._one, items)

    def _one(self, item: Recorded) -> Changed:
        found = modulation(item.wave, self.spec)
        if found is not None and found < self.config.min_modulation:
            raise BadItem(
                f"its level rises and falls by {found:.2f} of its mean at the rate of syllables, speech by "
                f"{self.config.min_modulation:g} and more: music, or a steady noise? Want speech alone"
            )
        return Changed(wave=item.wave)


def modulation(wave: np.ndarray, spec: AudioSpec) -> float | None:
    """The 4 Hz modulation of a recording (samples); None for silence, and for what is too short to tell."""
    from scipy.signal import butter, sosfiltfilt

    rate = spec.sample_rate / spec.hop_length
    amplitudes_TM = mel_power(log_mel(wave, spec), spec) ** (1 / spec.power)
    amplitudes_TM = amplitudes_TM - amplitudes_TM.min()  # the floor of the logarithm
    means_M = amplitudes_TM.mean(0) if len(amplitudes_TM) >= _LEAST_S * rate else np.zeros(1)
    if not means_M.sum() > 0:
        return None
    syllables_TM = sosfiltfilt(butter(2, RATES_HZ, "band", fs=rate, output="sos"), amplitudes_TM, axis=0)
    return float(syllables_TM.std(0).sum() / means_M.sum())
