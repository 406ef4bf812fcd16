"""Every shipped graph is sound in every size, and runs from its recordings to its scores on a few rows."""

from pathlib import Path

import pytest

from runner.check import check, read_graph
from runner.plan import make_plan
from runner.run.local import LocalExecutor
from runner.store import Store
from runner.work.executor import Observer

GRAPHS = sorted((Path(__file__).parents[2] / "graphs").glob("*.yaml"))
CLAIMS = sorted(
    (Path(__file__).parents[2] / "graphs" / "claims").glob("*.yaml")
)  # laid over the others, too long to run
FEW = 60  # rows of each source: enough for some to pass the conditions of every graph
FEWER = {
    "speak": 25,
    "speak_anything": 25,
    "speak_voices": 25,
    "phone_recogniser": 30,
    "style_transfer": 40,
    "prosody_transfer": 40,
    "utaco": 30,
    "prosody_transfer_textless": 40,
}  # where these do, and are judged by recognisers


@pytest.mark.parametrize("path", [*GRAPHS, *CLAIMS], ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_graph_is_sound_and_says_what_it_is(path):
    graph = read_graph(path)
    assert graph.about
    for size in graph.sizes or [None]:
        check(read_graph(path, size=size))


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    """One for all graphs that a process runs: many read, and prepare, the same recordings."""
    return Store(tmp_path_factory.mktemp("graphs"))


@pytest.mark.timeout(1800)  # the vocoder's graph compiles several trainings: minutes, more on a busy machine
@pytest.mark.parametrize("path", GRAPHS, ids=lambda path: path.stem)
def test_graph_runs_on_a_few_rows(path, store):
    size = "tiny" if "tiny" in read_graph(path).sizes else None
    plan = make_plan(check(read_graph(path, size=size)), store, limit=FEWER.get(path.stem, FEW))
    outcome = LocalExecutor().run(plan, store, Observer())
    assert outcome.error is None
    without = {name for name, step in plan.steps.items() if step.checked.node.verb in ("fit", "load") or step.idle}
    assert all(node.rows for name, node in outcome.nodes.items() if name not in without)
    assert outcome.results or without == set(plan.steps)


def test_an_ablation_makes_nothing_of_its_base_again(tmp_path):
    store, outcomes = Store(tmp_path / "store"), []
    for name in ("griffin_lim", "griffin_lim_momentum"):
        path = next(path for path in GRAPHS if path.stem == name)
        plan = make_plan(check(read_graph(path, sets=["voice.iterations=2"])), store, limit=FEWER.get(path.stem, FEW))
        outcomes.append(LocalExecutor().run(plan, store, Observer()))
    base, ablation = outcomes
    assert ablation.error is None
    again = {name for name in base.nodes if ablation.nodes[name].state != "cached"}
    assert again == {"scores"}
    assert ablation.results["scores"]["systems"] == ["fast", "plain"]
    means = [[cell["mean"] for cell in run.results["scores"]["means"] if cell["system"] == "fast"] for run in outcomes]
    assert means[0] == means[1]
