"""`acoustic.parallel`: its layers beside plain NumPy, what it is told obeyed, what it cannot say refused, its training."""

import json
from pathlib import Path

import numpy as np
import pytest

from blocks.acoustic._inputs import Inputs
from blocks.acoustic._targets import of_phones
from blocks.acoustic.parallel import controls
from blocks.acoustic.schema import Controlled, TrainItem
from blocks.base import BadItem, Failure, check_item
from blocks.common.conditions import Global, Stream
from blocks.common.symbols import Symbols
from blocks.load import find, restore
from blocks.spec import AudioSpec
from runner.check import check, read_graph
from runner.fit.checkpoints import Checkpoints
from runner.fit.events import curves
from runner.graph import GraphError
from runner.plan import make_plan
from runner.run.local import LocalExecutor
from runner.store import Store
from runner.work.executor import Observer
from tests.blocks import plain_acoustic as plain
from tests.toys.toy.sayings import PHONES

torch = pytest.importorskip("torch")
torch_nn = pytest.importorskip("blocks.common.torch_nn")

Parallel = find("acoustic.parallel")
SPEC = AudioSpec(n_mels=20)
WHOLE = Parallel.tiny.model_copy(update={"references": {}})  # tests/blocks/test_acoustic_references.py is about these
CLOSE = {"rtol": 1e-5, "atol": 1e-5}


# ---- layers ----


@pytest.fixture
def batch():
    """Two items of phones (3, 5) and durations, the first with padding behind it and a phone that has no frame."""
    rng = np.random.default_rng(0)
    durations = np.array([[3, 0, 4, 0, 0], [2, 1, 7, 1, 5]])
    return rng.normal(size=(2, 5, 6)), durations, rng.uniform(0.5, 3, (2, 5))


def test_phones_are_repeated_over_their_frames(batch):
    x, durations, _ = map(torch.from_numpy, batch)
    owners = torch_nn.owners(durations, 16)
    found, places = torch_nn.of_frames(x, owners).numpy(), torch_nn.within(durations, owners).numpy()
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


@pytest.mark.parametrize("make", [lambda: torch_nn.Stack(8, 16, 2, 5, heads=2), lambda: torch_nn.Predictor(8, 3, 0.0)])
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


# ---- a model with the weights it starts from ----


def model(seed: int = 0, spec: AudioSpec = SPEC, **settings):
    block = Parallel(WHOLE.model_copy(update=settings), spec)
    block.inputs = Inputs(block.config.streams, block.config.globals)
    block.inputs.phones.extend(PHONES)
    for table in block.inputs.names.values():
        table.extend(["ann", "ben"])
    torch.manual_seed(seed)
    block.net = block._network().eval()
    block.net.longest += 20
    block.net.pitch_mean += 5  # about 150 Hz
    return block


def said(phones=("sil", "ˈa", "s", "o", "m", "sil"), **given) -> Controlled:
    return Controlled(**{"phones": phones, "globals": {"a": "ann", "b": "ben"}, **given})


