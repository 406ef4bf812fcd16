"""`acoustic.parallel`: what it is given obeyed, changes of what it predicts, and its artifact."""

import numpy as np
import pytest

from blocks.base import Failure, check_item
from blocks.common.conditions import Global, Stream
from blocks.spec import AudioSpec
from tests.blocks.acoustic_model import SPEC, Parallel, alike, lasting, model, said, stream
from tests.toys.toy.sayings import PHONES

torch = pytest.importorskip("torch")

CLOSE = {"rtol": 1e-5, "atol": 1e-5}


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
