"""Layers that are computed otherwise than they are named: equal to what their names say."""

import pytest

torch = pytest.importorskip("torch")
Convolution = pytest.importorskip("blocks.common.torch_nn").Convolution


@pytest.mark.parametrize(("batch", "length", "kernel"), [(1, 1, 7), (1, 60, 7), (2, 5, 9), (3, 40, 3)])
def test_the_filter_of_a_convolution_is_that_of_conv1d(batch, length, kernel):
    torch.manual_seed(0)
    layer = Convolution(24, 32, kernel, 0.0)
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
