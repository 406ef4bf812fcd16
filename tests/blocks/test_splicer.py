"""Splicing: everything of an utterance is joined as one, the tag says where, and the draws are those of the seed."""

import numpy as np
import pytest

from blocks.arrays import Span
from blocks.base import Skip
from blocks.common.prosody import energy_jump, pitch_jump
from blocks.spec import AudioSpec
from blocks.splicer import _joins
from blocks.splicer.constituent import Config, Constituent
from blocks.splicer.schema import Spliced, Utterance

SPEC = AudioSpec()


def utterance(id: str, text: str, spans: list[tuple[str, int, int]], level: float, **more) -> Utterance:
    """Two phones a word, three frames a phone, silence at both ends; each frame of the mel tells whose it is and where."""
    words = tuple(text.split())
    phones = ("sil", *(f"{word[0]}{n}" for word in words for n in "ab"), ".")
    durations = np.full(len(phones), 3, np.int32)
    frames = int(durations.sum())
    values = level + np.arange(frames, dtype=np.float32)
    made = {
        "id": id,
        "phones": phones,
        "words": words,
        "word_of_phone": np.array([-1, *np.repeat(np.arange(len(words)), 2), -1], np.int32),
        "durations": durations,
        "spans": tuple(Span(label=label, first=first, last=last) for label, first, last in spans),
        "log_mel": np.repeat(values[:, None], SPEC.n_mels, 1),
        "pitch": np.full(frames, 100 + level, np.float32),
        "energy": values,
        "speaker": "ann",
        "split": "train",
    }
    return Utterance(**made | more)


HE = utterance("he", "he never lied", [("NP", 0, 1), ("VP", 2, 3)], 0)
SHE = utterance("she", "she shook her head", [("NP", 0, 1), ("VP", 1, 4), ("NP", 2, 4)], 1000)


def made(items, seed=0, **config) -> list:
    """Spliced, without recordings themselves."""
    return list(Constituent(Config(**{"originals": False} | config), SPEC, seed).expand(items))


def test_the_example_of_the_post():
    texts = {one.text: one for one in made([HE, SHE], made=40) if isinstance(one, Spliced)}
    assert "he never shook her head" in texts
    assert "she lied" in texts
    assert {tuple(one.parents) for one in texts.values()} == {("he", "she"), ("she", "he")}
    one = texts["he never shook her head"]
    assert one.swapped == "VP: lied -> shook her head"
    assert one.phones == ("sil", "ha", "hb", "na", "nb", "sa", "sb", "ha", "hb", "ha", "hb", ".")
    np.testing.assert_array_equal(one.word_of_phone, [-1, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, -1])
    # frames: he's up to the end of "never", hers of three words, then his full stop
    wanted = [*range(15), *range(1009, 1027), *range(21, 24)]
    np.testing.assert_array_equal(one.log_mel[:, 0], wanted)
    np.testing.assert_array_equal(one.energy, wanted)
    assert one.durations.sum() == len(one.log_mel) == len(one.pitch)
    np.testing.assert_array_equal(np.flatnonzero(one.join_tag), [5, 11])


@pytest.mark.parametrize(("tag", "on"), [("boundary", [5, 11]), ("fragment", range(5, 11)), ("none", [])])
def test_the_tag_marks_what_it_is_asked_to(tag, on):
    one = next(o for o in made([HE, SHE], made=40, tag=tag) if getattr(o, "text", "") == "he never shook her head")
    np.testing.assert_array_equal(np.flatnonzero(one.join_tag), on)


def test_the_same_seed_draws_the_same_and_another_others():
    texts = [[getattr(one, "text", one) for one in made([HE, SHE], seed=seed, made=8)] for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]


def test_what_is_drawn_for_one_does_not_hang_on_how_the_others_stand():
    first = {one.id: getattr(one, "text", None) for one in made([HE, SHE], made=6)}
    assert set(first) == {f"{id}+{n}" for id in ("he", "she") for n in range(6)}


def test_voices_styles_and_splits_never_mix():
    for change in ({"speaker": "ben"}, {"style": "sad"}, {"split": "dev"}):
        other = SHE.model_copy(update=change)
        results = made([HE, other], made=3, splits=("train", "dev"))
        assert all(
            isinstance(one, Skip) and "of the recording itself" in one.reason for one in results if one.id[:2] == "he"
        )


def test_recordings_are_among_what_is_made_and_dev_rows_nothing_else():
    dev = SHE.model_copy(update={"id": "dev", "split": "dev"})
    results = made([HE, SHE, dev], made=2, originals=True)
    kept = {one.host: one for one in results if getattr(one, "origin", "") == "recorded"}
    assert list(kept) == ["he", "she", "dev"]
    for item in (HE, SHE, dev):
        one = kept[item.id]
        assert (one.parents, one.split, one.text) == ((item.id,), item.split, " ".join(item.words))
        assert not one.join_tag.any()
        np.testing.assert_array_equal(one.log_mel, item.log_mel)
    spliced = [one for one in results if getattr(one, "origin", "") == "spliced"]
    assert spliced
    assert {parent for one in spliced for parent in one.parents} == {"he", "she"}


