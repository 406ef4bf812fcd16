"""Voices of others: the real programs and the real network, listened to by length, pitch and loudness."""

import copy
import re

import numpy as np
import pytest

from blocks.base import BadItem
from blocks.load import find
from blocks.peer.schema import Written
from blocks.spec import AudioSpec, preset

SENTENCE = "The train to the coast leaves in twenty minutes."
PEERS = ["peer.espeak", "peer.flite", "peer.piper"]


def ready(name, seed=0, **config):
    cls = find(name)
    block = cls(cls.Config(**config), AudioSpec(), seed)
    block.setup()
    return block


def like(block, spec=None, **config):
    """The same block, its network shared, with other settings."""
    other = copy.copy(block)
    other.spec, other.config = spec or block.spec, block.config.model_copy(update=config)
    return other


def say(block, text=SENTENCE, language="en-US") -> np.ndarray:
    (result,) = block.apply([Written(text=text, language=language)])
    return result.wave


def seconds(block, *given) -> float:
    return len(say(block, *given)) / block.spec.sample_rate


@pytest.fixture(scope="module")
def peers():
    return {name: ready(name) for name in PEERS}


@pytest.fixture(params=PEERS)
def peer(request, peers):
    return peers[request.param]


class TestEveryPeer:
    def test_says_a_sentence_in_the_time_it_takes(self, peer):
        wave = say(peer)
        assert 1.5 < len(wave) / 16000 < 4.5
        assert 0.01 < wave.std() < 0.5
        spectrum = np.abs(np.fft.rfft(wave)) ** 2
        hertz = np.fft.rfftfreq(len(wave), 1 / 16000)
        assert spectrum[(hertz > 80) & (hertz < 4000)].sum() > 0.8 * spectrum.sum()

    def test_is_as_long_at_another_rate(self, peer):
        assert seconds(like(peer, preset("hifigan_22k"))) == pytest.approx(seconds(peer), abs=0.001)

    def test_says_the_same_again_whatever_came_between(self, peer):
        first = say(peer)
        say(peer, "Something else.")
        np.testing.assert_array_equal(say(peer), first)

    def test_a_longer_text_takes_longer(self, peer):
        assert seconds(peer, f"{SENTENCE} {SENTENCE}") > 1.8 * seconds(peer)

    def test_a_text_that_looks_like_an_option_is_read_aloud(self, peer):
        assert seconds(peer, f"-w {SENTENCE}") > 1.5

    def test_marks_and_quotes_are_not_read_aloud(self, peer):
        assert seconds(peer, '-- "The train," (to the coast) leaves...') < 2 * seconds(
            peer, "The train to the coast leaves"
        )

    @pytest.mark.parametrize(
        ("text", "language", "reason"),
        [
            ("  ", "en", "has nothing to say"),
            ("... ?!", "en", "has nothing to say"),
            ("Say [[ h ə l ˈoʊ ]] now.", "en", "phones are read by text.phones alone"),
            ("A bell \x07 rings.", "en", r"control character '\\x07'"),
            ("Hello.", "xx-YY", "language 'xx-YY'"),
        ],
    )
    def test_what_cannot_be_said_is_told(self, peer, text, language, reason):
        with pytest.raises(BadItem, match=reason):
            say(peer, text, language)

    def test_a_missing_program_is_named_with_what_installs_it(self, peer, monkeypatch, tmp_path):
        monkeypatch.setenv("PATH", str(tmp_path))
        program = "flite" if "flite" in type(peer).__module__ else "espeak-ng"
        with pytest.raises(
            ValueError, match=f"the program {program}, which is not installed: apt-get install {program}"
        ):
            type(peer)(peer.config, peer.spec).setup()


# ---- espeak-ng ----


def test_espeak_obeys_its_rate():
    slow, fast = (seconds(ready("peer.espeak", rate=rate)) for rate in (120, 240))
    assert 1.6 < slow / fast < 2.4


def test_espeak_speaks_the_language_of_the_text_unless_told_otherwise():
    by_language = ready("peer.espeak")
    russian = say(by_language, "Доброе утро.", "ru-RU")
    np.testing.assert_array_equal(russian, say(ready("peer.espeak", voice="ru"), "Доброе утро.", "en"))
    british, american = say(by_language, SENTENCE, "en-GB"), say(by_language, SENTENCE, "en-US")
    assert len(british) != len(american) or not np.array_equal(british, american)


