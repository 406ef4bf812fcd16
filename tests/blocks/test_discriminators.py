"""The discriminators of acoustic models: beside plain NumPy, fair in what they look at, and worth having."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
discriminators = pytest.importorskip("blocks.common.discriminators")

RNG = np.random.default_rng(0)


class Alone:
    """What `Adversary` needs of a run, in one process."""

    rank = 0

    def key(self, step: int, name: str) -> int:
        return step + len(name)

    def parallel(self, model):
        return model


class Settings:
    discriminator_windows, discriminator_width, discriminator_lr = (8, 16), 4, 5e-3


def plain_conv(x_CWM: np.ndarray, conv, stride: int) -> np.ndarray:
    kernel, bias = conv.weight.detach().double().numpy(), conv.bias.detach().double().numpy()
    x = np.pad(x_CWM, ((0, 0), (1, 1), (1, 1)))
    rows, columns = (x.shape[1] - 3) // stride + 1, (x.shape[2] - 3) // stride + 1
    made = np.empty((len(kernel), rows, columns))
    for w in range(rows):
        for m in range(columns):
            part = x[:, w * stride : w * stride + 3, m * stride : m * stride + 3]
            made[:, w, m] = (kernel * part).sum((1, 2, 3)) + bias
    return made


def test_a_discriminator_is_that_of_numpy():
    discriminator, mel = discriminators.Discriminator(3).double(), RNG.normal(size=(2, 9, 10))
    with torch.no_grad():
        verdict, seen = discriminator(torch.from_numpy(mel))
    for b in range(2):
        h = np.stack([mel[b], np.broadcast_to(np.linspace(-1, 1, 10), (9, 10))])
        for layer, found in zip(discriminator.layers, seen, strict=True):
            h = plain_conv(h, layer, 2)
            h = np.where(h > 0, h, discriminators.SLOPE * h)
            np.testing.assert_allclose(found[b].numpy(), h, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(verdict[b].numpy(), plain_conv(h, discriminator.verdict, 1), rtol=1e-5, atol=1e-5)


def test_windows_lie_within_their_items_and_reach_both_ends():
    lengths, draws = torch.tensor([20, 8, 3]), torch.Generator().manual_seed(0)
    places = torch.stack([discriminators.starts(lengths, 8, draws) for _ in range(500)])
    assert places.amin(0).tolist() == [0, 0, 0]
    assert places.amax(0).tolist() == [12, 0, 0]
    mel = torch.arange(1.0, 21)[None, :, None].repeat(3, 1, 2)
    mel[2, 3:] = 0
    found = discriminators.cut(mel, torch.tensor([12, 0, 0]), 8)[..., 0]
    assert found.tolist() == [[*range(13, 21)], [*range(1, 9)], [1, 2, 3, 0, 0, 0, 0, 0]]


def test_each_side_learns_from_its_own_losses_alone():
    made = torch.randn(2, 16, 10, requires_grad=True)
    adversary = discriminators.Adversary(Settings, Alone())
    found = adversary.losses(torch.randn(2, 16, 10), made, torch.tensor([16, 16]), 1)
    weights = list(adversary.discriminators.parameters())
    assert all(
        slope is None
        for slope in torch.autograd.grad(found["discriminator"], made, retain_graph=True, allow_unused=True)
    )
    for name in ("adversarial", "feature"):
        slopes = torch.autograd.grad(found[name], [made, *weights], retain_graph=True, allow_unused=True)
        assert slopes[0].abs().sum() > 0
        assert all(slope is None for slope in slopes[1:])
    assert all(slope.abs().sum() > 0 for slope in torch.autograd.grad(found["discriminator"], weights))


def test_discriminators_bring_back_the_detail_that_l1_loses():
    """Frames that are +1 or -1 by chance: the best guess for L1 is neither."""
    draws, shares = torch.Generator().manual_seed(0), {}
    for critical in (False, True):
        torch.manual_seed(0)
        maker = torch.nn.Sequential(torch.nn.Linear(4, 32), torch.nn.ReLU(), torch.nn.Linear(32, 8))
        adversary = discriminators.Adversary(Settings, Alone())
        optimizers, sizes = [torch.optim.Adam(maker.parameters(), 3e-3), adversary.optimizer], []
        for step in range(250):
            heard = (torch.randint(0, 2, (8, 16, 1), generator=draws) * 2.0 - 1).expand(-1, -1, 8)
            made = maker(torch.randn(8, 16, 4, generator=draws))
            found = adversary.losses(heard, made, torch.full((8,), 16), step)
            loss = (made - heard).abs().mean()
            if critical:
                loss = loss + 20 * found["adversarial"] + found["discriminator"]
            for each in optimizers:
                each.zero_grad()
            loss.backward()
            for each in optimizers:
                each.step()
            sizes.append(float(made.detach().abs().mean()))
        shares[critical] = np.mean(sizes[-40:])
    assert shares[False] < 0.4
    assert shares[True] > 1.5 * shares[False]
