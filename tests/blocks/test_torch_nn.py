"""Layers that are computed otherwise than they are named: equal to what their names say."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from blocks.acoustic._inputs import grown  # noqa: E402
from blocks.common.torch_nn import ConvNeXt, Dropout, owners, since  # noqa: E402


@pytest.mark.parametrize(("batch", "length", "kernel"), [(1, 1, 7), (1, 60, 7), (2, 5, 9), (3, 40, 3)])
def test_the_filter_of_a_convolution_is_that_of_conv1d(batch, length, kernel):
    torch.manual_seed(0)
    layer = ConvNeXt(24, 32, kernel, 0.0)
    assert layer.along.weight.shape == (24, 1, kernel), "the shape that released weights have"
    x = torch.randn(batch, 24, length).transpose(1, 2).contiguous().transpose(1, 2)
    made = []
    for filtered in (layer._filtered, layer.along):
        given = x.clone().requires_grad_()
        found = filtered(given)
        layer.zero_grad()
        found.square().sum().backward()
        made.append((found, given.grad, layer.along.weight.grad.clone(), layer.along.bias.grad.clone()))
    for found, want in zip(*made):
        torch.testing.assert_close(found, want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("share", [0.05, 0.1, 0.5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_dropout_drops_its_share_and_makes_up_for_it(share, dtype):
    torch.manual_seed(0)
    x = torch.ones(1000, 301, dtype=dtype, requires_grad=True)
    y = Dropout(share)(x)
    assert y.dtype == dtype
    assert y.detach().eq(0).float().mean().item() == pytest.approx(share, abs=0.004)
    assert y.detach().float().mean().item() == pytest.approx(1, abs=0.01)
    # independent of place: rows and columns of the mask have no pattern
    zeros = y.detach().eq(0).float()
    assert zeros.mean(0).std() < 2 * (share * (1 - share) / 1000) ** 0.5
    assert (zeros[:, 1:] * zeros[:, :-1]).mean().item() == pytest.approx(share**2, abs=0.004)
    y.sum().backward()
    torch.testing.assert_close(x.grad, y.detach())  # of ones: what was dropped learns nothing


def test_dropout_draws_from_the_seed_and_is_off_where_nothing_is_learned():
    layer, x, made = Dropout(0.3), torch.randn(7, 13), []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        made.append(layer(x))
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])
    assert torch.equal(Dropout(0.0)(x), x)
    assert torch.equal(layer.eval()(x), x)


def test_sinusoids_begin_anew_with_each_phone():
    durations = torch.tensor([[3, 5], [8, 0]])
    found = since(durations, owners(durations, 8), 3).numpy()
    for row, frames in zip(found, ([0, 1, 2, 0, 1, 2, 3, 4], range(8))):
        turns = 2 * np.pi * (np.array(frames)[:, None] + 0.5) / np.array([4, 32, 256])
        np.testing.assert_allclose(row, np.concatenate([np.sin(turns), np.cos(turns)], axis=1), atol=1e-5)


def test_a_model_that_begins_from_one_without_sinusoids_begins_as_that_one():
    weights = {"sinusoids.weight": torch.ones(4, 6)}
    assert not grown({}, weights)["sinusoids.weight"].any()
