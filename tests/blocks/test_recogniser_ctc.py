"""`recogniser.ctc` and the rate that judges it: labels with their times, pauses, what training disturbs, and that it learns."""

from pathlib import Path

import numpy as np
import pytest

from blocks.base import Failure
from blocks.load import find, restore
from blocks.metric.phone_error import PhoneError, Phonetic
from blocks.recogniser.ctc import augment
from blocks.recogniser.ctc.labels import labels
from blocks.recogniser.schema import Recorded
from blocks.spec import AudioSpec
from runner.conformance.trained import fit_on
from runner.store.artifact import write_manifest

torch = pytest.importorskip("torch")

Ctc = find("recogniser.ctc")
SPEC = AudioSpec()


def odds(*best: int, classes: int = 3) -> np.ndarray:
    """Steps whose likeliest class is as given."""
    return (0.1 + 0.7 * np.eye(classes)[list(best)]).astype(np.float32)


# ---- labels ----


def test_runs_are_labels_that_share_what_lies_between_them():
    found = labels(odds(0, 1, 1, 0, 2, 0), stride=2, frames=12, pause=100, edge=0)
    assert (found.classes, found.with_pauses) == ([1, 2], [1, 2])
    assert found.spans.tolist() == [[2, 6], [8, 10]]
    assert found.durations.tolist() == [7, 5]  # the border lies at frame 7, half-way from 6 to 8


def test_the_same_phone_twice_wants_a_blank_between():
    assert labels(odds(1, 1, 0, 1), 1, 4, 100, 0).classes == [1, 1]
    assert labels(odds(1, 1, 1), 1, 3, 100, 0).classes == [1]


def test_a_long_blank_is_a_pause_at_either_end_and_between():
    found = labels(odds(*[0] * 8, 1, *[0] * 8, 2, *[0] * 8), stride=1, frames=26, pause=6, edge=2)
    assert found.with_pauses == [0, 1, 0, 2, 0]
    assert found.durations.tolist() == [6, 5, 4, 5, 6]  # a pause leaves two frames to its neighbours
    assert labels(odds(*[0] * 8, 1, *[0] * 8, 2, *[0] * 8), 1, 26, 9, 2).with_pauses == [1, 2]


def test_where_nothing_is_heard_there_is_one_pause():
    found = labels(odds(0, 0), stride=3, frames=5, pause=1, edge=1)
    assert (found.classes, found.with_pauses, found.durations.tolist()) == ([], [0], [5])


@pytest.mark.parametrize("stride", [1, 3])
@pytest.mark.parametrize("seed", range(20))
def test_durations_fill_the_recording_and_hold_their_labels(seed, stride):
    rng = np.random.default_rng(seed)
    steps = rng.choice(3, size=40, p=[0.8, 0.1, 0.1])
    frames = 40 * stride - int(rng.integers(stride))
    found = labels(odds(*steps), stride, frames, pause=5 * stride, edge=2)
    assert found.durations.sum() == frames == len(found.posteriorgram)
    assert found.durations.min() >= 1
    ends = np.cumsum(found.durations)
    spoken = np.array(found.with_pauses) > 0
    assert (found.spans[spoken, 0] >= (ends - found.durations)[spoken]).all()
    assert (found.spans[spoken, 1] <= ends[spoken]).all()
    np.testing.assert_allclose(found.posteriorgram.sum(1), 1, rtol=1e-5)
    np.testing.assert_allclose(found.phone_posteriors.sum(1), 1, rtol=1e-5)


# ---- what is heard ----


def test_level_and_microphone_do_not_count():
    rng = np.random.default_rng(0)
    mel = rng.normal(size=(50, 80)).astype(np.float32)
    tilted = mel + np.linspace(-2, 2, 80, dtype=np.float32) - 3
    np.testing.assert_allclose(augment.mean_normalised(mel, 200), augment.mean_normalised(tilted, 200), atol=1e-5)