def test_rows_say_which_frames_stand_for_which():
    one = next(o for o in made([HE, SHE], made=40) if getattr(o, "text", "") == "he never shook her head")
    assert (one.host, one.donor, one.replaced_frames, one.inserted_frames) == ("he", "she", (15, 21), (9, 27))
    np.testing.assert_array_equal(one.log_mel[15:33], SHE.log_mel[9:27])


def test_random_stretches_are_as_long_and_stand_anywhere():
    results = [one for one in made([HE, SHE], made=60, spans="random") if isinstance(one, Spliced)]
    swaps = [one.swapped.removeprefix("words: ").split(" -> ") for one in results]
    assert all(len(a.split()) == len(b.split()) for a, b in swaps)
    assert any(b == "shook" for _, b in swaps), "which is no constituent"


def test_what_gave_enough_gives_no_more():
    results = made([HE, SHE], made=5, max_per_donor=2)
    given = [one.parents[1] for one in results if isinstance(one, Spliced)]
    assert given.count("she") == given.count("he") == 2
    assert any("given max_per_donor" in one.reason for one in results if isinstance(one, Skip))


def test_filters_refuse_with_their_reason():
    results = made([HE, SHE.model_copy(update={"pitch": SHE.pitch * 3})], made=2, max_pitch_jump=4.0)
    assert all("with a jump in pitch" in one.reason for one in results)
    results = made([HE, SHE], made=2, max_energy_jump=10.0)
    assert all("with a jump in energy" in one.reason for one in results)
    fast = utterance("fast", "she shook her head", [("VP", 1, 4)], 0, durations=np.array([10, *[1] * 8, 12], np.int32))
    results = made([HE, fast], made=2, max_rate_ratio=1.5)
    assert all("at another rate" in one.reason for one in results if one.id.startswith("he"))


def test_a_pool_bounds_what_is_held_at_once():
    class Counting:
        def __init__(self):
            self.asked = 0

        def __iter__(self):
            for n in range(9):
                self.asked += 1
                yield HE.model_copy(update={"id": f"u{n}"})

    items = Counting()
    stream = Constituent(Config(pool=3, made=1, originals=False), SPEC).expand(items)
    next(stream)
    assert items.asked == 3


def test_utterances_whose_parts_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="durations of 24 frames in all for a log-mel of 23"):
        Utterance(**dict(HE) | {"log_mel": HE.log_mel[:-1], "pitch": HE.pitch[:-1], "energy": HE.energy[:-1]})
    with pytest.raises(ValueError, match="VP ends at word 9 of 3: is it another's parse"):
        Utterance(**dict(HE) | {"spans": (Span(label="VP", first=1, last=9),)})


# ---- waves ----


def test_a_wave_is_as_long_as_its_frames_and_cut_where_it_is_silent():
    def waved(item, seed):
        wave = np.random.default_rng(seed).uniform(-0.5, 0.5, len(item.log_mel) * SPEC.hop_length).astype(np.float32)
        return item.model_copy(update={"wave": wave})

    found = [one for one in made([waved(HE, 0), waved(SHE, 1)], made=6) if isinstance(one, Spliced)]
    assert found
    for one in found:
        assert len(one.wave) == len(one.log_mel) * SPEC.hop_length


def test_a_cut_moves_to_the_most_silent_place_within_reach_and_keeps_the_length():
    before, after = np.ones(1000, np.float32), np.ones(1000, np.float32)
    before[540:560] = after[340:360] = 0  # both 50 samples behind where they are to be joined
    joined = _joins.cut(before, after, at=500, of=300, reach=80, fade=20)
    assert len(joined) == 500 + 700
    np.testing.assert_array_equal(joined[:540], 1)
    np.testing.assert_array_equal(joined[540:560], 0)
    np.testing.assert_array_equal(joined[560:], 1)


def test_a_fade_adds_up_to_one():
    joined = _joins.cut(np.ones(400, np.float32), np.ones(400, np.float32), at=200, of=100, reach=0, fade=40)
    np.testing.assert_allclose(joined, np.ones(500), atol=1e-6)


def test_a_cut_too_near_to_an_end_is_made_there():
    joined = _joins.cut(np.ones(10, np.float32), np.zeros(10, np.float32), at=9, of=2, reach=4, fade=20)
    np.testing.assert_array_equal(joined, [1] * 9 + [0] * 8)


def test_jumps():
    assert pitch_jump(np.array([0, 100.0, 0]), np.array([0, 200.0])) == pytest.approx(12)
    assert pitch_jump(np.zeros(3), np.array([100.0])) == 0
    assert energy_jump(np.array([-90.0, -20, -20, -20]), np.array([-14.0, -14, -14, 0])) == pytest.approx(6)
