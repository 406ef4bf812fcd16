"""Blocks in a folder of one's own: found, run, written by `new`, tested by `test`; a wrong folder is named."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import blocks
from blocks.load import UnknownBlock, WrongBlock, find, names, wrong_folders
from runner.catalogue.describe import describe, listing
from runner.cli import app
from tests.environment import ROOT

LOUDER = '''"""How much louder what is heard is."""

import numpy as np

from blocks.base import BlockConfig, Mapper, Schema
from blocks.metric.schema import WavePair


class Config(BlockConfig):
    floor: float = 1e-4  # of full scale


class Louder(Schema):
    louder_db: float


class LouderDb(Mapper[Config]):
    tiny = Config()

    def apply(self, items: list[WavePair]) -> list[Louder]:
        return [Louder(louder_db=float(self.level(item.prediction) - self.level(item.reference))) for item in items]

    def level(self, wave) -> float:
        return 20 * np.log10(max(np.sqrt(np.mean(wave**2)), self.config.floor))
'''
ITS_TEST = """
from blocks.metric.louder import Config, LouderDb
from blocks.spec import AudioSpec


def test_a_known_answer():
    assert LouderDb(Config(), AudioSpec()).level(0.0) == -80
"""


@pytest.fixture
def mine(tmp_path, monkeypatch) -> Path:
    """An empty folder of one's own that `blocks` has; what was imported from it is forgotten afterwards."""
    folder = tmp_path / "mine"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VOXBLOCKS_BLOCKS", str(folder))
    monkeypatch.setattr(blocks, "__path__", [*blocks.__path__, str(folder)])
    yield folder
    for name, module in list(sys.modules.items()):
        if name.startswith("blocks.") and any(str(place).startswith(str(folder)) for place in _places(module)):
            package, _, last = name.rpartition(".")
            vars(sys.modules.get(package, module)).pop(last, None)
            del sys.modules[name]


def _places(module) -> list[str]:
    return [getattr(module, "__file__", None) or "", *getattr(module, "__path__", ())]


def write(folder: Path, **files: str) -> None:
    """``metric__louder="..."`` goes to metric/louder.py."""
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def call(*words: str):
    """A command in this process."""
    result = CliRunner().invoke(app, list(words))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def voxblocks(*words: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "runner", *words],
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
    )


def test_a_variant_of_a_kind_that_lies_elsewhere(mine):
    write(mine, metric__louder=LOUDER)
    assert find("metric.louder").__name__ == "LouderDb"
    assert "metric.louder" in names()
    assert dict(listing())["metric.louder"] == "How much louder what is heard is."
    found = describe("metric.louder")
    assert found["role"].startswith("What metrics compare.")
    assert found["config"][0]["comment"] == "of full scale"
    assert find("metric.stoi").__module__ == "blocks.metric.stoi", "those of the kind's own place are still found"


def test_a_kind_of_ones_own_needs_no_init_file(mine):
    write(mine, feeling__schema="from blocks.metric.schema import WavePair as In\n")
    write(
        mine, feeling__louder=LOUDER.replace("blocks.metric.schema", "blocks.feeling.schema").replace("WavePair", "In")
    )
    assert find("feeling.louder").__module__ == "blocks.feeling.louder"


def test_one_command_asks_all_and_runs_its_test(mine):
    write(mine, metric__louder=LOUDER, tests__test_metric_louder=ITS_TEST)
    done = voxblocks("test", "metric.louder", "-vv")
    assert done.returncode == 0, done.stdout
    assert "mine/tests/test_metric_louder.py::test_a_known_answer PASSED" in done.stdout
    for question in ("silence_is_answered", "same_seed", "two_together"):
        assert question in done.stdout
    write(mine, metric__louder=LOUDER.replace("float(self", "float(len(items) * self"))
    done = voxblocks("test", "metric.louder")
    assert done.returncode == 1
    assert "1 failed" in done.stdout
    assert "test_two_together_equal_each_alone[metric.louder" in done.stdout