def stream(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


@pytest.mark.parametrize("regulation", ["gaussian", "hard"])
def test_durations_are_obeyed_to_the_frame(regulation):
    block, rng = model(regulation=regulation), np.random.default_rng(0)
    for size in (1, 2, 7, 30):
        asked = rng.integers(0, 12, size).astype(np.int32)
        asked[-1] += 1
        (found,) = block.apply([said(tuple(rng.choice(PHONES, size)), durations=asked)])
        assert abs(len(found.log_mel) - asked.sum()) == 0
        np.testing.assert_array_equal(found.durations, asked)
        assert check_item(found, SPEC) is None


def test_what_is_predicted_is_at_least_a_frame_and_follows_the_rate():
    block, phones = model(), tuple(np.random.default_rng(0).choice(PHONES, 60))
    with torch.no_grad():
        block.net.duration.out.bias += 2.3  # about ten frames
    normal, fast, slow, hasty = block.apply([said(phones, speaking_rate=rate) for rate in (None, 2.0, 0.5, 10.0)])
    total = len(normal.log_mel)
    assert total == normal.durations.sum()
    assert normal.durations.std() > 0
    assert abs(len(fast.log_mel) - total / 2) <= 0.02 * total
    assert abs(len(slow.log_mel) - total * 2) <= 0.02 * total
    assert hasty.durations.min() == 1


def test_two_together_equal_each_alone():
    block, items = model(together=3), [said(), said(("ˈa",)), said(PHONES * 3, durations=np.full(18, 3, "i4"))]
    for item, found in zip(items, block.apply(items), strict=True):
        (alone,) = block.apply([item])
        np.testing.assert_array_equal(found.durations, alone.durations)
        for name in ("log_mel", "phone_pitch", "phone_energy"):
            np.testing.assert_allclose(getattr(found, name), getattr(alone, name), **CLOSE)


def test_a_stream_of_zeros_is_that_of_a_model_without_it():
    block, bare = model(), model(seed=1, streams={})
    kept = bare.net.state_dict().keys()
    bare.net.load_state_dict({name: value for name, value in block.net.state_dict().items() if name in kept})
    assert bare.net.state_dict().keys() < block.net.state_dict().keys()
    zero, left_out, number, classes = block.apply([
        said(streams={"a": stream(0, 0, 0, 0, 0, 0), "b": stream(0, 0, 0, 0, 0, 0)}),
        said(),
        said(streams={"a": stream(0, 0, 0.5, 0, 0, 0)}),
        said(streams={"b": stream(0, 0, 3, 0, 0, 0)}),
    ])  # fmt: skip
    (want,) = bare.apply([said()])
    for found in (zero, left_out):
        np.testing.assert_array_equal(found.log_mel, want.log_mel)
    for found in (number, classes):
        assert found.log_mel.shape != want.log_mel.shape or np.abs(found.log_mel - want.log_mel).max() > 1e-3


def test_a_stream_may_have_a_row_for_each_phone():
    block = model(streams={"note": Stream(size=3, scale=2.0), "b": Stream(classes=3)})
    asked, rows = np.full(6, 3, np.int32), np.ones((6, 3), np.float32)
    classes = stream(0, 1, 2, 3, 0, 0)
    items = [{"note": rows}, {"note": rows * 2}, {"b": classes}, {"b": classes[:, None]}]
    one, two, flat, upright = (
        found.log_mel for found in block.apply([said(durations=asked, streams=streams) for streams in items])
    )
    assert np.abs(one - two).max() > 1e-4
    np.testing.assert_array_equal(flat, upright)


def test_globals_are_names_or_vectors():
    block = model(globals={"voice": Global(size=3), "speaker": Global()})
    asked = np.full(6, 3, np.int32)
    wrong = {
        "the global voice is a vector of 2, want one of 3": {"voice": stream(1, 2), "speaker": "ann"},
        "the global voice has NaN": {"voice": stream(1, 2, np.nan), "speaker": "ann"},
        "the global voice is a name, want a vector of 3": {"voice": "ann", "speaker": "ann"},
    }
    for want, failure in zip(wrong, block.apply([said(globals=given) for given in wrong.values()]), strict=True):
        assert want in failure.reason

    def mel(*vector: float, speaker: str = "ann"):
        item = said(globals={"voice": stream(*vector), "speaker": speaker}, durations=asked)
        return block.apply([item])[0].log_mel

    assert np.abs(mel(1, 0, 0) - mel(0, 1, 0)).max() > 1e-3
    assert np.abs(mel(1, 0, 0) - mel(1, 0, 0, speaker="ben")).max() > 1e-3


def test_pitch_and_energy_are_given_back_and_obeyed():
    block = model()
    (free,) = block.apply([said()])
    given = {name: getattr(free, name) for name in ("durations", "phone_pitch", "phone_energy")}
    higher = given | {"phone_pitch": given["phone_pitch"] + 80}
    again, sung = block.apply([said(**given), said(**higher)])
    np.testing.assert_allclose(again.log_mel, free.log_mel, **CLOSE)
    np.testing.assert_array_equal(sung.phone_pitch, higher["phone_pitch"])
    assert np.abs(sung.log_mel - free.log_mel).max() > 1e-3


def test_a_phone_never_heard_with_this_stress_is_said_with_another():
    block, asked = model(), np.full(3, 4, np.int32)
    known, other, silence, first = block.apply([
        said(("ˈa", "s", "sil"), durations=asked),
        said(("a", "s", "sil"), durations=asked),
        said(("ˈa", "s", "?"), durations=asked),
        said(("o", "s", "sil"), durations=asked),
    ])  # fmt: skip
    np.testing.assert_array_equal(known.log_mel, other.log_mel)
    np.testing.assert_array_equal(known.log_mel, silence.log_mel)
    assert np.abs(known.log_mel - first.log_mel).max() > 1e-3
    remarks = [one.substituted for one in (known, other, silence, first)]
    assert remarks == [None, "a as ˈa", "? as sil", None]


# ---- what is changed of that which is predicted ----


def alike(one, other) -> None:
    for name in ("log_mel", "durations", "phone_pitch", "phone_energy"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def lasting(block, frames: float = 2.3):
    """A model whose phones take about ten frames."""
    with torch.no_grad():
        block.net.duration.out.bias += frames
    return block


def voiced(block):
    with torch.no_grad():
        block.net.pitch.out.bias[1] += 9
    return block


def test_changes_of_nothing_change_nothing():
    idle = {"phone_rate": stream(*[1] * 6), "phone_shift": stream(*[0] * 6), "phone_pause": stream(*[-1] * 6)}
    plain, changed = model().apply([said(), said(**idle)])
    alike(plain, changed)
    durations = np.full(6, 3, np.int32)
    alike(*model().apply([said(durations=durations), said(durations=durations, **idle)]))


def test_a_pause_lasts_as_long_as_asked_and_leaves_the_others_alone():
    block, phones = lasting(model()), ("sil", "ˈa", "s", ",", "o", "m", ".")
    (free,) = block.apply([said(phones)])
    pause = stream(-1, -1, -1, 0.5, -1, -1, 0)
    (found,) = block.apply([said(phones, phone_pause=pause)])
    want = free.durations.copy()
    want[[3, 6]] = round(0.5 * SPEC.frame_rate), 0
    np.testing.assert_array_equal(found.durations, want)
    assert len(found.log_mel) == want.sum()
    (fast,) = block.apply([said(phones, phone_pause=pause, speaking_rate=2.0)])
    assert fast.durations[3] == want[3]
    assert abs(fast.durations[:3].sum() - want[:3].sum() / 2) <= 2


def test_phones_follow_their_own_rate_times_that_of_the_whole():
    block, phones = lasting(model(), 3.2), tuple(np.random.default_rng(1).choice(PHONES, 60))
    rate = np.repeat([1, 0.5, 2], 20).astype(np.float32)
    (free,), (own,), (both,) = (
        block.apply([said(phones, **given)])
        for given in ({}, {"phone_rate": rate}, {"phone_rate": rate, "speaking_rate": 1.25})
    )
    sums = {name: one.durations.reshape(3, 20).sum(1) for name, one in (("free", free), ("own", own), ("both", both))}
    np.testing.assert_allclose(sums["own"], sums["free"] * [1, 2, 0.5], atol=1)
    np.testing.assert_allclose(sums["both"], sums["free"] * [0.8, 1.6, 0.4], atol=2)
    assert len(own.log_mel) == own.durations.sum()
    (same,), (by_phone,) = (block.apply([said(phones, **given)]) for given in (
        {"speaking_rate": 2.0}, {"phone_rate": np.full(60, 2, np.float32)}
    ))  # fmt: skip
    alike(same, by_phone)


def test_pitch_moves_by_semitones_where_it_is_voiced():
    block = voiced(model())
    (free,) = block.apply([said()])
    assert free.phone_pitch.min() > 0
    (moved,) = block.apply([said(phone_shift=stream(0, 12, -12, 1, 0, 0))])
    np.testing.assert_allclose(
        moved.phone_pitch, free.phone_pitch * 2 ** (np.array([0, 12, -12, 1, 0, 0]) / 12), rtol=1e-5
    )
    np.testing.assert_array_equal(moved.durations, free.durations)
    assert np.abs(moved.log_mel - free.log_mel).max() > 1e-3
    with torch.no_grad():
        block.net.pitch.out.bias[1] -= 99
    (silent,) = block.apply([said(phone_shift=stream(*[12] * 6))])
    assert silent.phone_pitch.max() == 0


@pytest.mark.parametrize(("asked", "refused"), [(-12, True), (-5, False), (5, False), (12, True)])
def test_pitch_beyond_the_reach_of_the_voice_is_refused_with_what_would_fit(asked, refused):
    """A voice around 200 Hz whose phones differ by 2.5 semitones: it reaches 5 up and down, whatever is said."""
    block = voiced(model())
    with torch.no_grad():
        block.net.pitch.out.weight[0] = 0
        block.net.pitch.out.bias[0] = 0
        block.net.pitch_mean.fill_(np.log(200))
        block.net.pitch_std.fill_(2.63 / 12 * np.log(2))
    made, part = block.apply([said(phone_shift=stream(*[asked] * 6)), said(phone_shift=stream(0, asked, 0, 0, 0, 0))])
    assert isinstance(made, Failure) == isinstance(part, Failure) == refused
    if refused:
        assert made.reason == (
            f"pitch moved by {asked} semitones is {200 * 2 ** (asked / 12):.0f} Hz on average, but the voice reaches 148 to 271 Hz: "
            "want -5.2 to +5.2 semitones here"
        )
    else:
        np.testing.assert_allclose(made.phone_pitch, 200 * 2 ** (asked / 12), rtol=1e-4)


def test_a_text_begins_and_ends_in_silence_whatever_energy_is_predicted():
    """Silences inside are as they are predicted, and so are edges that are given outright."""
    block = voiced(model())
    with torch.no_grad():
        block.net.energy.out.weight[:] = 0
        block.net.energy.out.bias[:] = 2
        block.net.energy_mean.fill_(-30)
        block.net.energy_std.fill_(10)
    phones = ("sil", PHONES[1], ",", PHONES[2], ".", "sil")
    free, given = block.apply([said(phones), said(phones, phone_energy=stream(*[-20] * 6))])
    np.testing.assert_allclose(free.phone_energy, [-45, -10, -10, -10, -45, -45], rtol=1e-5)
    np.testing.assert_allclose(given.phone_energy, -20)


# ---- long requests ----


def test_a_page_is_said_piece_by_piece_with_frames_for_every_phone():
    rng, block = np.random.default_rng(2), lasting(model())
    phones = ["sil"]
    while len(phones) < 1000:
        phones += [*rng.choice(PHONES[1:], rng.integers(3, 40)), rng.choice([",", ".", "?"])]
    streams = {"a": rng.normal(size=len(phones)).astype("f4")}
    item = said(tuple(map(str, phones)), streams=streams)
    parts = controls.pieces(item)
    assert len(parts) >= 4
    assert max(len(part.item.phones) for part in parts) <= controls.LONGEST + 1
    assert sum((part.item.phones[part.lead :] for part in parts), ()) == item.phones
    assert all(part.item.phones[0] == "sil" and part.item.phones[-1] in (",", ".", "?") for part in parts)
    (found,) = block.apply([item])
    assert found.durations.sum() == len(found.log_mel)
    assert len(found.durations) == len(found.phone_pitch) == len(found.phone_energy) == len(phones)
    assert found.durations.min() >= 1
    # Each piece is said as it would be alone, but for the silence in front of it
    (first,), (second,) = (block.apply([part.item]) for part in parts[:2])
    size = len(first.log_mel)
    np.testing.assert_array_equal(found.log_mel[:size], first.log_mel)
    behind = second.log_mel[second.durations[0] :]
    np.testing.assert_array_equal(found.log_mel[size : size + len(behind)], behind)
    asked = rng.integers(0, 5, len(phones)).astype(np.int32)
    (given,) = block.apply([said(item.phones, durations=asked)])
    np.testing.assert_array_equal(given.durations, asked)
    assert len(given.log_mel) == asked.sum()


def test_pieces_end_at_full_stops_or_at_the_silence_there_is():
    def cut(text: str, longest: int) -> list[str]:
        return ["".join(part.item.phones[part.lead :]) for part in controls.pieces(said(tuple(text)), longest)]

    assert cut("ab,cd.ef,gh,ij", 20) == ["ab,cd.ef,gh,ij"]
    assert cut("ab,cd.ef,gh,ij", 9) == ["ab,cd.", "ef,gh,ij"]
    assert cut("ab,cd,ef,gh,ij", 7) == ["ab,cd,", "ef,gh,", "ij"]
    assert cut("abcdefghij,kl.mno", 4) == ["abcdefghij,", "kl.", "mno"]
    assert cut("abcdefghij", 4) == ["abcdefghij"]


def test_long_and_short_together_equal_each_alone():
    block = model(together=2)
    items = [said(PHONES), said((*PHONES, ".") * 60), said(("x",)), said(("ˈa", "."))]
    long, short = 1, 3
    found = block.apply(items)
    assert isinstance(found[2], Failure)
    for n in (long, short):
        (alone,) = block.apply([items[n]])
        np.testing.assert_array_equal(found[n].durations, alone.durations)
        np.testing.assert_allclose(found[n].log_mel, alone.log_mel, **CLOSE)


def test_a_phone_never_heard_is_said_as_its_neighbour():
    odd, near = model().apply([said(("s", "ɔ")), said(("s", "o"))])
    np.testing.assert_array_equal(odd.log_mel, near.log_mel)


WRONG = {
    "no phones to say, want at least one": {"phones": ()},
    "not trained on: 'x', 'q'; it knows sil ˈa s o m i": {"phones": ("x", "s", "q", "x")},
    "5 durations for 6 phones": {"durations": np.ones(5, "i4")},
    "none negative and one frame in all": {"durations": np.array([1, 1, -1, 1, 1, 1], "i4")},
    "want none negative and one frame": {"durations": np.zeros(6, "i4")},
    "want one of both": {"durations": np.ones(6, "i4"), "speaking_rate": 2.0},
    "a speaking rate of 0, want 0.1": {"speaking_rate": 0.0},
    "a speaking rate of nan": {"speaking_rate": float("nan")},
    "phone_pitch of 6 values for 6 phones: want a finite": {"phone_pitch": stream(1, 1, np.nan, 1, 1, 1)},
    "phone_energy of 2 values for 6 phones": {"phone_energy": stream(1, 1)},
    "phone_rate of 2 values for 6 phones": {"phone_rate": stream(1, 1)},
    "phone_shift of 6 values for 6 phones: want a finite": {"phone_shift": stream(0, 0, np.inf, 0, 0, 0)},
    "phone_rate says a phone at 20 of its rate": {"phone_rate": stream(1, 1, 4, 1, 1, 1), "speaking_rate": 5.0},
    "phone_rate says a phone at 0 of": {"phone_rate": stream(1, 1, 0, 1, 1, 1)},
    "phone_shift of 25 semitones, want at most 24": {"phone_shift": stream(0, 0, -25, 0, 0, 0)},
    "phone_pause of 61 s, want at most 60": {"phone_pause": stream(61, -1, -1, -1, -1, -1)},
    "phone_pause is given for 's', want -1": {"phone_pause": stream(1, -1, 1, -1, -1, -1)},
    "nothing but pauses of no frame": {"phones": ("sil",), "phone_pause": stream(0)},
    "durations and phone_pause were given, want one of both": {
        "durations": np.ones(6, "i4"),
        "phone_pause": stream(1, *[-1] * 5),
    },
    "durations and phone_rate were given": {"durations": np.ones(6, "i4"), "phone_rate": stream(2, 1, 1, 1, 1, 1)},
    "phone_pitch and phone_shift were given": {"phone_pitch": stream(*[99] * 6), "phone_shift": stream(*[1] * 6)},
    "phone_pitch has -1 Hz": {"phone_pitch": stream(-1, *[99] * 5)},
    "a stream 'c' that the model's settings do not declare; there is a, b": {"streams": {"c": stream(1)}},
    "the stream a is of 2 phones, but there are 6": {"streams": {"a": stream(1, 2)}},
    "the stream a has NaN": {"streams": {"a": stream(1, 1, 1, np.inf, 1, 1)}},
    "the stream a has 2 numbers a phone, but the model's settings say 1": {"streams": {"a": np.zeros((6, 2), "f4")}},
    "the stream b has 4, want whole numbers from 0": {"streams": {"b": stream(0, 0, 4, 0, 0, 0)}},
    "the stream b has 0.5, want whole": {"streams": {"b": stream(0, 0, 0.5, 0, 0, 0)}},
    "no global 'b', want one of ann, ben": {"globals": {"a": "ann"}},
    "knows no b 'bem'; did you mean 'ben'": {"globals": {"a": "ann", "b": "bem"}},
    "the global b is a vector of 2, want a name": {"globals": {"a": "ann", "b": stream(1, 2)}},
}


def test_what_cannot_be_said_is_told_of_and_costs_no_neighbour():
    block = model()
    right, *failures, last = block.apply([said(), *(said(**given) for given in WRONG.values()), said()])
    np.testing.assert_array_equal(right.log_mel, last.log_mel)
    for want, failure in zip(WRONG, failures, strict=True):
        assert isinstance(failure, Failure)
        assert want in failure.reason


def test_a_model_without_pitch_cannot_move_it():
    block = model(pitch=False, energy=False)
    shift, given, energy, idle = block.apply([
        said(phone_shift=stream(*[1] * 6)), said(phone_pitch=stream(*[99] * 6)), said(phone_energy=stream(*[-20] * 6)),
        said(phone_shift=stream(*[0] * 6)),
    ])  # fmt: skip
    for failure, name in ((shift, "phone_shift"), (given, "phone_pitch"), (energy, "phone_energy")):
        assert failure.reason == f"{name} was given, but the model was trained without; leave it out"
    alike(idle, block.apply([said()])[0])


def test_without_weights_nothing_is_said():
    with pytest.raises(ValueError, match="no weights yet"):
        Parallel(WHOLE, SPEC).apply([said()])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"streams": {"tag": {"classes": 2, "scale": 3.0}}}, "leave out these, or classes"),
        ({"streams": {"a.b": {}}}, "should match pattern"),
        ({"hidden": 10, "heads": 4}, "hidden 10 is not a multiple of 2 heads"),
        ({"kernel": 4}, "kernel of 4 has no middle"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Parallel.Config(**settings)


# ---- the artifact ----


def test_weights_come_back_bit_for_bit_and_no_others(tmp_path):
    block = model()
    block.save(tmp_path)
    first = (tmp_path / "model.safetensors").read_bytes()
    again = Parallel(block.config, SPEC)
    again.load(tmp_path)
    again.save(tmp_path)
    assert (tmp_path / "model.safetensors").read_bytes() == first
    np.testing.assert_array_equal(again.apply([said()])[0].log_mel, block.apply([said()])[0].log_mel)
    fits = r"(?s)fit the network:.*missing embed.streams.of_c.weight \(16, 1\)"
    with pytest.raises(ValueError, match=fits):
        Parallel(block.config.model_copy(update={"streams": {**block.config.streams, "c": Stream()}}), SPEC).load(
            tmp_path
        )
    with pytest.raises(ValueError, match=r"mel.weight is \(20, 16\), want \(80, 16\)"):
        Parallel(block.config, AudioSpec()).load(tmp_path)
    with pytest.raises(ValueError, match=r"no table of globals\.style"):
        Parallel(block.config.model_copy(update={"globals": {"style": Global()}}), SPEC).load(tmp_path)
    (tmp_path / "symbols.json").write_text((tmp_path / "symbols.json").read_text().replace('"m"', '"n"'))
    with pytest.raises(ValueError, match="row 5 is 'n', want 'm'"):
        again.load(tmp_path)


# ---- training ----

GRAPH = """
spec: {n_mels: 20}
nodes:
  told: {read: toy.sayings, config: {count: 16}}
  model:
    fit: acoustic.parallel
    in: &train
      phones: told.phones
      streams: {tag: told.tag}
      globals: {speaker: told.speaker}
      log_mel: told.log_mel
      durations: told.durations
      pitch: told.pitch
      energy: told.energy
      split: told.split
    config: &small {hidden: 16, wide: 32, encoder_layers: 1, decoder_layers: 1, kernel: 3, streams: {tag: {classes: 1}},
             globals: {speaker: {}}, lr: 0.01, warmup_steps: 4, max_steps: 12, max_frames: 120, val_check_interval: 6,
             checkpoint_interval: 3}
  said:
    map: acoustic.parallel
    model: model
    in: {phones: told.phones, streams: {tag: told.tag}, globals: {speaker: told.speaker}, durations: told.durations}
"""
MORE = """
  others: {read: toy.sayings, config: {count: 6, phones: [sil, ˈa, u, o], speakers: [ann, cat]}}
  tuned:
    fit: acoustic.parallel
    init: model
    in: {phones: others.phones, streams: {tag: others.tag, note: others.tag}, globals: {speaker: others.speaker},
         log_mel: others.log_mel, durations: others.durations, pitch: others.pitch, energy: others.energy}
    config: {<<: *small, streams: {tag: {classes: 1}, note: {}}, max_steps: 1, lr: 1.0e-9}
"""


def go(folder: Path, store: str, sets=(), text: str = GRAPH):
    path = folder / "graph.yaml"
    path.write_text(text)
    opened = Store(folder / store)
    plan = make_plan(check(read_graph(path, sets=sets)), opened)
    return plan, opened, LocalExecutor().run(plan, opened, Observer())


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("acoustic")
    plan, store, outcome = go(folder, "store", text=GRAPH + MORE)
    assert outcome.error is None
    return folder, plan, store


def artifact(plan, store, node: str = "model") -> Path:
    return Path(store.find_artifact(plan.steps[node].digest))


def test_training_lowers_every_loss_and_durations_are_obeyed(trained):
    _, plan, store = trained
    lines = json.loads((artifact(plan, store) / "metrics.json").read_text())["curves"]
    first, last = (line for line in lines if "val/loss" in line)
    names = [f"val/loss_{name}" for name in ("mel", "duration", "pitch", "voicing", "energy")]
    assert last["val/loss"] < first["val/loss"]
    assert set(names) <= last.keys()
    asked, said = (store.find_table(plan.steps[name].digest) for name in ("told", "said"))
    assert said.ids == asked.ids
    for id in said.ids:
        wanted, found = asked.get(id, ["durations"])["durations"], said.get(id, ["log_mel", "durations"])
        assert abs(len(found["log_mel"]) - sum(wanted)) == 0
        np.testing.assert_array_equal(found["durations"], wanted)


def test_the_loss_falls_by_half(tmp_path):
    sets = ("model.max_steps=60", "model.val_check_interval=60", "model.checkpoint_interval=60", "told.count=4")
    plan, store, outcome = go(tmp_path, "store", sets)
    assert outcome.error is None
    losses = [
        line["train/loss"] for line in curves(store.files, f"fits/{plan.steps['model'].digest}") if "train/loss" in line
    ]
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:2])


