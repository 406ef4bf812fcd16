"""Pictures of graphs: well-formed, self-contained, every node and type in them, nothing on top of another."""

import itertools
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import networkx as nx
import pytest

from runner.check import check, read_graph
from runner.report.draw import conditions, flows, graphml, mermaid, svg
from runner.report.layout import GAP, Box, place

ROOT = Path(__file__).parents[2]
EVERY_VERB = """\
about: Every verb & a <tag>
nodes:
  tones: {read: toy.tones}
  loud: {map: toy.gain, in: {wave: tones.wave}}
  pairs: {expand: toy.pairs, in: {wave: loud.wave}}
  fitted: {fit: toy.scale, in: {wave: pairs.wave}}
  shipped: {load: shipped, as: toy.scale}
  scaled: {map: toy.scale, model: fitted, in: {wave: tones.wave}}
  soft: {map: toy.scale, model: shipped, in: {wave: loud.wave}, where: {tones.split: [train, dev]}}
  joined: {pick: {wave: pairs.wave}}
  some: {pick: {wave: scaled.wave}, where: {tones.split: train}}
  all: {union: [some, joined]}
  level: {map: toy.level, in: {wave: all.wave}}
  mean: {reduce: toy.mean, in: {level: level.level}}
"""


@pytest.fixture
def every_verb(tmp_path):
    (tmp_path / "g.yaml").write_text(EVERY_VERB)
    (tmp_path / "shipped").mkdir()
    (tmp_path / "shipped" / "artifact.json").write_text('{"format": 1, "block": "toy.scale", "spec": {}}')
    return check(read_graph(tmp_path / "g.yaml"))


def texts(picture: str) -> list[str]:
    return [
        "".join(element.itertext()) for element in ElementTree.fromstring(picture).iter() if element.tag[-4:] == "text"
    ]


def test_svg_shows_every_node_and_type(every_verb):
    shown = texts(svg(every_verb))
    for name, each in every_verb.nodes.items():
        assert name in shown
        assert f"{each.node.verb} {each.node.block or ''}".strip() in shown
    assert {"wave (samples)", "weights", "rows", "float", "where", "split in train, dev"} <= set(shown)


def test_svg_needs_nothing_from_outside(every_verb):
    picture = svg(every_verb)
    assert picture.count("http") == 1  # the namespace
    assert "<script" not in picture
    assert "Every verb &amp; a &lt;tag&gt;" in picture


def test_verbs_and_states_look_different(every_verb):
    states = {name: "cached" if name in ("tones", "fitted") else "run" for name in every_verb.nodes}
    groups = [g for g in ElementTree.fromstring(svg(every_verb, states)).iter() if g.tag.endswith("}g")]
    looks = {}
    for group, each in zip(groups, every_verb.nodes.values()):
        assert group.get("class") == states[each.node.name]
        path = next(path for path in group if path.tag.endswith("path"))
        commands = "".join(filter(str.isalpha, path.get("d")))
        looks.setdefault(each.node.verb, (commands, path.get("fill")))
    own = {verb: look for verb, look in looks.items() if verb not in ("pick", "union")}
    assert len(set(own.values())) == len(own) == 6
    assert "✓ cached" in texts(svg(every_verb, states))
    assert "✓ cached" not in texts(svg(every_verb))


def test_edges_by_what_flows(every_verb):
    found = flows(every_verb)
    assert found["tones", "loud"][:2] == ("data", ["wave (samples)"])
    assert found["fitted", "scaled"][:2] == ("weights", ["weights"])
    assert found["tones", "some"][:2] == ("where", ["where"])
    assert found["level", "mean"][2] == ["level.level: float"]


def test_conditions_in_words(tmp_path):
    where = "tones.split: {not: [train, dev]}, tones.speaker: odd, other.level: {min: 1, max: 2}"
    (tmp_path / "g.yaml").write_text(f"nodes:\n  some: {{pick: {{wave: tones.wave}}, where: {{{where}}}}}\n")
    node = read_graph(tmp_path / "g.yaml").nodes["some"]
    assert conditions(node) == ["split not train, dev", "speaker = odd", "1 ≤ level ≤ 2"]


def test_mermaid_is_the_same_graph(every_verb):
    lines = mermaid(every_verb, {"tones": "cached"}).splitlines()
    assert lines[0] == "flowchart LR"
    assert '  n_tones[("<b>tones</b><br/>read toy.tones")]:::read' in lines
    assert '  n_tones -->|"wave (samples)"| n_loud' in lines
    assert '  n_fitted ==>|"weights"| n_scaled' in lines
    assert '  n_tones -.->|"where"| n_some' in lines
    assert "  class n_tones cached" in lines
    arrows = sum(any(arrow in line for arrow in ("-->", "==>", "-.->")) for line in lines)
    assert arrows == len(flows(every_verb))


def test_graphml_is_read_back_as_the_same_graph(every_verb):
    read = nx.parse_graphml(graphml(every_verb, {"tones": "cached"}))
    assert set(read.nodes) == set(every_verb.nodes)
    assert set(read.edges) == set(flows(every_verb))
    assert read.nodes["tones"] == {"verb": "read", "block": "toy.tones", "state": "cached"}
    assert read.edges["fitted", "scaled"] == {"kind": "weights", "label": "weights"}
    assert read.edges["tones", "loud"] == {"kind": "data", "label": "wave (samples)"}


def test_one_node_alone_can_be_drawn(tmp_path):
    (tmp_path / "g.yaml").write_text("nodes:\n  tones: {read: toy.tones}\n")
    assert "tones" in texts(svg(check(read_graph(tmp_path / "g.yaml"))))


@pytest.mark.parametrize("path", sorted((ROOT / "graphs").glob("*.yaml")), ids=lambda path: path.stem)
def test_no_box_of_a_shipped_graph_touches_another(path):
    checked = check(read_graph(path), needs=False)
    boxes = {name: Box(120.0, 40.0) for name in checked.nodes}
    routes = place(boxes, list(flows(checked)), {})
    for a, b in itertools.combinations(boxes.values(), 2):
        apart = a.x + a.width <= b.x or b.x + b.width <= a.x or abs(a.y - b.y) >= (a.height + b.height) / 2 + GAP - 1e-6
        assert apart
    for (source, target), points in routes.items():
        assert points[0][1] == boxes[source].x + boxes[source].width
        assert points[-1][0] == boxes[target].x
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(points))
    assert len(ElementTree.fromstring(svg(checked))) > len(boxes)
