"""What the vocoder shapes: harmonics of a pitch and noise, of equal level everywhere, as a source and filter would have it (JAX).

A phase is a uint32, 2^32 to a turn: sums wrap and are exact, so that a stream goes on where it was. Noise is a table that comes
again after `NOISE` frames. Both tell the same of a frame in whichever piece it is made.
Axes: B items, T frames, K samples of a hop, S samples.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

NOISE = 512  # frames
SHARE = 0.49  # of the sample rate, below which harmonics lie
TURN = 2.0**32


class Start(NamedTuple):
    """Of a piece: the number of its first frame, and the phase (uint32) at which its frame `anchor` begins; (B,) each."""

    frame: jnp.ndarray
    anchor: jnp.ndarray
    phase: jnp.ndarray

    @classmethod
    def zero(cls, items: int) -> "Start":
        return cls(np.zeros(items, np.int32), np.zeros(items, np.int32), np.zeros(items, np.uint32))


def harmonics(pitch_BT, start: Start, hop: int, sample_rate: int):
    """Cosines of all multiples of a pitch in Hz below half the sample rate, of power 1 together; and where frames begin.

    (B, T * hop), and the phase uint32 (B, T). The pitch moves in straight lines between the middles of frames.
    """
    ends = jnp.pad(pitch_BT, ((0, 0), (1, 1)), mode="edge")
    edges = 0.5 * (ends[:, 1:] + ends[:, :-1]) * (hop / sample_rate)  # turns a hop, at its two ends
    turns = 0.5 * (edges[:, 1:] + edges[:, :-1])
    steps = ((turns - jnp.floor(turns)) * TURN).astype(jnp.uint32)
    begins = jnp.cumsum(steps, axis=1, dtype=jnp.uint32) - steps
    begins += (start.phase - jnp.take_along_axis(begins, start.anchor[:, None], axis=1)[:, 0])[:, None]
    share_K = (np.arange(hop, dtype=np.float32) + 0.5) / hop
    first, last = edges[:, :-1, None], edges[:, 1:, None]
    phase = begins[..., None].astype(jnp.float32) / TURN + share_K * (first + 0.5 * share_K * (last - first))
    # The highest below half the rate; one more or less at times is heard less than one that fades.
    count = jnp.floor(SHARE * hop / (first + share_K * (last - first)))
    wave = jnp.sqrt(2 / count) * _sum_of_cosines(phase, count)
    return wave.reshape(len(wave), -1), begins


def _sum_of_cosines(turns, count):
    """cos(x) + ... + cos(count x), in closed form."""
    half = np.float32(np.pi) * (turns - jnp.floor(turns + 0.5))  # of x, between a quarter turn back and ahead
    below = jnp.sin(half)
    flat = jnp.abs(below) < 1e-6
    return jnp.where(flat, count, 0.5 * jnp.sin((2 * count + 1) * half) / jnp.where(flat, 1.0, below) - 0.5)


def noise(start: Start, frames: int, hop: int):
    """White noise of power 1, (B, frames * hop)."""
    rows = (start.frame[:, None] + jnp.arange(frames, dtype=jnp.int32)) % NOISE
    return jnp.asarray(noise_table(hop))[rows].reshape(len(rows), -1)


def noise_table(hop: int) -> np.ndarray:
    """float32 (NOISE, hop)."""
    return np.random.default_rng(0).standard_normal((NOISE, hop), np.float32)
