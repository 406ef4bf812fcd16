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

from blocks.flow._net import Encoder, Gated, Whole, real, regulate_length

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


# ---- layers ----


def bounded(log_scale):
    return LIMIT * jnp.tanh(log_scale / LIMIT)


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
    """Half of the channels and the conditions -> log-scale and shift of the other half.

    With `snac` (Choi et al. 2022) the conditioning vector is no input of the net: it sees its half normalised by a mean and
    a log-deviation that are linear in the vector, and the other half is normalised likewise before it is changed.
    """

    hidden: int
    layers: int
    kernel: int
    dropout: float = 0.0
    dtype: Any = None
    snac: bool = False

    @nn.compact
    def __call__(self, a, mask_BG1, frames_BGF=None, vector_BE=None, key=None):
        wide = 2 * a.shape[-1]
        if self.snac:
            dense = nn.Dense(2 * wide, kernel_init=nn.initializers.zeros, name="normal")
            mean_a, mean_b, dev_a, dev_b = jnp.split(dense(vector_BE)[:, None], 4, axis=-1)
            a, vector_BE = (a - mean_a) * jnp.exp(-bounded(dev_a)), None
        net = Gated(self.hidden, self.layers, self.kernel, wide, self.dropout, self.dtype, name="net")
        raw, shift = jnp.split(net(a, mask_BG1, frames_BGF, vector_BE, key), 2, axis=-1)
        log_s = bounded(raw)
        if self.snac:
            log_s = log_s - bounded(dev_b)
            shift = shift - mean_b * jnp.exp(log_s)
        return log_s, shift


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


class ConditioningNet(nn.Module):
    """What is given, as conditions: of frames (B, T, F), of the whole (B, E), and the means of the prior (B, T, M); None for none."""

    globals: tuple[tuple[str, int, int], ...]
    phones: Encoder | None  # of the phones that condition the couplings
    prior: Encoder | None  # which says the prior's means of phones

    @nn.compact
    def __call__(self, given: dict, key=None):
        frames, mean = [given["frames"]] if "frames" in given else [], given.get("prior_mean")
        if self.phones is not None:
            frames.append(regulate_length(self.phones(given["phones"], given["tokens"], key), given["owners"]))
        if self.prior is not None and "phones" in given:
            mean = regulate_length(self.prior(given["phones"], given["tokens"], key), given["owners"])
        return jnp.concatenate(frames, axis=-1) if frames else None, Whole(self.globals, name="whole")(given), mean


