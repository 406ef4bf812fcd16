"""acoustic.attention: a small language learned, the ends of what it says, and its artifacts."""

import json
import re

import numpy as np
import pytest

from blocks.acoustic.attention import AttendedPrediction, Attention, Config, Dynamic, Location
from blocks.acoustic.schema import Request
from blocks.base import Failure
from tests.blocks.attention_models import (
    SMALL,
    SPEC,
    TINY,
    TOGETHER,
    WHOLE,
    asked,
    curve,
    fitted,
    toned,
    utterance,
)

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module", params=["dynamic", "location"])
def trained(request, tmp_path_factory):
    attention = Dynamic(width=16) if request.param == "dynamic" else Location(width=16, filters=4, kernel=9)
    folder = tmp_path_factory.mktemp(request.param)
    items = [utterance(seed, durations=seed % 2 == 0) for seed in range(4)]
    config = Config(**SMALL, attention=attention, max_steps=80, val_check_interval=40)
    block, reported = fitted(folder / "store", config, items, dev=items[:2])
    block.save(folder)
    return block, reported, folder, items


def test_a_few_utterances_are_learned_and_their_health_is_reported_from_the_first_step(trained):
    block, reported, _, items = trained
    loss, dev, focus = (curve(reported, name) for name in ("train/loss", "val/loss", "train/focus"))
    assert loss[80] < loss[1] / 2
    assert dev[80] < dev[40]
    assert focus[80] > focus[1] + 0.2
    for name in ("coverage", "skips", "repeats", "early_stop", "late_stop"):
        assert curve(reported, f"train/{name}").keys() == loss.keys()
    made = block.apply([asked(item) for item in items])
    assert all(type(one) is AttendedPrediction for one in made), made
    assert np.mean([one.coverage for one in made]) > 0.8
    for one, item in zip(made, items):
        assert one.durations.shape == (len(item.phones),)
        assert one.durations.sum() == len(one.log_mel)
        assert abs(len(one.log_mel) - len(item.log_mel)) < 0.5 * len(item.log_mel)


def test_discriminators_join_at_their_step(tmp_path):
    items = [utterance(seed, durations=True) for seed in range(2)]
    reported = fitted(tmp_path, TINY.model_copy(update={"teacher_forced_steps": 3}), items)[1]
    for name in ("discriminator", "adversarial", "feature"):
        assert curve(reported, f"train/loss_{name}").keys() == {3, 4}
    assert curve(reported, "train/loss_mel").keys() == {1, 2, 3, 4}


def test_pitch_and_energy_condition_what_is_written_and_not_the_attention(tmp_path):
    items = [toned(utterance(seed, durations=True), seed) for seed in range(3)]
    block, reported = fitted(tmp_path, WHOLE.model_copy(update={"teacher_forced_steps": 3}), items, dev=items[:1])
    for name in ("pitch", "voicing", "energy"):
        assert curve(reported, f"train/loss_{name}").keys() == {1, 2, 3, 4}
        assert curve(reported, f"val/loss_{name}").keys() == {2, 4}
    request = asked(items[0])
    before, alignment, *_ = next(block._decode([request]))
    for predictor, bias in ((block.net.energy, 0), (block.net.pitch, 0)):
        with torch.no_grad():
            predictor.out.bias[bias] += 3
        after, again, *_ = next(block._decode([request]))
        np.testing.assert_array_equal(again, alignment)
        assert np.abs(after - before).max() > 1e-3
        before = after


def test_pitch_and_energy_that_are_given_need_not_be_predicted(tmp_path):
    items = [toned(utterance(seed, durations=True), seed) for seed in range(20)]
    errors = {}
    for given in (True, False):
        config = Config(
            **SMALL,
            attention=Dynamic(width=16),
            max_steps=150,
            teacher_forced_steps=150,
            val_check_interval=150,
            pitch=given,
            energy=given,
        )
        _, curves = fitted(tmp_path / str(given), config, items[:16], dev=items[16:])
        errors[given] = curve(curves, "val/loss_mel")[150]
    assert errors[True] < 0.8 * errors[False], errors


def test_two_together_equal_each_alone_and_the_seed_draws_the_dropout(trained):
    block, _, folder, items = trained
    requests = [asked(item) for item in (*items[:3], utterance(100))]
    together = block.apply(requests)
    for request, one in zip(requests, together):
        (alone,) = block.apply([request])
        np.testing.assert_allclose(alone.log_mel, one.log_mel, **TOGETHER)
        np.testing.assert_array_equal(alone.durations, one.durations)
        assert alone.focus == pytest.approx(one.focus, abs=1e-5)
    other = Attention(block.config, SPEC, seed=1)
    other.load(folder)
    made = other.apply(requests[:1])[0]
    assert abs(made.focus - together[0].focus) > 1e-5


