"""acoustic.attention: what settings declare, trainings that go on from others, and what is refused."""

import numpy as np
import pytest

from blocks.acoustic.attention import Attention, Dynamic, Location
from blocks.acoustic.schema import Request
from blocks.common.conditions import Global, Stream
from runner.fit.local_run import Stopped
from tests.blocks.attention_models import (
    SPEC,
    TINY,
    TOGETHER,
    WHOLE,
    asked,
    curve,
    fitted,
    toned,
    training,
    utterance,
)

torch = pytest.importorskip("torch")


def test_frames_that_are_dropped_tell_nothing_while_it_learns(tmp_path):
    still = {"prenet_dropout": 0.0, "dropout": 0.0, "recurrent_dropout": 0.0}
    item, frames = utterance(0), torch.tensor([20])
    others = torch.randn(8, 1, 20, 12, generator=torch.Generator().manual_seed(0))
    for share, deaf in ((0.0, False), (0.9999, True)):
        block, _ = fitted(tmp_path / str(share), TINY.model_copy(update=still | {"frame_dropout": share}), [item])
        apart = []
        for learns in (True, False):
            block.net.train(learns)
            with torch.inference_mode():
                made = [block.net(block._tensors([item]), mels, frames).coarse for mels in others]
            apart.append(float(torch.stack(made).std(0).max()))
        assert (apart[0] < 1e-6) == deaf
        assert apart[1] > 1e-4, "when it speaks, it hears all"


def test_padding_changes_no_loss_and_a_silent_stream_nothing(tmp_path):
    items = [utterance(0), utterance(3)]
    block, _ = fitted(tmp_path, TINY.model_copy(update={"prenet_dropout": 0.0}), items)
    each = [block.validate([item]) for item in items]
    both = block.validate(items)
    frames = [len(item.log_mel) for item in items]
    for name in ("loss", "loss_mel", "loss_coarse", "loss_stop", "loss_guided"):
        assert both[name] == pytest.approx(np.average([one[name] for one in each], weights=frames), abs=1e-5)


@pytest.mark.parametrize("stepwise", [True, False])
def test_what_it_says_step_by_step_is_what_it_would_have_been_taught(tmp_path, stepwise):
    """Given its own frames, the decoder that learns makes those of the one that speaks, and listens alike."""
    item = utterance(0)
    changes = {"prenet_dropout": 0.0, "linger_s": 1e6, "stepwise": stepwise}
    block, _ = fitted(tmp_path, TINY.model_copy(update=changes), [item])
    with torch.no_grad():
        block.net.stop.bias.fill_(-1e4)
        ((log_mel, alignment, where, ended),) = block._decode([asked(item)])
        frames, own = torch.tensor([len(log_mel)]), torch.zeros(1, *log_mel.shape)
        led = torch.nn.functional.one_hot(torch.from_numpy(where), len(item.phones)).float()[None]
        given = block._tensors([asked(item)], [{"durations": 2 * np.bincount(where, minlength=len(item.phones))}])
        for _ in range(len(alignment)):  # each time one more step follows on its own frames
            made = block.net(given, own, frames, led if stepwise else None)
            own = made.coarse
        said = block.net.unscaled(made.fine)
    assert not ended
    np.testing.assert_allclose(said[0], log_mel, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(made.weights[0], alignment, **TOGETHER)
    assert stepwise or where.tolist() == alignment.argmax(1).tolist()


def test_streams_and_globals_of_a_training_that_starts_from_another(tmp_path):
    plainly, _ = fitted(tmp_path / "a", TINY, [utterance(0), utterance(1)])
    plainly.save(tmp_path)
    wider = TINY.model_copy(
        update={
            "streams": {"tag": Stream(classes=2), "note": Stream()},
            "globals": {"speaker": Global()},
            "lr": 1e-9,
            "max_steps": 1,
        }
    )
    item = utterance(0)
    silent = {"tag": np.zeros(len(item.phones), np.float32), "note": np.zeros(len(item.phones), np.float32)}
    spoken = item.model_copy(
        update={"phones": ("sil", "ʒ", *item.phones[2:]), "streams": silent, "globals": {"speaker": "joe"}}
    )
    grown, _ = fitted(tmp_path / "b", wider, [spoken], init=tmp_path)
    assert list(grown.inputs.phones) == [*plainly.inputs.phones, "ʒ"]
    assert list(grown.inputs.names["speaker"]) == ["joe"]
    with torch.inference_mode():
        arrays = grown._tensors([Request(phones=item.phones, streams=silent, globals={"speaker": "joe"})])
        mine, *_ = grown.net.encoded(arrays)
        theirs, *_ = plainly.net.encoded(plainly._tensors([Request(phones=item.phones)]))
    torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=0)
    loud = {"tag": silent["tag"] + 1, "note": silent["note"]}
    with torch.no_grad():
        grown.net.embed.streams["of_tag"].weight[1] += 1.0
        memory, *_ = grown.net.encoded(
            grown._tensors([Request(phones=item.phones, streams=loud, globals={"speaker": "joe"})])
        )
    assert (memory - theirs).abs().max() > 1e-3


