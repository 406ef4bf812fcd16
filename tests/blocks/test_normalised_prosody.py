"""`features.normalised_prosody`: thirds beside a plain loop, numbers free of the voice, and what is thought of a stranger."""

from pathlib import Path

import numpy as np
import pytest

from blocks.base import Failure
from blocks.features.normalised_prosody import NormalisedProsody, TrainItem, Utterance, parts
from blocks.load import restore
from blocks.spec import AudioSpec
from runner.conformance.trained import fit_on
from runner.store.artifact import write_manifest

SPEC = AudioSpec()
PHONES = ("sil", "t", "ˈa", "n", "a", "sil")


def sentence(seed: int, high: float = 200.0, wide: float = 0.2, loud: float = -20.0, slow: float = 1.0) -> dict:
    """A sentence of `PHONES` with a melody of its own, in a voice as asked for."""
    rng = np.random.default_rng(seed)
    durations = np.rint(slow * rng.integers(6, 20, len(PHONES))).astype(np.int32)
    frames = int(durations.sum())
    shape = np.interp(np.arange(frames), np.linspace(0, frames, 6), rng.standard_normal(6))
    voiced = np.repeat([False, False, True, True, True, False], durations)
    return {
        "phones": PHONES,
        "durations": durations,
        "pitch": np.where(voiced, high * np.exp(wide * shape), 0).astype(np.float32),
        "energy": (loud + 5 * np.repeat([-4, -1, 1, 0, 1, -4], durations) + rng.standard_normal(frames)).astype(
            np.float32
        ),
    }


VOICES = {
    "ann": (220.0, 0.2, -20.0),
    "ben": (110.0, 0.15, -26.0),
    "cat": (180.0, 0.3, -15.0),
    "dan": (130.0, 0.25, -22.0),
}


@pytest.fixture(scope="module")
def habits(tmp_path_factory):
    items = {
        f"{name}-{n}": TrainItem(**sentence(10 * v + n, *voice), speaker=name)
        for v, (name, voice) in enumerate(VOICES.items())
        for n in range(8)
    }
    return fit_on(NormalisedProsody(NormalisedProsody.tiny, SPEC), items, tmp_path_factory.mktemp("fit"))


def one(block, said: dict, **more):
    (made,) = block.apply([Utterance(**said, **more)])
    return made


# ---- kernels ----


@pytest.mark.parametrize("count", [1, 3])
def test_parts_are_means_beside_a_plain_loop(count):
    rng = np.random.default_rng(0)
    durations = np.array([1, 2, 3, 7, 30], np.int32)
    values = rng.standard_normal(durations.sum())
    found = parts(values, durations, count)
    fine = np.repeat(values, 3)  # so that a third of a frame is a whole one here
    for n, (end, frames) in enumerate(zip(np.cumsum(durations), durations, strict=True)):
        of_phone = fine[3 * (end - frames) : 3 * end].reshape(count, -1).mean(1)
        np.testing.assert_allclose([part[n] for part in found], of_phone, rtol=1e-9)


# ---- numbers of phones ----


def test_a_voice_leaves_no_trace_in_its_numbers(habits):
    """The same melody in another register, louder: the same numbers, where the speaker is known by many sentences."""
    said = sentence(999)
    for name, (high, wide, loud) in VOICES.items():
        own = dict(sentence(999, high, wide, loud))
        made = one(habits, own, speaker=name)
        assert made.phone_contour.shape == (len(PHONES), 8)
        base = one(habits, dict(sentence(999, *VOICES["ann"])), speaker="ann")
        np.testing.assert_allclose(made.phone_contour[2:5, :3], base.phone_contour[2:5, :3], atol=1.0)
    assert said["phones"] == PHONES


