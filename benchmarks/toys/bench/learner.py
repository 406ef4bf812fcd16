"""One weight, which learns the mean of its items: what is left of a training's time and memory is the runner's.

Like the acoustic models it has a row for every phone and voice of its items, and notes when its steps begin.
"""

import json
from collections import Counter
from pathlib import Path

import numpy as np

from blocks.base import Schema, Trainable
from blocks.bench._clock import Timed, clocked
from blocks.bench.schema import Phones, Speaker, Split, Stream
from blocks.training import Run


class Config(Timed):
    pass


class TrainItem(Schema):
    pitch: Stream
    energy: Stream
    tilt: Stream
    phones: Phones
    speaker: Speaker
    split: Split | None = None


class Learner(Trainable[Config]):
    tiny = Config(max_steps=4)
    needs = ("torch",)

    def fit(self, run: Run[TrainItem]) -> None:
        import torch

        known: Counter = Counter()
        for item in run.survey():
            known.update(item.phones)
            known[item.speaker] += 1
        self.net = torch.nn.Linear(1, 1)
        model, used = run.parallel(self.net), [0, 0]
        optimizer = torch.optim.SGD(self.net.parameters(), lr=0.01)
        run.state(model=self.net, optimizer=optimizer)
        for batch in clocked(run, self.config).batches(validate=self.validate):
            used = [used[0] + len(batch.items), used[1] + sum(map(size, batch.items))]
            Path(f"{self.config.log}.used.{run.rank}").write_text(json.dumps(used))
            optimizer.zero_grad()
            numbers = run.backward(batch, lambda part: {"loss": self._loss(model, part.items)})
            if run.accepts(batch, numbers["loss"]):
                optimizer.step()
            run.report(batch.step, **numbers)

    def validate(self, items: list[TrainItem]) -> dict[str, float]:
        return {"loss": float(self._loss(self.net, items).detach())}

    def _loss(self, model, items: list[TrainItem]):
        import torch

        means = torch.tensor([[float(np.mean(item.pitch)) / 1000] for item in items])
        return (model(torch.ones_like(means)) - means).square().mean()

    def length(self, item) -> int:
        return len(item.pitch)

    def group(self, item) -> str:
        return item.speaker

    def save(self, folder: Path) -> None:
        from safetensors.torch import save_file

        save_file(self.net.state_dict(), folder / "model.safetensors")

    def load(self, folder: Path) -> None:
        import torch
        from safetensors.torch import load_file

        self.net = torch.nn.Linear(1, 1)
        self.net.load_state_dict(load_file(folder / "model.safetensors"))

    def apply(self, items: list[TrainItem]) -> list[TrainItem]:
        return items


def size(item: TrainItem) -> int:
    """Bytes of its arrays and texts."""
    return item.pitch.nbytes + item.energy.nbytes + item.tilt.nbytes + sum(map(len, item.phones)) + len(item.speaker)
