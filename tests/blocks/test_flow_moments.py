"""Where voices lie in a flow's latents, and a latent that is moved from one place to another."""

import numpy as np
import pytest

from blocks.base import BadItem, Failure
from blocks.flow.moments import FEWEST, Config, LatentMoments, Moments, Recording
from blocks.flow.moved_latent import Move, MovedLatent
from blocks.spec import AudioSpec

SPEC = AudioSpec(n_mels=3)
rng = np.random.default_rng(0)


def latent(frames: int, mean: float = 0.0, spread: float = 1.0) -> np.ndarray:
    """Of a first frame of each pair that lies elsewhere than the second."""
    made = mean + spread * rng.standard_normal((frames, 3))
    made[1::2] += 5
    return made.astype("float32")


def mel(frames: int, pause: int = 0) -> np.ndarray:
    """Of speech, and of a pause at its end."""
    made = np.full((frames, 3), -2.0, "float32")
    made[frames - pause :] = -9
    return made


def moments(*latents, pause: int = 0) -> Moments:
    items = [Recording(latent=each, log_mel=mel(len(each), pause)) for each in latents]
    return LatentMoments(Config(), SPEC).reduce(items)


def test_pauses_do_not_count():
    said = latent(100)
    silent = np.concatenate([said, np.full((60, 3), -50, "float32")])
    for name, value in dict(moments(silent, pause=60)).items():
        np.testing.assert_allclose(value, getattr(moments(said), name), rtol=1e-6)


def test_frames_of_a_group_have_moments_of_their_own():
    found = moments(latent(2001), latent(1000))
    np.testing.assert_allclose(found.latent_mean, [0, 0, 0, 5, 5, 5], atol=0.15)
    np.testing.assert_allclose(found.latent_spread, np.ones(6), atol=0.1)


def test_what_is_summed_up_counts_alike():
    one, other = moments(latent(100)), moments(latent(5000, mean=2))
    both = LatentMoments(Config(), SPEC).reduce(
        [Recording(latent_mean=each.latent_mean, latent_spread=each.latent_spread) for each in (one, other)]
    )
    np.testing.assert_allclose(both.latent_mean, (one.latent_mean + other.latent_mean) / 2, rtol=1e-6)


def test_of_few_frames_there_are_none():
    with pytest.raises(BadItem, match=f"19 groups of frames with speech in 1 recordings, want {FEWEST}"):
        moments(latent(39))


@pytest.mark.parametrize("spread", [False, True])
def test_a_latent_lies_where_the_other_voice_does(spread):
    """Of an odd length: its last frame stays."""
    own, target, item = moments(latent(400)), moments(latent(400, 2, 3)), latent(401)
    block = MovedLatent(MovedLatent.Config(spread=spread), SPEC)
    statistics = {f"own_{name[7:]}": value for name, value in dict(own).items()}
    statistics |= {f"target_{name[7:]}": value for name, value in dict(target).items()}
    (made,) = block.apply([Move(latent=item, log_mel=mel(401), **statistics)])
    found, before = moments(made.latent), moments(item)
    np.testing.assert_array_equal(made.latent[400], item[400])
    np.testing.assert_allclose(
        found.latent_spread,
        before.latent_spread * (target.latent_spread / own.latent_spread if spread else 1),
        rtol=1e-4,
    )
    wanted = target.latent_mean - own.latent_mean + before.latent_mean
    if not spread:
        np.testing.assert_allclose(found.latent_mean, wanted, atol=1e-4)
    (same,) = block.apply(
        [Move(latent=item, log_mel=mel(401), **statistics | {f"target_{k[7:]}": v for k, v in dict(own).items()})]
    )
    np.testing.assert_allclose(same.latent, item, atol=1e-5)


def test_its_own_mean_is_that_of_the_recording_where_none_is_given():
    target, item = moments(latent(400, 2, 3)), latent(401)
    statistics = {f"target_{name[7:]}": value for name, value in dict(target).items()}
    block = MovedLatent(MovedLatent.Config(spread=True), SPEC)
    made, short = block.apply(
        [Move(latent=item, log_mel=mel(401), **statistics), Move(latent=item[:39], log_mel=mel(39), **statistics)]
    )
    found = moments(made.latent)
    np.testing.assert_allclose(found.latent_mean, target.latent_mean, atol=1e-4)
    np.testing.assert_allclose(found.latent_spread, target.latent_spread, rtol=1e-4)
    assert "19 groups of frames" in short.reason


def test_moments_of_another_flow_are_refused():
    few = {name: np.ones(4, "float32") for name in ("target_mean", "target_spread")}
    (failure,) = MovedLatent(MovedLatent.Config(), SPEC).apply([Move(latent=latent(60), log_mel=mel(60), **few)])
    assert failure == Failure("moments of 4 channels: want 6, 2 frames of 3")
