"""aligner.monotonic that notes the time of its steps."""

from blocks.aligner import monotonic
from blocks.base import Trainable
from blocks.bench._clock import Timed, clocked
from blocks.training import Run


class Config(monotonic.Config, Timed):
    pass


class Aligner(monotonic.Monotonic, Trainable[Config]):
    tiny = Config(max_steps=4)

    def fit(self, run: Run[monotonic.TrainItem]) -> None:
        super().fit(clocked(run, self.config))
