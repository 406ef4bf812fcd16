"""The code digest: comments, docstrings and formatting do not count; every line that runs does."""

import sys

import pytest

import blocks
from runner.plan import code
from runner.plan.code import code_digest

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
