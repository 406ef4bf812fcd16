"""GE2E voice encoder with Resemblyzer's pretrained weights: a recording of any length -> a vector of the voice.

The recording is resampled to 16 kHz, raised to -30 dBFS where it is quieter, cut into windows of 1.6 s (a shorter one
is filled up with silence), and the windows' vectors are averaged. Values are never negative. Resemblyzer's own
recipe also cuts out long silences by a voice activity detector; `trim_silence` does that, and is off, since the detector
answers differently for a recording and its resynthesis, and may leave nothing of a short clip.
Axes: embedding (256).
"""

import numpy as np
from pydantic import PositiveFloat

from blocks.base import BadItem, BlockConfig, Mapper
from blocks.common.quiet_imports import import_quietly
from blocks.reference import _waves
from blocks.reference.schema import Embedded, Recorded

RATE = 16000  # Hz, what the encoder was trained on


class Config(BlockConfig):
    min_seconds: PositiveFloat = 0.5  # less than that says little about a voice
    trim_silence: bool = False


class Ge2e(Mapper[Config]):
    tiny = Config(min_seconds=0.01)
    paper = "Wan et al. 2018, Generalized End-to-End Loss for Speaker Verification"
    needs = ("resemblyzer", "torch")
    extra = "judges"
    licences = ("Apache-2.0",)

    def setup(self) -> None:
        # Imports scipy.ndimage.morphology, and its voice activity detector may import pkg_resources.
        self.resemblyzer = import_quietly("resemblyzer")
        self.encoder = self.resemblyzer.VoiceEncoder("cpu", verbose=False)

    def apply(self, items: list[Recorded]) -> list[Embedded]:
        return [Embedded(embedding=self._one(item.wave)) for item in items]

    def _one(self, wave: np.ndarray) -> np.ndarray:
        audio = self.resemblyzer.audio
        speech = _waves.speech(wave, self.spec.sample_rate, RATE, self.config.min_seconds)
        speech = audio.normalize_volume(speech, audio.audio_norm_target_dBFS, increase_only=True)
        if self.config.trim_silence:
            speech = audio.trim_long_silences(speech)
            if len(speech) < self.config.min_seconds * RATE:
                raise BadItem(
                    f"{len(speech) / RATE:.2f} s of speech remain after trimming silence, want at least "
                    f"{self.config.min_seconds:g} s: take longer clips or set trim_silence to false"
                )
        vector = self.encoder.embed_utterance(speech).astype(np.float32)
        if not np.isfinite(vector).all():
            raise BadItem("the encoder found no voice at all in this recording, want speech")
        return vector
