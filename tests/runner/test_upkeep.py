"""Listing a store, removing what nothing needs, and telling what made a thing."""

import os
import re
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest

from blocks.base import Failure, Schema
from runner.store import Store, ViewPart
from runner.store.entries import NoEntry
from runner.store.upkeep import failures, gc, lineage, ls, text_of, why
from tests.environment import ROOT


class Number(Schema):
    number: int


def table(store: Store, digest: str, node: str, inputs=None, publish=True, **meta):
    writer = store.write_table(
        digest, Number, {"node": node, "block": f"toy.{node}", "graph": "g", "inputs": inputs or {}, **meta}
    )
    writer.write(0, ["a", "b"], [Number(number=1), Number(number=2)], [Failure("told to", "c")])
    return writer.publish() if publish else None


def artifact(store: Store, digest: str, **meta) -> None:
    with store.write_artifact(
        digest, {"block": "toy.scale", "config": {}, "spec": {}, "node": "fit", **meta}
    ) as folder:
        (folder / "weights").write_bytes(b"x" * 1000)


def record(store: Store, graph: str, *digests: str) -> None:
    store.record_run({"graph": graph, "nodes": {f"n{i}": {"digest": digest} for i, digest in enumerate(digests)}})


def make_old(store: Store, *folders: str, days: float = 3) -> None:
    """As if the files of these entries had been written days ago."""
    then = time.time() - days * 86400
    for folder in folders:
        for above, _, names in os.walk(store.files.at(folder)):
            for name in names:
                path = os.path.join(above, name)
                if name in ("table.json", "started.json", "artifact.json"):
                    stamp = {"created": "2020-01-01T00:00:00+00:00", "started": "2020-01-01T00:00:00+00:00"}
                    relative = os.path.relpath(path, store.files.at(""))
                    store.files.write_json(relative, store.files.read_json(relative) | stamp)
                os.utime(path, (then, then))
            os.utime(above, (then, then))


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "store")


def digests(store: Store) -> set[str]:
    return {row["digest"] for row in ls(store)}


# ---- ls ----


def test_ls_lists_every_kind(store):
    assert ls(store) == []
    table(store, "t1", "clip", licences=["CC0-1.0"])
    store.write_view("v1", {"node": "both"}, [ViewPart({"n": ("t1", "number")}, ["a"])])
    artifact(store, "a1", licences=["MIT"])
    table(store, "t" * 40, "half", publish=False)
    rows = {row["kind"]: row for row in ls(store)}
    assert rows.keys() == {"table", "view", "artifact", "unfinished"}
    assert all(0 <= row.pop("age") < 60 for row in rows.values())
    size = rows["table"].pop("bytes")
    assert size > sum(info.size for info in store.files.listed("tables/t1") if info.base_name.endswith(".arrow"))
    assert rows["table"] == {
        "kind": "table",
        "digest": "t1",
        "node": "clip",
        "block": "toy.clip",
        "rows": 2,
        "failures": 1,
        "licences": ["CC0-1.0"],
    }
    assert (rows["artifact"]["node"], rows["artifact"]["licences"], rows["artifact"]["rows"]) == ("fit", ["MIT"], None)
    assert (rows["unfinished"]["node"], rows["unfinished"]["digest"]) == ("half", "t" * 12)
    assert rows["artifact"]["bytes"] > 1000


def test_ls_as_text(store):
    assert text_of([]) == "KIND  DIGEST  NODE  BLOCK  ROWS  FAILED  SIZE  AGE  LICENCES"
    table(store, "t1", "clip", licences=["CC0-1.0", "MIT"])
    head, line = text_of([row | {"bytes": 12_345_678, "age": 7300.0} for row in ls(store)]).splitlines()
    assert re.split(" {2,}", line) == ["table", "t1", "clip", "toy.clip", "2", "1", "12.3 MB", "2 h", "CC0-1.0 MIT"]
    assert head.index("LICENCES") == line.index("CC0-1.0")


def test_failures_are_listed_also_of_a_table_that_is_not_finished(store):
    table(store, "t1", "clip")
    table(store, "u1", "mel", publish=False)
    artifact(store, "a1")
    assert failures(store, "t1") == failures(store, "u") == [Failure("told to", "c")]
    assert failures(store, "a1") == []
    with pytest.raises(LookupError):
        failures(store, "nothing")


def test_an_id_that_no_terminal_can_show_is_listed(store):
    store.write_table("t1", Number, {"node": "one"}).write(0, [], [], [Failure("told to", "\ud800")])
    command = [sys.executable, "-m", "runner", "store", "failures", "t1", "--store", store.files.url]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert told.stdout == "\\ud800\tfailure\ttold to\n", told.stderr


