"""What the networks of this kind are made of, in Flax: phones encoded, what is given as conditions, gated convolutions.

Axes: B items, T frames, N phones, G groups of frames, M mels, F conditioning numbers of a frame or group, E of the whole,
H hidden.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from blocks.common.jax_nn import conv, dropout, finite, moved, summed


def real(lengths_B, size: int):
    """bool (B, size, 1): which positions come before each item's end."""
    return (jnp.arange(size) < lengths_B[:, None])[..., None]


def regulate_length(x_BND, owners_BT):
    """(B, T, D): of each frame, what its phone has (Ren et al. 2019, length regulator)."""
    return jnp.take_along_axis(x_BND, owners_BT[..., None], axis=1)


class Encoder(nn.Module):
    """Phones in their surroundings (B, N, out): a table of vectors, then residual layers of norm, convolution and ReLU."""

    rows: int  # phones that are known
    hidden: int
    out: int
    layers: int
    kernel: int
    dropout: float = 0.0

    @nn.compact
    def __call__(self, phones_BN, tokens_B, key=None):
        H = self.hidden
        mask = real(tokens_B, phones_BN.shape[1])
        h = Table(self.rows, H, name="phones")(phones_BN)
        for n in range(self.layers):
            w = self.param(f"conv_{n}", nn.initializers.lecun_normal(), (self.kernel, H, H))
            bias = self.param(f"bias_{n}", nn.initializers.zeros, (H,))
            y = nn.relu(conv(jnp.where(mask, nn.LayerNorm(name=f"norm_{n}")(h), 0), w) + bias)
            if key is not None and self.dropout:
                y = dropout(y, self.dropout, jax.random.fold_in(key, n))
            h = h + y
        return nn.Dense(self.out, name="end")(nn.LayerNorm(name="norm")(h))


class Table(nn.Module):
    """Rows from 1 of a table of vectors; row 0, for what is not known, is zeros."""

    rows: int
    width: int

    @nn.compact
    def __call__(self, rows):
        table = self.param("table", nn.initializers.normal(1.0), (self.rows + 1, self.width))
        return jnp.where((rows > 0)[..., None], table[rows], 0)


class Whole(nn.Module):
    """The declared globals as one vector (B, E), or None: names by tables, vectors brought to a mean square of 1."""

    globals: tuple[tuple[str, int, int], ...]  # name, rows of its table (0: it is a vector), numbers

    @nn.compact
    def __call__(self, given: dict):
        found = []
        for name, rows, width in self.globals:
            value = given[f"globals.{name}"]
            if rows:
                found.append(Table(rows, width, name=name)(value))
            else:
                found.append(value * jax.lax.rsqrt(jnp.mean(value**2, axis=-1, keepdims=True) + 1e-12))
        return jnp.concatenate(found, axis=-1) if found else None


class Gated(nn.Module):
    """Gated convolutions with skips (van den Oord et al. 2016), conditioned in every gate: (B, G, out), zeros at first.

    It starts as zero, so that what adds or multiplies by it starts as the identity.
    """

    hidden: int
    layers: int
    kernel: int
    out: int
    dropout: float = 0.0
    dtype: Any = None  # that it computes in; what it takes, gives and learns stays as it is

    @nn.compact
    def __call__(self, a, mask_BG1, frames_BGF=None, vector_BE=None, key=None):
        H, wide = self.hidden, 2 * self.hidden
        dense, cast = partial(nn.Dense, dtype=self.dtype), partial(jnp.asarray, dtype=self.dtype)
        kind, mask_BG1, conditions = a.dtype, cast(mask_BG1), []
        if frames_BGF is not None:
            conditions.append(dense(wide * self.layers, name="frames")(frames_BGF))
        if vector_BE is not None:
            conditions.append(dense(wide * self.layers, name="vector")(vector_BE)[:, None])
        h, skipped = dense(H, name="start")(a) * mask_BG1, 0
        for n in range(self.layers):
            w = self.param(f"conv_{n}", nn.initializers.lecun_normal(), (self.kernel, H, wide))
            gates = conv(h, cast(w)) + cast(self.param(f"bias_{n}", nn.initializers.zeros, (wide,)))
            gates += sum(condition[..., wide * n : wide * (n + 1)] for condition in conditions)
            gated = jnp.tanh(gates[..., :H]) * jax.nn.sigmoid(gates[..., H:])
            if key is not None and self.dropout:
                gated = dropout(gated, self.dropout, jax.random.fold_in(key, n))
            last = n == self.layers - 1
            out = dense(H if last else wide, name=f"out_{n}")(gated)
            skipped += out[..., -H:]
            if not last:
                h = (h + out[..., :H]) * mask_BG1
        return dense(self.out, kernel_init=nn.initializers.zeros, name="end")(skipped).astype(kind)


def training_step(losses: Callable, optimizer):
    """Compiled (params, opt, fixed, parts, key) -> new params and opt, and numbers. The old ones are given up.

    `parts` are the arrays of the parts of a batch, stacked on a first axis; ``losses(params, fixed, part, key, frames)``
    gives what is minimised and other numbers, all over the `frames` of the whole batch. Where the loss or a gradient is not
    finite, weights stay as they were and the loss says so.
    """

    def step(params, opt, fixed, parts, key):
        frames = parts["lengths"].sum()
        of = jax.value_and_grad(losses, has_aux=True)
        (value, numbers), slope = summed(
            lambda part, n: of(params, fixed, part, jax.random.fold_in(key, n), frames), parts
        )
        norm, fine = finite(value, slope)
        params, opt = moved(optimizer, slope, opt, params, fine)
        return params, opt, numbers | {"loss": jnp.where(fine, value, jnp.nan), "grad_norm": norm}

    return jax.jit(step, donate_argnums=(0, 1))
