"""Mel-cepstral distortion: how far two recordings' smooth spectra are apart, in dB.

The rule, since no two programs agree on one: both recordings at 16 kHz; Hann windows of 25 ms every 10 ms; magnitudes
summed in 40 bands that are even on the HTK mel scale from 0 to 8 kHz; natural logarithm, not below 80 dB under the
loudest band of that recording; cosine transform to c1 .. c13, without c0, scaled so that the log envelope is
``c0 + sum_m c_m cos(m w)`` on the mel axis. A pair of frames is ``10 / ln 10 * sqrt(2 sum_m (c_m - c'_m)^2)`` dB apart,
which is the root mean square difference of the two smoothed log spectra; level does not count.
All frames count, silence too. Dynamic time warping takes steps (1,1), (1,0) and (0,1) of equal weight from both starts
to both ends, minimises the sum, and the result is the mean over the path's pairs. Axes: T, U frames, M bands, C cepstra.
"""

from typing import Annotated, Literal

import numpy as np

from blocks.arrays import Value
from blocks.base import BlockConfig, Failure, Mapper, Schema
from blocks.common.items import each
from blocks.common.mel import log_mel
from blocks.metric._judge import one_length, resample, sounding
from blocks.metric.schema import WavePair
from blocks.spec import AudioSpec

_SPEC = AudioSpec(
    sample_rate=16000, n_fft=512, hop_length=160, win_length=400, n_mels=40, mel_scale="htk", norm="none",
    padding="center", pad_mode="constant", log_floor=1e-10,
)  # fmt: skip
_RANGE = 80 / 20 * np.log(10)  # of a log magnitude, below the loudest band
_ORDER = 13
_DB = 10 / np.log(10) * np.sqrt(2)


class Distortion(Schema):
    mcd_db: Annotated[float, Value("mel_cepstral_distortion", "13 mel cepstra without c0", unit="dB")]


class Config(BlockConfig):
    align: Literal["dtw", "none"] = "dtw"  # none: frame by frame, for recordings with the same timing


class MelCepstralDistortion(Mapper[Config]):
    tiny = Config()
    paper = "Kubichek, Mel-cepstral distance measure for objective speech quality assessment, PACRIM 1993"
    needs = ("librosa",)
    extra = "judges"

    def apply(self, items: list[WavePair]) -> list[Distortion | Failure]:
        return each(self._one, items)

    def _one(self, item: WavePair) -> Distortion:
        prediction, reference = item.prediction, sounding(item.reference, "reference")
        if self.config.align == "none":
            prediction, reference = one_length(prediction, reference, self.spec)
        prediction, reference = self._cepstra(prediction), self._cepstra(reference)
        if self.config.align == "dtw":
            path = warp(prediction, reference)
            prediction, reference = prediction[path[:, 0]], reference[path[:, 1]]
        return Distortion(mcd_db=float(_DB * np.linalg.norm(prediction - reference, axis=1).mean()))

    def _cepstra(self, wave: np.ndarray) -> np.ndarray:
        return cepstra(log_mel(resample(wave, self.spec.sample_rate, _SPEC.sample_rate), _SPEC))


def cepstra(log_bands: np.ndarray) -> np.ndarray:
    """float64 (T, C): c1 .. c13 of natural log magnitudes (T, M)."""
    log_bands = np.maximum(log_bands, log_bands.max() - _RANGE).astype(np.float64)
    bands = log_bands.shape[1]
    cosines = np.cos(np.pi * np.outer(np.arange(bands) + 0.5, np.arange(1, _ORDER + 1)) / bands)
    return log_bands @ cosines * (2 / bands)


def warp(prediction: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """int (path, 2): the cheapest monotone pairing of the rows of (T, C) and (U, C), by Euclidean distance.

    Time and memory grow with T x U, 12 bytes a pair.
    """
    from librosa.sequence import dtw

    return dtw(prediction.T, reference.T)[1][::-1]
