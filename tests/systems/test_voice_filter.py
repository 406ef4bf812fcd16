"""A voice from a folder of recordings, as docs/voice_filter.md has it: two steps of the released filter, real speech of a small synthesiser."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from runner.check import check, read_graph
from runner.cli import app
from runner.plan import make_plan
from runner.run.local import LocalExecutor
from runner.store import Store
from runner.work.executor import Observer

ROOT = Path(__file__).parents[2]
GRAPH, PAGE = ROOT / "graphs" / "voice_filter.yaml", ROOT / "docs" / "voice_filter.md"
TEXTS = ("The old house stood at the end of the road.", "Bring me a cup of tea and some bread, please.", "Nobody knew where the boat had gone.", "We walked for an hour.")  # fmt: skip
SHORT = """
spec: vox_16k
nodes:
  own: {read: corpus.consented, config: {path: FOLDER, consent: "Ann, today, for a test", language: en}}
  enrolled:
    expand: enrolment.minute
    in: {wave: own.wave, text: own.text, language: own.language, speaker: own.speaker, band_hz: own.band_hz}
    config: {longest: 1.0}
"""
CONSENT = "Ann Example, 1 May 2026, for her own audio books"
FEW = ["filter.max_steps=2", "enrolled.seconds=8", "enrolled.least=4"]  # of what a minute is, and of steps


def command(words: str) -> list[str]:
    """Of the page, the one that has these words, without the program's name."""
    (found,) = [line for line in re.findall(r"```sh\n(.*?)\n```", PAGE.read_text(), re.DOTALL) if words in line]
    return [part or quoted for part, quoted in re.findall(r'((?:[^\s"]|"[^"]*")+)|"([^"]*)"', found)][1:]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    flite = shutil.which("flite")
    assert flite, "apt-get install flite"
    path = tmp_path_factory.mktemp("own")
    for number, text in enumerate(TEXTS):
        subprocess.run([flite, "-voice", "rms", "-t", text, "-o", str(path / f"{number}.wav")], check=True)
    (path / "metadata.csv").write_text("".join(f"{n}|{text}\n" for n, text in enumerate(TEXTS[:-1])))
    return path


def test_without_consent_nothing_is_begun(folder, tmp_path):
    asked = ["run", str(GRAPH), "--until", "voice", "--set", f"target.path={folder}", "--set", "script.text=Hello."]
    done = CliRunner().invoke(app, [*asked, "--store", str(tmp_path / "store")])
    assert done.exit_code == 2
    assert "say who agreed that this one be made, when and for what, by --consent" in " ".join(done.output.split())
    assert not (tmp_path / "store").exists()


@pytest.mark.timeout(900)  # a recogniser, an encoder, a speaker: 20 s of a core, minutes on a busy machine
def test_the_page_s_command_makes_a_voice_of_a_folder(folder, tmp_path):
    words = [word.strip('"').replace("FOLDER", str(folder)) for word in command("--until voice")]
    sets = [re.sub('"', "", word) for at, word in enumerate(words) if at and words[at - 1] == "--set"]
    consent = words[words.index("--consent") + 1].strip('"')
    store = Store(tmp_path / "store")
    graph = read_graph(GRAPH, sets=sets + FEW, options={"consent": consent})
    plan = make_plan(check(graph, released=True), store, until="voice")
    outcome = LocalExecutor().run(plan, store, Observer())
    assert outcome.error is None
    (row,) = store.find_table(plan.steps["voice"].digest).rows()
    assert len(row["wave"]) > 0.3 * 16000
    card = Path(store.find_artifact(plan.steps["filter"].digest))
    assert f"- Consent: {CONSENT}" in (card / "README.md").read_text()
    made_by = json.loads((card / "artifact.json").read_text())["lineage"]["made_by"]
    assert CONSENT in json.dumps(made_by)
    enrolled = {row["id"]: row["text"] for row in store.find_table(plan.steps["enrolled"].digest).rows()}
    assert any("walked" in text for text in enrolled.values()), "what had no text was heard"


def test_a_minute_that_will_not_do_is_told_in_one_sentence(folder, tmp_path):
    """The same folder, of which no recording may be longer than a second."""
    store = Store(tmp_path / "store")
    (tmp_path / "graph.yaml").write_text(SHORT.replace("FOLDER", str(folder)))
    outcome = LocalExecutor().run(make_plan(check(read_graph(tmp_path / "graph.yaml")), store), store, Observer())
    said = str(outcome.error)
    assert said.endswith(
        "4 of 4 recordings do not go with their texts or are too long; look at their reasons, and mend the texts, or leave them out to have them written"
    )
    assert "graph.yaml:" in said
    assert "Error" not in said
