"""What JAX networks share: a convolution with a gradient of its own, cheap dropout, few shapes, data parallelism.

Axes: B items, T frames, I and O channels in and out, K taps.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

# ---- convolution ----


@jax.custom_vjp
def conv(x_BTI, w_KIO):
    """(B, T, O): correlate over time with an odd number of taps; zeros stand beyond both ends.

    XLA's own gradient on a CPU is many times slower than the convolution itself: it dilates and transposes in a layout
    that its fast kernel does not take. Here both gradients are a plain convolution and a matrix product.
    """
    return jax.lax.conv_general_dilated(x_BTI, w_KIO, (1,), "SAME", dimension_numbers=("NWC", "WIO", "NWC"))


def _forward(x_BTI, w_KIO):
    return conv(x_BTI, w_KIO), (x_BTI, w_KIO)


def _backward(kept, g_BTO):
    x_BTI, w_KIO = kept
    taps, channels, _ = w_KIO.shape
    g_BTI = conv(g_BTO, w_KIO[::-1].swapaxes(1, 2))
    padded = jnp.pad(x_BTI, ((0, 0), (taps // 2, taps // 2), (0, 0)))
    windows = jnp.concatenate([padded[:, k : k + x_BTI.shape[1]] for k in range(taps)], axis=-1)
    g_w = windows.reshape(-1, taps * channels).T @ g_BTO.reshape(-1, g_BTO.shape[-1])
    return g_BTI, g_w.reshape(w_KIO.shape)


conv.defvjp(_forward, _backward)


# ---- dropout ----


def dropout(x, rate: float, key):
    """Zero a share `rate` of x, to 1/256, and scale the rest up: one random byte a value, four from each word drawn."""
    out = round(rate * 256)
    if not out:
        return x
    words = jax.random.bits(key, (-(-x.size // 4),), jnp.uint32)
    drawn = jax.lax.bitcast_convert_type(words, jnp.uint8).ravel()[: x.size].reshape(x.shape)
    return jnp.where(drawn >= out, x * (256 / (256 - out)), 0)


# ---- steps ----

PRECISIONS = {"float32": None, "bfloat16": jnp.bfloat16}  # a Flax layer's `dtype`; its weights stay float32


def gradient(loss: Callable, params, parts):
    """Value and gradient of the sum of ``loss(params, part, n)`` over `parts`, which are stacked on the first axis."""
    of = jax.value_and_grad(loss)
    return summed(lambda part, n: of(params, part, n), parts)


def finite(value, slope):
    """The norm of a gradient, and whether it and the loss are finite: where not, weights had better stay as they are."""
    import optax

    norm = optax.tree.norm(slope)
    return norm, jnp.isfinite(value) & jnp.isfinite(norm)


def moved(optimizer, slope, opt, params, fine):
    """New weights and state of the optimiser; the old ones where the gradient is not `fine`."""
    import optax

    updates, after = optimizer.update(slope, opt, params)
    opt = jax.tree.map(lambda new, old: jnp.where(fine, new, old), after, opt)
    return optax.apply_updates(params, jax.tree.map(lambda u: jnp.where(fine, u, 0), updates)), opt


def summed(of: Callable, parts):
    """The sum of ``of(part, n)`` over `parts`, n being the number of the part.

    The intermediate results of one part at a time are in memory.
    """
    first = jax.tree.map(lambda a: a[0], parts)
    count = len(jax.tree.leaves(parts)[0])
    if count == 1:
        return of(first, 0)

    def add(sums, given):
        return jax.tree.map(jnp.add, sums, of(*given)), None

    zeros = jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), jax.eval_shape(of, first, 0))
    return jax.lax.scan(add, zeros, (parts, jnp.arange(count)))[0]


# ---- data parallelism ----


class Devices:
    """All devices of all processes: the items of a batch are spread over them, the weights are on each."""

    def __init__(self):
        mesh = Mesh(np.array(jax.devices()), ("items",))
        self.split, self.whole = NamedSharding(mesh, PartitionSpec("items")), NamedSharding(mesh, PartitionSpec())
        self.stacked = NamedSharding(mesh, PartitionSpec(None, "items"))

    def rows(self, items: int) -> int:
        """`items` of this process raised to a multiple of its devices."""
        return -(-items // jax.local_device_count()) * jax.local_device_count()

    def spread(self, arrays):
        """This process's rows of a global batch, as part of it."""
        return jax.tree.map(lambda a: jax.make_array_from_process_local_data(self.split, np.asarray(a)), arrays)

    def stack(self, parts: list):
        """This process's rows of every part of a global batch, with the parts on a new first axis."""
        return jax.tree.map(lambda *a: jax.make_array_from_process_local_data(self.stacked, np.stack(a)), *parts)

    def replicate(self, tree):
        """The same values, equal in every process, on every device."""
        return jax.tree.map(lambda a: jax.make_array_from_process_local_data(self.whole, np.asarray(a)), tree)
