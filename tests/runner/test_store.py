"""The store on a local disk and behind a URL: tables, views, artifacts, records of runs."""

import io
import json
import os
import re
import uuid
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from blocks.arrays import LogMel, Text, Voicing, Wave
from blocks.base import DerivedRow, Failure, Schema, Skip
from blocks.load import ARTIFACT
from runner.store import Store, ViewPart
from runner.store.artifact import read_artifact, read_manifest
from runner.store.formats import StoreError

META = {"node": "clip", "block": "toy.tones", "config": {"count": 4}, "spec": {}, "licences": ["CC0-1.0"]}


class Clip(Schema):
    wave: Wave
    log_mel: LogMel | None
    voicing: Voicing
    text: Text


class Joined(DerivedRow):
    text: Text


class Number(Schema):
    number: int


def clip(n: int) -> Clip:
    rng = np.random.default_rng(n)
    return Clip(
        wave=rng.standard_normal(100 * n, dtype="float32"),
        log_mel=None if n % 3 == 2 else rng.standard_normal((n, 80), dtype="float32"),
        voicing=rng.random(n) < 0.5,
        text=f"сло́во {n} 🎤",
    )


def write(store: Store, digest="d1", schema=Clip, make=clip, ids=None, size=3, meta=META, failures=()):
    ids = ids or [f"u{n}" for n in range(8)]
    writer = store.write_table(digest, schema, meta)
    for index, at in enumerate(range(0, len(ids), size)):
        numbers = range(at, min(at + size, len(ids)))
        writer.write(index, [ids[n] for n in numbers], [make(n) for n in numbers], failures if index == 0 else [])
    return writer.publish()


@pytest.fixture(params=["folder", "file://", "memory"])
def store(request, tmp_path) -> Store:
    """The same store on a mapped local disk, by a URL of it, and where nothing can be mapped or renamed."""
    url = {
        "folder": tmp_path / "store",
        "file://": f"file://{tmp_path}/store",
        "memory": f"fsspec+memory:///{uuid.uuid4().hex}",
    }
    return Store(url[request.param])


def damage(store: Store, path: str, data: bytes) -> None:
    with store.files.fs.open_output_stream(store.files.at(path)) as stream:
        stream.write(data)


# ---- tables ----


def test_a_table_comes_back_exactly_by_id_and_in_order(store):
    assert store.find_table("d1") is None
    write(store)
    table = store.find_table("d1")
    assert (len(table), table.ids, table.fields) == (
        8,
        [f"u{n}" for n in range(8)],
        ["wave", "log_mel", "voicing", "text"],
    )
    assert "u7" in table
    assert "u8" not in table
    for n in (7, 0, 5, 2):
        row, want = table.get(f"u{n}"), clip(n)
        assert row["id"] == f"u{n}"
        assert row["text"] == want.text
        for name in ("wave", "log_mel", "voicing"):
            a, b = row[name], getattr(want, name)
            assert (a is b is None) or (a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes())
        assert not row["wave"].flags.writeable
        Clip(**{name: row[name] for name in table.fields})  # fits the schema again
    assert [row["id"] for row in table.rows()] == table.ids
    assert list(table.rows(["u3", "u1"], ["text"])) == [
        {"id": "u3", "text": clip(3).text},
        {"id": "u1", "text": clip(1).text},
    ]


def test_the_manifest_says_what_made_the_table_and_what_is_in_it(store):
    failures = [Failure("empty file", "x1"), Failure("empty file", "x2"), Skip("a beep", "x3")]
    manifest = write(store, failures=failures).manifest
    assert manifest["format"] == 1
    assert manifest["kind"] == "table"
    assert manifest["meta"] == META
    assert (manifest["rows"], manifest["failures"], manifest["skipped"]) == (8, 2, 1)
    assert manifest["reasons"] == {"empty file": 2}
    assert manifest["fields"]["log_mel"] == "log_mel float32(frames, mels)"
    assert [shard["rows"] for shard in manifest["shards"]] == [3, 3, 2]
    assert {"python", "numpy", "pyarrow"} <= manifest["versions"].keys()
    assert store.find_table("d1").failures == failures
    listed = {info.base_name: info.size for info in store.files.listed("tables/d1")}
    assert all(listed[shard["file"]] == shard["bytes"] for shard in manifest["shards"])
    assert set(listed) == {"table.json", "ids.arrow", "failures.jsonl", *(f"shard-0000{n}.arrow" for n in range(3))}


