"""Enrolment: a minute is drawn, an utterance held out, and each kind of bad minute gets one sentence."""

import numpy as np
import pytest

from blocks.base import Failure, Skip
from blocks.enrolment.held import Held
from blocks.enrolment.minute import Minute, clipped, parted
from blocks.enrolment.schema import Enrolled, Offered
from blocks.spec import AudioSpec
from runner.conformance.items import speech

SPEC = AudioSpec(sample_rate=16000, n_fft=1024, hop_length=200, win_length=800, f_max=8000.0)
ONE, OTHER = np.eye(2, dtype=np.float32)


def voice(seconds=4.0, floor=0.0):
    """Words with pauses, and hiss to half the rate."""
    wave = speech(SPEC, seconds, seed=0)
    gate = (np.arange(len(wave)) // 4000 % 3 > 0).astype(np.float32)
    rng = np.random.default_rng(1)
    hiss = rng.standard_normal(len(wave)).astype(np.float32)
    return (gate * (wave + 0.01 * hiss) + floor * hiss).astype(np.float32)


VOICE = voice()


def offered(count=12, **changes):
    common = {
        "wave": VOICE,
        "text": "say this now",
        "language": "en",
        "speaker": "ann",
        "band_hz": 8000.0,
        "embedding": ONE,
    }
    common |= {"transcript": "say this now", "detected_language": "en"}
    return [
        Offered(id=f"{n:02d}", **common | {k: v(n) if callable(v) else v for k, v in changes.items()})
        for n in range(count)
    ]


def enrolled(items, **config):
    return list(Minute(Minute.Config(**{"seconds": 20, "least": 15} | config), SPEC).expand(items))


def test_a_minute_is_drawn_and_an_utterance_held_out():
    rows = enrolled(offered())
    good = [row for row in rows if isinstance(row, Enrolled)]
    train, dev = ([row for row in good if row.split == split] for split in ("train", "dev"))
    assert len(dev) == 1
    assert sum(row.seconds for row in train) == pytest.approx(20)
    assert [row.after for row in train] == pytest.approx(list(np.cumsum([0, *(row.seconds for row in train)])[:-1]))
    assert dev[0].after == 0
    assert {row.parents[0] for row in good} | {row.id for row in rows if isinstance(row, Skip)} == {
        f"{n:02d}" for n in range(12)
    }
    assert [row.id for row in rows] == [row.id for row in enrolled(offered())], "the same seed draws the same"


def test_all_there_is_will_do_where_it_is_less_than_asked():
    rows = enrolled(offered(5), seconds=60)
    assert [row.split for row in rows].count("train") == 4


@pytest.mark.parametrize(
    ("changes", "count", "words"),
    [
        ({}, 3, "12 s of recordings that can be used, want 20 s, and 15 at least"),
        ({"detected_language": "ru", "transcript": "скажи это"}, 12, "in the language 'ru', want en"),
        ({"band_hz": 4000.0}, 12, "end at 4000 Hz, as those of a telephone do"),
        ({"wave": np.clip(8 * VOICE, -0.3, 0.3)}, 12, "of the samples are clipped"),
        ({"wave": voice(floor=0.1)}, 12, "noise or music under the speech"),
        ({"transcript": "something else is heard"}, 12, "12 of 12 recordings do not go with their texts"),
        ({"embedding": lambda n: ONE if n < 7 else OTHER}, 12, r"of two people: \d of one and \d of another"),
        ({"wave": np.tile(VOICE, 5)}, 12, "do not go with their texts or are too long"),
    ],
)  # fmt: skip
def test_a_bad_minute_gets_one_sentence(changes, count, words):
    with pytest.raises(ValueError, match=words) as raised:
        enrolled(offered(count, **changes))
    assert "\n" not in str(raised.value)


def test_a_recording_that_was_upsampled_is_no_wider_than_it_was(tmp_path):
    narrow = np.fft.irfft(np.fft.rfft(VOICE)[: len(VOICE) // 4], len(VOICE)).astype(np.float32)
    with pytest.raises(ValueError, match=r"end at (39|40)\d\d Hz"):
        enrolled(offered(wave=narrow))


def test_a_wrong_text_costs_its_row_alone():
    rows = enrolled(offered(transcript=lambda n: "something else is heard" if n == 3 else "say this, now"))
    (failure,) = [row for row in rows if isinstance(row, Failure) and not isinstance(row, Skip)]
    assert failure.id == "03"
    assert "the transcript is 'something else is heard'" in failure.reason


def test_one_speaker_of_two_is_refused_alone():
    rows = enrolled(
        offered() + [item.model_copy(update={"id": f"b{item.id}", "speaker": "ben"}) for item in offered(2)]
    )
    assert {row.speaker for row in rows if isinstance(row, Enrolled)} == {"ann"}
    assert [row.id for row in rows if isinstance(row, Failure) and "8 s of recordings" in row.reason] == ["b00", "b01"]


def test_clipped_samples_stand_at_the_peak_in_a_row():
    wave = np.array([0.1, 1, 1, 1, 1, 0.2, 1, 0.3, -1, -1, -1, 0], np.float32)
    assert clipped(wave) == pytest.approx(7 / 12)
    assert clipped(np.zeros(9, np.float32)) == 0


def test_two_groups_are_found_whatever_their_order():
    rng = np.random.default_rng(0)
    vectors = np.concatenate(
        [np.eye(8)[0] + 0.1 * rng.normal(size=(6, 8)), np.eye(8)[1] + 0.1 * rng.normal(size=(4, 8))]
    )
    sizes, likeness = parted(vectors[rng.permutation(10)])
    assert sorted(sizes) == [4, 6]
    assert likeness < 0.3


def test_so_many_of_each_speaker_are_held():
    items = offered(5) + [item.model_copy(update={"id": f"b{item.id}", "speaker": "ben"}) for item in offered(2)]
    rows = list(Held(Held.Config(most=3), SPEC).expand(items))
    assert sorted(row.speaker for row in rows) == ["ann"] * 3 + ["ben"] * 2
    assert {row.split for row in rows} == {"dev"}
