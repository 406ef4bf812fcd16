"""What the documents tell a reader to type works as written."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from runner.check import check, read_graph
from runner.cli import app
from runner.speak.live import Live

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    "README.md",
    "BUILD.md",
    "CONTRIBUTING.md",
    "graphs/README.md",
    "benchmarks/README.md",
    *sorted(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")),
]


def fenced(document: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / document).read_text(), re.DOTALL)


@pytest.fixture(scope="module")
def speaks():
    """The released voice of graphs/speak.yaml, held in memory."""
    return Live(check(read_graph(ROOT / "graphs" / "speak.yaml"), released=True))


def spoken_in_documents() -> list[str]:
    """The texts of commands and requests, and the markup."""
    text = "".join((ROOT / document).read_text() for document in ("README.md", "docs/speak.md"))
    given = re.findall(r'script\.text="([^"]*)"', text) + re.findall(r'{"input": "([^"]*)"', text)
    phones = [f"Say {found}." for found in re.findall(r"`(\[\[.*?\]\])`", text)]
    return list(dict.fromkeys([*given, *phones, *fenced("docs/speak.md", "xml")]))


@pytest.mark.parametrize("text", spoken_in_documents(), ids=lambda text: text[:30].strip())
def test_the_released_voice_says_what_documents_have_it_say(speaks, text):
    (row,) = speaks.run([{"text": text}])
    assert isinstance(row, dict), row.reason
    assert len(row["wave"]) > 0.5 * speaks.sample_rate
    assert 0.05 < np.abs(row["wave"]).max() <= 1.0


def test_the_voice_for_open_texts_speaks():
    live = Live(check(read_graph(ROOT / "graphs" / "speak_anything.yaml"), released=True))
    (row,) = live.run([{"text": "The chancellor flew to Geneva with 3 ambassadors."}])
    assert 2 < len(row["wave"]) / live.sample_rate < 6
    assert 0.05 < np.abs(row["wave"]).max() <= 1.0


@pytest.mark.parametrize("text", ["A", "I", "E.", "O!", "B"])
def test_one_letter_begins_and_ends_without_a_click(speaks, text):
    (row,) = speaks.run([{"text": text}])
    wave = np.abs(row["wave"])
    assert wave.max() > 0.1
    assert max(wave[:80].max(), wave[-80:].max()) < 0.01, "5 ms at each end"


@pytest.mark.parametrize(("asked", "refused"), [("-12st", True), ("-5st", False), ("+5st", False), ("+24st", True)])
def test_the_released_voice_reaches_a_pitch_or_refuses_it(speaks, asked, refused):
    text = "The weather will be warm."
    plain, moved = speaks.run([{"text": text}, {"text": f'<prosody pitch="{asked}">{text}</prosody>'}])
    if refused:
        assert re.search(
            r"but the voice reaches 1\d\d to 2\d\d Hz: want -\d\.\d to \+\d\.\d semitones here", moved.reason
        )
    else:
        quieter = 20 * np.log10(np.sqrt(np.mean(plain["wave"] ** 2) / np.mean(moved["wave"] ** 2)))
        assert abs(quieter) < 4


def test_the_readme_graph_is_sound(tmp_path):
    (graph,) = fenced("README.md", "yaml")
    (tmp_path / "graph.yaml").write_text(graph)
    assert len(check(read_graph(tmp_path / "graph.yaml")).nodes) == 5


def test_the_readme_python_runs():
    code = next(text for text in fenced("README.md", "python") if "preset(" in text)
    names = {"wave": np.zeros(22050, "float32")}
    exec(code, names)
    assert names["mel"].log_mel.shape == (86, 80)


def test_the_readme_commands_run_as_written(tmp_path):
    (graph,) = fenced("README.md", "yaml")
    (tmp_path / "graph.yaml").write_text(graph)
    lines = [line.strip() for line in (ROOT / "README.md").read_text().splitlines()]
    commands = [
        line.split("#")[0].strip()
        for line in lines
        if re.match(r"voxblocks \w+ ?.*graph\.yaml|voxblocks describe", line)
    ]
    assert len(commands) == 6
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for command in commands:
        done = subprocess.run(
            command.split(), cwd=tmp_path, env=os.environ | {"PATH": path}, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    assert list(tmp_path.glob("wavs/**/*.wav"))
    assert (tmp_path / "graph.svg").exists()
    assert (tmp_path / "reports" / "graph.html").stat().st_size > 100_000


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_and_file_named_exists(document):
    from typer.main import get_command

    text = (ROOT / document).read_text()
    known = get_command(app).commands
    for name in re.findall(r"voxblocks ([a-z]+)(?= |`|$)", text, re.MULTILINE):
        assert name in known, f"{document} names `voxblocks {name}`"
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for name in re.findall(r"`?make ([a-z-]+)`?", text):
        assert name in targets, f"{document} names `make {name}`"
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert ((ROOT / document).parent / link).exists(), f"{document} links to {link}"


@pytest.mark.timeout(900)  # seven processes, the corpus read whole: 13 s of a core, minutes on a busy machine
def test_from_an_empty_folder_to_an_ablation(tmp_path):
    """What CONTRIBUTING shows, as written: its commands, and its files by the names in their first lines."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {key: value for key, value in os.environ.items() if key != "VOXBLOCKS_BLOCKS"} | {"PATH": path}

    def shell(script: str) -> str:
        done = subprocess.run(["sh", "-ec", script], cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    begin, end = fenced("CONTRIBUTING.md", "sh")
    written = shell(begin)
    for block in fenced("CONTRIBUTING.md", "python") + fenced("CONTRIBUTING.md", "yaml"):
        name = block.splitlines()[0].removeprefix("# ")
        assert name.endswith(".yaml") or name in written, f"`voxblocks new` writes no {name}"
        (tmp_path / name).write_text(block)
    environment["VOXBLOCKS_BLOCKS"] = str(tmp_path / "mine")
    output = shell(end)
    assert output.count(" passed in ") == 2
    tables = output[output.index("cut_off.yaml: 9 nodes, no problems") :]
    assert len(re.findall(r"(?m)^(speech|clip|turned\w*) +cached ", tables)) == 5, (
        "what the system made is not made again"
    )
    assert re.search(r"metric +turned down +cut off", tables)
    assert (tmp_path / "cut_off.html").exists()