@pytest.mark.parametrize(
    ("name", "voice", "message"),
    [
        ("peer.espeak", "nobody", "espeak-ng --voices"),
        ("peer.espeak", "en-us+nobody", "espeak-ng --voices"),
        ("peer.espeak", "en-gb+f4", "an alias such as en-gb has none"),
        ("peer.flite", "nobody", "there is .*slt"),
    ],
)
def test_a_voice_that_is_not_there_is_refused(name, voice, message):
    with pytest.raises(ValueError, match=f"none called {re.escape(repr(voice))}.*{message}"):
        ready(name, voice=voice)


def test_espeak_has_variants_of_voices():
    assert not np.array_equal(say(ready("peer.espeak", voice="en-us+f3")), say(ready("peer.espeak", voice="en-us")))


# ---- flite ----


def test_flite_has_voices_of_men_and_refuses_what_it_would_leave_out():
    assert abs(seconds(ready("peer.flite", voice="kal")) - seconds(ready("peer.flite"))) > 0.01
    with pytest.raises(BadItem, match="'é' in the text"):
        say(ready("peer.flite"), "A café.")
    with pytest.raises(BadItem, match="speaks English"):
        say(ready("peer.flite"), "Guten Tag.", "de")


# ---- Piper ----


@pytest.fixture(scope="module")
def piper(peers):
    return peers["peer.piper"]


def test_piper_reads_clauses_with_their_marks(piper):
    assert piper._sentences("Well, go!") == ["wˈɛl, ɡˈoʊ!"]
    assert piper._sentences('He said: "Go." Then (as always) he left') == [
        "hiː sˈɛd: ɡˈoʊ.",
        "ðˈɛn æz ˈɔːlweɪz hiː lˈɛft",
    ]
    assert len(piper._sentences("It is 3.5; no more")) == 1


def test_piper_puts_a_token_around_every_phone(piper):
    begin, end, between = (piper.ids[token][0] for token in "^$_")
    a, b = piper.ids["a"][0], piper.ids["b"][0]
    assert piper._numbers("ab") == [begin, between, a, between, b, between, end]
    with pytest.raises(BadItem, match="the voice has no phone 'Q'"):
        piper._numbers("aQ")


def test_piper_is_slower_on_demand_and_pauses_between_sentences(piper):
    other = like(piper, length_scale=1.5, pause=0.5)
    assert seconds(other) > 1.3 * seconds(piper)
    one, two = seconds(other, "Yes."), seconds(other, "Yes. Yes.")
    assert two == pytest.approx(2 * one + 0.5, abs=0.001)


def test_piper_draws_its_noise_from_the_seed(piper):
    calm = dict(noise_w=0.0)  # durations are then the same
    ours, theirs = say(like(piper, **calm), "Yes."), say(ready("peer.piper", seed=1, **calm), "Yes.")
    assert len(ours) == len(theirs)
    assert not np.allclose(ours, theirs, atol=0.01)
    still = like(piper, noise_scale=0.0, **calm)
    assert not np.allclose(say(still, "Yes."), ours, atol=0.01)


def test_speakers_say_each_text_under_names_of_their_own():
    from blocks.peer.speakers import Line, Speakers

    config = Speakers.Config(voices=("flite/kal", "espeak/en-us+f3"))
    block = Speakers(config, AudioSpec(sample_rate=16000))
    block.setup()
    rows = list(
        block.expand(
            [
                Line(id="a", text="Say it.", language="en", split="dev"),
                Line(id="b", text="!", language="en", split="train"),
            ]
        )
    )
    good, bad = rows[:2], rows[2:]
    assert [(row.id, row.speaker, row.parents, row.split) for row in good] == [
        ("flite-kal/a", "flite-kal", ("a",), "dev"),
        ("espeak-en-us+f3/a", "espeak-en-us+f3", ("a",), "dev"),
    ]
    assert [row.band_hz for row in good] == [4000.0, 8000.0]
    assert {row.style for row in good} == {"synthetic"}
    assert block.licences == ("GPL-3.0-or-later", "MIT-Festival")
    assert [failure.id for failure in bad] == ["b", "b"]


@pytest.mark.parametrize("voices", [(), ("flite",), ("piper/ann",), ("festival/kal",), ("flite/rms", "flite/rms")])
def test_speakers_are_checked(voices):
    from blocks.peer.speakers import Speakers

    with pytest.raises(ValueError, match=r"no voice|want each voice once"):
        Speakers.Config(voices=voices)
