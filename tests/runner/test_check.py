"""What a check finds out about a sound graph, and that it stays light."""

import json
import subprocess
import sys
from pathlib import Path

import networkx  # noqa: F401 - here, so that no example of a property waits for it
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks.arrays import Language, LogMel, Seconds, Speaker, Split, Text, Wave, apart
from runner.check import check, origins, read_graph
from runner.check.edges import bound, fits, show
from runner.check.order import in_file_order
from runner.graph import GraphError

ROOT = Path(__file__).parents[2]
GRAPHS = sorted((ROOT / "graphs").glob("*.yaml"))


@pytest.fixture
def checked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def checked(text, released=False):
        Path("g.yaml").write_text(text, encoding="utf-8")
        return check(read_graph("g.yaml"), released=released).nodes

    return checked


def ship(folder: Path, **config) -> None:
    folder.mkdir(parents=True)
    meta = {"format": 1, "block": "toy.scale", "spec": {}, "config": config}
    (folder / "artifact.json").write_text(json.dumps(meta))


@pytest.mark.parametrize("path", GRAPHS, ids=lambda path: path.stem)
def test_shipped_graphs_are_sound(path, monkeypatch):
    monkeypatch.chdir(ROOT)
    nodes = check(read_graph(path), needs=False).nodes
    assert nodes
    seen = set()
    for name, each in nodes.items():
        assert seen.issuperset(each.upstream)  # execution order
        seen.add(name)


@pytest.mark.parametrize("path", GRAPHS, ids=lambda path: path.stem)
def test_a_check_imports_nothing_heavy(path):
    code = (
        "import sys; from runner.check import check, read_graph;"
        f"check(read_graph({str(path)!r}), needs=False); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    heavy = {
        "torch",
        "jax",
        "ray",
        "pyarrow",
        "scipy",
        "pandas",
        "librosa",
        "soundfile",
        "matplotlib",
        "networkx",
        "rich",
    }
    assert heavy.isdisjoint(done.stdout.split())


def test_order_is_that_of_the_file_where_the_graph_leaves_it_free(checked):
    nodes = checked(
        """\
nodes:
  level: {map: toy.level, in: {wave: loud.wave}}
  soft: {map: toy.gain, in: {wave: tones.wave}}
  tones: {read: toy.tones}
  loud: {map: toy.gain, in: {wave: tones.wave}}
  mean: {reduce: toy.mean, in: {level: level.level}}
"""
    )
    assert list(nodes) == ["tones", "soft", "loud", "level", "mean"]


@given(st.permutations(range(9)), st.lists(st.tuples(*[st.integers(0, 8)] * 2), max_size=20))
def test_of_the_nodes_that_could_be_next_the_first_in_the_file_is(hidden, pairs):
    names = [f"node{number}" for number in range(9)]
    needs = {name: [] for name in names}
    for first, last in {tuple(sorted(pair)) for pair in pairs if len(set(pair)) == 2}:
        needs[names[hidden[last]]].append(names[hidden[first]])
    order = in_file_order(needs, names)
    assert sorted(order) == names
    for place, name in enumerate(order):
        made = order[:place]
        assert name == next(each for each in names if each not in made and set(needs[each]) <= set(made))


def test_what_a_node_is_checked_to(checked):
    nodes = checked(
        """\
nodes:
  tones: {read: toy.tones, config: {count: 3}}
  other: {read: toy.tones, config: {prefix: b}}
  pairs: {expand: toy.pairs, in: {wave: tones.wave}}
  all: {union: [tones, other]}
  some: {pick: {sound: all.wave, who: all.speaker}, where: {tones.split: dev}}
  fitted: {fit: toy.scale, in: {wave: some.sound}, config: {steps: 3}}
  scaled: {map: toy.scale, model: fitted, in: {wave: some.sound}}
  level: {map: toy.level, in: {wave: scaled.wave}}
  mean: {reduce: toy.mean, in: {level: level.level}, where: {some.who: even}}
"""
    )
    assert {name: set(each.origin) for name, each in nodes.items()} == {
        "tones": {"tones"},
        "other": {"other"},
        "pairs": {"pairs"},
        "all": {"tones", "other"},
        "some": {"tones"},  # only its rows have a split of tones
        "fitted": set(),
        "scaled": {"tones"},
        "level": {"tones"},
        "mean": set(),
    }
    assert list(nodes["tones"].fields) == ["wave", "speaker", "split"]  # the id is the row's
    assert list(nodes["pairs"].fields) == ["wave"]
    assert nodes["some"].fields == {"sound": Wave, "who": Speaker}
    assert nodes["fitted"].fields == {}
    assert nodes["scaled"].config.steps == 3  # what the model was fitted with
    assert nodes["some"].upstream == ("all", "tones")
    assert nodes["scaled"].upstream == ("some", "fitted")
    assert nodes["tones"].inputs is None
    assert list(nodes["scaled"].inputs.model_fields) == ["wave"]


def test_a_spec_of_its_own_reaches_the_node_and_a_pick_from_it(checked):
    nodes = checked(
        """\
nodes:
  tones: {read: toy.tones, spec: {sample_rate: 24000}}
  some: {pick: {wave: tones.wave}}
"""
    )
    assert nodes["tones"].spec.sample_rate == nodes["some"].spec.sample_rate == 24000


