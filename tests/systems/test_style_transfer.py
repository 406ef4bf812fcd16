"""The commands of docs/style_transfer.md, as written but for their size: in a style by name, as recordings are spoken, and an unknown style."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from runner.cli import app

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "style_transfer.md").read_text()
COMMANDS = [line for line in re.findall(r"^voxblocks run .*$", PAGE, re.MULTILINE) if "--until" in line]


@pytest.fixture(scope="module")
def typed(tmp_path_factory):
    """Types a command of the page, small, and gives its exit code, what it says and the waves it writes."""
    store, folder = tmp_path_factory.mktemp("store"), tmp_path_factory.mktemp("clips")
    tone = 0.3 * np.sin(2 * np.pi * 150 * np.arange(16000) / 16000)
    soundfile.write(folder / "clip.wav", tone, 16000)

    def run(command: str, out: Path, *more: str):
        words = shlex.split(command.replace("FOLDER", f"{folder}"))[1:]
        words[1] = f"{ROOT / words[1]}"
        done = CliRunner().invoke(
            app, [*words, "--size", "tiny", "--limit", "60", "--store", f"{store}", "--out", f"{out}", *more]
        )
        return done.exit_code, done.output, sorted(out.rglob("*.wav"))

    return run


@pytest.mark.timeout(900)
def test_each_command_speaks(typed, tmp_path):
    assert len(COMMANDS) == 2
    for number, command in enumerate(COMMANDS):
        code, output, waves = typed(command, tmp_path / f"{number}")
        assert code == 0, output
        (wave,) = waves
        assert soundfile.info(wave).duration > 0.3
    code, output, waves = typed(COMMANDS[0], tmp_path / "none", "--style", "fillets-cs-bog")
    assert "no style is called 'fillets-cs-bog'; did you mean 'fillets-cs-big'" in output
    assert not waves
