"""`list`, `describe`, `schema` and `new`: what a person and an editor are shown of blocks."""

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

import blocks
from blocks import load
from blocks.load import UnknownBlock, find, names
from runner.catalogue.describe import describe, listing, text_of
from runner.catalogue.json_schema import graph_schema
from runner.catalogue.new import write_skeleton
from runner.check import read_graph

ROOT = Path(__file__).parents[2]


def test_listing_reads_docstrings_without_importing():
    code = "import sys; from runner.catalogue.describe import listing; print(len(listing())); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    count, modules = done.stdout.splitlines()
    assert int(count) > 0
    assert not [name for name in modules.split() if name.startswith("blocks.") and name.count(".") == 2]
    assert dict(listing())["toy.level"] == "The root mean square of a wave."


def test_a_block_described():
    found = describe("toy.scale")
    assert found["verbs"] == ["map", "fit"]
    wave = found["ports"]["fit"]["takes"][0]
    assert (wave["name"], wave["axes"], wave["dtype"], wave["unit"]) == (
        "wave",
        ["samples"],
        "float32",
        "of full scale",
    )
    assert wave["spec"] == ["sample_rate"]
    assert found["ports"]["fit"]["makes"] is None
    assert found["config"] == [{"name": "steps", "type": "int", "required": False, "default": 1, "comment": ""}]
    assert found["role"] == "What the toys exchange: tones."
    assert {name: [port["name"] for port in sides["takes"]] for name, sides in found["methods"].items()} == {
        "undo": ["scaled"]
    }
    assert "map, method: undo, takes:\n  scaled" in text_of(found)
    assert found["installed"]


def test_config_keys_come_with_the_comments_behind_them():
    found = {key["name"]: key for key in describe("toy.gain")["config"]}
    assert found["bad"]["comment"] == "ids that raise"
    assert found["bad"]["type"] == "tuple of str"
    assert found["gain"]["default"] == 0.5


def test_the_id_is_no_port():
    assert [port["name"] for port in describe("toy.gain")["ports"]["map"]["takes"]] == ["wave"]
    assert [port["name"] for port in describe("toy.pairs")["ports"]["expand"]["makes"]] == ["wave"]


@pytest.mark.parametrize("name", names())
def test_every_block_can_be_described(name):
    found = describe(name)
    json.dumps(found)
    text = text_of(found)
    for verb in found["verbs"]:
        assert f"{verb} takes:" in text or f"{verb} makes:" in text
    assert all(key["name"] in text for key in found["config"])


def test_an_unknown_block_is_answered_with_a_near_one():
    with pytest.raises(UnknownBlock, match=r"no block 'toy\.gian'; did you mean 'toy\.gain'\?"):
        describe("toy.gian")


# ---- schema ----


@pytest.fixture(scope="module")
def validator():
    schema = json.loads(json.dumps(graph_schema()))
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


