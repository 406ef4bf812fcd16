"""flow.affine that notes the time of its steps."""

from blocks.base import Trainable
from blocks.bench._clock import Timed, clocked
from blocks.flow import affine
from blocks.training import Run


class Config(affine.Config, Timed):
    pitch: bool = False


class Flow(affine.Affine, Trainable[Config]):
    tiny = Config(max_steps=4)

    def fit(self, run: Run[affine.TrainItem]) -> None:
        super().fit(clocked(run, self.config))
