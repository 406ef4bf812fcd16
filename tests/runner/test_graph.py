"""How a YAML becomes a graph: scalars, anchors, merges, bases, sizes, overrides and the place of everything."""

import pytest

from runner.check import read_graph
from runner.graph import Condition, Edge, GraphError, Place, Scale

TONES = "nodes:\n  tones: {read: toy.tones}\n"


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Write g.yaml (and others) and read it."""
    monkeypatch.chdir(tmp_path)

    def read(text, sets=(), size=None, **others):
        for name, content in {"g": text, **others}.items():
            (tmp_path / f"{name}.yaml").write_text(content, encoding="utf-8")
        return read_graph("g.yaml", sets, size)

    return read


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("Yes", "Yes"),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("null", None),
        ("''", ""),
        ("'12'", "12"),
        ("12", 12),
        ("-3", -3),
        ("0o17", 15),
        ("017", 17),
        ("0x1F", 31),
        ("1e-5", 1e-5),
        ("1E3", 1000.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("-.inf", float("-inf")),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("2024-05-01", "2024-05-01"),
        ("!!str 7", "7"),
        ("!!float 7", 7.0),
        ("[1, a, [b]]", [1, "a", ["b"]]),
    ],
)
def test_scalars_are_those_of_yaml_1_2(read, written, value):
    found = read(TONES.replace("toy.tones", f"toy.tones, config: {{x: {written}}}")).nodes["tones"].config["x"]
    assert found == value
    assert type(found) is type(value)


def test_nan_is_a_number(read):
    found = read(TONES.replace("toy.tones", "toy.tones, config: {x: .nan}")).nodes["tones"].config["x"]
    assert found != found


def test_keys_are_texts_as_written(read):
    config = read(TONES.replace("toy.tones", "toy.tones, config: {1: a, no: b, 010: c}")).nodes["tones"].config
    assert config == {"1": "a", "no": "b", "010": "c"}


def test_everything_a_graph_may_say(read):
    graph = read(
        """\
about: all of it
paper: Someone 2024
spec: {preset: vox_16k, hop_length: 160, win_length: 640}
seed: 7
on_error: stop
max_failed: 0.2
nodes:
  tones: {read: toy.tones, config: {count: 3}, spec: {f_max: 4000}}
  some:
    pick: {wave: tones.wave}
    where: {tones.split: [train, dev], tones.speaker: {not: odd}}
  fitted:
    fit: toy.scale
    in: {wave: some.wave}
    scale: {workers: 2, gpus: 0.5, memory: 8GiB, batch_size: 4}
    released: shipped/scale
  shipped: {load: shipped/other, as: toy.scale}
  tuned: {fit: toy.scale, init: shipped, in: {wave: some.wave}}
  scaled: {map: toy.scale, model: fitted, in: {wave: some.wave}}
  table: {reduce: toy.mean, in: {level: {a: {b: x.level}, c: y.level}}}
  both: {union: [scaled, tones]}
"""
    )
    assert (graph.about, graph.paper, graph.seed, graph.on_error, graph.max_failed) == (
        "all of it",
        "Someone 2024",
        7,
        "stop",
        0.2,
    )
    assert (graph.name, graph.file) == ("g", "g.yaml")
    assert (graph.spec.hop_length, graph.spec.win_length, graph.spec.n_mels) == (160, 640, 80)
    nodes = graph.nodes
    assert list(nodes) == ["tones", "some", "fitted", "shipped", "tuned", "scaled", "table", "both"]
    assert [node.verb for node in nodes.values()] == ["read", "pick", "fit", "load", "fit", "map", "reduce", "union"]
    assert nodes["tones"].spec == {"f_max": 4000}
    assert nodes["some"].inputs == {"wave": Edge("tones", "wave", Place("g.yaml", 10, 18))}
    assert [(str(c.edge), c.test) for c in nodes["some"].where] == [
        ("tones.split", ("train", "dev")),
        ("tones.speaker", {"not": "odd"}),
    ]
    assert nodes["fitted"].scale == Scale(workers=2, gpus=0.5, memory="8GiB", batch_size=4)
    assert (nodes["fitted"].released, nodes["shipped"].path, nodes["shipped"].block) == (
        "shipped/scale",
        "shipped/other",
        "toy.scale",
    )
    assert (nodes["tuned"].init, nodes["scaled"].model, nodes["both"].members) == (
        "shipped",
        "fitted",
        ("scaled", "tones"),
    )
    assert [(path, str(edge)) for path, edge in nodes["table"].edges()] == [
        (("level", "a", "b"), "x.level"),
        (("level", "c"), "y.level"),
    ]


def test_every_key_and_value_has_its_place(read):
    node = read("nodes:\n  tones:\n    read: toy.tones\n    config:\n      fail: [1, 2]\n").nodes["tones"]
    assert str(node.place) == "g.yaml:2:3"
    assert str(node.at("config", "fail")) == "g.yaml:5:7"
    assert str(node.at("config", "fail", value=True)) == "g.yaml:5:13"
    assert str(node.at("config", "fail", 1)) == "g.yaml:5:17"
    assert str(node.at("config", "count")) == "g.yaml:4:5"  # not there: as deep as it exists
    assert str(node.at("in")) == "g.yaml:2:3"


def test_an_anchor_stands_for_what_it_names_and_a_merge_can_be_overruled(read):
    nodes = read(
        """\