def test_what_it_says_is_shown_and_played(trained):
    folder, plan, _ = trained
    (board,) = (folder / "store/fits" / plan.steps["model"].digest / "tensorboard").iterdir()
    kept = board.read_bytes()
    assert [kept.count(f"samples/dev/{name}".encode()) for name in ("true", "pred")] == [1, 4], "2 pictures, 2 waves"


def test_parts_of_a_batch_teach_what_the_whole_does(tmp_path):
    still = ("model.dropout=0", "model.predictor_dropout=0", "model.lr=1e-4", "model.max_steps=4")
    losses = []
    for name, sets in (("whole", still), ("parts", (*still, "model.accumulate=2"))):
        plan, store, outcome = go(tmp_path, name, sets)
        assert outcome.error is None
        lines = curves(store.files, f"fits/{plan.steps['model'].digest}")
        losses.append([line["train/loss"] for line in lines if "train/loss" in line])
    assert len(losses[0]) == 4
    np.testing.assert_allclose(*losses, rtol=1e-4)


def test_half_precision_learns_alike(tmp_path, trained):
    _, plan, store = trained
    half, opened, outcome = go(tmp_path, "half", ("model.precision=bfloat16", "model.max_steps=12"))
    assert outcome.error is None
    found = []
    for one, kept in ((plan, store), (half, opened)):
        lines = curves(kept.files, f"fits/{one.steps['model'].digest}")
        found.append([line["val/loss"] for line in lines if "val/loss" in line][-1])
    assert found[0] != found[1]
    np.testing.assert_allclose(found[1], found[0], rtol=0.1)