def test_parents_travel_with_their_rows(store):
    rows = [Joined(id="a+b", parents=("a", "b"), text="x"), Joined(id="c", parents=(), text="y")]
    writer = store.write_table("d1", Joined, {})
    writer.write(0, [row.id for row in rows], rows, [])
    table = writer.publish()
    assert table.get("a+b", []) == {"id": "a+b", "parents": ["a", "b"]}
    assert "parents" not in table.get("c")
    view = store.write_view("v1", {}, [ViewPart({"said": ("d1", "text")}, ["c", "a+b"])])
    assert view.get("a+b") == {"id": "a+b", "parents": ["a", "b"], "said": "x"}


def test_an_empty_table_and_an_empty_shard_are_tables(store):
    assert len(store.write_table("d1", Clip, {}).publish()) == 0
    assert list(store.find_table("d1").rows()) == []
    writer = store.write_table("d2", Clip, {})
    writer.write(0, [], [], [Failure("all bad", "x")])
    writer.write(1, ["u1"], [clip(1)])
    table = writer.publish()
    assert table.ids == ["u1"]
    assert table.get("u1")["text"] == clip(1).text
    assert table.failures == [Failure("all bad", "x")]


def test_an_unknown_id_or_field_is_named(store):
    table = write(store)
    with pytest.raises(StoreError, match=r"^table d1 of clip: no row 'nobody' among 8 \(the first is 'u0'\)$"):
        table.get("nobody")
    with pytest.raises(StoreError, match="table d1 of clip: no field pitch; it has wave, log_mel, voicing, text"):
        table.get("u1", ["pitch"])
    with pytest.raises(StoreError, match=r"'\.\./x' is no digest"):
        store.find_table("../x")


def test_an_id_in_two_shards_is_refused_by_name(store):
    writer = store.write_table("d1", Number, {})
    for index in range(3):
        writer.write(index, [f"u{index % 2}"], [Number(number=index)])
    with pytest.raises(StoreError, match=r"id 'u0' stands in shard-00000.arrow and in shard-00002.arrow"):
        writer.publish()
    assert store.find_table("d1") is None


def test_a_table_with_a_gap_is_not_published(store):
    writer = store.write_table("d1", Number, {})
    writer.write(1, ["a"], [Number(number=1)])
    with pytest.raises(StoreError, match=r"cannot publish without shard-00000.arrow"):
        writer.publish()


def test_shards_of_another_layout_or_schema_are_made_anew(store):
    writer = store.write_table("d1", Number, {}, layout="2 rows")
    for index in range(3):
        writer.write(index, [f"a{index}", f"b{index}"], [Number(number=1)] * 2)
    assert store.write_table("d1", Number, {}, layout="2 rows").done == {0, 1, 2}
    assert store.write_table("d1", Clip, {}, layout="2 rows").done == set()
    writer = store.write_table("d1", Number, {}, layout="4 rows")
    assert writer.done == set()
    writer.write(0, ["a", "b", "c", "d"], [Number(number=2)] * 4)
    table = writer.publish()
    assert table.ids == ["a", "b", "c", "d"]
    assert [shard["file"] for shard in table.manifest["shards"]] == ["shard-00000.1.arrow"]


def test_equal_rows_make_equal_bytes(tmp_path):
    write(Store(tmp_path / "a"))
    write(Store(tmp_path / "b"))
    for path in (tmp_path / "a/tables/d1").glob("*.arrow"):
        assert path.read_bytes() == (tmp_path / "b/tables/d1" / path.name).read_bytes()


# ---- reading without copies ----


def maps() -> list[tuple[int, int, str]]:
    lines = (line.split() for line in Path("/proc/self/maps").read_text().splitlines())
    return [(*(int(end, 16) for end in parts[0].split("-")), parts[-1]) for parts in lines]


def mapped(path: Path, array: np.ndarray) -> bool:
    at = array.__array_interface__["data"][0]
    return any(low <= at and at + array.nbytes <= high and name == str(path) for low, high, name in maps())


