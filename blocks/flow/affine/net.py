"""The network of `flow.affine`, in Flax: trained block after block in a scan, used folded and unrolled.

Axes: B items, T frames, M mels, G groups of `squeeze` frames, C = squeeze * M channels, F conditioning channels of a
group, E conditioning vector, H hidden, N blocks. Log-determinants are sums over the real groups, in nats.
"""

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from blocks.common.jax_nn import conv, dropout, gradient

LOG_2PI = float(np.log(2 * np.pi))
LIMIT = 2.0  # of a coupling's log-scale: unbounded ones end in NaN early in training
exact = partial(jnp.matmul, precision="highest")  # what is inverted is never multiplied in a coarser format


# ---- time ----


def squeeze(x_BTM, n: int):
    B, T, M = x_BTM.shape
    return x_BTM.reshape(B, T // n, n * M)


def unsqueeze(z_BGC, n: int):
    B, G, C = z_BGC.shape
    return z_BGC.reshape(B, G * n, C // n)


def real(lengths_B, size: int):
    """bool (B, size, 1): which positions come before each item's end."""
    return (jnp.arange(size) < lengths_B[:, None])[..., None]


# ---- layers ----


class ActNorm(nn.Module):
    """(x + shift) * exp(log_scale) for each channel; initialised so that the real positions of the first batch are
    of mean 0 and variance 1. Gives also the log-determinant of one position."""

    @nn.compact
    def __call__(self, x, mask):
        count = mask.sum()
        mean = (x * mask).sum((0, 1)) / count
        variance = ((x - mean) ** 2 * mask).sum((0, 1)) / count
        shift = self.param("shift", lambda key: -mean)
        log_scale = self.param("log_scale", lambda key: -0.5 * jnp.log(variance + 1e-6))
        return (x + shift) * jnp.exp(log_scale), log_scale.sum()


class Mix(nn.Module):
    """z @ (P L U): an invertible mix of the channels, from a random rotation. P is fixed, and so are the signs."""

    @nn.compact
    def __call__(self, z):
        C = z.shape[-1]
        P = L = U = jnp.eye(C)  # of use for their shapes alone once there are weights
        if self.is_initializing():
            P, L, U = jax.scipy.linalg.lu(jax.random.orthogonal(self.make_rng("params"), C))
        order = self.variable("fixed", "order", lambda: jnp.argmax(P, axis=1).astype(jnp.int32)).value
        sign = self.variable("fixed", "sign", lambda: jnp.sign(jnp.diag(U))).value
        lower = self.param("lower", lambda key: jnp.tril(L, -1))
        upper = self.param("upper", lambda key: jnp.triu(U, 1))
        log_diagonal = self.param("log_diagonal", lambda key: jnp.log(jnp.abs(jnp.diag(U))))
        L = jnp.tril(lower, -1) + jnp.eye(C, dtype=lower.dtype)
        U = jnp.triu(upper, 1) + jnp.diag(sign * jnp.exp(log_diagonal))
        return exact(z, exact(L, U)[order]), log_diagonal.sum()


class Coupling(nn.Module):
    """Half of the channels and the conditions -> log-scale and shift of the other half: a gated convolution net."""

    hidden: int
    layers: int
    kernel: int
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
        # Starts as the identity.
        ends = dense(2 * a.shape[-1], kernel_init=nn.initializers.zeros, name="end")(skipped)
        raw, shift = jnp.split(ends.astype(kind), 2, axis=-1)
        return LIMIT * jnp.tanh(raw / LIMIT), shift


class Block(nn.Module):
    """Activation norm, mix, affine coupling."""

    coupling: Coupling

    @nn.compact
    def __call__(self, carry, mask_BG1, frames_BGF, vector_BE, key):
        z, logdet_B = carry
        groups_B = mask_BG1.sum((1, 2))
        z, one = ActNorm(name="norm")(z, mask_BG1)
        z, other = Mix(name="mix")(z)
        a, b = jnp.split(z, 2, axis=-1)
        log_s, t = self.coupling(a, mask_BG1, frames_BGF, vector_BE, key)
        logdet_B += (one + other) * groups_B + (log_s * mask_BG1).sum((1, 2))
        return (jnp.concatenate([a, b * jnp.exp(log_s) + t], axis=-1), logdet_B), None


class Flow(nn.Module):
    """Log-mels to latents. Frames beyond the last whole group go through the first activation norm alone."""

    blocks: int
    hidden: int
    layers: int
    kernel: int
    squeeze: int = 2
    dropout: float = 0.0
    unroll: int = 1  # blocks a turn of the scan
    dtype: Any = None  # of the coupling nets; what is inverted is computed as it comes

    @property
    def coupling(self) -> Coupling:
        return Coupling(self.hidden, self.layers, self.kernel, self.dropout, self.dtype, parent=None)

    @nn.compact
    def __call__(self, x_BTM, lengths_B, frames_BTF=None, vector_BE=None, key=None):
        """z (B, T, M) and its log-determinant (B); T is a multiple of `squeeze`, a key turns dropout on."""
        T, n = x_BTM.shape[1], self.squeeze
        mask_BT1 = real(lengths_B, T).astype(x_BTM.dtype)
        x_BTM, one = ActNorm(name="norm")(x_BTM * mask_BT1, mask_BT1)
        mask_BG1 = real(lengths_B // n, T // n).astype(x_BTM.dtype)
        frames_BGF = None if frames_BTF is None else squeeze(frames_BTF, n)
        keys = None if key is None else jax.random.split(key, self.blocks)
        every = nn.scan(
            Block,
            variable_axes={"params": 0, "fixed": 0},
            split_rngs={"params": True},
            in_axes=(nn.broadcast, nn.broadcast, nn.broadcast, 0),
            length=self.blocks,
            unroll=self.unroll,
        )(self.coupling, name="blocks")
        carry = squeeze(x_BTM, n), one * lengths_B.astype(x_BTM.dtype)
        (z, logdet_B), _ = every(carry, mask_BG1, frames_BGF, vector_BE, keys)
        return joined(unsqueeze(z, n), x_BTM, lengths_B, n), logdet_B


def joined(through, beside, lengths_B, n: int):
    """Whole groups from `through`, the frames after them from `beside`, zeros in the padding."""
    T = beside.shape[1]
    whole = jnp.where(real(lengths_B // n * n, T), through, beside)
    return jnp.where(real(lengths_B, T), whole, 0)


def nll(z_BTM, logdet_B, lengths_B):
    """Negative log-likelihood of whole items (B), in nats; over the number of values it is that of a dimension."""
    values_B = lengths_B * z_BTM.shape[-1]
    return 0.5 * ((z_BTM**2).sum((1, 2)) + LOG_2PI * values_B) - logdet_B


# ---- use: every block's norm and mix as one matrix, unrolled ----


def fold(params: dict, fixed: dict) -> dict:
    """Norm and mix of every block folded into one affine map and its inverse, computed in float64."""
    params, fixed = jax.tree.map(np.asarray, (params, fixed))
    stack, blocks = params["blocks"], []
    kind = stack["mix"]["lower"].dtype
    for k in range(len(stack["mix"]["lower"])):
        p, f = jax.tree.map(lambda a, k=k: a[k], (stack, fixed["blocks"]["mix"]))
        norm, mix = jax.tree.map(lambda a: a.astype(np.float64), (p["norm"], p["mix"]))
        L = np.tril(mix["lower"], -1) + np.eye(len(mix["lower"]))
        U = np.triu(mix["upper"], 1) + np.diag(f["sign"] * np.exp(mix["log_diagonal"]))
        matrix = np.exp(norm["log_scale"])[:, None] * (L @ U)[f["order"]]
        arrays = {"matrix": matrix, "inverse": np.linalg.inv(matrix), "offset": norm["shift"] @ matrix}
        arrays["logdet"] = norm["log_scale"].sum() + mix["log_diagonal"].sum()
        blocks.append({name: np.asarray(a, kind) for name, a in arrays.items()} | {"coupling": p["coupling"]})
    return jax.tree.map(jnp.asarray, {"norm": params["norm"], "blocks": blocks})


def encode(flow: Flow, folded: dict, x_BTM, lengths_B, frames_BTF=None, vector_BE=None):
    """z (B, T, M) and its log-determinant (B), as `Flow` without dropout."""
    n, scale = flow.squeeze, folded["norm"]["log_scale"]
    x_BTM = (x_BTM + folded["norm"]["shift"]) * jnp.exp(scale)
    mask, groups_B, frames = _groups(flow, x_BTM, lengths_B, frames_BTF)
    logdet_B = scale.sum() * lengths_B
    z = squeeze(jnp.where(real(lengths_B, x_BTM.shape[1]), x_BTM, 0), n)
    for block in folded["blocks"]:
        z = exact(z, block["matrix"]) + block["offset"]
        a, b = jnp.split(z, 2, axis=-1)
        log_s, t = flow.coupling.apply({"params": block["coupling"]}, a, mask, frames, vector_BE)
        z = jnp.concatenate([a, b * jnp.exp(log_s) + t], axis=-1)
        logdet_B += block["logdet"] * groups_B + (log_s * mask).sum((1, 2))
    return joined(unsqueeze(z, n), x_BTM, lengths_B, n), logdet_B


def decode(flow: Flow, folded: dict, z_BTM, lengths_B, frames_BTF=None, vector_BE=None):
    """The log-mels (B, T, M) that `encode` would turn into z under the same conditions."""
    n, norm = flow.squeeze, folded["norm"]
    mask, _, frames = _groups(flow, z_BTM, lengths_B, frames_BTF)
    z = squeeze(z_BTM, n)
    for block in reversed(folded["blocks"]):
        a, b = jnp.split(z, 2, axis=-1)
        log_s, t = flow.coupling.apply({"params": block["coupling"]}, a, mask, frames, vector_BE)
        z = jnp.concatenate([a, (b - t) * jnp.exp(-log_s)], axis=-1)
        z = exact(z - block["offset"], block["inverse"])
    x_BTM = joined(unsqueeze(z, n), z_BTM, lengths_B, n)
    return jnp.where(real(lengths_B, x_BTM.shape[1]), x_BTM * jnp.exp(-norm["log_scale"]) - norm["shift"], 0)


def _groups(flow: Flow, x_BTM, lengths_B, frames_BTF):
    """Mask and number of the whole groups, and the conditions of each."""
    n = flow.squeeze
    mask = real(lengths_B // n, x_BTM.shape[1] // n).astype(x_BTM.dtype)
    return mask, lengths_B // n, None if frames_BTF is None else squeeze(frames_BTF, n)


# ---- training ----


def loss(flow: Flow, variables: dict, batch: dict, noise: float, key, frames=None):
    """Negative log-likelihood of a dimension: the sum over the real frames of the batch, over `frames` or their number."""
    blur, drop = jax.random.split(key)
    x_BTM = batch["x"] + noise * jax.random.normal(blur, batch["x"].shape)
    z, logdet_B = flow.apply(variables, x_BTM, batch["lengths"], batch.get("frames"), batch.get("vector"), drop)
    whole = nll(z, logdet_B, batch["lengths"])
    return whole.sum() / ((batch["lengths"].sum() if frames is None else frames) * z.shape[-1])


def training_step(flow: Flow, optimizer, noise: float):
    """Compiled (params, opt, fixed, parts, key) -> new params and opt, and numbers. The old ones are given up.

    `parts` are the arrays of the parts of a batch, stacked on a first axis. Where the loss or a gradient is not finite, weights stay as they were and the loss says so.
    """
    import optax

    def step(params, opt, fixed, parts, key):
        frames = parts["lengths"].sum()

        def of(params, part, n):
            return loss(flow, {"params": params, "fixed": fixed}, part, noise, jax.random.fold_in(key, n), frames)

        value, slope = gradient(of, params, parts)
        norm = jnp.sqrt(sum(jnp.vdot(g, g) for g in jax.tree.leaves(slope)))
        fine = jnp.isfinite(value) & jnp.isfinite(norm)
        updates, after = optimizer.update(slope, opt, params)
        opt = jax.tree.map(lambda new, old: jnp.where(fine, new, old), after, opt)
        params = optax.apply_updates(params, jax.tree.map(lambda u: jnp.where(fine, u, 0), updates))
        return params, opt, {"loss": jnp.where(fine, value, jnp.nan), "grad_norm": norm}

    return jax.jit(step, donate_argnums=(0, 1))