def test_stopped_and_resumed_equals_the_unbroken_training(trained, monkeypatch):
    folder, plan, store = trained
    save = Checkpoints.save

    def last(self, *given):
        save(self, *given)
        raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoints, "save", last)
    with pytest.raises(KeyboardInterrupt):
        go(folder, "broken")
    monkeypatch.undo()
    digest, broken = plan.steps["model"].digest, Store(folder / "broken")
    assert list((folder / "broken" / "fits" / digest).glob("step-*3/state.json"))
    _, _, outcome = go(folder, "broken")
    assert outcome.error is None
    whole, again = ((artifact(plan, opened) / "model.safetensors").read_bytes() for opened in (store, broken))
    assert whole == again


def test_a_training_goes_on_with_new_phones_voices_and_streams(trained):
    _, plan, store = trained
    old, new = restore(artifact(plan, store)), restore(artifact(plan, store, "tuned"))
    assert list(new.inputs.phones)[: len(old.inputs.phones)] == list(old.inputs.phones)
    assert "u" in new.inputs.phones
    assert list(new.inputs.names["speaker"]) == ["ann", "ben", "cat"]
    asked = Controlled(phones=("sil", "ˈa", "o"), globals={"speaker": "ben"}, durations=np.array([2, 3, 4], "i4"))
    (before,), (after,) = old.apply([asked]), new.apply([asked])
    np.testing.assert_allclose(after.log_mel, before.log_mel, atol=1e-4)