def test_arrays_lie_in_the_mapped_file(tmp_path):
    table = write(Store(tmp_path))
    row = table.get("u7")
    for name in ("wave", "log_mel", "voicing"):
        assert row[name] is None or mapped(tmp_path / "tables/d1/shard-00002.arrow", row[name])
    assert np.shares_memory(row["wave"], table.get("u7")["wave"])


def test_an_array_outlives_its_table_and_its_file(tmp_path):
    table = write(Store(tmp_path))
    wave = table.get("u5")["wave"]
    del table
    for path in (tmp_path / "tables/d1").iterdir():
        path.unlink()
    assert wave.tobytes() == clip(5).wave.tobytes()


def test_reading_a_long_table_row_by_row_keeps_few_shards_mapped(tmp_path):
    class Sound(Schema):
        wave: Wave

    megabyte = np.zeros(2**18, "float32")
    count = 160
    table = write(
        Store(tmp_path), schema=Sound, make=lambda n: Sound(wave=megabyte), ids=[f"u{n}" for n in range(count)], size=4
    )
    most = 0
    for row in table.rows():
        row["wave"].sum()
        held = sum(high - low for low, high, name in maps() if name.startswith(str(tmp_path)))
        most = max(most, held)
    assert 4 * 2**20 < most < 80 * 2**20 < count * 2**20


def test_one_field_is_read_without_the_others():
    store = Store(f"fsspec+memory:///{uuid.uuid4().hex}")

    class Wide(Schema):
        big: Wave
        small: int

    big = np.ones(2**20, "float32")
    table = write(store, schema=Wide, make=lambda n: Wide(big=big, small=n))
    taken: list[int] = []

    class Counted(io.RawIOBase):
        """A file of the store that notes how many bytes are taken from it."""

        def __init__(self, path):
            self.file = store.files.fs.open_input_file(store.files.at(path))
            self.seek, self.tell = self.file.seek, self.file.tell

        def readable(self):
            return True

        def seekable(self):
            return True

        def read(self, count=-1):
            taken.append(count)
            return self.file.read(count)

    store.files.open = lambda path: pa.PythonFile(Counted(path), mode="r")
    assert [row["small"] for row in table.rows(fields=["small"])] == list(range(8))
    assert 0 < sum(taken) < 100_000 < table.manifest["bytes"]


# ---- damage ----


