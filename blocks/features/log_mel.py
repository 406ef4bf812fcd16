"""Log-mel spectrogram of a recording, as the graph's audio spec defines it.

Axes: frames, mels.
"""

from blocks import arrays
from blocks.base import BlockConfig, Mapper, Schema
from blocks.common.mel import log_mel
from blocks.features.schema import Recorded


class Config(BlockConfig):
    """Everything that shapes a mel stands in the audio spec."""


class Spectrum(Schema):
    log_mel: arrays.LogMel


class LogMel(Mapper[Config]):
    tiny = Config()
    paper = "Stevens, Volkmann and Newman 1937 (the mel); Davis and Mermelstein 1980 (the filter bank)"

    def apply(self, items: list[Recorded]) -> list[Spectrum]:
        return [Spectrum(log_mel=log_mel(item.wave, self.spec)) for item in items]