def test_a_broken_manifest_is_listed_and_removed(store):
    table(store, "t1", "clip")
    with store.files.fs.open_output_stream(store.files.at("tables/t1/table.json")) as stream:
        stream.write(b"{")
    assert [row["kind"] for row in ls(store)] == ["unfinished"]
    assert [entry["digest"] for entry in gc(store, grace=-60)["removed"]] == ["t1"]


# ---- gc ----


def test_gc_keeps_the_newest_run_of_each_graph_and_what_its_views_show(store):
    for name in ("t1", "t2", "t3", "t4"):
        table(store, name, name)
    store.write_view("v1", {}, [ViewPart({"n": ("t1", "number")}, ["a"])])
    store.write_view("v2", {}, [ViewPart({"n": ("v1", "n")}, ["a"])])
    artifact(store, "a1")
    artifact(store, "a2")
    record(store, "one", "t3", "t2")
    record(store, "one", "t2", "a1")
    record(store, "two", "v2")
    make_old(store, "tables", "artifacts")
    would = gc(store, dry_run=True)
    assert {entry["digest"] for entry in would["removed"]} == {"t3", "t4", "a2"}
    assert digests(store) >= {"t3", "t4", "a2"}
    assert gc(store) == would
    assert digests(store) == {"t1", "t2", "v1", "v2", "a1"}
    assert would["bytes"] == sum(entry["bytes"] for entry in would["removed"]) > 1000
    assert list(store.find_table("v2").rows()) == [{"id": "a", "n": 1}]
    assert gc(store) == {"removed": [], "temporary": [], "bytes": 0}


def test_gc_leaves_a_run_in_progress_alone_and_all_that_it_reads(store):
    table(store, "t1", "clip")
    table(store, "t2", "mel", inputs={"wave": ["t1", "wave"]})
    artifact(store, "a1")
    table(store, "t3", "voice", inputs={"scores": {"x": ["t2", "log_mel"]}}, model="a1", publish=False)
    table(store, "t4", "late", inputs={"wave": ["t5", "wave"]}, publish=False)
    table(store, "t5", "other")
    make_old(store, "tables/t1", "tables/t2", "tables/t4", "tables/t5", "artifacts/a1")
    assert {entry["digest"] for entry in gc(store)["removed"]} == {"t4", "t5"}
    make_old(store, "tables/t3")
    assert {entry["digest"] for entry in gc(store)["removed"]} == {"t1", "t2", "t3", "a1"}
    assert ls(store) == []


def test_gc_spares_all_that_a_living_run_makes_or_reads(store):
    for digest, node in (("t1", "clip"), ("t2", "mel"), ("t3", "clip"), ("t4", "mel")):
        table(store, digest, node)
    make_old(store, *(f"tables/t{n}" for n in range(1, 5)))
    nodes = {"n0": {"digest": "t1"}, "n1": {"digest": "t2"}}
    name = store.record_run({"graph": "one", "nodes": nodes, "state": "running", "seen": datetime.now(UTC).isoformat()})
    record(store, "one", "t3", "t4")
    assert gc(store)["removed"] == []
    store.record_run({"graph": "one", "nodes": nodes, "state": "finished"}, name)
    assert {entry["digest"] for entry in gc(store)["removed"]} == {"t1", "t2"}


def test_gc_removes_attempts_that_came_to_nothing_once_they_are_old(store):
    writer = store.write_table("t1", Number, {"node": "clip"})
    writer.write(0, ["a"], [Number(number=1)], [Failure("bad luck", "b")])
    writer.refuse()
    assert store.write_table("t1", Number, {"node": "clip"}).done == set()
    writer.write(0, ["a", "b"], [Number(number=1)] * 2)
    writer.publish()
    record(store, "one", "t1")
    gc(store)
    assert len(store.files.listed("tables/t1")) == 4, "somebody may still read it"
    gc(store, grace=-10)
    assert [info.base_name for info in store.files.listed("tables/t1")] == [
        "ids.arrow",
        "shard-00000.1.arrow",
        "table.json",
    ]
    assert list(store.find_table("t1").rows()) == [{"id": "a", "number": 1}, {"id": "b", "number": 1}]


def test_gc_removes_stale_temporary_files_and_only_those(store):
    table(store, "t1", "clip")
    record(store, "one", "t1")
    for name in (".tmp-1-old", ".tmp-1-new"):
        with store.files.fs.open_output_stream(store.files.at(f"tables/t1/{name}")) as stream:
            stream.write(b"12345")
    store.files.fs.create_dir(store.files.at("artifacts/.tmp-stage"))
    then = time.time() - 3 * 86400
    os.utime(store.files.at("tables/t1/.tmp-1-old"), (then, then))
    os.utime(store.files.at("artifacts/.tmp-stage"), (then, then))
    freed = gc(store)
    assert [os.path.basename(path) for path in freed["temporary"]] == [".tmp-stage", ".tmp-1-old"]
    assert freed["bytes"] == 5
    assert store.files.listed("tables/t1")[0].base_name == ".tmp-1-new"
    assert store.files.listed("artifacts") == []
    assert len(store.find_table("t1")) == 2