def test_a_truncated_shard_is_found_when_the_table_is_opened(store):
    write(store)
    path = "tables/d1/shard-00001.arrow"
    whole = store.files.read(path)
    damage(store, path, whole[: len(whole) // 2])
    want = f"{store.files.at(path)}: has {len(whole) // 2} bytes, want {len(whole)}; delete shard-00001.arrow and table.json in "
    with pytest.raises(StoreError, match="^" + re.escape(want)):
        store.find_table("d1")
    store.files.delete(path)
    with pytest.raises(StoreError, match=r"shard-00001.arrow: missing; delete table.json in .* and run again"):
        store.find_table("d1")
    store.files.delete("tables/d1/table.json")  # what the message says
    writer = store.write_table("d1", Clip, META)
    assert writer.done == {0, 2}
    writer.write(1, ["u3", "u4", "u5"], [clip(3), clip(4), clip(5)])
    writer.publish()
    assert store.files.read(path) == whole


def test_a_shard_of_the_right_size_with_other_bytes_is_found_when_it_is_read(store):
    write(store)
    path = "tables/d1/shard-00001.arrow"
    damage(store, path, b"\0" * store.files.size(path))
    table = store.find_table("d1")
    assert table.get("u1")["text"] == clip(1).text
    with pytest.raises(StoreError, match=r"shard-00001.arrow: is damaged .*; delete shard-00001.arrow and table.json"):
        table.get("u4")


def test_a_manifest_of_the_future_or_of_no_format_is_refused(store):
    write(store)
    manifest = store.files.read_json("tables/d1/table.json")
    store.files.write_json("tables/d1/table.json", manifest | {"format": 2})
    with pytest.raises(StoreError, match=r"table.json: has format 2, but this version reads up to 1; a newer version"):
        store.find_table("d1")
    store.files.write_json("tables/d1/table.json", manifest | {"format": "new"})
    with pytest.raises(StoreError, match="want a format number up to 1, got 'new'"):
        store.find_table("d1")
    damage(store, "tables/d1/table.json", b'{"form')
    with pytest.raises(StoreError, match=r"table.json: is not JSON"):
        store.find_table("d1")


# ---- views ----


def numbers(store, digest, ids):
    return write(store, digest, Number, lambda n: Number(number=n), ids, size=2, meta={"node": digest})


def test_a_view_picks_fields_of_several_tables_without_a_copy(store):
    write(store)
    numbers(store, "d2", ["u5", "u1", "u9"])
    before = store.files.listed("tables", recursive=True)
    view = store.write_view("v1", META, [ViewPart({"n": ("d2", "number"), "heard": ("d1", "wave")}, ["u5", "u1"])])
    assert (view.ids, view.fields, len(view)) == (["u5", "u1"], ["n", "heard"], 2)
    row = store.find_table("v1").get("u5")
    assert row["n"] == 0
    assert row["heard"].tobytes() == clip(5).wave.tobytes()
    assert view.get("u1", ["n"]) == {"id": "u1", "n": 1}
    assert view.manifest["fields"] == {"n": "int", "heard": "wave float32(samples) of full scale"}
    assert view.manifest["meta"] == META
    new = {info.path for info in store.files.listed("tables", recursive=True)} - {info.path for info in before}
    assert {os.path.basename(path) for path in new} == {"v1", "table.json", "ids.arrow"}


def test_a_union_and_a_view_of_views(store):
    numbers(store, "d1", ["a", "b"])
    numbers(store, "d2", ["c", "d"])
    parts = [ViewPart({"number": (digest, "number")}, ids) for digest, ids in (("d1", ["a", "b"]), ("d2", ["d", "c"]))]
    union = store.write_view("v1", {}, parts)
    assert [(row["id"], row["number"]) for row in union.rows()] == [("a", 0), ("b", 1), ("d", 1), ("c", 0)]
    view = store.write_view("v2", {}, [ViewPart({"n": ("v1", "number"), "name": ("v1", "id")}, ["c", "a"])])
    assert list(view.rows()) == [{"id": "c", "n": 0, "name": "c"}, {"id": "a", "n": 0, "name": "a"}]
    assert view.failures == []


def test_a_view_that_makes_no_table_is_refused_by_name(store):
    numbers(store, "d1", ["a", "b"])
    numbers(store, "d2", ["b", "c"])
    one, two = ({"number": (digest, "number")} for digest in ("d1", "d2"))
    with pytest.raises(StoreError, match="id 'b' stands twice in a view: in table d1 of d1, and in table d2 of d2"):
        store.write_view("v", {}, [ViewPart(one, ["a", "b"]), ViewPart(two, ["b"])])
    with pytest.raises(StoreError, match="table d1 of d1: no row 'z' for the view to show"):
        store.write_view("v", {}, [ViewPart(one, ["z"])])
    with pytest.raises(StoreError, match="table d1 of d1: no field wave; it has number"):
        store.write_view("v", {}, [ViewPart({"x": ("d1", "wave")}, ["a"])])
    with pytest.raises(StoreError, match="d9: no complete table"):
        store.write_view("v", {}, [ViewPart({"x": ("d9", "wave")}, ["a"])])
    with pytest.raises(StoreError, match=r"want the same fields, got \['number'\] and \['x'\]"):
        store.write_view("v", {}, [ViewPart(one, ["a"]), ViewPart({"x": ("d2", "number")}, ["c"])])
    assert store.find_table("v") is None


def test_a_view_whose_table_is_gone_is_no_table_any_more(store):
    numbers(store, "d1", ["a"])
    store.write_view("v", {}, [ViewPart({"n": ("d1", "number")}, ["a"])])
    store.files.delete_folder("tables/d1")
    assert store.find_table("v") is None


# ---- artifacts ----

MADE = {"block": "toy.scale", "config": {"steps": 1}, "spec": {"hop_length": 200}, "licences": ["MIT"], "node": "fit"}


def fit(store: Store, digest="a1", data=b"weights") -> str:
    with store.write_artifact(digest, MADE) as folder:
        (folder / "deep").mkdir()
        (folder / "deep/model.safetensors").write_bytes(data)
    return store.find_artifact(digest)


def test_an_artifact_is_a_folder_that_says_what_made_it(store):
    assert store.find_artifact("a1") is None
    folder = fit(store)
    assert (Path(folder) / "deep/model.safetensors").read_bytes() == b"weights"
    manifest = read_artifact(folder)
    assert {key: manifest[key] for key in ("format", "block", "config", "spec", "licences")} == {
        "format": ARTIFACT,
        **{key: MADE[key] for key in ("block", "config", "spec", "licences")},
    }
    for name in ("config", "spec"):
        assert json.loads(Path(folder, f"{name}.json").read_text()) == MADE[name], "for tools that are not ours"
    assert set(manifest["files"]) == {"config.json", "deep/model.safetensors", "spec.json"}
    assert manifest["lineage"]["node"] == "fit"
    assert manifest["files"]["deep/model.safetensors"]["bytes"] == 7
    assert len(manifest["files"]["deep/model.safetensors"]["sha256"]) == 64
    assert fit(store, data=b"other") == folder, "the first of two equal artifacts stays"
    assert (Path(folder) / "deep/model.safetensors").read_bytes() == b"weights"
    assert [info.base_name for info in store.files.listed("artifacts")] == ["a1"]


def test_an_artifact_that_fails_on_the_way_leaves_nothing(store):
    def fail():
        with store.write_artifact("a1", MADE) as folder:
            (folder / "half").write_bytes(b"x")
            raise RuntimeError("out of luck")

    with pytest.raises(RuntimeError, match="out of luck"):
        fail()
    assert store.find_artifact("a1") is None
    assert store.files.listed("artifacts") == []


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda f: (f / "deep/model.safetensors").write_bytes(b"weight"), "has 6 bytes, want 7"),
        (lambda f: (f / "deep/model.safetensors").write_bytes(b"weightz"), "was changed: SHA-256 .{12}, want .{12}"),
        (lambda f: (f / "deep/model.safetensors").unlink(), "model.safetensors: missing, but listed in artifact.json"),
        (lambda f: (f / "artifact.json").unlink(), "artifact.json: the folder has no such file"),
        (lambda f: (f / "artifact.json").write_text("{"), "artifact.json: is not JSON"),
        (lambda f: edit(f, format=ARTIFACT + 1), f"has format {ARTIFACT + 1}, but this version reads up to {ARTIFACT}"),
        (lambda f: edit(f, files={"../x": {}}), r"lists '\.\./x', which lies outside the artifact"),
        (lambda f: edit(f, files={"m.pt": {}}), "m.pt: may be a pickle, which runs code when it is loaded"),
    ],
)
def test_a_damaged_artifact_is_refused(tmp_path, harm, message):
    folder = Path(fit(Store(tmp_path)))
    harm(folder)
    with pytest.raises(StoreError, match=message):
        read_artifact(folder)


