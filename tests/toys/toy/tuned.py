"""A wave times a learned factor (torch): the smallest block that trains. It learns to bring waves to one level."""

import time
from pathlib import Path

from pydantic import NonNegativeFloat, PositiveFloat

from blocks.arrays import Speaker, Split, Wave
from blocks.base import Schema, Trainable
from blocks.toy.schema import Sound
from blocks.training import FitConfig, Precision, Run


class Config(FitConfig):
    target: PositiveFloat = 0.5
    lr: PositiveFloat = 0.05
    momentum: float = 0.9
    max_steps: int = 20
    precision: Precision = "float32"
    noise: NonNegativeFloat = 0.01  # drawn by each rank
    pause_s: NonNegativeFloat = 0.0
    break_at: int = 0  # a step whose loss is made NaN


class TrainItem(Schema):
    wave: Wave
    speaker: Speaker | None = None
    split: Split | None = None


class Tuned(Trainable[Config]):
    tiny = Config(max_steps=4, max_frames=3200, checkpoint_interval=2, val_check_interval=2)
    needs = ("torch",)
    extra = "train"
    limits = "It knows one level for all waves."

    def fit(self, run: Run[TrainItem]) -> None:
        import torch

        self.model = torch.nn.Linear(1, 1)
        if run.init:
            self.load(run.init)
        else:
            torch.nn.init.constant_(self.model.weight, 2.0)
            torch.nn.init.zeros_(self.model.bias)
        model = run.parallel(self.model)
        optimizer = torch.optim.SGD(self.model.parameters(), lr=self.config.lr, momentum=self.config.momentum)
        run.state(model=self.model, optimizer=optimizer)
        for batch in run.batches(validate=self.validate):
            time.sleep(self.config.pause_s)
            optimizer.zero_grad()
            numbers = run.backward(batch, lambda part: {"loss": self._loss(model, part.items, part.step)})
            if run.accepts(batch, numbers["loss"]):
                optimizer.step()
            run.report(batch.step, **numbers)

    def validate(self, items: list[TrainItem]) -> dict[str, float]:
        import torch

        with torch.inference_mode():
            return {"loss": float(self._loss(self.model, items))}

    def save(self, folder: Path) -> None:
        from safetensors.torch import save_file

        save_file(self.model.state_dict(), folder / "model.safetensors")

    def load(self, folder: Path) -> None:
        import torch
        from safetensors.torch import load_file

        self.model = torch.nn.Linear(1, 1)
        self.model.load_state_dict(load_file(folder / "model.safetensors"))

    def apply(self, items: list[Sound]) -> list[Sound]:
        import torch

        with torch.inference_mode():
            return [Sound(wave=self.model(torch.tensor(item.wave)[:, None])[:, 0].numpy()) for item in items]

    def _loss(self, model, items, step: int | None = None):
        import torch

        noise = self.config.noise * torch.randn(1)  # so that the state of the generator counts
        levels = [model(torch.tensor(item.wave)[:, None]).square().mean().sqrt() for item in items]
        loss = torch.stack([(level - self.config.target + noise).square() for level in levels]).mean()
        return loss * float("nan") if step == self.config.break_at else loss