class Flow(nn.Module):
    """Log-mels to latents. Frames beyond the last whole group go through the first activation norm alone."""

    blocks: int
    hidden: int
    layers: int
    kernel: int
    squeeze: int = 2
    split: int = 0  # channels that go no further after every so many blocks
    split_every: int = 4
    dropout: float = 0.0
    snac: bool = False
    unroll: int = 1  # blocks a turn of the scan
    dtype: Any = None  # of the coupling nets; what is inverted is computed as it comes
    globals: tuple[tuple[str, int, int], ...] = ()
    encode_phones: bool = False  # condition the couplings
    phone_prior: bool = False  # the prior's means are learnt from phones
    mels: int = 80
    rows: int = 0  # phones that are known
    encoder_layers: int = 3
    encoder_kernel: int = 5

    @property
    def coupling(self) -> Coupling:
        return Coupling(
            self.hidden,
            self.layers,
            self.kernel,
            self.dropout,
            self.dtype,
            bool(self.globals and self.snac),
            parent=None,
        )

    @property
    def conditioning(self) -> ConditioningNet:
        def encoder(out, there):
            settings = self.encoder_layers, self.encoder_kernel, self.dropout
            return Encoder(self.rows, self.hidden, out, *settings, parent=None) if there else None

        phones, prior = encoder(self.hidden, self.encode_phones), encoder(self.mels, self.phone_prior)
        return ConditioningNet(self.globals, phones, prior, parent=None)

    def stages(self, channels: int) -> list[tuple[int, int]]:
        """Blocks between two splits, and the channels that they change."""
        every = self.split_every if self.split else self.blocks
        starts = range(0, self.blocks, every)
        return [(min(every, self.blocks - at), channels - n * self.split) for n, at in enumerate(starts)]

    @nn.compact
    def __call__(self, x_BTM, lengths_B, given: dict, key=None):
        """z and the prior's means (B, T, M), and the log-determinant (B); T is a multiple of `squeeze`, a key turns dropout on."""
        T, n = x_BTM.shape[1], self.squeeze
        frames_BTF, vector_BE, mean_BTM = self.conditioning.clone(parent=self, name="conditions")(given, key)
        mask_BT1 = real(lengths_B, T).astype(x_BTM.dtype)
        x_BTM, one = ActNorm(name="norm")(x_BTM * mask_BT1, mask_BT1)
        mask_BG1 = real(lengths_B // n, T // n).astype(x_BTM.dtype)
        frames_BGF = None if frames_BTF is None else squeeze(frames_BTF, n)
        keys = None if key is None else jax.random.split(key, self.blocks)
        z, logdet_B, done, finished = squeeze(x_BTM, n), one * lengths_B.astype(x_BTM.dtype), 0, []
        for stage, (count, channels) in enumerate(self.stages(z.shape[-1])):
            finished.append(z[..., : z.shape[-1] - channels])
            every = nn.scan(
                Block,
                variable_axes={"params": 0, "fixed": 0},
                split_rngs={"params": True},
                in_axes=(nn.broadcast, nn.broadcast, nn.broadcast, 0),
                length=count,
                unroll=min(self.unroll, count),
            )(self.coupling, name=f"stage_{stage}")
            carry = z[..., z.shape[-1] - channels :], logdet_B
            here = None if keys is None else keys[done : done + count]
            (z, logdet_B), _ = every(carry, mask_BG1, frames_BGF, vector_BE, here)
            done += count
        z = jnp.concatenate([*finished, z], axis=-1)
        return joined(unsqueeze(z, n), x_BTM, lengths_B, n), means(mean_BTM, lengths_B, n), logdet_B


def joined(through, beside, lengths_B, n: int):
    """Whole groups from `through`, the frames after them from `beside`, zeros in the padding."""
    T = beside.shape[1]
    whole = jnp.where(real(lengths_B // n * n, T), through, beside)
    return jnp.where(real(lengths_B, T), whole, 0)


def means(mean_BTM, lengths_B, n: int):
    """Those of whole groups; what goes past the blocks, and the padding, has 0."""
    return 0.0 if mean_BTM is None else jnp.where(real(lengths_B // n * n, mean_BTM.shape[1]), mean_BTM, 0)


def nll(z_BTM, mean_BTM, logdet_B, lengths_B):
    """Negative log-likelihood of whole items (B) under N(mean, I), in nats; over the number of values it is that of a dimension."""
    values_B = lengths_B * z_BTM.shape[-1]
    return 0.5 * (((z_BTM - mean_BTM) ** 2).sum((1, 2)) + LOG_2PI * values_B) - logdet_B


# ---- use: every block's norm and mix as one matrix, unrolled ----


def fold(params: dict, fixed: dict) -> dict:
    """Norm and mix of every block folded into one affine map and its inverse, computed in float64."""
    params, fixed = jax.tree.map(np.asarray, (params, fixed))
    kind = params["stage_0"]["mix"]["lower"].dtype
    wide = jax.tree.map(lambda a: a.astype(np.float64) if a.dtype.kind == "f" else a, (params, fixed))
    blocks = [block | {"coupling": p["coupling"]} for block, p in zip(_affine(*wide, np), _each(params), strict=True)]
    folded = {"norm": params["norm"], "conditions": params.get("conditions", {}), "blocks": blocks}
    return jax.tree.map(lambda a: jnp.asarray(a, kind if a.dtype.kind == "f" else None), folded)


def refold(params: dict, fixed: dict) -> dict:
    """The same of weights that are being trained: a gradient goes through it."""
    blocks = [
        block | {"coupling": p["coupling"]} for block, p in zip(_affine(params, fixed, jnp), _each(params), strict=True)
    ]
    return {"norm": params["norm"], "conditions": params.get("conditions", {}), "blocks": blocks}


def _affine(params: dict, fixed: dict, xp) -> list[dict]:
    """matrix, inverse, offset and logdet of every block, by NumPy or JAX (`xp`)."""
    made = []
    for p, f in zip(_each(params), _each(fixed), strict=True):
        norm, mix = p["norm"], p["mix"]
        one = xp.eye(len(mix["lower"]), dtype=mix["lower"].dtype)
        L = xp.tril(mix["lower"], -1) + one
        U = xp.triu(mix["upper"], 1) + xp.diag(f["mix"]["sign"] * xp.exp(mix["log_diagonal"]))
        matrix = xp.exp(norm["log_scale"])[:, None] * (L @ U)[f["mix"]["order"]]
        arrays = {"matrix": matrix, "inverse": xp.linalg.inv(matrix), "offset": norm["shift"] @ matrix}
        arrays["logdet"] = norm["log_scale"].sum() + mix["log_diagonal"].sum()
        made.append(arrays)
    return made


def _each(tree: dict):
    """The blocks' own parts of what stages hold stacked."""
    for stage in sorted(name for name in tree if name.startswith("stage_")):
        for k in range(len(jax.tree.leaves(tree[stage])[0])):
            yield jax.tree.map(lambda a, k=k: a[k], tree[stage])


def encode(flow: Flow, folded: dict, x_BTM, lengths_B, given: dict):
    """z and the prior's means (B, T, M), and the log-determinant (B), as `Flow` without dropout."""
    n, scale = flow.squeeze, folded["norm"]["log_scale"]
    x_BTM = (x_BTM + folded["norm"]["shift"]) * jnp.exp(scale)
    mask, groups_B, frames, vector, mean_BTM = _groups(flow, folded, x_BTM, lengths_B, given)
    logdet_B = scale.sum() * lengths_B
    z, finished = squeeze(jnp.where(real(lengths_B, x_BTM.shape[1]), x_BTM, 0), n), []
    for block in folded["blocks"]:
        if more := z.shape[-1] - len(block["matrix"]):
            finished.append(z[..., :more])
            z = z[..., more:]
        z = exact(z, block["matrix"]) + block["offset"]
        a, b = jnp.split(z, 2, axis=-1)
        log_s, t = flow.coupling.apply({"params": block["coupling"]}, a, mask, frames, vector)
        z = jnp.concatenate([a, b * jnp.exp(log_s) + t], axis=-1)
        logdet_B += block["logdet"] * groups_B + (log_s * mask).sum((1, 2))
    z = jnp.concatenate([*finished, z], axis=-1)
    return joined(unsqueeze(z, n), x_BTM, lengths_B, n), means(mean_BTM, lengths_B, n), logdet_B


def decode(flow: Flow, folded: dict, z_BTM, lengths_B, given: dict):
    """The log-mels (B, T, M) that `encode` would turn into z under the same conditions."""
    n, norm = flow.squeeze, folded["norm"]
    mask, _, frames, vector, _ = _groups(flow, folded, z_BTM, lengths_B, given)
    whole = squeeze(z_BTM, n)
    z = whole[..., whole.shape[-1] - len(folded["blocks"][-1]["matrix"]) :]
    for block in reversed(folded["blocks"]):
        if more := len(block["matrix"]) - z.shape[-1]:
            at = whole.shape[-1] - z.shape[-1]
            z = jnp.concatenate([whole[..., at - more : at], z], axis=-1)
        a, b = jnp.split(z, 2, axis=-1)
        log_s, t = flow.coupling.apply({"params": block["coupling"]}, a, mask, frames, vector)
        z = jnp.concatenate([a, (b - t) * jnp.exp(-log_s)], axis=-1)
        z = exact(z - block["offset"], block["inverse"])
    x_BTM = joined(unsqueeze(z, n), z_BTM, lengths_B, n)
    return jnp.where(real(lengths_B, x_BTM.shape[1]), x_BTM * jnp.exp(-norm["log_scale"]) - norm["shift"], 0)


def _groups(flow: Flow, folded: dict, x_BTM, lengths_B, given: dict):
    """Mask and number of the whole groups, the conditions of each and of the whole, and the prior's means of frames."""
    n = flow.squeeze
    frames, vector, mean = flow.conditioning.apply({"params": folded["conditions"]}, given)
    mask = real(lengths_B // n, x_BTM.shape[1] // n).astype(x_BTM.dtype)
    return mask, lengths_B // n, None if frames is None else squeeze(frames, n), vector, mean


# ---- training ----


def without_names(batch: dict, share: float, key) -> dict:
    """The batch with no names for a share of its items, drawn anew: row 0 of each table."""
    if not share:
        return batch
    kept_B = jax.random.uniform(key, batch["lengths"].shape) >= share
    return batch | {
        name: jnp.where(kept_B, rows, 0)
        for name, rows in batch.items()
        if name.startswith("globals.") and rows.ndim == 1
    }


def losses(flow: Flow, variables: dict, batch: dict, noise: float, key, frames=None, reconstruction: float = 0.0):
    """``nll`` of a dimension, and what is minimised: sums over the real frames of the batch, over `frames` or their number.

    With a `reconstruction` r it is (1 - r) NLL + r L1 of what is decoded of a latent drawn from the prior under the same
    conditions (Mosinski et al. 2023, AE-Flow).
    """
    blur, drop, draw = jax.random.split(key, 3)
    given = {name: value for name, value in batch.items() if name not in ("x", "lengths", "step")}
    x_BTM, lengths_B = batch["x"] + noise * jax.random.normal(blur, batch["x"].shape), batch["lengths"]
    z, mean, logdet_B = flow.apply(variables, x_BTM, lengths_B, given, drop)
    count = (lengths_B.sum() if frames is None else frames) * z.shape[-1]
    found = {"nll": nll(z, mean, logdet_B, lengths_B).sum() / count}
    if not reconstruction:
        return found["nll"], found
    folded = refold(variables["params"], variables["fixed"])
    made = decode(flow, folded, mean + jax.random.normal(draw, z.shape), lengths_B, given)
    found["l1"] = (jnp.abs(made - x_BTM) * real(lengths_B, z.shape[1])).sum() / count
    return (1 - reconstruction) * found["nll"] + reconstruction * found["l1"], found