def test_gc_without_grace_spares_what_is_being_written(store):
    table(store, "t1", "clip")
    claim = store.claims.take("a thing of no run yet")
    record(store, "one", "t1")
    with store.files.new("tables/t1/ids.2.arrow") as one, store.files.new("runs/two.json") as two:
        one.write(b"1"), two.write(b"{}")
        assert gc(store, grace=0)["temporary"] == []
    assert store.files.read("runs/two.json") == b"{}"
    assert not store.claims.is_free(claim.name)


# ---- why ----


def chain(store: Store) -> None:
    table(store, "aa01", "clip", config={"count": 2})
    table(store, "aa02", "gain", inputs={"wave": ["aa01", "wave"]}, config={"gain": 0.5, "bad": []}, code="c1")
    table(store, "ab01", "clip", config={"count": 3})
    table(
        store,
        "ab02",
        "gain",
        inputs={"wave": ["ab01", "wave"], "scores": {"x": ["aa01", "number"]}},
        config={"gain": 0.7, "bad": []},
        code="c2",
        spec={"hop_length": 256},
    )


def test_why_tells_what_made_an_entry_and_what_is_new_in_it(store):
    chain(store)
    answer = lineage(store, "ab02")
    assert (answer["node"], answer["kind"], answer["digest"], answer["rows"]) == ("gain", "table", "ab02", 2)
    assert answer["made_by"]["config"] == {"gain": 0.7, "bad": []}
    assert {name: made["digest"] for name, made in answer["inputs"].items()} == {"wave": "ab01", "scores.x": "aa01"}
    assert answer["since"]["digest"] == "aa02"
    assert answer["changes"] == [
        "code: c2, was c1",
        "config.gain: 0.7, was 0.5",
        "spec.hop_length: 256, was absent",
        "inputs.wave: ['ab01', 'wave'], was ['aa01', 'wave']",
        "inputs.scores.x: ['aa01', 'number'], was absent",
    ]
    assert answer["inputs"]["wave"]["changes"] == ["config.count: 3, was 2"]
    assert lineage(store, "aa01")["since"] is None
    text = why(store, "ab02")
    assert text.startswith("gain: table ab02, block toy.gain, rows 2, created ")
    assert "    config.gain: 0.7, was 0.5\n" in text
    assert "  wave <-\n    clip: table ab01, block toy.clip" in text


def test_why_goes_through_views_and_artifacts(store):
    artifact(store, "f1", inputs={"wave": ["t1", "wave"]})
    table(store, "t1", "clip")
    table(store, "t2", "voice", model="f1", inputs={"wave": ["t1", "wave"]})
    store.write_view("v1", {"node": "all", "members": ["t1", "t2"]}, [ViewPart({"n": ("t1", "number")}, ["a"])])
    answer = lineage(store, "v1")
    assert {name: made["digest"] for name, made in answer["inputs"].items()} == {"members": "t1", "members'": "t2"}
    voice = answer["inputs"]["members'"]
    assert voice["inputs"]["model"]["kind"] == "artifact"
    assert "inputs" not in voice["inputs"]["wave"], "told already"
    assert "clip: table t1 (as above)" in why(store, "v1")


def test_why_wants_one_entry(store):
    chain(store)
    with pytest.raises(NoEntry, match=r"digest 'ab' is ambiguous: clip \(table ab01\), gain \(table ab02\)"):
        why(store, "ab")
    with pytest.raises(NoEntry, match="no digest of the 4 entries begins with 'zz'; `voxblocks store ls` lists them"):
        why(store, "zz")


def test_gc_removes_trainings_that_no_newest_run_is_about(tmp_path):
    store = Store(tmp_path / "store")
    for digest in ("a" * 32, "b" * 32):
        store.files.write_json(f"fits/{digest}/step-00000005/state.json", {})
        store.files.write_json(f"claims/{digest}-00000.0.json", {})
        os.utime(store.files.at(f"claims/{digest}-00000.0.json"), (time.time() - 7200,) * 2)  # of who died
    store.record_run({"graph": "g", "nodes": {"model": {"digest": "a" * 32}}})
    gc(store, grace=-10)
    left = [info.path for info in store.files.listed("", recursive=True) if info.is_file]
    assert {path for path in left if "b" * 32 in path} == set()
    assert len([path for path in left if "a" * 32 in path]) == 2
