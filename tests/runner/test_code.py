"""The code digest: comments, docstrings and formatting do not count; every line that runs does."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

import blocks
from runner.check import check, read_graph
from runner.plan import code, contract, make_plan
from runner.plan.code import code_digest
from runner.store import Store

SCHEMA = "from blocks.base import Schema\n\n\nclass Thing(Schema):\n    size: int\n"
VARIANT = '"""Doc."""\nfrom blocks.{kind}.schema import Thing\n\n\ndef double(x):\n    """Twice."""\n    return 2 * x  # times two\n'


@pytest.fixture
def kind(tmp_path, monkeypatch):
    """A kind of blocks in a folder of its own, whose files a test may rewrite."""
    name = f"coded{abs(hash(tmp_path)) % 10**8}"
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").touch()
    monkeypatch.setattr(blocks, "__path__", [*blocks.__path__, str(tmp_path)])

    def digest(variant=VARIANT, schema=SCHEMA):
        (tmp_path / name / "schema.py").write_text(schema)
        (tmp_path / name / "thing.py").write_text(variant.format(kind=name))
        for module in [m for m in sys.modules if m.startswith(f"blocks.{name}")]:
            del sys.modules[module]
        code.forget()
        return code_digest(f"blocks.{name}.thing")

    yield digest
    code.forget()


def test_comments_docstrings_and_layout_do_not_count(kind):
    other = (
        VARIANT.replace("  # times two", "").replace("Twice.", "Two times.").replace("2 * x", "(2 *\n            x)")
    )
    assert kind() == kind(other)


def test_a_changed_line_counts(kind):
    assert kind() != kind(VARIANT.replace("2 * x", "3 * x"))


def test_a_changed_line_in_an_imported_module_counts(kind):
    assert kind() != kind(schema=SCHEMA.replace("size: int", "size: float"))


def test_data_beside_it_counts(kind):
    before = kind()
    folder = next(folder for path in blocks.__path__ for folder in Path(path).glob("coded*"))
    (folder / "table.tsv").write_text("a\t1\n")
    with_table = kind()
    assert with_table != before
    (folder / "table.tsv").write_text("a\t2\n")
    assert kind() not in (before, with_table)


def test_data_in_a_folder_beside_it_counts(kind):
    before = kind()
    folder = next(folder for path in blocks.__path__ for folder in Path(path).glob("coded*"))
    (folder / "tables" / "deep").mkdir(parents=True)
    table = folder / "tables" / "deep" / "a.tsv"
    table.write_text("1")
    with_table = kind()
    assert with_table != before
    table.write_text("2")
    assert kind() not in (before, with_table)
    (folder / "tables" / "other.py").touch()  # code has data of its own
    assert kind() == before
    naming = VARIANT + "\n\nTABLE = 'tables'\n"
    named = kind(naming)
    table.write_text("3")
    assert kind(naming) != named, "unless the code names the folder"


@pytest.mark.parametrize("name", ["thing.py~", "#thing.py#", "thing.py.orig", ".thing.py.swp", "4913", "NOTES.md"])
def test_what_editors_leave_and_documents_do_not_count(kind, name):
    before = kind()
    folder = next(folder for path in blocks.__path__ for folder in Path(path).glob("coded*"))
    (folder / name).write_text("anything")
    assert kind() == before


def test_beside_a_helper_in_no_package_counts_what_it_names(kind, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path / "mine"))
    (tmp_path / "mine" / "lists").mkdir(parents=True)
    (tmp_path / "mine" / "coded_reader.py").write_text("TABLES = 'table.tsv', 'lists'\n")
    variant = VARIANT.replace("import Thing\n", "import Thing\nimport coded_reader\n")
    before = kind(variant)
    (tmp_path / "mine" / "run.log").write_text("a run")
    assert kind(variant) == before
    found = {before}
    for name in ("table.tsv", "lists/a", "coded_reader.json"):
        (tmp_path / "mine" / name).write_text("1")
        assert kind(variant) not in found
        found.add(kind(variant))


def test_the_packages_of_what_is_imported_count_and_modules_named_by_a_text(kind, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path / "mine"))
    package = tmp_path / "mine" / "coded_package"
    package.mkdir(parents=True)
    (package / "tools.py").write_text("def twice(x):\n    return 2 * x\n")
    (package / "__init__.py").write_text("GAIN = 0.5\n")
    lazy = tmp_path / "mine" / "coded_lazy.py"
    lazy.write_text("A = 1\n")
    for line, changed in (
        ("import coded_package.tools", package / "__init__.py"),
        ("import importlib\nLAZY = importlib.import_module('coded_lazy')", lazy),
    ):
        variant = VARIANT.replace("import Thing\n", f"import Thing\n{line}\n")
        before = kind(variant)
        changed.write_text("GAIN = 0.25\n")
        assert kind(variant) != before


def test_a_helper_outside_of_blocks_counts(kind, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path / "mine"))
    (tmp_path / "mine").mkdir()
    helper = tmp_path / "mine" / "coded_helper.py"
    variant = VARIANT.replace("import Thing\n", "import Thing\nimport coded_helper\nimport json\n")
    helper.write_text("FACTOR = 2\n")
    before = kind(variant)
    helper.write_text("FACTOR = 2  # as ever\n")
    assert kind(variant) == before
    helper.write_text("FACTOR = 3\n")
    assert kind(variant) != before


@pytest.fixture
def edited(monkeypatch):
    """Edit a module of the contract as the digests see it: `edited(module, old, new)`."""
    read, edits = contract._source, []

    def source(module):
        text = read(module)
        for name, old, new in edits:
            if name == module:
                assert old in text
                text = text.replace(old, new)
        return text

    monkeypatch.setattr(contract, "_source", source)

    def edit(*change):
        edits[:] = [change] if change else []
        code.forget()

    yield edit
    code.forget()


def _changed(edited, *change) -> set[str]:
    """Which of four blocks have another digest after a change of the contract."""
    asked = ("features.log_mel", "text.normalise", "metric.table", "vocoder.rnn_ms")
    edited()
    before = {name: code_digest(f"blocks.{name}") for name in asked}
    edited(*change)
    return {name for name in asked if code_digest(f"blocks.{name}") != before[name]}


def test_of_the_contract_counts_what_a_block_uses(edited):
    every = {"features.log_mel", "text.normalise", "metric.table", "vocoder.rnn_ms"}
    frames = "1 + (samples - self.n_fft)"
    heard = _changed(edited, "blocks.spec", frames, "2 + (samples - self.n_fft)")
    assert "features.log_mel" in heard, "a method, for blocks that may call it"
    assert "text.normalise" not in heard
    assert _changed(edited, "blocks.spec", '"""How many frames', '"""The number of frames') == set()
    assert (
        _changed(
            edited,
            "blocks.spec",
            "    def differences",
            "    def doubled(self):\n        return 2\n\n    def differences",
        )
        == set()
    )
    assert (
        _changed(
            edited,
            "blocks.base",
            "self.config, self.spec, self.seed = config, spec, seed",
            "self.config, self.spec, self.seed = config, spec, 0",
        )
        == every
    )
    assert _changed(edited, "blocks.arrays", '"wave", "float32"', '"wave", "float64"') >= {"features.log_mel"}
    assert _changed(edited, "blocks.training", "_STEP = 1.25", "_STEP = 1.5") == {"vocoder.rnn_ms"}
    assert _changed(edited, "blocks.training", "class Run(ABC", "def more():\n    return 1\n\n\nclass Run(ABC") == set()


def test_a_class_that_a_block_derives_from_counts_whole_however_it_is_named(kind, edited):
    plain = VARIANT + "\n\nfrom blocks.base import Trainable\n\n\nclass Mine(Trainable):\n    pass\n"
    dotted = plain.replace("from blocks.base import Trainable", "from blocks import base").replace(
        "(Trainable)", "(base.Trainable)"
    )
    for variant in (plain, dotted):
        edited()
        before = kind(variant)
        edited("blocks.base", 'getattr(item, "speaker", None) or ""', '"all"')
        assert kind(variant) != before


def test_a_name_that_is_only_a_text_uses_nothing(edited):
    method = "return (frames - 1) * self.hop_length + self.n_fft"
    edited()
    before = code_digest("blocks.toy.level")  # its waves have an axis called samples
    edited("blocks.spec", method, method + " + 1")
    assert code_digest("blocks.toy.level") == before


def test_what_puts_batches_together_counts_for_trainings_alone(tmp_path, monkeypatch):
    path = tmp_path / "graph.yaml"
    path.write_text(
        "nodes:\n  tone: {read: toy.tones, config: {count: 4}}\n  model: {fit: toy.tuned, in: {wave: tone.wave}}\n"
        "  soft: {map: toy.gain, in: {wave: tone.wave}}\n"
    )

    def digests():
        return {name: step.digest for name, step in make_plan(check(read_graph(path)), Store(tmp_path)).steps.items()}

    before = digests()
    read = code._module

    def changed(name):
        found = read(name)
        return replace(found, text=f"{found.text}\nMORE = 1") if name == "runner.fit.batches" else found

    with monkeypatch.context() as other:
        other.setattr(code, "_module", changed)
        code_digest.cache_clear()
        after = digests()
    code_digest.cache_clear()
    assert {name for name in before if before[name] != after[name]} == {"model"}
