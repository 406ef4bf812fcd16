"""The commands of docs/style_transfer.md as written: in a style by name, as recordings are spoken, and an unknown style."""

import re
import shlex
from pathlib import Path

import pytest
import soundfile
from typer.testing import CliRunner

from runner.check import check, read_graph
from runner.cli import app
from runner.serve.about import describe
from runner.speak.live import Live

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "style_transfer.md").read_text()
NAMED, LIKE = (line for line in re.findall(r"^voxblocks run .*$", PAGE, re.MULTILINE) if "--until" in line)


@pytest.fixture(scope="module")
def typed(tmp_path_factory):
    """Types a command of the page, and gives its exit code, what it says and the waves it writes."""
    store = tmp_path_factory.mktemp("store")

    def run(command: str, out: Path, *more: str):
        words = shlex.split(command)[1:]
        words[1] = f"{ROOT / words[1]}"
        done = CliRunner().invoke(app, [*words, "--store", f"{store}", "--out", f"{out}", *more])
        return done.exit_code, done.output, sorted(out.rglob("*.wav"))

    return run


def test_a_style_by_name_lasts_as_long_as_it_does_and_recordings_are_imitated(typed, tmp_path):
    lengths = {}
    for style in ("allison", "queen-reagan"):
        code, output, waves = typed(NAMED, tmp_path / style, "--style", style)
        assert code == 0, output
        lengths[style] = soundfile.info(waves[0]).duration
    assert lengths["queen-reagan"] > 1.1 * lengths["allison"]
    code, output, waves = typed(LIKE.replace("FOLDER", f"{waves[0].parent}"), tmp_path / "like")
    assert code == 0, output
    assert soundfile.info(waves[0]).duration > 0.8


def test_an_unknown_style_is_answered(typed, tmp_path):
    code, output, waves = typed(NAMED, tmp_path, "--style", "angry")
    assert code
    assert "no style is called 'angry'; there is allison, queen-" in " ".join(output.split())
    assert not waves


def test_a_server_tells_the_styles_as_voices():
    told = describe(Live(check(read_graph(ROOT / "graphs" / "style_transfer.yaml"), released=True)))
    assert told.voices[0]["name"] == "allison"
    assert {voice["name"] for voice in told.voices} > {"queen-reagan", "queen-reitel"}