def test_voicing_stands_apart_and_pitch_is_interpolated(habits):
    made = one(habits, sentence(3, *VOICES["ann"]), speaker="ann")
    np.testing.assert_allclose(made.phone_contour[:, 7], [0, 0, 1, 1, 1, 0])
    # before the first voiced frame there is nothing to lie between: the first voiced value goes on
    np.testing.assert_allclose(made.phone_contour[0, :3], made.phone_contour[0, 0], atol=1e-5)


def test_a_stranger_lies_between_the_sentence_and_the_known(habits):
    """One as low as ben is not taken for a mean voice; one sentence is not believed outright."""
    said = sentence(5, 100.0, 0.15, -26.0)
    mean = np.log(said["pitch"][said["pitch"] > 0]).mean()
    found = habits._of_speaker(Utterance(**said))
    prior = habits.known.mean(axis=0)
    assert min(mean, prior[0]) < found[0] < max(mean, prior[0])
    assert abs(found[0] - mean) < 0.3 * abs(prior[0] - mean)


def test_where_one_speaker_is_known_the_sentence_is_believed(tmp_path):
    items = {str(n): TrainItem(**sentence(n, *VOICES["ann"]), speaker="ann") for n in range(4)}
    block, said = fit_on(NormalisedProsody(NormalisedProsody.tiny, SPEC), items, tmp_path), sentence(9, *VOICES["ben"])
    mean = np.log(said["pitch"][said["pitch"] > 0]).mean()
    assert block._of_speaker(Utterance(**said))[0] == pytest.approx(mean, abs=1e-4)


def test_a_melody_comes_out_in_another_register(habits):
    said = sentence(7, *VOICES["ben"])
    made = one(habits, said, speaker="ben", pitch_mean=220.0, pitch_spread=0.2)
    voiced = said["pitch"] > 0
    assert (made.pitch[~voiced] == 0).all()
    assert np.corrcoef(np.log(made.pitch[voiced]), np.log(said["pitch"][voiced]))[0, 1] > 0.999
    assert np.log(made.pitch[voiced]).mean() == pytest.approx(np.log(220), abs=0.15)
    np.testing.assert_allclose(one(habits, said, speaker="ben").pitch, said["pitch"], rtol=1e-6)


def test_what_is_hardly_voiced_has_a_flat_melody(habits):
    said = sentence(1)
    said["pitch"] = np.where(np.arange(len(said["pitch"])) < 5, 150.0, 0.0).astype(np.float32)
    made = one(habits, said)
    assert not made.frame_contour[:, 0].any()
    assert np.isfinite(made.phone_contour).all()


def test_an_artifact_says_the_same(habits, tmp_path: Path):
    habits.save(tmp_path)
    about = {
        "block": "features.normalised_prosody",
        "config": habits.config.model_dump(mode="json"),
        "spec": SPEC.model_dump(),
    }
    write_manifest(tmp_path, about)
    for more in ({"speaker": "ann"}, {}):
        ours, theirs = (one(each, sentence(2), **more) for each in (habits, restore(tmp_path)))
        np.testing.assert_allclose(ours.phone_contour, theirs.phone_contour, atol=1e-4)


# ---- what is refused ----


def test_frames_that_are_not_those_of_the_durations_are_refused(habits):
    said = sentence(0)
    made = one(habits, said | {"durations": said["durations"] + 1})
    assert isinstance(made, Failure)
    assert "frames in all, but pitch has" in made.reason


def test_without_statistics_it_says_so():
    with pytest.raises(ValueError, match="no statistics of speakers yet"):
        NormalisedProsody(NormalisedProsody.tiny, SPEC).apply([])


def test_speakers_who_say_nothing_are_refused(tmp_path):
    silent = sentence(0) | {"pitch": np.zeros_like(sentence(0)["pitch"])}
    with pytest.raises(ValueError, match="no speaker has 20 voiced frames"):
        fit_on(NormalisedProsody(NormalisedProsody.tiny, SPEC), {"a": TrainItem(**silent, speaker="ann")}, tmp_path)