def test_a_training_without_prosody_starts_from_a_model_that_says_it(tmp_path):
    item = toned(utterance(0, durations=True), 0)
    first, _ = fitted(tmp_path / "a", TINY.model_copy(update={"pitch": True, "energy": True, "max_steps": 1}), [item])
    first.save(tmp_path)
    plain = TINY.model_copy(update={"pitch": False, "energy": False, "lr": 1e-9, "max_steps": 1})
    second, _ = fitted(tmp_path / "b", plain, [item], init=tmp_path)
    assert second.net.pitch is None
    assert second.net.energy_in is None
    torch.testing.assert_close(second.net.mel.weight, first.net.mel.weight, atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", [Dynamic(width=6, static=2, dynamic=2), Location(width=6, filters=2, kernel=3)])
def test_half_precision_learns_alike(tmp_path, kind):
    items = [toned(utterance(seed, durations=True), seed) for seed in range(4)]
    base = WHOLE.model_copy(
        update={"attention": kind, "max_steps": 12, "teacher_forced_steps": 6, "prenet_dropout": 0.0}
    )
    losses = {}
    for precision in ("float32", "bfloat16"):
        config = base.model_copy(update={"precision": precision})
        block, reported = fitted(tmp_path / precision, config, items, dev=items[:1])
        losses[precision] = np.array(list(curve(reported, "train/loss").values()))
        assert {value.dtype for value in block.net.state_dict().values()} == {torch.float32}
    assert not np.array_equal(*losses.values())
    np.testing.assert_allclose(losses["bfloat16"], losses["float32"], rtol=0.02)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_training_that_was_stopped_goes_on_bit_for_bit(tmp_path, precision):
    items = [utterance(seed) for seed in range(4)]
    config = TINY.model_copy(update={"max_items": 2, "precision": precision})
    whole, _ = fitted(tmp_path / "whole", config, items, dev=items[:1])
    run, events, _ = training(tmp_path / "parts", config, items, dev=items[:1])
    run.on_step = lambda batch, scalars: run.stop_asked.set() if batch.step == 3 else None
    with pytest.raises(Stopped):
        Attention(config, SPEC).fit(run)
    events.close()
    resumed, _ = fitted(tmp_path / "parts", config, items, dev=items[:1])
    for name, value in whole.net.state_dict().items():
        assert torch.equal(value, resumed.net.state_dict()[name]), name


def test_pitch_and_energy_want_to_be_wired_with_durations(tmp_path):
    item = toned(utterance(0, durations=True), 0)
    for missing in ("durations", "pitch", "energy"):
        with pytest.raises(
            ValueError, match=f"item 0 to train on .*no {missing}, want them beside the phones: wire them"
        ):
            fitted(tmp_path / missing, WHOLE, [item.model_copy(update={missing: None})])


def test_items_that_do_not_fit_are_refused_with_their_number(tmp_path):
    good = utterance(0, durations=True)
    short = good.model_copy(update={"durations": good.durations - 1})
    with pytest.raises(
        ValueError,
        match=r"item 1 to train on \(sil .*the durations sum to \d+ frames, but the log-mel has \d+: want as many",
    ):
        fitted(tmp_path, TINY, [good, short])
    broken = good.model_copy(update={"log_mel": np.full_like(good.log_mel, np.nan)})
    with pytest.raises(ValueError, match=r"item 0 .*NaN"):
        fitted(tmp_path, TINY, [broken])
    with pytest.raises(ValueError, match=r"item 0 .*no phones"):
        fitted(tmp_path, TINY, [good.model_copy(update={"phones": (), "durations": None})])