def edit(folder: Path, **changes) -> None:
    manifest = json.loads((folder / "artifact.json").read_text())
    (folder / "artifact.json").write_text(json.dumps(manifest | changes))


def test_an_artifact_may_hold_no_pickle_and_no_link(tmp_path):
    def publish(fill, meta=MADE):
        with Store(tmp_path).write_artifact("a1", meta) as folder:
            fill(folder)

    with pytest.raises(StoreError, match=r"model.pkl: may be a pickle"):
        publish(lambda folder: (folder / "model.pkl").write_bytes(b""))
    with pytest.raises(StoreError, match=r"weights.PT: may be a pickle"):
        publish(lambda folder: (folder / "weights.PT").write_bytes(b""))
    with pytest.raises(StoreError, match="is a link"):
        publish(lambda folder: (folder / "model").symlink_to("elsewhere"))
    with pytest.raises(StoreError, match="description lacks block, spec"):
        publish(lambda folder: None, {"config": {}})
    assert Store(tmp_path).find_artifact("a1") is None
    with pytest.raises(StoreError, match="no such folder"):
        read_manifest(tmp_path / "nowhere")


# ---- runs ----


def test_runs_are_kept_newest_first(store):
    assert store.runs() == []
    for n in range(3):
        store.record_run({"graph": "a/b c", "n": n})
    assert [run["n"] for run in store.runs()] == [2, 1, 0]
    assert all(re.fullmatch(r"\d{8}T\d{6}\.\d{6}-a-b-c\.json", f.base_name) for f in store.files.listed("runs"))
