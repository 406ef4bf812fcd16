"""Each row again, softer every time, by a factor that is learned: new rows from weights, made one by one."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from pydantic import NonNegativeInt

from blocks.arrays import Wave
from blocks.base import DerivedRow, Expander, Failure, Trainable
from blocks.toy.schema import Identified
from blocks.training import FitConfig, Run


class Config(FitConfig):
    times: NonNegativeInt = 2
    bad: tuple[str, ...] = ()  # ids that cannot be made
    log: str = ""  # a file that each id is appended to when it is asked for


class Echoed(DerivedRow):
    wave: Wave


class Echo(Trainable[Config], Expander[Config]):
    tiny = Config(max_steps=1)

    def fit(self, run: Run[Identified]) -> None:
        self.factor = np.full(1, 0.5, "float32")

    def save(self, folder: Path) -> None:
        from safetensors.numpy import save_file

        save_file({"factor": self.factor}, folder / "model.safetensors")

    def load(self, folder: Path) -> None:
        from safetensors.numpy import load_file

        self.factor = load_file(folder / "model.safetensors")["factor"]

    def expand(self, items: Iterable[Identified]) -> Iterator[Echoed | Failure]:
        for item in items:
            if self.config.log:
                with Path(self.config.log).open("a") as log:
                    log.write(item.id + "\n")
            if item.id in self.config.bad:
                yield Failure("told to be bad", item.id)
                continue
            for n in range(1, self.config.times + 1):
                yield Echoed(id=f"{item.id}/{n}", parents=(item.id,), wave=item.wave * self.factor**n)
