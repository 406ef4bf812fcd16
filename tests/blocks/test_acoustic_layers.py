"""Layers of `acoustic.parallel` beside plain NumPy."""

import numpy as np
import pytest

from blocks.acoustic._targets import of_phones
from blocks.acoustic.schema import TrainItem
from tests.blocks import plain_acoustic as plain

torch = pytest.importorskip("torch")
torch_nn = pytest.importorskip("blocks.common.torch_nn")

CLOSE = {"rtol": 1e-5, "atol": 1e-5}


@pytest.fixture
def batch():
    """Two items of phones (3, 5) and durations, the first with padding behind it and a phone that has no frame."""
    rng = np.random.default_rng(0)
    durations = np.array([[3, 0, 4, 0, 0], [2, 1, 7, 1, 5]])
    return rng.normal(size=(2, 5, 6)), durations, rng.uniform(0.5, 3, (2, 5))


def test_phones_are_repeated_over_their_frames(batch):
    x, durations, _ = map(torch.from_numpy, batch)
    owners = torch_nn.owners(durations, 16)
    found, places = torch_nn.regulate_length(x, owners).numpy(), torch_nn.within(durations, owners).numpy()
    for b, frames in enumerate((7, 16)):
        np.testing.assert_array_equal(found[b, :frames], plain.hard(batch[0][b], batch[1][b]))
        np.testing.assert_allclose(places[b, :frames], plain.within(batch[1][b]), **CLOSE)


def test_durations_need_not_be_whole_frames():
    durations = np.array([2.5, 0.25, 3.25])
    ends = np.cumsum(durations)
    owners = torch_nn.owners(torch.from_numpy(durations)[None], 6)
    places = torch_nn.within(torch.from_numpy(durations)[None], owners)[0].numpy()
    assert owners[0].tolist() == [0, 0, 0, 2, 2, 2]
    for t, n in enumerate(owners[0].tolist()):
        share = min(1.0, (t + 0.5 - ends[n] + durations[n]) / durations[n])
        np.testing.assert_allclose(places[t], [share, 1 - abs(2 * share - 1), np.log(durations[n])], **CLOSE)


def test_gaussian_upsampling_is_that_of_numpy(batch):
    found = torch_nn.gaussian(*map(torch.from_numpy, batch), 16).numpy()
    for b, frames in enumerate((7, 16)):
        np.testing.assert_allclose(found[b, :frames], plain.gaussian(*(part[b] for part in batch)), **CLOSE)


def test_attention_looks_at_what_is_there_alone():
    torch.manual_seed(0)
    layer = torch_nn.Attention(8, 2)
    x = torch.randn(2, 7, 8)
    found = layer(x, torch_nn.mask_of(torch.tensor([4, 7]), 7)).detach().numpy()
    weights = {name: value.detach().double().numpy() for name, value in layer.named_parameters()}
    for b, size in enumerate((4, 7)):
        want = plain.attention(x[b, :size].double().numpy(), weights, 2)
        np.testing.assert_allclose(found[b, :size], want, **CLOSE)


@pytest.mark.parametrize(
    "make", [lambda: torch_nn.Stack(8, 16, 2, 5, heads=2), lambda: torch_nn.VariancePredictor(8, 3, 0.0)]
)
def test_padding_reaches_no_real_position(make):
    torch.manual_seed(0)
    layer = make().eval()
    x = torch.randn(1, 5, 8)
    behind = torch.cat([x, 100 * torch.randn(1, 4, 8)], 1)
    alone, padded = (layer(y, torch_nn.mask_of(torch.tensor([5]), y.shape[1]))[:, :5] for y in (x, behind))
    np.testing.assert_allclose(padded.detach(), alone.detach(), **CLOSE)


def test_phones_get_the_mean_of_their_frames():
    durations = np.array([2, 0, 3, 4], np.int32)
    pitch = np.array([100, 200, 0, 0, 150, 90, 0, 110, 0], np.float32)
    energy = np.arange(9, dtype=np.float32) - 30
    item = TrainItem(
        phones=("a", "b", "c", "d"), log_mel=np.zeros((9, 20), "f4"), durations=durations, pitch=pitch, energy=energy
    )
    made = of_phones(item, True, True)
    # c is voiced in one frame of three, d in two of four
    np.testing.assert_allclose(made["pitch"], [np.sqrt(100 * 200), 0, 0, np.sqrt(90 * 110)], rtol=1e-6)
    want = plain.of_phones(energy, durations, lambda values: values.mean() if len(values) else energy.mean())
    np.testing.assert_allclose(made["energy"], want, rtol=1e-6)
