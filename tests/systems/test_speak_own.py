"""A voice that goes on from the released one, as docs/speak.md has it: two steps on the sentences of a small synthesiser."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from runner.check import check, read_graph
from runner.plan import make_plan
from runner.run.local import LocalExecutor
from runner.store import Store
from runner.work.executor import Observer

ROOT = Path(__file__).parents[2]
GRAPH, PAGE = ROOT / "graphs" / "speak_own.yaml", ROOT / "docs" / "speak.md"
PLACES = ("house", "boat", "garden", "bridge", "mill", "school", "harbour", "market")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    flite = shutil.which("flite")
    assert flite, "apt-get install flite"
    path = tmp_path_factory.mktemp("own")
    (path / "wavs").mkdir()
    texts = [f"The old {place} stood at the end of the road, number {n}." for n, place in enumerate(PLACES)]
    for number, text in enumerate(texts):
        subprocess.run([flite, "-voice", "rms", "-t", text, "-o", str(path / "wavs" / f"{number}.wav")], check=True)
    (path / "metadata.csv").write_text("".join(f"{n}|{text}|{text}\n" for n, text in enumerate(texts)))
    return path


def test_the_page_s_command_makes_a_voice_that_is_judged_beside_the_one_before(folder, tmp_path):
    (command,) = [
        line
        for line in PAGE.read_text("utf-8").splitlines()
        if "graphs/speak_own.yaml" in line and "voxblocks run" in line
    ]
    sets = [name for name, _ in re.findall(r"--set ([\w.]+)=(\"[^\"]*\"|\S+)", command)]
    assert sets == ["recordings.path", "script.text"]
    graph = read_graph(
        GRAPH,
        size="tiny",
        sets=[f"recordings.path={folder}", "script.text=Say it."],
        options={"consent": "nobody, today, for a test"},
    )
    store = Store(tmp_path)
    plan = make_plan(check(graph), store)
    outcome = LocalExecutor().run(plan, store, Observer())
    assert outcome.error is None
    (row,) = store.find_table(plan.steps["voice"].digest).rows()
    assert len(row["wave"]) > 1600
    assert set(outcome.results["on_held_texts"]["systems"]) == {"recording", "copied", "own", "before"}
