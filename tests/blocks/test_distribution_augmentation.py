"""What the graph of distribution augmentation is made of beside splicer and models: subsets, counts of contexts, jumps, sources, draws, lineage."""

import numpy as np
import pytest

from blocks.acoustic.schema import TrainItem
from blocks.annotation.sources import Config as SourcesConfig
from blocks.annotation.sources import SourcesOfSplice, Splice
from blocks.base import Skip
from blocks.load import find
from blocks.metric.boundary_jumps import BoundaryJumps, Timed
from blocks.metric.boundary_jumps import Config as JumpsConfig
from blocks.metric.coverage import Config as CoverageConfig
from blocks.metric.coverage import CoverageOfContexts, Utterance
from blocks.spec import AudioSpec
from blocks.subset.schema import Row
from blocks.subset.share import Config as ShareConfig
from blocks.subset.share import Share
from runner.check import check, read_graph
from runner.fit.batches import BatchPlan
from runner.plan import make_plan
from runner.run.local import LocalExecutor
from runner.store import Store
from runner.work.executor import Observer

SPEC = AudioSpec()


# ---- subsets ----


def shares(seed: int = 0, **more) -> np.ndarray:
    rows = [Row(id=f"u{n}", **more) for n in range(2000)]
    return np.array([each.share for each in Share(ShareConfig(), SPEC, seed).apply(rows)])


def test_a_share_holds_about_that_share_of_the_rows():
    for share in (0.1, 0.34, 0.9):
        assert (shares() <= share).mean() == pytest.approx(share, abs=0.04)
    np.testing.assert_array_equal(shares(), shares(split="train"))
    assert abs(np.corrcoef(shares(0), shares(1))[0, 1]) < 0.1


def test_what_is_held_out_is_held_out_whole():
    assert not shares(split="dev").any()


# ---- contexts ----


def said(phones: str, words: list[int]) -> Utterance:
    return Utterance(phones=tuple(phones), word_of_phone=np.array(words, np.int32))


def test_contexts_are_counted_once():
    reducer = CoverageOfContexts(CoverageConfig(), SPEC)
    one = said("_abcd_", [-1, 0, 0, 1, 1, -1])
    found = reducer.reduce([one, one])
    assert dict(found) == {"utterances": 2, "phones": 12, "trigrams": 4, "boundaries": 1}
    other = said("abxcd", [0, 0, -1, 1, 1])  # a silence between words: no context of theirs
    assert dict(reducer.reduce([one, other])) == {"utterances": 2, "phones": 11, "trigrams": 7, "boundaries": 1}


# ---- jumps ----


def timed(pitch: list[float], energy: list[float], words: list[int]) -> Timed:
    """Four frames a phone."""
    return Timed(
        pitch=np.repeat(np.array(pitch, np.float32), 4),
        energy=np.repeat(np.array(energy, np.float32), 4),
        durations=np.full(len(words), 4, np.int32),
        word_of_phone=np.array(words, np.int32),
    )


def test_jumps_are_those_between_neighbouring_words():
    block = BoundaryJumps(JumpsConfig(), SPEC)
    (found,) = block.apply([timed([100, 200, 0, 400, 100], [-20, -20, -26, -20, -40], [0, 1, 1, 2, 2])])
    assert found.pitch_jump == pytest.approx(12)
    assert found.energy_jump == pytest.approx(3)  # 0 dB at the first border, 6 at the second
    apart, alone = block.apply([timed([100] * 3, [-20] * 3, [0, -1, 1]), timed([100, 100], [-20, -20], [-1, 0])])
    assert isinstance(apart, Skip)
    assert isinstance(alone, Skip)


def test_timing_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="phones of 12 frames in a recording of 8"):
        Timed(
            **dict(timed([100] * 3, [-20] * 3, [0, 1, 2]))
            | {"pitch": np.ones(8, np.float32), "energy": np.ones(8, np.float32)}
        )
    with pytest.raises(ValueError, match="3 durations for 2 phones, want as many"):
        Timed(**dict(timed([100] * 3, [-20] * 3, [0, 1, 2])) | {"word_of_phone": np.zeros(2, np.int32)})


