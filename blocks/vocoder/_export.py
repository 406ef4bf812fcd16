"""A neural vocoder as one file: a log-mel (1, T, M), two frames or more as the spec defines them, to its wave (1, S)."""

from collections.abc import Callable

import numpy as np

from blocks.spec import AudioSpec
from blocks.vocoder._neural import Neural


def stablehlo(block: Neural, cells: Callable) -> bytes:
    """What ``jax.export.deserialize`` reads, for CPU and CUDA, traced from the very network.

    `cells`: log-mel (1, T, M) and lengths (1,) -> the frames' own hops (1, T * hop). Raises ValueError as `ends`.
    """
    import jax
    import jax.numpy as jnp

    (lead, cut, beyond), hop = ends(block.spec, block._offset), block.spec.hop_length

    def run(log_mel):
        T = log_mel.shape[1]
        padded = jnp.pad(cells(log_mel, jnp.full(1, T, jnp.int32)), ((0, 0), (lead, max(0, beyond - lead))))
        return jnp.clip(padded[:, cut : cut + T * hop + beyond], -1.0, 1.0)

    (frames,) = jax.export.symbolic_shape("frames")
    taken = jax.ShapeDtypeStruct((1, frames, block.spec.n_mels), np.float32)
    return bytes(jax.export.export(jax.jit(run), platforms=("cpu", "cuda"))(taken).serialize())


def ends(spec: AudioSpec, offset: int) -> tuple[int, int, int]:
    """Zeros before the frames' own hops, samples cut there, and samples that the wave has beyond them all.

    Raises ValueError for a spec with pre-emphasis, whose inverse runs sample by sample.
    """
    if spec.preemphasis:
        raise ValueError(f"the audio spec has preemphasis {spec.preemphasis:g}, which cannot be exported; want 0")
    return max(0, offset), max(0, -offset), spec.samples(2) - 2 * spec.hop_length
