"""Killed at any point, or run twice at once: the store stays whole and the next run goes on where it was left."""

import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from blocks.arrays import Wave
from blocks.base import Failure, Schema
from runner.store import Store

SHARDS, ROWS = 4, 4


class Sound(Schema):
    wave: Wave
    number: int


def rows_of(index: int) -> tuple[list[str], list[Sound]]:
    rng = np.random.default_rng(index)
    rows = [Sound(wave=rng.standard_normal(5000, dtype="float32"), number=n) for n in range(ROWS)]
    return [f"u{index}-{n}" for n in range(ROWS)], rows


def complete(root: Path, die_at: int | None = None, log: Path | None = None, pause: float = 0.0) -> None:
    """Make the table and an artifact, or what is missing of them; `die_at` counts changes of names in the store."""
    store = Store(root)
    if die_at is not None:
        kill_at(store, die_at)
    if store.find_table("d1") is None:
        writer = store.write_table("d1", Sound, {"node": "sound"})
        for index in range(SHARDS):
            if index in writer.done:
                continue
            writer.write(index, *rows_of(index), [Failure("told to", f"bad{index}")])
            if log:
                with log.open("a") as file:
                    file.write(f"{index}\n")
            time.sleep(pause)
        writer.publish()
    if store.find_artifact("a1") is None:
        with store.write_artifact("a1", {"block": "toy.scale", "config": {}, "spec": {}}) as folder:
            (folder / "weights").write_bytes(b"x" * 100_000)
    store.record_run({"graph": "g"})


def kill_at(store: Store, step: int) -> None:
    """Die just before or just after the nth time that a file gets its name, or is removed."""
    seen = iter(range(10**6))

    def deadly(act):
        def acting(*args):
            if next(seen) == step:
                os.kill(os.getpid(), signal.SIGKILL)
            act(*args)
            if next(seen) == step:
                os.kill(os.getpid(), signal.SIGKILL)

        return acting

    store.files.move, store.files.delete = deadly(store.files.move), deadly(store.files.delete)