@pytest.mark.parametrize("path", sorted((ROOT / "graphs").glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_graphs_fit_the_schema(path, validator, monkeypatch):
    monkeypatch.chdir(ROOT)
    validator.validate(yaml.safe_load(path.read_text("utf-8")))
    validator.validate(read_graph(path).source)


TONES = {"read": "toy.tones"}


@pytest.mark.parametrize(
    ("more", "good"),
    [
        ({"options": {"count": "tones.count"}, "outputs": {"tones": "here"}}, True),
        ({"options": {"count": "tones"}}, False),
        ({"options": {"until": "tones.count"}}, False),
        ({"options": {"Count": "tones.count"}}, False),
        ({"outputs": {"tones": ""}}, False),
    ],
)
def test_options_and_outputs_fit_the_schema_as_they_should(more, good, validator):
    assert validator.is_valid({"nodes": {"tones": TONES}} | more) == good


@pytest.mark.parametrize(
    ("nodes", "good"),
    [
        ({"tones": TONES}, True),
        ({"tones": TONES | {"config": {"count": 3}}}, True),
        ({"tones": TONES | {"config": {"cuont": 3}}}, False),
        ({"tones": TONES | {"config": {"count": "many"}}}, False),
        ({"tones": {"read": "toy.tone"}}, False),
        ({"tones": {"read": "toy.gain"}}, False),
        ({"tones": TONES | {"map": "toy.gain"}}, False),
        ({"tones": {}}, False),
        ({"tones": TONES | {"in": {"wave": "x.wave"}}}, False),
        ({"loud": {"map": "toy.gain", "method": "apply", "in": {"wave": "x.wave"}}}, True),
        ({"loud": {"map": "toy.gain", "method": "undo", "in": {"wave": "x.wave"}}}, False),
        ({"back": {"map": "toy.scale", "method": "undo", "model": "m", "in": {"scaled": "x.wave"}}}, True),
        ({"back": {"map": "toy.scale", "method": "undo", "model": "m", "in": {"wave": "x.wave"}}}, False),
        ({"back": {"map": "toy.scale", "model": "m", "in": {"scaled": "x.wave"}}}, False),
        ({"tones": TONES | {"method": "read"}}, False),
        ({"more": {"expand": "toy.echo", "model": "m", "in": {"wave": "x.wave"}, "config": {"times": 3}}}, True),
        ({"more": {"expand": "toy.echo", "method": "expand", "model": "m", "in": {"wave": "x.wave"}}}, False),
        ({"out": {"map": "toy.echo", "model": "m", "in": {"wave": "x.wave"}}}, False),
        ({"my.tones": TONES}, False),
        ({"loud": {"map": "toy.gain", "in": {"wave": "tones.wave"}}}, True),
        ({"loud": {"map": "toy.gain", "in": {"wave": "tones"}}}, False),
        ({"loud": {"map": "toy.gain", "in": {"wav": "tones.wave"}}}, False),
        ({"loud": {"map": "toy.gain", "in": {}}}, False),
        (
            {
                "logs": {
                    "map": "toy.logs",
                    "in": {"gain": {"value": 2}, "globals": {"a": {"value": [1, 2]}, "b": "x.y"}},
                }
            },
            True,
        ),
        ({"logs": {"map": "toy.logs", "in": {"gain": {"value": None}}}}, False),
        ({"logs": {"map": "toy.logs", "in": {"gain": {"row": "a.b", "at": "c.d"}}}}, True),
        ({"logs": {"map": "toy.logs", "in": {"globals": {"a": {"row": "a.b", "at": {"value": "c"}}}}}}, True),
        ({"logs": {"map": "toy.logs", "in": {"gain": {"row": "a.b", "at": 3}}}}, False),
        ({"mean": {"reduce": "toy.mean", "by": "a.b", "in": {"level": "c.d"}}}, True),
        ({"mean": {"reduce": "toy.mean", "by": ["a.b"], "in": {"level": "c.d"}}}, False),
        ({"level": {"map": "toy.level", "by": "a.b", "in": {"wave": "c.d"}}}, False),
        ({"loud": {"map": "toy.gain", "in": {"wave": "a.b"}, "where": {"a.c": {"min": 1, "not": [2]}}}}, True),
        ({"loud": {"map": "toy.gain", "in": {"wave": "a.b"}, "where": {"a.c": {"mim": 1}}}}, False),
        ({"loud": {"map": "toy.gain", "in": {"wave": "a.b"}, "scale": {"workers": 0}}}, False),
        ({"weights": {"load": "x", "as": "toy.scale"}}, True),
        ({"weights": {"load": "x"}}, False),
        ({"weights": {"load": "x", "as": "toy.gain"}}, False),
        ({"all": {"union": ["a", "b"]}}, True),
        ({"all": {"union": ["a"]}}, False),
    ],
)
def test_the_schema_knows_good_from_bad(nodes, good, validator):
    assert validator.is_valid({"nodes": nodes}) is good


def test_the_schema_knows_presets_sizes_and_bases(validator):
    assert validator.is_valid(
        {"spec": "vox_16k", "sizes": {"small": {"tones": {"count": 1}}}, "nodes": {"tones": TONES}}
    )
    assert validator.is_valid({"spec": {"preset": "vox_16k", "n_mels": 40}, "nodes": {"tones": TONES}})
    assert not validator.is_valid({"spec": "vox_16", "nodes": {"tones": TONES}})
    assert validator.is_valid({"base": "other.yaml", "nodes": {"gone": None, "tones": {"config": {"count": 1}}}})
    assert not validator.is_valid({"nodes": {"gone": None}})


# ---- new ----


@pytest.fixture
def kinds(tmp_path, monkeypatch):
    """A folder of kinds beside ours."""
    folder = tmp_path / "blocks"
    folder.mkdir()
    monkeypatch.setattr(blocks, "__path__", [*blocks.__path__, str(folder)])
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    return folder


@pytest.mark.parametrize("name", [*(f"{kind}.fresh_one" for kind in sorted(load.kinds())), "fresh.first"])
def test_a_skeleton_is_clean_honest_and_found(name, kinds, tmp_path):
    kind, variant = name.split(".")
    files = write_skeleton(name, kinds, tmp_path / "tests")
    block = kinds / kind / f"{variant}.py"
    assert {block, tmp_path / "tests" / f"test_{kind}_{variant}.py"} <= set(files)
    assert (kinds / kind / "schema.py" in files) is (kind == "fresh")
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, *files], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert name in names()
    written = block.read_text()
    assert "raise NotImplementedError" in written
    assert find(name).tiny == find(name).Config(**find(name).tiny.model_dump())
    with pytest.raises(FileExistsError):
        write_skeleton(name, kinds, tmp_path / "tests")
    assert block.read_text() == written


def test_a_skeleton_has_the_ports_of_its_kind(kinds, tmp_path):
    write_skeleton("toy.softer", kinds, tmp_path)
    written = (kinds / "toy" / "softer.py").read_text()
    assert "class Softer(Mapper[Config]):" in written


def test_a_skeleton_of_a_new_kind_is_a_block(kinds, tmp_path):
    write_skeleton("fresh.second_try", kinds, tmp_path)
    found = describe("fresh.second_try")
    assert found["verbs"] == ["map"]
    assert [port["name"] for port in found["ports"]["map"]["takes"]] == ["wave"]
    with pytest.raises(NotImplementedError):
        find("fresh.second_try")(find("fresh.second_try").tiny, None).apply([])


@pytest.mark.parametrize(
    "name", ["vocoder", "Vocoder.x", "vocoder.", "a.b.c", "vocoder.schema", "common.x", "vocoder.class"]
)
def test_a_name_that_is_none_is_refused(name, kinds, tmp_path):
    with pytest.raises(ValueError, match=name.replace(".", r"\.")):
        write_skeleton(name, kinds, tmp_path)


def test_an_existing_block_is_never_written_over(kinds, tmp_path):
    with pytest.raises(FileExistsError, match=r"toy\.gain is there already"):
        write_skeleton("toy.gain", kinds, tmp_path)
    assert not list(kinds.iterdir())