# ---- sources ----


def test_sources_are_cut_out_with_what_was_said_around():
    hop, rate = SPEC.hop_length, SPEC.sample_rate
    wave = np.arange(100 * hop, dtype=np.float32)
    block = SourcesOfSplice(SourcesConfig(context_s=0.1), SPEC)
    (found,) = block.apply([Splice(host=wave, donor=wave, replaced_frames=(50, 60), inserted_frames=(1, 3))])
    around = round(0.1 * rate)
    np.testing.assert_array_equal(found.replaced, wave[50 * hop - around : 60 * hop + around])
    np.testing.assert_array_equal(found.inserted, wave[: 3 * hop + around])


# ---- draws ----


def test_half_of_a_batch_are_recordings_whatever_their_share_is():
    item = TrainItem(phones=("a",), log_mel=np.zeros((4, 80), np.float32), globals={"speaker": "ann"})
    for name in ("acoustic.parallel", "acoustic.attention"):
        block = find(name)(find(name).tiny, SPEC)
        assert block.group(item) == "ann"
        assert block.group(item.model_copy(update={"group": "spliced"})) == "spliced"
    groups = ["recorded"] * 10 + ["spliced"] * 190
    plan = BatchPlan([100] * 200, seed=0, budget=1000, most=64, groups=groups, balance=1.0)
    drawn = [index for step in range(1, 101) for index in plan.part(step).indices]
    assert np.mean([index < 10 for index in drawn]) == pytest.approx(0.5, abs=0.02)


# ---- lineage ----

GRAPH = """
spec: vox_16k
max_failed: 0.9
nodes:
  prompts: {read: corpus.asterisk, config: {languages: [en]}}
  words: {map: text.normalise, in: {text: prompts.text, language: prompts.language}}
  said: {map: text.phones, in: {text: words.text, language: prompts.language}}
  mel: {map: features.log_mel, in: {wave: prompts.wave}}
  pitch: {map: features.pitch, in: {wave: prompts.wave}}
  energy: {map: features.energy, in: {wave: prompts.wave}}
  aligned: {map: aligner.even, in: {phones: said.phones, log_mel: mel.log_mel}}
  parsed: {map: parser.spacy, in: {text: words.text, words: said.words}}
  spliced:
    expand: splicer.constituent
    in:
      phones: said.phones
      words: said.words
      word_of_phone: said.word_of_phone
      durations: aligned.durations
      spans: parsed.spans
      log_mel: mel.log_mel
      pitch: pitch.pitch
      energy: energy.energy
      speaker: prompts.speaker
      split: SPLIT
    config: {made: 2}
  voice:
    fit: acoustic.parallel
    in: {phones: spliced.phones, log_mel: spliced.log_mel, durations: spliced.durations, split: spliced.split, group: spliced.origin}
    config: {hidden: 8, wide: 8, encoder_layers: 1, decoder_layers: 1, pitch: false, energy: false, max_steps: 1, max_frames: 4000, balance: 1}
  spoken: {map: acoustic.parallel, model: voice, in: {phones: said.phones}, where: {prompts.split: dev}}
  apart: {map: metric.duration_error, in: {reference: aligned.durations, prediction: spoken.durations, log_mel: spoken.log_mel}}
  scores: {reduce: metric.table, in: {scores: {voice: {frames apart: apart.frames_apart}}}}
"""


def test_a_model_is_not_judged_on_what_its_sentences_were_made_of(tmp_path):
    def run(split: str):
        (tmp_path / "graph.yaml").write_text(GRAPH.replace("SPLIT", split))
        store = Store(tmp_path / "store")
        plan = make_plan(check(read_graph(tmp_path / "graph.yaml")), store, limit=30)
        return LocalExecutor().run(plan, store, Observer())

    sound = run("prompts.split")
    assert sound.error is None
    assert sound.results["scores"]["systems"] == ["voice"]
    wrong = run("{value: train}")  # dev recordings give their parts away
    assert "rows are dev, but voice was trained on what they were made from" in str(wrong.error)
