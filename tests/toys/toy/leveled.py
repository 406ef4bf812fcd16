"""A wave times a learned factor (JAX and optax): the smallest block of its kind that trains."""

import time
from pathlib import Path

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat

from blocks.arrays import Split, Wave
from blocks.base import Schema, Trainable
from blocks.toy.schema import Sound
from blocks.training import FitConfig, Run


class Config(FitConfig):
    target: PositiveFloat = 0.5
    lr: PositiveFloat = 0.05
    max_steps: int = 20
    pause_s: NonNegativeFloat = 0.0


class Lesson(Schema):
    wave: Wave
    split: Split | None = None


class Leveled(Trainable[Config]):
    tiny = Config(max_steps=4, max_frames=3200, checkpoint_interval=2, val_check_interval=2)
    needs = ("jax", "optax")
    extra = "jax"

    def fit(self, run: Run[Lesson]) -> None:
        import jax
        import optax

        optimizer = optax.adam(self.config.lr)
        params = {"factor": jax.numpy.full(1, 2.0)}
        state = run.state(params=params, opt=optimizer.init(params))

        @jax.jit
        def update(params, opt, wave, mask, key):
            loss, grads = jax.value_and_grad(self._loss)(params, wave, mask, key)
            updates, opt = optimizer.update(grads, opt)
            return optax.apply_updates(params, updates), opt, loss

        def validate(items):
            wave, mask = _padded(items, max(len(item.wave) for item in items), len(items))
            return {"loss": self._loss(state.params, wave, mask, jax.random.key(0))}

        for batch in run.batches(validate=validate):
            time.sleep(self.config.pause_s)
            wave, mask = _padded(batch.items, batch.frames, batch.size)
            params, opt, loss = update(state.params, state.opt, wave, mask, jax.random.key(run.key(batch.step)))
            if run.accepts(batch, loss):
                state.params, state.opt = params, opt
            run.report(batch.step, loss=loss)
        self.params = state.params

    def save(self, folder: Path) -> None:
        from safetensors.numpy import save_file

        save_file({name: np.asarray(value) for name, value in self.params.items()}, folder / "model.safetensors")

    def load(self, folder: Path) -> None:
        from safetensors.numpy import load_file

        self.params = load_file(folder / "model.safetensors")

    def apply(self, items: list[Sound]) -> list[Sound]:
        return [Sound(wave=item.wave * self.params["factor"]) for item in items]

    def _loss(self, params, wave_BS, mask_BS, key):
        import jax

        noise = 0.01 * jax.random.normal(key)
        power_B = ((params["factor"] * wave_BS) ** 2 * mask_BS).sum(1) / mask_BS.sum(1).clip(1)
        error_B = (jax.numpy.sqrt(power_B + 1e-9) - self.config.target + noise) ** 2
        real_B = mask_BS.any(1)
        return (error_B * real_B).sum() / real_B.sum()


def _padded(items, frames: int, size: int):
    wave, mask = np.zeros((size, frames), "float32"), np.zeros((size, frames), "float32")
    for row, item in enumerate(items):
        wave[row, : len(item.wave)], mask[row, : len(item.wave)] = item.wave, 1
    return wave, mask