def test_it_goes_on_when_it_more_likely_than_not_would_have_gone_on(trained):
    block, _, _, items = trained
    requests = [asked(item) for item in (*items, utterance(100))]
    for request, (_, weights, where, _) in zip(requests, block._decode(requests)):
        want, phone, stays = [], 0, 1.0
        for step, chances in enumerate(weights):
            stays *= 1 - chances[phone + 1 :].sum() if step else 1.0
            if stays <= 0.5 and phone < len(request.phones) - 1:
                phone, stays = phone + 1, 1.0
            want.append(phone)
        assert where.tolist() == want
        assert len(set(where)) > 2


def test_a_phone_that_holds_it_is_left_after_a_while_and_no_text_ends_before_its_last(trained):
    block, _, folder, items = trained
    held = Attention(block.config.model_copy(update={"linger_s": 0.1}), SPEC)
    held.load(folder)
    with torch.no_grad():
        held.net.stop.bias.fill_(1e4)  # it would end at once
        held.net.attention.score.weight.zero_()
        prior = getattr(held.net.attention, "prior", None)
        if prior is not None:  # a prior that never goes on
            prior.zero_()[len(prior) // 2] = 1
    phones = items[0].phones
    ((_, _, where, ended),) = held._decode([asked(items[0])])
    assert ended
    assert sorted(set(where.tolist())) == list(range(len(phones)))
    (one,) = held.apply([asked(items[0])])
    assert (one.early_stop, one.skips) == (0, 0)
    if prior is not None:
        assert one.durations.tolist() == [8] * (len(phones) - 1) + [2]
        assert one.lingers == len(phones) - 1


def test_what_is_saved_is_loaded_bit_for_bit(trained):
    block, _, folder, items = trained
    again = Attention(block.config, SPEC)
    again.load(folder)
    request = [asked(item) for item in items[:2]]
    for mine, theirs in zip(block.apply(request), again.apply(request)):
        for name in type(mine).model_fields:
            np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name))


def test_a_runaway_ends_as_a_failure_that_says_how_it_went(trained):
    block, _, folder, items = trained
    deaf = Attention(block.config.model_copy(update={"linger_s": 1e6, "longest_phone_s": 0.1}), SPEC)
    deaf.load(folder)
    with torch.no_grad():
        deaf.net.stop.bias.fill_(-1e4)
    (record,) = deaf.apply([asked(items[0])])
    assert type(record) is Failure
    seconds = 1 + 0.1 * len(items[0].phones)
    found = re.match(
        r"a runaway: no end after ([\d.]+) s for (\d+) phones.*focus [\d.]+, .*late_stop [\d.]+", record.reason
    )
    assert found, record.reason
    assert float(found[1]) == pytest.approx(seconds, abs=0.1)
    assert int(found[2]) == len(items[0].phones)
    kept = Attention(deaf.config.model_copy(update={"runaways": "keep"}), SPEC)
    kept.net, kept.inputs = deaf.net, deaf.inputs
    (said,) = kept.apply([asked(items[0])])
    assert said.runaway == 1
    assert len(said.log_mel) == said.durations.sum() == pytest.approx(seconds * SPEC.frame_rate, abs=4)
    lingering = Attention(block.config.model_copy(update={"linger_s": 0.1}), SPEC)
    lingering.load(folder)
    with torch.no_grad():
        lingering.net.stop.bias.fill_(-1e4)
    (ended,) = lingering.apply([asked(items[0])])
    assert type(ended) is AttendedPrediction, "its last phone was reached, and that is waited for no longer"
    assert 0.1 <= ended.late_stop < 0.3


def test_what_cannot_be_said_fails_with_its_reason_and_its_neighbours_are_said(trained):
    block, _, _, items = trained
    good = asked(items[0])
    made = block.apply(
        [
            Request(phones=("sil", "ʒ", "sil")),
            good,
            Request(phones=()),
            good.model_copy(update={"speaking_rate": 2.0}),
            Request(phones=good.phones, globals={"speaker": "joe"}),
        ]
    )
    reasons = [one.reason if type(one) is Failure else "" for one in made]
    wanted = (
        "'ʒ'; it knows sil",
        "",
        "no phones to say",
        "speaking_rate 2.*acoustic.parallel",
        "global 'speaker' that the",
    )
    for reason, want in zip(reasons, wanted, strict=True):
        assert re.search(want, reason)
    assert type(made[1]) is AttendedPrediction
    with pytest.raises(ValueError, match="no weights yet: fit it, or load"):
        Attention(block.config, SPEC).apply([good])


def test_a_foreign_artifact_is_refused_with_the_difference(trained, tmp_path):
    block, _, folder, _ = trained
    with pytest.raises(ValueError, match=r"(?s)of \d+ weights fit.*frames\.bias is \(24,\), want \(36,\)"):
        Attention(block.config.model_copy(update={"reduction_factor": 3}), SPEC).load(folder)
    block.save(tmp_path)
    table = json.loads((tmp_path / "symbols.json").read_text())
    table["tables"]["phones"][:2] = table["tables"]["phones"][1::-1]
    (tmp_path / "symbols.json").write_text(json.dumps(table))
    with pytest.raises(ValueError, match="not the phones that the weights were trained with: row 1"):
        Attention(block.config, SPEC).load(tmp_path)
