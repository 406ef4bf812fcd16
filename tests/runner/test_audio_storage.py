"""Waves as FLAC in a table: what comes out is what went in, to 24 bits."""

import numpy as np
import pytest

from blocks.arrays import Wave
from blocks.base import Schema
from runner.check import check, read_graph
from runner.graph import GraphError
from runner.run.local import LocalExecutor
from runner.store import Store
from runner.store.columns import arrow_schema, encode, reader
from runner.store.sound import as_flac, from_flac
from tests.clusters import go


class Sound(Schema):
    wave: Wave | None


@pytest.mark.parametrize("samples", [0, 1, 15, 16000])
def test_sixteen_bits_are_exact(samples):
    wave = np.random.default_rng(1).integers(-(2**15), 2**15, samples).astype("float32") / 2**15
    np.testing.assert_array_equal(from_flac(as_flac(wave)), wave)


@pytest.mark.parametrize("level", [1.0, 0.1, 1e-5])
def test_anything_else_is_kept_to_24_bits(level):
    wave = np.clip(level * np.random.default_rng(2).normal(size=4000), -1, 1).astype("float32")
    wave[:2] = 1, -1
    back = from_flac(as_flac(wave))
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, wave, rtol=0, atol=1.2e-7)
    np.testing.assert_array_equal(from_flac(as_flac(back)), back, "once rounded it stays so")


def test_a_column_gives_the_waves_back_and_lacks_what_was_none():
    waves = [np.linspace(-0.5, 0.5, size, dtype="float32") for size in (0, 7, 900)]
    rows = [Sound(wave=wave) for wave in (waves[0], None, *waves[1:])]
    batch = encode(Sound, list("abcd"), rows, audio="flac")
    assert batch.schema.equals(arrow_schema(Sound, "flac"), check_metadata=True)
    wave = reader(batch.schema.field("wave"), batch.column("wave"))
    assert wave(1) is None
    assert not wave(3).flags.writeable
    for at, want in zip((0, 2, 3), waves):
        np.testing.assert_allclose(wave(at), want, rtol=0, atol=1.2e-7)


GRAPH = "nodes:\n  tone: {{read: toy.tones, config: {{seconds: 1.0}}, scale: {scale}}}\n  level: {{map: toy.level, in: {{wave: tone.wave}}{more}}}\n"


def test_a_node_keeps_its_audio_so(tmp_path):
    path, sizes, levels = tmp_path / "graph.yaml", {}, {}
    for scale in ("{audio: flac}", "{workers: 1}"):
        path.write_text(GRAPH.format(scale=scale, more=""))
        store = Store(tmp_path / scale)
        plan, outcome = go(LocalExecutor(), path, store)
        assert outcome.error is None
        table = store.find_table(plan.steps["tone"].digest)
        sizes[scale] = table.manifest["bytes"]
        levels[scale] = [row["level"] for row in store.find_table(plan.steps["level"].digest).rows()]
        assert table.get("tone0001")["wave"].shape == table.outline().shapes["wave"][1]
    assert sizes["{audio: flac}"] < 0.7 * sizes["{workers: 1}"]
    np.testing.assert_allclose(*levels.values(), rtol=1e-6)


@pytest.mark.parametrize(
    ("scale", "more", "said"),
    [
        ("{audio: mp3}", "", "tone.scale.audio: want flac, got 'mp3'"),
        ("{audio: flac}", ", scale: {audio: flac}", "level.scale.audio: toy.level makes no audio"),
    ],
)
def test_what_cannot_be_so_is_said_before_any_work(tmp_path, scale, more, said):
    (tmp_path / "graph.yaml").write_text(GRAPH.format(scale=scale, more=more))
    with pytest.raises(GraphError, match=said):
        check(read_graph(tmp_path / "graph.yaml"))
