"""`metric.speaker_probe`: finds a voice that is there, guesses where there is none, counts each voice alike."""

import numpy as np
import pytest

from blocks.metric.speaker_probe import Coded, Config, SpeakerProbe
from blocks.spec import AudioSpec

SPEC = AudioSpec(n_mels=8)


def latents(voices: dict[str, int], offset: float, seed=0) -> list[Coded]:
    rng = np.random.default_rng(seed)
    means = {name: offset * rng.standard_normal(8) for name in voices}
    return [
        Coded(
            latent=(means[name] + rng.standard_normal((int(rng.integers(20, 60)), 8))).astype("float32"), speaker=name
        )
        for name, count in voices.items()
        for _ in range(count)
    ]


def probe(items):
    return SpeakerProbe(Config(), SPEC).reduce(items)


def test_a_voice_that_shows_in_the_mean_is_named():
    found = probe(latents({"a": 20, "b": 30, "c": 20, "d": 6}, offset=1.0))
    assert found.speaker_accuracy > 95
    assert (found.chance, found.voices, found.utterances) == (25, 4, 76)


def test_without_a_voice_it_guesses():
    accuracies = [
        probe(latents({"a": 40, "b": 40, "c": 40, "d": 40}, offset=0.0, seed=s)).speaker_accuracy for s in range(5)
    ]
    assert abs(np.mean(accuracies) - 25) < 6


def test_a_voice_of_many_utterances_is_not_the_answer_to_everything():
    accuracies = [probe(latents({"a": 200, "b": 20}, offset=0.0, seed=s)).speaker_accuracy for s in range(5)]
    assert abs(np.mean(accuracies) - 50) < 8


@pytest.mark.parametrize(
    ("voices", "message"),
    [
        ({"a": 3}, "3 utterances of 1 voices; want two"),
        ({"a": 3, "b": 1}, "of 2 voices: b has 1; want two voices, each"),
    ],
)
def test_too_few_are_refused(voices, message):
    with pytest.raises(ValueError, match=message):
        probe(latents(voices, 1.0))