@pytest.fixture(scope="module")
def processes():
    """Children forked from a server that has the imports behind it already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pytest", "numpy", "runner.store"])
    return context


@pytest.fixture(scope="module")
def clean(tmp_path_factory) -> dict[str, bytes]:
    """The files that an undisturbed run leaves, without what tells the time."""
    root = tmp_path_factory.mktemp("clean")
    complete(root)
    return contents(root)


def contents(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.glob("*/*/*"))
        if path.suffix != ".json" and ".tmp-" not in str(path)
    }


def assert_whole(root: Path, clean: dict[str, bytes]) -> None:
    assert contents(root) == clean
    store = Store(root)
    table = store.find_table("d1")
    assert [row["number"] for row in table.rows()] == list(range(ROWS)) * SHARDS
    assert [failure.id for failure in table.failures] == [f"bad{index}" for index in range(SHARDS)]
    assert (Path(store.find_artifact("a1")) / "weights").stat().st_size == 100_000


def run(processes, *args, **kwargs):
    child = processes.Process(target=complete, args=args, kwargs=kwargs)
    child.start()
    return child


def test_a_run_killed_at_random_times_is_completed_without_redoing_shards(tmp_path, processes, clean):
    root, log, chance = tmp_path / "store", tmp_path / "log", random.Random(1)
    kills = 0
    for _ in range(10):
        child = run(processes, root, log=log, pause=0.04)
        child.join(chance.uniform(0.05, 0.25))
        kills += child.exitcode is None
        child.kill()
        child.join()
        finished = {path: path.stat().st_ino for path in root.glob("tables/d1/shard-*.arrow")}
        whole = Store(root).write_table("d1", Sound, {"node": "sound"}).done if finished else set()
        assert {f"shard-{index:05d}.arrow" for index in whole} == {path.name for path in finished}
        if (root / "runs").exists():
            break
    complete(root, log=log)
    assert kills, "no run was killed while it was at work"
    assert all(path.stat().st_ino == number for path, number in finished.items()), "a finished shard was rewritten"
    written = log.read_text().split()
    assert len(written) <= SHARDS, "a finished shard was made twice"
    assert_whole(root, clean)


def test_a_run_killed_around_every_change_of_a_name_is_completed(tmp_path, processes, clean):
    """Between move and manifest, between manifest and the removal of started.json: at every place there is."""
    for step in range(100):
        root = tmp_path / f"store{step}"
        child = run(processes, root, die_at=step)
        child.join()
        if child.exitcode == 0:
            break
        assert child.exitcode == -signal.SIGKILL
        before = {path: path.stat().st_ino for path in root.glob("tables/d1/shard-*.arrow")}
        complete(root)
        assert_whole(root, clean)
        assert all(path.stat().st_ino == number for path, number in before.items()), "a finished shard was rewritten"
    assert step >= 2 * (SHARDS + 4), "the kills did not reach every change"


def test_a_shard_cut_short_without_a_manifest_is_made_again(tmp_path, clean):
    store = Store(tmp_path)
    writer = store.write_table("d1", Sound, {})
    for index in range(3):
        writer.write(index, *rows_of(index), [Failure("told to", f"bad{index}")])
    name, sizes = "shard-00001.arrow", (0, 10, 20_000, -1)
    for number, size in enumerate(sizes, 1):
        path = tmp_path / "tables/d1" / name
        os.truncate(path, size if size >= 0 else path.stat().st_size - 1)
        assert store.write_table("d1", Sound, {}).done == {0, 2}
        store.write_table("d1", Sound, {}).write(1, *rows_of(1), [Failure("told to", "bad1")])
        assert store.write_table("d1", Sound, {}).done == {0, 1, 2}
        name = f"shard-00001.{number}.arrow"
    complete(tmp_path)
    assert store.find_table("d1").manifest["shards"][1]["file"] == name
    assert list(store.find_table("d1").rows()), "whole"
    assert [(tmp_path / "tables/d1" / name).read_bytes()] == [clean["tables/d1/shard-00001.arrow"]]


def test_two_runs_at_the_same_table_do_not_tread_on_each_other(tmp_path, processes, clean):
    for n in range(3):
        root = tmp_path / f"store{n}"
        children = [run(processes, root) for _ in range(2)]
        for child in children:
            child.join()
        assert [child.exitcode for child in children] == [0, 0]
        assert_whole(root, clean)
        assert len(Store(root).runs()) == 2
        assert not list(root.rglob(".tmp-*"))


def test_a_shard_finished_by_another_run_is_kept(tmp_path):
    one, two = (Store(tmp_path).write_table("d1", Sound, {}) for _ in range(2))
    one.write(0, *rows_of(0))
    before = (tmp_path / "tables/d1/shard-00000.arrow").stat().st_ino
    two.write(0, *rows_of(1))
    assert (tmp_path / "tables/d1/shard-00000.arrow").stat().st_ino == before
    assert one.publish().ids == two.publish().ids == rows_of(0)[0]
    assert not list(tmp_path.rglob(".tmp-*"))


def test_a_write_that_fails_leaves_no_file(tmp_path):
    writer = Store(tmp_path).write_table("d1", Sound, {})
    with pytest.raises(ValueError, match="want one id for each row"):
        writer.write(0, ["a"], [])
    files = Store(tmp_path).files
    with pytest.raises(TypeError), files.new("tables/d1/x") as stream:
        stream.write("not bytes")
    assert [info.base_name for info in files.listed("tables/d1")] == ["started.json"]


def test_a_remote_run_left_halfway_is_completed():
    """Where nothing can be renamed at once, the manifest last is what counts."""
    url = f"fsspec+memory:///faults-{os.getpid()}"
    writer = Store(url).write_table("d1", Sound, {})
    for index in (0, 2):
        writer.write(index, *rows_of(index))
    again = Store(url).write_table("d1", Sound, {})
    assert again.done == {0, 2}
    assert again.rows == 2 * ROWS
    assert Store(url).find_table("d1") is None
    again.write(1, *rows_of(1))
    assert len(again.publish()) == 3 * ROWS