def test_in_a_checkout_a_blocks_test_is_found_beside_the_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = voxblocks("test", "metric.table", "-k", "says_what_it_does or baseline")
    assert done.returncode == 0, done.stdout
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) > 1


def test_new_writes_into_it_and_what_it_writes_is_asked(mine):
    done = call("new", "metric.mine")
    assert done.stdout.split() == [str(mine / "metric" / "mine.py"), str(mine / "tests" / "test_metric_mine.py")]
    text = (mine / "metric" / "mine.py").read_text()
    assert "items: list[WavePair]) -> list[Out | Failure]" in text
    assert "    mine: float" in text
    done = voxblocks("test", "metric.mine", "-k", "known_answer or says_what_it_does")
    assert done.returncode == 1
    assert "NotImplementedError: compare one result" in done.stdout
    assert "1 failed, 1 passed" in done.stdout.splitlines()[-1]
    assert "metric.mine is there already" in call("new", "metric.mine").stderr


def test_without_a_folder_new_says_how_to_have_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VOXBLOCKS_BLOCKS", raising=False)
    done = call("new", "metric.mine")
    assert done.exit_code == 2
    assert "want a folder of your own for it: mkdir mine && export VOXBLOCKS_BLOCKS=$PWD/mine;" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_folder_may_be_relative_and_is_named_where_it_is_missing(mine, tmp_path, monkeypatch):
    write(mine, metric__louder=LOUDER)
    assert "metric.louder" in voxblocks("list", VOXBLOCKS_BLOCKS="mine").stdout
    monkeypatch.setenv("VOXBLOCKS_BLOCKS", f"{mine}{os.pathsep}mien")
    done = call("list")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == f"VOXBLOCKS_BLOCKS: mien: there is no folder {tmp_path / 'mien'}\n"


def wrong(monkeypatch, folder: Path) -> list[str]:
    monkeypatch.setenv("VOXBLOCKS_BLOCKS", str(folder))
    monkeypatch.setattr(blocks, "__path__", [*blocks.__path__, str(folder)])
    return [line.removeprefix(f"VOXBLOCKS_BLOCKS: {folder}: ") for line in wrong_folders()]


def test_a_folder_one_level_too_high_or_too_low_is_named(mine, tmp_path, monkeypatch):
    write(mine, metric__louder=LOUDER, feeling__schema="")
    above = f"no kind lies in {tmp_path}, but there are some in {mine}; want that one"
    assert wrong(monkeypatch, tmp_path) == [above]
    for kind in ("metric", "feeling"):
        below = f"{mine / kind} is the folder of one kind; want the one above it, {mine}"
        assert wrong(monkeypatch, mine / kind) == [below]
    with pytest.raises(ValueError, match="want the one above it"):
        names()


def test_the_package_s_own_folder_is_told_in_one_line(mine, monkeypatch):
    (line,) = wrong(monkeypatch, Path(blocks.__file__).parent)
    assert "leave it out" in line


def test_nothing_is_hidden_by_a_namesake(mine):
    package = Path(blocks.__file__).parent
    write(mine, metric__table=LOUDER, metric__schema="")
    assert wrong_folders() == [
        f"{mine}/metric/schema.py: there is a kind metric in {package}/metric; leave schema.py out",
        f"{mine}/metric/table.py: there is a metric.table in {package}/metric/table.py; give it another name",
    ]


