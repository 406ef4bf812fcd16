"""The ConvNeXt blocks of both frameworks are one layer, which NumPy writes in a few lines."""

import numpy as np
import pytest

from tests.blocks.plain_fourier import around, dense, gelu

T, H, WIDE, KERNEL = 9, 6, 10, 7


def plain(x, p, gelu, epsilon):
    """float64 (T, H): what a block adds to its input."""
    deep = np.stack([(around(x, t, KERNEL) * p["taps"]).sum(0) + p["bias"] for t in range(len(x))])
    centred = deep - deep.mean(-1, keepdims=True)
    deep = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + epsilon) * p["norm"]["scale"] + p["norm"]["bias"]
    return dense(gelu(dense(deep, p["widen"])), p["narrow"])


def exact(x):
    from scipy.special import erf

    return 0.5 * x * (1 + erf(x / np.sqrt(2)))


@pytest.fixture
def x():
    return np.random.default_rng(1).normal(size=(T, H)).astype(np.float32)


@pytest.fixture
def weights():
    rng = np.random.default_rng(2)
    draw = lambda *shape: rng.normal(0, 0.5, shape).astype(np.float32)  # noqa: E731
    return {
        "taps": draw(KERNEL, H), "bias": draw(H), "norm": {"scale": 1 + draw(H), "bias": draw(H)},
        "widen": {"kernel": draw(H, WIDE), "bias": draw(WIDE)}, "narrow": {"kernel": draw(WIDE, H), "bias": draw(H)},
    }  # fmt: skip


def test_in_flax(x, weights):
    jnp = pytest.importorskip("jax.numpy")
    pytest.importorskip("flax")
    from blocks.vocoder._convnext import ConvNeXt

    gain = np.linspace(0.5, 1.5, H, dtype=np.float32)
    real = np.r_[np.ones(T - 2, np.float32), 0, 0][None, :, None]
    made = ConvNeXt(H, WIDE, 1.0).apply({"params": weights | {"gain": gain}}, jnp.asarray(x[None]), real)[0]
    want = x + gain * plain(x.astype(np.float64), weights, gelu, 1e-6)
    np.testing.assert_allclose(np.asarray(made)[: T - 2], want[: T - 2], rtol=1e-5, atol=1e-5)
    assert not np.asarray(made)[T - 2 :].any()


def test_in_torch(x, weights):
    torch = pytest.importorskip("torch")
    from blocks.common.torch_nn import ConvNeXt

    block = ConvNeXt(H, WIDE, KERNEL, 0.0).eval()
    given = {
        "along.weight": weights["taps"].T[:, None], "along.bias": weights["bias"],
        "norm.weight": weights["norm"]["scale"], "norm.bias": weights["norm"]["bias"],
        "across.0.weight": weights["widen"]["kernel"].T, "across.0.bias": weights["widen"]["bias"],
        "across.3.weight": weights["narrow"]["kernel"].T, "across.3.bias": weights["narrow"]["bias"],
    }  # fmt: skip
    block.load_state_dict({name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in given.items()})
    with torch.inference_mode():
        made = block(torch.from_numpy(x[None]), torch.ones(1, T))[0].numpy()
    np.testing.assert_allclose(made, plain(x.astype(np.float64), weights, exact, 1e-5), rtol=1e-5, atol=1e-5)