nodes:
  tones: {read: toy.tones}
  a: {map: toy.gain, in: &both {wave: tones.wave, other: tones.speaker}, config: &loud {gain: 2, bad: [x]}}
  b: {map: toy.gain, in: *both, config: {<<: *loud, gain: 3}}
  c: {map: toy.gain, in: {<<: *both, wave: a.wave}, config: {gain: 4, <<: [{gain: 5, nan: [y]}, *loud]}}
"""
    ).nodes
    assert nodes["b"].inputs == nodes["a"].inputs
    assert nodes["b"].config == {"gain": 3, "bad": ["x"]}
    assert {name: str(edge) for name, edge in nodes["c"].inputs.items()} == {"wave": "a.wave", "other": "tones.speaker"}
    assert nodes["c"].config == {"gain": 4, "nan": ["y"], "bad": ["x"]}
    assert str(nodes["c"].inputs["other"].place) == "g.yaml:3:58"  # where it is written


def test_a_base_is_merged_deeply_lists_are_replaced_and_null_takes_away(read):
    base = """\
about: the base
seed: 1
spec: {hop_length: 160, n_mels: 40}
nodes:
  tones: {read: toy.tones, config: {count: 2, fail: [0, 1]}}
  loud: {map: toy.gain, in: {wave: tones.wave, more: tones.speaker}, config: {gain: 2}, scale: {workers: 2}}
  gone: {map: toy.level, in: {wave: loud.wave}}
"""
    above = """\
base: below.yaml
seed: 2
spec: {n_mels: 20}
nodes:
  new: {map: toy.level, in: {wave: loud.wave}}
  tones: {config: {fail: [2]}}
  loud: {in: {more: null}, scale: null}
  gone: null
