"""Voices that are asked for by their names."""

from types import SimpleNamespace

import numpy as np
import pytest

from blocks.base import BadItem, Failure
from blocks.corpus.speakers import Config as SpeakersConfig
from blocks.corpus.speakers import Speakers
from blocks.reference.centroid import Centroid, Config, Part
from blocks.reference.gallery import Gallery, TrainItem
from blocks.reference.schema import Named
from blocks.spec import AudioSpec

SPEC = AudioSpec()


def part(*vector, seconds=None) -> Part:
    return Part(embedding=np.array(vector, np.float32), seconds=seconds)


def test_a_voice_is_the_direction_of_its_recordings_and_a_place_in_latents(tmp_path):
    said = (("ann", (1, 0), 1), ("ben", (0, 1), 5), ("ann", (0.6, 0.8), 2))
    items = [
        TrainItem(
            embedding=np.array(vector, np.float32),
            speaker=speaker,
            latent_mean=np.full(4, place, np.float32),
            latent_spread=np.full(4, 2 * place, np.float32),
        )
        for speaker, vector, place in said
    ]
    gallery, again = Gallery(Gallery.tiny, SPEC), Gallery(Gallery.tiny, SPEC)
    gallery.fit(SimpleNamespace(items=items))
    gallery.save(tmp_path)
    again.load(tmp_path)
    ann, ben, nobody = again.apply([Named(speaker=name) for name in ("ann", "ben", "bem")])
    centroid = Centroid(Config(), SPEC).reduce([part(1, 0), part(0.6, 0.8)])
    np.testing.assert_array_equal(ann.embedding, centroid.embedding)
    np.testing.assert_array_equal(ann.latent_mean, np.full(4, 1.5))
    np.testing.assert_array_equal(ann.latent_spread, np.full(4, 3))
    np.testing.assert_array_equal(ben.embedding, [0, 1])
    assert nobody == Failure("no voice is called 'bem'; did you mean 'ben'?")


def test_a_voice_of_few_seconds_is_refused():
    block = Centroid(Config(min_seconds=10), SPEC)
    assert block.reduce([part(1, 0, seconds=4), part(1, 0, seconds=6)]).embedding[0] == 1
    with pytest.raises(BadItem, match=r"^7.5 s of speech in 2 recordings, want 10 s at least"):
        block.reduce([part(1, 0, seconds=4), part(1, 0, seconds=3.5)])


def test_a_voice_is_asked_for_or_not():
    assert [row.speaker for row in Speakers(SpeakersConfig(speaker="ann"), SPEC).read()] == ["ann"]
    silent = Speakers(SpeakersConfig(), SPEC)
    assert not list(silent.read())
    assert silent.fingerprint() == ""
