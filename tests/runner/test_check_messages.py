"""Wrong graphs, and the exact report that each must give: `wrong_graphs/*.yaml`."""

from pathlib import Path

import pytest
import yaml

import blocks
from runner.check import check, read_graph
from runner.graph import GraphError

HERE = Path(__file__).parent
WRONG = [
    pytest.param(wrong, id=wrong["name"])
    for path in sorted(HERE.glob("wrong_graphs/*.yaml"))
    for wrong in yaml.safe_load(path.read_text("utf-8"))
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working folder, and blocks of `kinds/` with ports of many types."""
    monkeypatch.setattr(blocks, "__path__", [*blocks.__path__, str(HERE / "kinds")])
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("wrong", WRONG)
def test_the_report_is_exact(wrong, folder):
    files = dict(wrong.get("files", {}))
    if "graph" in wrong:
        files["g.yaml"] = wrong["graph"]
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    with pytest.raises(GraphError) as error:
        check(
            read_graph("g.yaml", sets=wrong.get("sets", ()), size=wrong.get("size")),
            released=wrong.get("released", False),
        )
    assert str(error.value).splitlines() == wrong["report"]


def test_a_text_that_is_not_utf8_is_named(folder):
    (folder / "g.yaml").write_bytes("about: café\n".encode("latin-1"))
    with pytest.raises(GraphError) as error:
        read_graph("g.yaml")
    assert str(error.value) == "g.yaml:1:1: want UTF-8, got byte 0xe9"


def test_no_wrong_graph_stands_here_twice():
    names = [wrong.id for wrong in WRONG]
    assert len(set(names)) == len(names) >= 100
