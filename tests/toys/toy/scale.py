"""A wave times a learned factor: the smallest block with weights."""

from pathlib import Path

import numpy as np

from blocks.base import BlockConfig, Trainable
from blocks.toy.schema import Scaled, Sound
from blocks.training import Run


class Config(BlockConfig):
    steps: int = 1


class Scale(Trainable[Config]):
    tiny = Config()

    def fit(self, run: Run[Sound]) -> None:
        self.factor = np.full(1, 2.0, "float32")

    def save(self, folder: Path) -> None:
        from safetensors.numpy import save_file

        save_file({"factor": self.factor}, folder / "model.safetensors")

    def load(self, folder: Path) -> None:
        from safetensors.numpy import load_file

        self.factor = load_file(folder / "model.safetensors")["factor"]

    def apply(self, items: list[Sound]) -> list[Sound]:
        return [Sound(wave=item.wave * self.factor) for item in items]

    def undo(self, items: list[Scaled]) -> list[Sound]:
        """The inverse: a node of its own, as ``method: undo``."""
        return [Sound(wave=item.scaled / self.factor) for item in items]