def test_phones_may_be_held_longer_than_the_first_model_heard(trained):
    """What bounds the predicted durations follows the longest phone of both trainings."""
    _, plan, store = trained
    first = restore(artifact(plan, store))
    known = int(first.net.longest)
    for held in (3 * known, 1):
        frames = held + 1
        saying = train_item(
            streams={"tag": stream(1, 0)}, globals={"speaker": "ann"}, durations=np.array([1, held], "i4"),
            log_mel=np.zeros((frames, 20), "f4"), pitch=np.zeros(frames, "f4"), energy=np.zeros(frames, "f4"),
        )  # fmt: skip
        run = Memory(saying)
        run.init = artifact(plan, store)
        block = Parallel(first.config, first.spec)
        block._begin(run)
        assert int(block.net.longest) == max(known, held)


def test_an_artifact_of_another_spec_is_refused(trained):
    _, plan, store = trained
    with pytest.raises(ValueError, match="made for another audio spec: n_mels 20, not 80"):
        restore(artifact(plan, store), AudioSpec())


class Memory:
    """What `fit` sees before its first batch."""

    init = None

    def __init__(self, *items):
        self.items = items

    def key(self, step, name=""):
        return 0


def train_item(**given) -> TrainItem:
    parts = {
        "phones": ("a", "b"), "streams": {"a": stream(1, 0), "b": stream(2, 0)}, "globals": {"a": "ann", "b": "ben"}, "log_mel": np.zeros((5, 20), "f4"),
        "durations": np.array([2, 3], "i4"), "pitch": np.zeros(5, "f4"), "energy": np.zeros(5, "f4"),
    }  # fmt: skip
    return TrainItem(**parts | given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"durations": np.array([2, 4], "i4")}, r"item 1 to train on \(a b .*sum to 6 frames, but the log-mel has 5"),
        ({"pitch": None}, "no pitch, want them beside the phones: wire them, or set pitch, energy: false"),
        ({"durations": None, "energy": None}, "no durations and energy"),
        ({"globals": {"a": "ann"}}, "no global 'b'"),
        ({"phones": (), "streams": {}}, "no phones to say"),
    ],
)
def test_what_cannot_be_learnt_is_told_before_the_training(given, message):
    with pytest.raises(ValueError, match=message):
        Parallel(WHOLE, SPEC)._begin(Memory(train_item(), train_item(**given)))


