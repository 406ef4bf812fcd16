"""A wave times a learned factor (JAX and optax): the smallest block of its kind that trains."""

import time
from pathlib import Path

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat

from blocks.arrays import Speaker, Split, Wave
from blocks.base import Schema, Trainable
from blocks.toy.schema import Sound
from blocks.training import FitConfig, Run


class Config(FitConfig):
    target: PositiveFloat = 0.5
    lr: PositiveFloat = 0.05
    max_steps: int = 20
    pause_s: NonNegativeFloat = 0.0
    refuse_at: int = 0  # a step that the last rank alone finds fault with


class TrainItem(Schema):
    wave: Wave
    speaker: Speaker | None = None
    split: Split | None = None


class Leveled(Trainable[Config]):
    tiny = Config(max_steps=4, max_frames=3200, checkpoint_interval=2, val_check_interval=2)
    needs = ("jax", "optax")
    extra = "jax"

    def fit(self, run: Run[TrainItem]) -> None:
        import jax
        import optax

        from blocks.common.jax_nn import Devices, gradient

        devices = Devices()
        optimizer = optax.adam(self.config.lr)
        params = {"factor": jax.numpy.full(1, 2.0)}
        state = run.state(params=params, opt=optimizer.init(params))
        for name, part in vars(state).items():
            setattr(state, name, devices.replicate(part))

        @jax.jit
        def update(params, opt, parts, key):
            real = parts["mask"].any(2).sum()
            loss, grads = gradient(lambda p, part, n: self._loss(p, **part, key=key) / real, params, parts)
            updates, opt = optimizer.update(grads, opt)
            return optax.apply_updates(params, updates), opt, loss

        def validate(items):
            arrays = _padded(items, max(len(item.wave) for item in items), len(items))
            params = jax.tree.map(np.asarray, state.params)  # of this process alone
            return {"loss": self._loss(params, **arrays, key=jax.random.key(0)) / len(items)}

        for batch in run.batches(validate=validate):
            time.sleep(self.config.pause_s)
            if batch.step == self.config.refuse_at and run.rank == run.world - 1:
                raise ValueError(f"rank {run.rank} does not like step {batch.step}")
            parts = [
                _padded(part.items if part.share else [], part.frames, devices.rows(part.size)) for part in batch.parts
            ]
            key = jax.random.key(run.key(batch.step))
            params, opt, loss = update(state.params, state.opt, devices.stack(parts), key)
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

    def _loss(self, params, wave, mask, key):
        """The sum over items; wave and mask are (B, S)."""
        import jax

        noise = 0.01 * jax.random.normal(key)
        power_B = ((params["factor"] * wave) ** 2 * mask).sum(1) / mask.sum(1).clip(1)
        error_B = (jax.numpy.sqrt(power_B + 1e-9) - self.config.target + noise) ** 2
        return (error_B * mask.any(1)).sum()


def _padded(items, frames: int, size: int) -> dict:
    wave, mask = np.zeros((size, frames), "float32"), np.zeros((size, frames), "float32")
    for row, item in enumerate(items):
        wave[row, : len(item.wave)], mask[row, : len(item.wave)] = item.wave, 1
    return {"wave": wave, "mask": mask}