def test_stretching_goes_between_frames_and_stops_at_the_last():
    mel = np.array([[0.0], [2.0], [4.0]], np.float32)
    assert augment.stretched(mel, np.array([0, 0.5, 1.5, 9]), axis=0).ravel().tolist() == [0, 1, 3, 4]


def test_what_is_disturbed_stays_in_shape_and_in_range():
    mel = np.random.default_rng(0).normal(size=(120, 80)).astype(np.float32)
    kept = mel.copy()
    for seed in range(10):
        made = augment.disturbed(mel, lambda hz: 60, Ctc.tiny, np.random.default_rng(seed))
        assert (made.dtype, made.shape[1]) == (np.float32, 80)
        assert 100 < len(made) < 145
        assert np.isfinite(made).all()
    assert (mel == kept).all()


# ---- a training ----


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """A recogniser that learned three tones, each a phone, and the recordings it learned from."""
    from blocks.recogniser.schema import TrainItem

    rng, items = np.random.default_rng(0), []
    for _ in range(12):
        said = rng.integers(3, size=4)
        mel = np.full((4 * 12, 80), -8, np.float32) + 0.1 * rng.standard_normal((48, 80)).astype(np.float32)
        for at, phone in enumerate(said):
            mel[12 * at + 2 : 12 * at + 10, 10 + 20 * phone : 24 + 20 * phone] += 6
        items.append(TrainItem(log_mel=mel, phones=("sil", *[("a", "ˈi", "s")[n] for n in said], "sil")))
    config = Ctc.Config(
        hidden=24, wide=48, layers=2, kernel=3, stride=2, dropout=0.0, max_steps=150, lr=5e-3, warmup_steps=5, vtlp=0.0, speed_perturb=0.0,
        band_limit_share=0.0, noise_share=0.0,
    )  # fmt: skip
    return fit_on(
        Ctc(config, SPEC), {str(n): item for n, item in enumerate(items)}, tmp_path_factory.mktemp("fit")
    ), items


def test_it_learns_what_is_said_and_when(taught):
    block, items = taught
    made = block.apply([Recorded(log_mel=item.log_mel) for item in items])
    want = [tuple(phone.lstrip("ˈ") for phone in item.phones if phone != "sil") for item in items]
    right = [
        tuple(one for one in result.phones if one != "sil") == meant for result, meant in zip(made, want, strict=True)
    ]
    assert np.mean(right) > 0.9
    first = next(result for result, good in zip(made, right, strict=True) if good)
    assert set(first.unnamed) <= {"sil", "phone"}
    middles = first.spans.mean(1)[np.array(first.phones) != "sil"]
    assert np.abs(middles - (12 * np.arange(4) + 6)).max() < 8
    assert block.validate(items)["phone_errors"] < 10


def test_an_artifact_says_the_same(taught, tmp_path: Path):
    block, items = taught
    block.save(tmp_path)
    write_manifest(
        tmp_path, {"block": "recogniser.ctc", "config": block.config.model_dump(mode="json"), "spec": SPEC.model_dump()}
    )
    again = restore(tmp_path)
    ours, theirs = (each.apply([Recorded(log_mel=items[0].log_mel)])[0] for each in (block, again))
    assert ours.phones == theirs.phones
    np.testing.assert_allclose(ours.posteriorgram, theirs.posteriorgram, atol=1e-6)


def test_without_weights_it_says_so():
    with pytest.raises(ValueError, match="no weights yet"):
        Ctc(Ctc.tiny, SPEC).apply([])


# ---- the rate ----


def test_stress_and_silence_are_no_errors():
    (made,) = PhoneError(PhoneError.tiny, SPEC).apply(
        [Phonetic(prediction=("a", "t", "o"), reference=("sil", "ˈa", "d", ".", "o", "m"))]
    )
    assert (made.phone_errors.errors, made.phone_errors.of, made.per) == (2, 4, 50)


def test_a_text_without_phones_is_a_failure():
    (made,) = PhoneError(PhoneError.tiny, SPEC).apply([Phonetic(prediction=("a",), reference=("sil",))])
    assert isinstance(made, Failure)
    assert "no phones but silences" in made.reason