def test_a_loaded_artifact_gives_its_config_to_the_map(checked, tmp_path):
    ship(tmp_path / "shipped", steps=5)
    nodes = checked(
        """\
nodes:
  tones: {read: toy.tones}
  scale: {load: shipped, as: toy.scale}
  scaled: {map: toy.scale, model: scale, in: {wave: tones.wave}}
"""
    )
    assert nodes["scale"].config is None
    assert nodes["scaled"].config.steps == 5


def test_an_artifact_with_settings_of_another_version_is_told(checked, tmp_path):
    ship(tmp_path / "shipped", steps=5, girth=2)
    with pytest.raises(GraphError, match=r"scale: artifact shipped: .* no config key 'girth'.* train it again"):
        checked("nodes: {scale: {load: shipped, as: toy.scale}}")


RELEASED = """\
nodes:
  tones: {read: toy.tones}
  more: {read: toy.tones, config: {prefix: more}}
  train: {map: toy.gain, in: {wave: more.wave}}
  fitted: {fit: toy.scale, in: {wave: train.wave}, released: shipped}
  scaled: {map: toy.scale, model: fitted, in: {wave: tones.wave}}
"""


def test_a_released_artifact_stands_in_for_training_and_all_that_only_training_needs(checked, tmp_path):
    assert checked(RELEASED)["fitted"].node.verb == "fit"  # the folder is not even looked for
    ship(tmp_path / "shipped", steps=2)
    nodes = checked(RELEASED, released=True)
    assert list(nodes) == ["tones", "fitted", "scaled"]
    assert (nodes["fitted"].node.verb, nodes["fitted"].node.path, nodes["fitted"].upstream) == ("load", "shipped", ())
    assert nodes["scaled"].config.steps == 2


def test_parts_of_one_source_may_be_pooled_again(checked):
    text = """\
nodes:
  tones: {read: toy.tones}
  train: {pick: {wave: tones.wave}, where: {tones.split: train}}
  dev: {pick: {wave: tones.wave}, where: {tones.split: dev}}
  loud: {map: toy.gain, in: {wave: train.wave}}
  both: {union: [loud, dev]}
  more: {read: toy.tones, config: {prefix: more}}
  rest: {pick: {wave: more.wave}}
  all: {union: [both, rest]}
"""
    assert checked(text)["all"].origin == {"tones", "more"}


@pytest.mark.parametrize(
    ("want", "have", "good"),
    [
        (Wave, Wave, True),
        (apart(Wave, "prediction"), Wave, True),
        (Wave, apart(Wave, "reference"), True),
        (Wave, LogMel, False),
        (Wave, np.ndarray, False),
        (np.ndarray, Wave, False),
        (Wave | None, Wave, True),
        (Wave, Wave | None, False),
        (Wave | None, Wave | None, True),
        (Text, Text, True),
        (Text, Speaker, False),
        (Text, str, False),
        (str, Text, True),
        (str, Split, True),
        (Split, str, False),
        (float, Seconds, True),
        (Seconds, float, False),
        (float, int, False),
        (int, bool, False),
        (float | None, Seconds, True),
        (float | str, Language, True),
        (float, float | str, False),
        (dict[str, float], dict[str, float], True),
        (dict[str, float], dict[str, Seconds], True),
        (dict[str, float], dict[str, int], False),
        (dict[str, Wave], dict[str, Wave], True),
        (list[str], list[str], True),
        (list[str], list[int], False),
    ],
)
def test_nothing_is_converted_on_an_edge(want, have, good):
    assert fits(want, have) is good


@pytest.mark.parametrize(
    ("hint", "text"),
    [
        (Wave, "wave float32(samples) of full scale"),
        (Wave | None, "wave float32(samples) of full scale or None"),
        (Text, "text"),
        (Seconds, "seconds s"),
        (dict[str, dict[str, float]], "mapping of mapping of float"),
        (tuple[int, ...], "tuple of int"),
        (None, "None"),
    ],
)
def test_types_as_messages_write_them(hint, text):
    assert show(hint) == text


def test_the_spec_fields_that_a_type_hangs_on():
    assert bound(Wave) == ("sample_rate",)
    assert bound(dict[str, Wave]) == ("sample_rate",)
    assert "n_mels" in bound(LogMel)
    assert bound(Text) == ()


def test_rows_of_joins_and_unions():
    a, b = origins.made_by("a"), origins.made_by("b")
    a_dev, a_train = origins.filtered(a, "dev"), origins.filtered(a, "train")
    assert origins.apart(a, b)
    assert not origins.apart(a, a | b)
    assert not origins.apart(a, origins.ONE_ROW)
    assert origins.sources(origins.join(a | b, a)) == {"a"}
    assert origins.join(a, origins.ONE_ROW) == a
    assert origins.doubled(a, a_dev) == origins.doubled(a_dev, a_dev) == "a"
    assert origins.doubled(a_dev, a_train) is origins.doubled(a, b) is None
    assert origins.doubled(a_dev | a_train, origins.filtered(a, "reserved")) is None
    assert origins.join(a_dev | a_train, a_dev | a_train) == a_dev | a_train