def test_what_is_wrong_with_a_file_is_one_line(mine):
    write(
        mine,
        metric__none="",
        metric__bare=LOUDER.replace("Mapper[Config]", "Mapper"),
        metric__unnamed=LOUDER.replace("self, wave) -> float", "self, wave) -> flaot"),
        metric__cut=LOUDER[:-30],
    )
    with pytest.raises(WrongBlock, match=r"/metric/none.py: want exactly one block, got 0$"):
        find("metric.none")
    for command in ("describe", "test"):
        done = call(command, "metric.bare")
        assert done.exit_code == 2
        assert done.stderr == (
            f"{mine}/metric/bare.py: LouderDb does not say its settings; want class LouderDb(Mapper[Config]), where Config "
            "is a BlockConfig\n"
        )
    (mine.parent / "g.yaml").write_text(
        "nodes:\n  a: {map: metric.unnamed}\n  b: {map: metric.cut}\n  c: {map: metric.ba}\n"
    )
    assert call("check", "g.yaml").stderr.splitlines() == [
        "g.yaml:2:12: a: metric.unnamed cannot be imported: NameError: name 'flaot' is not defined (mine/metric/unnamed.py:23)",
        "g.yaml:3:12: b: metric.cut cannot be imported: SyntaxError: '(' was never closed (cut.py, line 24)",
        "g.yaml:4:12: c: no block 'metric.ba'; did you mean 'metric.bare'?",
    ]
    assert "metric.cut " in call("list").stdout, "one broken file hides no other"
    done = call("schema", "--out", "schema.json")
    assert done.exit_code == 0
    assert [re.findall(r"left out:.*(bare|cut|none|unnamed)", line) for line in done.stderr.splitlines()] == [
        ["bare"],
        ["cut"],
        ["none"],
        ["unnamed"],
    ]