"""
    graph = read(above, below=base)
    assert (graph.about, graph.seed, graph.spec.hop_length, graph.spec.n_mels) == ("the base", 2, 160, 20)
    assert list(graph.nodes) == ["tones", "loud", "new"]
    assert graph.nodes["tones"].config == {"count": 2, "fail": [2]}
    assert list(graph.nodes["loud"].inputs) == ["wave"]
    assert graph.nodes["loud"].scale == Scale()
    assert str(graph.nodes["tones"].at("config", "fail")) == "g.yaml:6:20"
    assert str(graph.nodes["tones"].at("config", "count")) == "below.yaml:5:37"
    assert "base" not in graph.source


def test_a_null_in_a_config_stays_a_value(read):
    below = TONES.replace("toy.tones", "toy.tones, config: {prefix: x}")
    graph = read("base: below.yaml\nnodes: {tones: {config: {prefix: null}}}\n", below=below)
    assert graph.nodes["tones"].config == {"prefix": None}


def test_the_first_size_is_the_default_and_another_can_be_chosen(read):
    text = "sizes:\n  small: {tones: {count: 2}}\n  paper: {tones: {count: 100, seconds: 2}}\n" + TONES.replace(
        "toy.tones", "toy.tones, config: {count: 7, prefix: a}"
    )
    graph = read(text)
    assert (graph.size, graph.nodes["tones"].config) == ("small", {"count": 2, "prefix": "a"})
    assert str(graph.nodes["tones"].at("config", "count")) == "g.yaml:2:19"
    graph = read(text, size="paper")
    assert (graph.size, graph.nodes["tones"].config) == ("paper", {"count": 100, "prefix": "a", "seconds": 2})
    assert graph.sizes == {"small": {"tones": {"count": 2}}, "paper": {"tones": {"count": 100, "seconds": 2}}}
    assert graph.source == {"nodes": {"tones": {"read": "toy.tones", "config": graph.nodes["tones"].config}}}


def test_overrides_come_last_and_are_yaml(read):
    text = "sizes:\n  small: {tones: {count: 2}}\n" + TONES
    sets = ["tones.count=3", "tones.fail=[1, 2]", "tones.prefix=a=b", "seed=9", "on_error=stop", "max_failed=0"]
    graph = read(text, sets)
    assert graph.nodes["tones"].config == {"count": 3, "fail": [1, 2], "prefix": "a=b"}
    assert (graph.seed, graph.on_error, graph.max_failed) == (9, "stop", 0)
    assert str(graph.nodes["tones"].at("config", "count")) == "--set tones.count=3"


@pytest.mark.parametrize("spec", ["", "spec: vox_16k\n", "spec: {n_mels: 80}\n"])
def test_a_field_of_the_spec_can_be_overridden(read, spec):
    assert read(spec + TONES, ["spec.hop_length=160"]).spec.hop_length == 160


def test_the_spec_can_be_overridden_as_a_whole(read):
    assert read("spec: {hop_length: 160}\n" + TONES, ["spec=vox_16k"]).spec.hop_length == 200


def test_a_nested_config_value_can_be_overridden(read):
    text = TONES.replace("toy.tones", "toy.tones, config: {deep: {a: 1, b: 2}}")
    assert read(text, ["tones.deep.b=5"]).nodes["tones"].config == {"deep": {"a": 1, "b": 5}}


def test_paths_of_artifacts_start_at_the_graph(tmp_path):
    (tmp_path / "g.yaml").write_text(TONES)
    assert read_graph(tmp_path / "g.yaml").resolve("x/y") == tmp_path / "x" / "y"


@pytest.mark.parametrize(
    ("test", "kept", "refused"),
    [
        ("dev", ["dev"], ["train", None]),
        (("dev", "train"), ["dev", "train"], ["reserved"]),
        ({"min": 1.5}, [1.5, 2], [1.4, None]),
        ({"max": 15}, [15, 0], [15.1, None]),
        ({"min": 1, "max": 2}, [1, 1.5, 2], [0.9, 2.1]),
        ({"not": "dev"}, ["train", None], ["dev"]),
        ({"not": ("dev", "train")}, ["reserved"], ["dev", "train"]),
        ({"min": 1, "not": 2}, [1, 3], [0, 2]),
        (None, [None], ["x"]),
    ],
)
def test_conditions(test, kept, refused):
    condition = Condition(Edge("a", "b", Place("g.yaml")), test)
    assert all(map(condition.holds, kept))
    assert not any(map(condition.holds, refused))


def test_a_problem_in_reading_does_not_hide_one_in_checking(read):
    with pytest.raises(GraphError) as error:
        read("sead: 1\nnodes:\n  tones: {read: toy.tone}\n")
    assert [str(problem.place) for problem in error.value.problems] == ["g.yaml:1:1", "g.yaml:3:17"]


@pytest.mark.parametrize(
    ("text", "report"),
    [
        ("nodes: " + "[" * 30_000 + "]" * 30_000, "more than 100 levels of lists and mappings in each other"),
        ("nodes: " + "{a: " * 3000 + "1" + "}" * 3000, "more than 100 levels of lists and mappings in each other"),
        ("nodes:\n  " + "- " * 3000 + "1", "more than 100 levels of lists and mappings in each other"),
        (
            "nodes:\n" + "".join(" " * (n + 1) + "a:\n" for n in range(3000)),
            "more than 100 levels of lists and mappings in each other",
        ),
        ("nodes: " + '["]", ' * 30_000 + "]" * 30_000, "more than 100 levels of lists and mappings in each other"),
        (
            "a0: &a0 {k: 1}\n" + "".join(f"a{n + 1}: &a{n + 1} {{<<: *a{n}}}\n" for n in range(1500)),
            "more than 100 levels of lists and mappings in each other",
        ),
        (
            "a0: &a0 [1]\n" + "".join(f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 9)}]\n" for n in range(12)),
            "more than 100,000 values, with those that anchors repeat",
        ),
    ],
    ids=["lists", "mappings", "dashes", "lines", "quoted", "merges", "anchors"],
)
def test_a_bomb_is_one_line(text, report, tmp_path):
    (tmp_path / "bomb.yaml").write_text(text)
    with pytest.raises(GraphError) as error:
        read_graph(tmp_path / "bomb.yaml")
    (line,) = str(error.value).splitlines()
    assert report in line
    assert "bomb.yaml:" in line


def test_a_mapping_that_merges_itself_is_a_problem(read):
    with pytest.raises(GraphError, match=r"g\.yaml:1:8: this anchor holds itself"):
        read("nodes: &n {<<: *n}\n")