def test_a_declared_stream_that_is_not_wired_is_told():
    with pytest.raises(ValueError, match=r"declare b, which no item to train on has: wire streams\.b"):
        Parallel(WHOLE, SPEC)._begin(Memory(train_item(streams={"a": stream(1, 0)})))


def test_silent_items_can_be_learnt_and_every_weight_learns():
    block = Parallel(WHOLE, SPEC)
    block._begin(Memory(train_item(), train_item()))
    loss = block._losses(block.net, [train_item(), train_item(streams={})], 8)["loss"]
    loss.backward()
    assert np.isfinite(float(loss.detach()))
    for name, weight in block.net.named_parameters():
        assert weight.grad is not None, f"{name} would stop a training on several workers"
        assert torch.isfinite(weight.grad).all()


def test_numbers_of_phones_that_exist_are_streams(tmp_path):
    """As they are, in their own dtype and unit; a declared scale brings them near 1."""
    path = tmp_path / "graph.yaml"
    path.write_text(GRAPH.replace("streams: {tag: told.tag}", "streams: {tag: told.durations}"))
    check(read_graph(path))
    other = "others: {read: toy.sayings, spec: {hop_length: 100}}\n  told: {read"
    elsewhere = GRAPH.replace("told: {read", other).replace(
        "streams: {tag: told.tag}", "streams: {tag: others.durations}", 1
    )
    path.write_text(elsewhere)
    with pytest.raises(GraphError, match=r"model\.streams\.tag <- others\.durations: wants hop_length 200, but"):
        check(read_graph(path))
    lengths, heights = np.array([2, 40], np.int32), np.array([0, 150], np.float32)
    asked = Controlled(phones=("a", "b"), streams={"length": lengths, "height": heights, "first": lengths < 3})
    streams = {"length": Stream(scale=10), "height": Stream(scale=100), "first": Stream(classes=1)}
    inputs = Inputs(streams, {}, phones=Symbols(["a", "b"]))
    inputs.check_request(asked)
    made = inputs.arrays([asked])
    np.testing.assert_allclose(made["streams.length"][0, :, 0], [0.2, 4.0])
    np.testing.assert_allclose(made["streams.height"][0, :, 0], [0.0, 1.5])
    np.testing.assert_array_equal(made["streams.first"][0], [1, 0])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            "streams: {tag: told.log_mel}",
            "wants stream of numbers(phones) or stream_vectors of numbers(phones, channels), but",
        ),
        ("streams: {tag: told.pitch}", "but told.pitch is pitch float32(frames) Hz"),
        ("streams: {tag: told.phones}", "but told.phones is phones"),
        ("streams: told.tag", "wants a mapping of names to edges"),
        (
            "globals: {speaker: told.phones}",
            "wants speaker or style or language or embedding float32(embedding), but told.phones is phones",
        ),
    ],
)
def test_wrong_wires_are_refused_before_the_run(tmp_path, wrong, message):
    name, _, _ = wrong.partition(":")
    right = next(line.strip() for line in GRAPH.splitlines() if line.strip().startswith(f"{name}:"))
    path = tmp_path / "graph.yaml"
    path.write_text(GRAPH.replace(right, wrong, 1))
    with pytest.raises(GraphError) as caught:
        check(read_graph(path))
    assert message in str(caught.value)


def test_bad_items_are_bad_items():
    with pytest.raises(BadItem, match="no phones"):
        model()._check_request(said(()))