def test_an_installed_package_brings_blocks_by_an_entry_point(tmp_path, monkeypatch):
    site = tmp_path / "site"
    write(site / "their_package" / "blocks", metric__louder=LOUDER)
    (site / "their_package" / "__init__.py").write_text(
        "raise RuntimeError('a package is not imported for its blocks')"
    )
    (site / "theirs-1.0.dist-info").mkdir()
    (site / "theirs-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    points = site / "theirs-1.0.dist-info" / "entry_points.txt"
    points.write_text("[voxblocks.blocks]\ntheirs = their_package.blocks\n")
    there = {"PYTHONPATH": f"{ROOT}{os.pathsep}{site}", "VOXBLOCKS_BLOCKS": ""}
    done = voxblocks("describe", "metric.louder", **there)
    assert "map takes:" in done.stdout, done.stderr
    points.write_text("[voxblocks.blocks]\ntheirs = their_package.block\n")
    wanted = (
        f"entry point theirs = their_package.block of voxblocks.blocks: there is no folder {site}/their_package/block\n"
    )
    assert voxblocks("list", **there).stderr == wanted


def test_an_unknown_block_still_suggests(mine):
    write(mine, metric__louder=LOUDER, metric__test_louder=ITS_TEST)
    assert "metric.test_louder" not in names(), "a test beside a block is none"
    with pytest.raises(UnknownBlock, match=r"no block 'metric\.lauder'; did you mean 'metric\.louder'\?"):
        find("metric.lauder")


# ---- what goes wrong in a block's own code ----

TONES = """
nodes:
  tone: {read: toy.tones, config: {count: 20}}
  louder: {map: metric.louder, in: {prediction: tone.wave, reference: tone.wave}}
"""
BUG = LOUDER.replace("np.mean(wave**2)", "np.mean(wav**2)")
LINE = 1 + BUG[: BUG.index("(wav**2)")].count("\n")


def test_a_bug_is_told_with_its_line_and_its_traceback_is_kept(mine):
    write(mine, metric__louder=BUG)
    Path("g.yaml").write_text(TONES)
    done = call("run", "g.yaml")
    assert done.exit_code == 1
    said = done.stderr.splitlines()[-1]
    assert "louder: 20 of 20 items failed" in said
    assert f"NameError: name 'wav' is not defined (mine/metric/louder.py:{LINE})" in said
    assert "max_failed=" not in said, "nothing would be left to go on with"
    digest = said.rpartition("store failures ")[2].rstrip("`")
    elsewhere = call("run", "g.yaml", "--store", "other").stderr.splitlines()[-1]
    assert elsewhere.endswith(f"`voxblocks store failures {digest} --store {Path('other').absolute()}`")
    kept = call("store", "failures", digest)
    assert len(kept.stdout.splitlines()) == 20
    trace = kept.stderr.splitlines()
    assert trace[0] == "Traceback (most recent call last):"
    assert f'File "{mine}/metric/louder.py"' in trace[1], trace
    assert trace[-1] == "NameError: name 'wav' is not defined"


@pytest.mark.parametrize("where", ["louder", "made"])
def test_a_node_that_stumbles_as_a_whole_is_told_of_alike(mine, where):
    reducer = LOUDER.replace("Mapper", "Reducer").replace("def apply", "def reduce").replace("list[Louder]:", "Louder:")
    reducer = reducer.replace("        return [", "        no_such\n        return [")
    write(
        mine,
        metric__louder=LOUDER.replace("tiny = Config()", "tiny = Config()\n\n    def setup(self):\n        no_such"),
    )
    write(mine, metric__made=reducer)
    Path("g.yaml").write_text(
        TONES + "  made: {reduce: metric.made, in: {prediction: tone.wave, reference: tone.wave}}\n"
    )
    said = call("run", "g.yaml", "--until", where).stderr.splitlines()[-1]
    assert said.startswith(f"g.yaml:{4 if where == 'louder' else 5}:3: {where}: ")
    assert f"(mine/metric/{where}.py:" in said
    digest = said.rpartition("store failures ")[2].rstrip("`")
    kept = call("store", "failures", digest)
    assert (kept.exit_code, kept.stdout) == (0, "")
    assert kept.stderr.startswith("Traceback")
    assert call("store", "gc", "--grace", "0").exit_code == 0
    assert call("store", "failures", digest).stderr.startswith("Traceback"), "the newest run's is kept"


def test_a_broken_contract_is_told_with_its_place(mine):
    write(mine, metric__louder=LOUDER.replace("for item in items", "for item in items[1:]"))
    Path("g.yaml").write_text(TONES)
    said = "g.yaml:4:3: louder: metric.louder: LouderDb.apply returned 15 results for 16 items"
    assert call("run", "g.yaml").stderr.splitlines()[-1] == said


def test_a_bad_item_is_not_a_bug(mine):
    write(
        mine,
        metric__louder=LOUDER.replace("return 20", "raise BadItem('too loud')\n        return 20").replace(
            "import Block", "import BadItem, Block"
        ),
    )
    Path("g.yaml").write_text(TONES)
    said = call("run", "g.yaml").stderr.splitlines()[-1]
    assert "the first is tone0000: too loud. " in said
    kept = call("store", "failures", said.rpartition("store failures ")[2].rstrip("`"))
    assert kept.stdout.splitlines()[0] == "tone0000\tfailure\ttoo loud"
    assert kept.stderr == ""


def test_a_block_of_a_folder_that_is_not_named_is_told_how_to_be(monkeypatch):
    monkeypatch.delenv("VOXBLOCKS_BLOCKS", raising=False)
    with pytest.raises(UnknownBlock, match=r"; VOXBLOCKS_BLOCKS, by which folders of one's own are found, is not set$"):
        find("feeling.of_my_own")
    with pytest.raises(UnknownBlock, match=r"'toy\.gain'\?$"):
        find("toy.gian")


def test_a_result_that_does_not_fit_is_told_in_one_line(mine):
    write(mine, metric__louder=LOUDER.replace("louder_db=float(", "louder_db=repr("))
    Path("g.yaml").write_text(TONES)
    said = call("run", "g.yaml").stderr.splitlines()[-1]
    assert "ValidationError: Louder: louder_db: Input should be a valid number" in said
    assert "errors.pydantic.dev" not in said


def test_a_bug_in_a_training_is_told_alike(mine):
    tuned = (ROOT / "tests" / "toys" / "toy" / "tuned.py").read_text()
    write(mine, toy__mistuned=tuned.replace("run.state(model=self.model", "run.state(model=self.mdel"))
    Path("g.yaml").write_text(
        "nodes:\n  tone: {read: toy.tones}\n  model: {fit: toy.mistuned, in: {wave: tone.wave}}\n"
    )
    said = call("run", "g.yaml").stderr.splitlines()[-1]
    assert said.startswith(
        "g.yaml:3:3: model: AttributeError: 'Tuned' object has no attribute 'mdel' (mine/toy/mistuned.py:"
    )
    assert "mdel" in call("store", "failures", said.rpartition("store failures ")[2].rstrip("`")).stderr
