"""pocketsphinx as an aligner: what it hears in real prompts, and how its times become frames."""

from itertools import islice

import numpy as np
import pytest

from blocks.aligner.pocketsphinx import Pocketsphinx, _a_frame_each, _ends
from blocks.aligner.schema import Aligned, Recording
from blocks.base import Failure
from blocks.common.phones import SILENCES
from blocks.corpus.asterisk import Asterisk
from blocks.corpus.schema import Utterance
from blocks.features.energy import Energy
from blocks.features.schema import Recorded
from blocks.spec import AudioSpec
from blocks.text.phones import Phones
from blocks.text.schema import Written

pytest.importorskip("pocketsphinx")


@pytest.fixture(scope="module")
def block():
    made = Pocketsphinx(Pocketsphinx.Config(), AudioSpec())
    made.setup()
    return made


@pytest.fixture(scope="module")
def prompts():
    """A few rows of asterisk-en with their phones."""
    corpus, phones = Asterisk(Asterisk.Config(splits=("train",)), AudioSpec()), Phones(Phones.Config(), AudioSpec())
    corpus.fetch()
    phones.setup()
    rows = list(islice((row for row in corpus.read() if isinstance(row, Utterance)), 6))
    spoken = phones.apply([Written(text=row.text, language=row.language) for row in rows])
    return [
        Recording(wave=row.wave, phones=each.phones, word_of_phone=each.word_of_phone)
        for row, each in zip(rows, spoken)
    ]


def test_speech_is_loud_and_pauses_are_not(block, prompts):
    levels = Energy(Energy.Config(), block.spec).apply([Recorded(wave=item.wave) for item in prompts])
    for item, made, level in zip(prompts, block.apply(prompts), levels):
        assert made.durations.sum() == len(level.energy)
        assert made.score < 0
        silent = np.repeat([phone in SILENCES for phone in item.phones], made.durations)
        assert np.median(level.energy[~silent]) > np.median(level.energy[silent]) + 15


def test_neighbours_and_what_was_heard_before_do_not_matter(block, prompts):
    fresh = Pocketsphinx(Pocketsphinx.Config(), AudioSpec())
    fresh.setup()
    (alone,) = fresh.apply(prompts[3:4])
    together = block.apply(prompts)[3]
    np.testing.assert_array_equal(alone.durations, together.durations)
    assert alone.score == together.score


def test_another_rate_gives_the_same_times(prompts):
    import soxr

    spec = AudioSpec(sample_rate=24000, hop_length=300, win_length=1200, n_fft=2048)
    fast, slow = Pocketsphinx(Pocketsphinx.Config(), spec), Pocketsphinx(Pocketsphinx.Config(), AudioSpec())
    fast.setup()
    slow.setup()
    item = prompts[0]
    resampled = item.model_copy(update={"wave": soxr.resample(item.wave, 16000, 24000)})
    there, here = fast.apply([resampled])[0], slow.apply([item])[0]
    assert np.abs(np.cumsum(there.durations) - np.cumsum(here.durations)).max() <= 3


def test_what_it_cannot_hear_fails_and_the_next_item_does_not(block, prompts):
    item = prompts[0]
    noise = np.random.default_rng(0).normal(scale=0.1, size=8000).astype(np.float32)
    words = np.arange(-1, 19, dtype=np.int32)
    wrong = [
        item.model_copy(
            update={"wave": noise, "phones": ("sil", *("s", "ɑ", "m", "i") * 4, "t", "u", "n"), "word_of_phone": words}
        ),
        item.model_copy(update={"phones": ("sil", "ɨ"), "word_of_phone": np.array([-1, 0], np.int32)}),
        item.model_copy(update={"phones": ("sil",), "word_of_phone": np.array([-1], np.int32)}),
        item.model_copy(update={"wave": item.wave[:300]}),
    ]
    *failed, right = block.apply([*wrong, item])
    assert [type(one) for one in failed] == [Failure] * 4
    assert "no way to hear these phones" in failed[0].reason
    assert "'ɨ' is no phone of English" in failed[1].reason
    assert "no word to align, only sil" in failed[2].reason
    assert "1 frames for" in failed[3].reason
    assert type(right) is Aligned


def test_pauses_lie_between_phones_and_those_without_a_token_are_shared():
    times = np.array([[0.1, 0.2], [0.2, 0.3], [0.5, 0.6]])
    spoken = np.array([0, 1, 1, 0, 1, 0], bool)
    np.testing.assert_allclose(_ends(spoken, times, 1.0), [0.1, 0.2, 0.3, 0.5, 0.6, 1.0])
    np.testing.assert_allclose(_ends(np.ones(3, bool), times, 1.0), [0.2, 0.4, 1.0])


@pytest.mark.parametrize(
    ("durations", "expected"),
    [([0, 0, 5, 0, 0], [1, 1, 1, 1, 1]), ([3, 0, 0, 1, 2], [2, 1, 1, 1, 1]), ([3, 1, 2], [3, 1, 2]), ([0, 4], [1, 3])],
)
def test_every_token_has_a_frame(durations, expected):
    assert _a_frame_each(np.array(durations, np.int32)).tolist() == expected
