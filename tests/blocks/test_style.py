"""Styles from latents, statistics of how a recording is said, and how far systems lie from recordings."""

from types import SimpleNamespace

import numpy as np
import pytest

from blocks.base import BadItem, Failure
from blocks.features.prosody_statistics import ProsodyStatisticsOf, Utterance
from blocks.metric.prosody_distance import Config, ProsodyDistance
from blocks.metric.prosody_distance import Utterance as Measured
from blocks.metric.style_classifier import StyleClassifier
from blocks.metric.style_classifier import Utterance as Asked
from blocks.metric.style_variance import StyleVariance
from blocks.metric.style_variance import Utterance as Styles
from blocks.reference.schema import Named
from blocks.reference.style_centroid import StyleCentroid, Styled
from blocks.reference.style_gallery import StyleGallery
from blocks.reference.style_gallery import TrainItem as StyleTrainItem
from blocks.spec import AudioSpec

SPEC = AudioSpec()
RNG = np.random.default_rng(0)


def vector(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def test_a_style_is_the_mean_of_latents_and_keeps_their_length():
    centroid = StyleCentroid(StyleCentroid.tiny, SPEC)
    made = centroid.reduce([Styled(style_vector=vector(1, 0)), Styled(style_vector=vector(5, 4))])
    np.testing.assert_array_equal(made.style_vector, [3, 2])
    with pytest.raises(BadItem, match="latents of 1 and 2 numbers"):
        centroid.reduce([Styled(style_vector=vector(1)), Styled(style_vector=vector(5, 4))])


def test_an_unknown_style_is_answered_by_the_list(tmp_path):
    gallery = StyleGallery(StyleGallery.tiny, SPEC)

    told = [("calm", (0, 2)), ("calm", (2, 2)), ("wild", (9, 9))]
    items = [StyleTrainItem(speaker=name, style_vector=vector(*at)) for name, at in told]
    gallery.fit(SimpleNamespace(items=items))
    gallery.save(tmp_path)
    again = StyleGallery(StyleGallery.tiny, SPEC)
    again.load(tmp_path)
    calm, none = again.apply([Named(speaker="calm"), Named(speaker="angry")])
    np.testing.assert_array_equal(calm.style_vector, [1, 2])
    assert isinstance(none, Failure)
    assert "no style is called 'angry'" in none.reason
    assert "calm, wild" in none.reason


# ---- statistics ----


def said(**changed) -> Utterance:
    """Ten frames of silence, 40 of speech, 20 of silence, 30 of speech: F0 rises by an octave."""
    hz = np.where(np.r_[np.zeros(10), np.ones(40), np.zeros(20), np.ones(30)] > 0, np.geomspace(100, 200, 100), 0)
    fields = dict(
        pitch=hz.astype("f4"), energy=np.where(hz > 0, np.arange(100) % 2 * 4 - 20, -90).astype("f4"),
        phones=("sil", "a", "b", "sil", "a"), durations=np.array([10, 15, 25, 20, 30], np.int32), pitch_mean=100.0,
    )  # fmt: skip
    return Utterance(**fields | changed)


def test_statistics_are_what_they_are_called():
    (made,) = ProsodyStatisticsOf(ProsodyStatisticsOf.tiny, SPEC).apply([said()])
    logs = np.log(said().pitch[said().pitch > 0] / 100)
    mean, deviation, width, level, pace, pauses = made.prosody
    assert mean == pytest.approx(logs.mean(), abs=1e-5)
    assert deviation == pytest.approx(logs.std(), abs=1e-5)
    assert width == pytest.approx(np.subtract(*np.percentile(logs, (95, 5))), abs=1e-5)
    assert level == pytest.approx(2, abs=1e-5)
    assert pace == pytest.approx(3 / (70 / SPEC.frame_rate), rel=1e-5)
    assert pauses == pytest.approx(20 / 90, abs=1e-5)


def test_what_tells_no_prosody_is_refused():
    block = ProsodyStatisticsOf(ProsodyStatisticsOf.tiny, SPEC)
    whispered, late, good = block.apply(
        [said(pitch=np.zeros(100, "f4")), said(durations=np.array([10, 15, 25, 20, 60], np.int32)), said()]
    )
    assert "0 voiced frames" in whispered.reason
    assert "durations of 130 frames, but 100 of level" in late.reason
    assert np.isfinite(good.prosody).all()


# ---- distances ----


def heard(shift: dict[str, float], rows: int = 40) -> list[Measured]:
    rng = np.random.default_rng(0)
    drawn = rng.standard_normal((rows, 6)).astype("f4")
    return [Measured(prosody={name: row + np.float32(by) for name, by in shift.items()}) for row in drawn]


def distances(items: list[Measured], **config):
    return ProsodyDistance(Config(resamples=100, **config), SPEC).reduce(items)


def test_a_shift_of_all_utterances_is_that_far_and_the_gap_is_a_ratio():
    items = heard({"recordings": 0.0, "neutral": 4.0, "styled": 2.0, "converted": 1.0})
    found = distances(items, lower_anchor="neutral", upper_anchors=("converted", "recordings"))
    spread = np.mean(1 / np.stack([each.prosody["recordings"] for each in items]).std(0))
    by_name = {each.system: each for each in found.distances}
    assert by_name["recordings"].distance == 0
    assert by_name["styled"].distance == pytest.approx(2 * spread, rel=1e-4)
    closed = {(each.system, each.upper_anchor): each.percent for each in found.closed}
    assert closed["styled", "converted"] == pytest.approx(100 * 2 / 3, rel=1e-3)
    assert closed["styled", "recordings"] == pytest.approx(50, rel=1e-3)
    assert closed["converted", "recordings"] == pytest.approx(75, rel=1e-3)
    assert by_name["styled"].low < by_name["styled"].distance < by_name["styled"].high


def test_without_a_gap_nothing_is_closed():
    (closed,) = distances(
        heard({"recordings": 0.0, "neutral": 1.0, "styled": 0.5, "converted": 3.0}),
        lower_anchor="neutral",
        upper_anchors=("converted",),
    ).closed
    assert (closed.percent, closed.low) == (None, None)


def test_few_utterances_and_unknown_systems_are_refused():
    items = heard({"recordings": 0.0, "styled": 1.0}, rows=1)
    with pytest.raises(BadItem, match="1 of 1 utterances have all of recordings, styled"):
        distances(items)
    wired = {"prosody": {"recordings": "a.b", "styled": "c.d"}}
    ((path, message),) = ProsodyDistance.check_wiring(Config(lower_anchor="neutral"), wired)
    assert path == ("lower_anchor",)
    assert "no system 'neutral' is wired" in message


def test_styles_differ_by_the_variance_of_their_means_beside_that_within():
    of = {"a": ([0, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 3]), "b": ([4, 0, 0, 0, 0, 1], [6, 0, 0, 0, 0, 3])}
    items = [Styles(prosody=vector(*row), style=name) for name, rows in of.items() for row in rows]
    found = StyleVariance(StyleVariance.tiny, SPEC).reduce(items)
    ratios = list(found.statistics.values())
    assert ratios == pytest.approx([8 / 2, 0, 0, 0, 0, 0])
    assert found.ratio == pytest.approx(4 / 6)
    with pytest.raises(ValueError, match="2 of a; want two styles"):
        StyleVariance(StyleVariance.tiny, SPEC).reduce(items[:2])


def asked(style: str, split: str, **systems: float) -> Asked:
    """Utterances that differ in pace; by chance, little, in all else."""
    prosody = {name: 0.1 * RNG.standard_normal(6) + [0, 0, 0, 0, pace, 0] for name, pace in systems.items()}
    return Asked(prosody={name: each.astype("f4") for name, each in prosody.items()}, style=style, split=split)


def test_a_style_is_told_from_how_it_is_spoken_and_one_for_all_by_chance():
    pace = {"calm": 4.0, "quick": 8.0, "wild": 12.0}
    items = [asked(style, "train", recordings=at) for style, at in pace.items() for _ in range(10)]
    items += [asked(style, "dev", recordings=at, flat=4.0, styled=at) for style, at in pace.items() for _ in range(5)]
    found = StyleClassifier(StyleClassifier.Config(resamples=50), SPEC).reduce(items)
    told = {system.system: system for system in found.systems}
    assert found.chance == pytest.approx(100 / 3)
    assert found.learnt_from == {"calm": 10, "quick": 10, "wild": 10}
    assert (told["recordings"].percent, told["styled"].percent) == (100, 100)
    assert told["flat"].percent == pytest.approx(100 / 3)
    assert told["flat"].styles == {"calm": 100, "quick": 0, "wild": 0}
    assert told["flat"].utterances == 15


def test_styles_that_cannot_be_learnt_are_named():
    classifier = StyleClassifier(StyleClassifier.tiny, SPEC)
    few = [asked("calm", "train", recordings=1.0), *[asked("wild", "train", recordings=2.0) for _ in range(3)]]
    with pytest.raises(BadItem, match="recordings to learn from: 1 of calm, utterances to ask about: 0"):
        classifier.reduce(few)
    (problem,) = classifier.check_wiring(StyleClassifier.Config(reference="recording"), {"prosody": {"recordings": 1}})
    assert "did you mean 'recordings'" in problem[1]
