"""What changes over a training: learning rates, for torch as shares of the highest, by step, for JAX as optax schedules; weights of losses."""

import math


def ramp(step: int, start: int, end: int) -> float:
    """0 up to `start`, then a straight line, 1 from `end` on: a KL weight that is annealed (Bowman et al. 2016), a warm-up."""
    return min(1.0, max(0.0, (step - start) / max(1, end - start)))


def warmup_cosine(step: int, warmup: int, total: int, final: float = 0.05) -> float:
    """Share of the learning rate at `step` (from 1): a linear warm-up, which lies over half a cosine that ends at `final` (Loshchilov 2017)."""
    done = min(1.0, step / max(1, total))
    return ramp(step, 0, warmup) * (final + (1 - final) * 0.5 * (1 + math.cos(math.pi * done)))


def warmup_linear(step: int, warmup: int, total: int, final: float = 0.02) -> float:
    """The same over a straight line that ends at `final`."""
    return ramp(step, 0, warmup) * max(final, 1 - step / total)


def warmup_then_cosine(lr: float, warmup: int, steps: int, final: float = 0.05):
    """An optax schedule: the warm-up of `warmup_cosine` comes before its half a cosine here, not on top of it."""
    import optax

    return optax.warmup_cosine_decay_schedule(0.0, lr, warmup, max(steps, warmup + 1), lr * final)
