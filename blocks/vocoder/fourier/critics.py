"""Critics (discriminators) for adversarial training: folded waves of several periods, spectra of several resolutions.

After HiFi-GAN (Kong et al. 2020) and UnivNet (Jang et al. 2021), narrow enough for two cores. Every convolution is a
product of gathered windows, since XLA's gradient of a strided convolution is slow on a CPU.
Axes: B items, S samples, T time, F frequency, P period, C channels, K taps.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from blocks.vocoder.fourier.losses import spectrum

PERIODS = (2, 3, 5, 7, 11)
RESOLUTIONS = ((512, 128), (1024, 256), (2048, 512))  # samples of a window, and from one to the next


class Conv(nn.Module):
    """Strided convolution over the axes before the last, weight-normalised; zeros stand beyond the ends."""

    channels: int
    taps: tuple[int, ...]
    stride: tuple[int, ...]

    @nn.compact
    def __call__(self, x):
        for axis, (taps, stride) in enumerate(zip(self.taps, self.stride, strict=True), start=1):
            x = windows(x, axis, taps, stride)
        direction = self.param("direction", nn.initializers.lecun_normal(), (x.shape[-1], self.channels))
        length = self.param("length", lambda key: jnp.sqrt((direction**2).sum(0)))
        bias = self.param("bias", nn.initializers.zeros, (self.channels,))
        return x @ (direction * (length / jnp.sqrt((direction**2).sum(0) + 1e-12))) + bias


def windows(x, axis: int, taps: int, stride: int):
    """What each step of `stride` sees along an axis, side by side in the last."""
    size = -(-x.shape[axis] // stride)
    after = (size - 1) * stride + taps - x.shape[axis] - taps // 2
    pads = [(0, 0)] * x.ndim
    pads[axis] = (taps // 2, max(0, after))
    padded = jnp.pad(x, pads)
    seen = [jax.lax.slice_in_dim(padded, k, k + (size - 1) * stride + 1, stride, axis) for k in range(taps)]
    return jnp.concatenate(seen, axis=-1)


class PeriodCritic(nn.Module):
    """Looks at every `period`-th sample."""

    period: int
    width: int

    @nn.compact
    def __call__(self, wave_BS):
        B, P = len(wave_BS), self.period
        padded = jnp.pad(wave_BS, ((0, 0), (0, -wave_BS.shape[1] % P)))
        h, seen = padded.reshape(B, -1, P).swapaxes(1, 2).reshape(B * P, -1, 1), []
        for n, (times, stride) in enumerate(((1, 3), (2, 3), (4, 3), (4, 1))):
            h = nn.leaky_relu(Conv(self.width * times, (5,), (stride,), name=f"conv_{n}")(h), 0.1)
            seen.append(h.reshape(B, -1))
        verdict = Conv(1, (3,), (1,), name="verdict")(h)
        return verdict.reshape(B, -1), seen


class ResolutionCritic(nn.Module):
    """Looks at the complex spectrum."""

    size: int
    hop: int
    width: int

    @nn.compact
    def __call__(self, wave_BS):
        B = len(wave_BS)
        h, seen = spectrum(wave_BS, self.size, self.hop) * (8 / self.size), []
        h = h / jnp.sqrt(jnp.sqrt((h**2).sum(-1, keepdims=True) + 1e-6))  # quiet parts are looked at too
        for n, (taps, stride) in enumerate((((3, 9), (1, 4)), ((3, 9), (1, 2)), ((3, 9), (1, 2)), ((3, 3), (1, 1)))):
            h = nn.leaky_relu(Conv(self.width, taps, stride, name=f"conv_{n}")(h), 0.1)
            seen.append(h.reshape(B, -1))
        verdict = Conv(1, (3, 3), (1, 1), name="verdict")(h)
        return verdict.reshape(B, -1), seen


class Critics(nn.Module):
    """All of them: a list of (verdicts (B, n), what their layers saw [(B, m)])."""

    width: int

    @nn.compact
    def __call__(self, wave_BS):
        periods = [PeriodCritic(p, self.width, name=f"period_{p}")(wave_BS) for p in PERIODS]
        return periods + [
            ResolutionCritic(size, hop, self.width, name=f"resolution_{size}")(wave_BS) for size, hop in RESOLUTIONS
        ]


def critic_loss(real: list, fake: list, weight_B):
    """Hinge: real above 1, made below -1."""
    return _mean(
        [
            (jax.nn.relu(1 - r) * weight_B[:, None]).mean() + (jax.nn.relu(1 + f) * weight_B[:, None]).mean()
            for (r, _), (f, _) in zip(real, fake, strict=True)
        ]
    )


def adversarial_loss(fake: list, weight_B):
    return _mean([(jax.nn.relu(1 - f) * weight_B[:, None]).mean() for f, _ in fake])


def feature_loss(real: list, fake: list, weight_B):
    """How far what the critics' layers saw is apart."""
    return _mean(
        [
            (jnp.abs(jax.lax.stop_gradient(r) - f) * weight_B[:, None]).mean()
            for (_, rs), (_, fs) in zip(real, fake, strict=True)
            for r, f in zip(rs, fs, strict=True)
        ]
    )


def _mean(values: list):
    return sum(values) / len(values)
