"""Requests to `acoustic.parallel`: long ones cut, strange phones replaced, and what cannot be said refused."""

import numpy as np
import pytest

from blocks.acoustic.parallel import controls
from blocks.base import Failure
from tests.blocks.acoustic_model import SPEC, WHOLE, Parallel, alike, lasting, model, said, stream
from tests.toys.toy.sayings import PHONES

torch = pytest.importorskip("torch")

CLOSE = {"rtol": 1e-5, "atol": 1e-5}


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
    "phone_pitch has NaN or infinite values, want numbers": {"phone_pitch": stream(1, 1, np.nan, 1, 1, 1)},
    "phone_energy of 2 values for 6 phones": {"phone_energy": stream(1, 1)},
    "phone_rate of 2 values for 6 phones": {"phone_rate": stream(1, 1)},
    "phone_shift has NaN or infinite values, want numbers": {"phone_shift": stream(0, 0, np.inf, 0, 0, 0)},
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
