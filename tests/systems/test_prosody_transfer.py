"""docs/prosody_transfer.md: its commands, as written, on a folder of two recordings, one of which has a text that is not said in it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from blocks.load import find
from blocks.spec import preset

ROOT = Path(__file__).parents[2]
SAID = {"right": "The ferry leaves at a quarter to eight.", "wrong": "Did you bring your own lunch to the station?"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Both recordings say the same, by flite, whom no model has heard."""
    where, spec = tmp_path_factory.mktemp("source"), preset("vox_16k")
    block = find("peer.flite")
    peer = block(block.tiny, spec)
    peer.setup()
    asked = block.apply.__annotations__["items"].__args__[0]
    (made,) = peer.apply([asked(text=SAID["right"], language="en-US")])
    (where / "wavs").mkdir()
    for name in SAID:
        soundfile.write(where / "wavs" / f"{name}.wav", made.wave, spec.sample_rate)
    (where / "metadata.csv").write_text("".join(f"{name}|{text}|{text}\n" for name, text in SAID.items()))
    return where


def commands() -> list[str]:
    text = (ROOT / "docs" / "prosody_transfer.md").read_text()
    return re.findall(r"^voxblocks run .* --out FOLDER2$", text, re.MULTILINE)


@pytest.mark.timeout(600)  # ten seconds of a core each, minutes on a busy machine
@pytest.mark.parametrize("command", commands(), ids=["with texts", "without"])
def test_the_page_s_commands_work_as_written(folder, tmp_path, command):
    asked = command.replace("FOLDER2", str(tmp_path / "out")).replace("FOLDER", str(folder)).split()
    asked = [sys.executable, "-m", "runner", *asked[1:], "--store", str(tmp_path / "store")]
    done = subprocess.run(asked, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    output = done.stdout + done.stderr
    made = sorted(path.stem for path in (tmp_path / "out").rglob("*.wav"))
    if "textless" in command:
        assert (done.returncode, made) == (0, ["right", "wrong"]), output
        return
    assert made == ["right"], output
    reasons = [path.read_text() for path in (tmp_path / "store").rglob("table.json")]
    assert any(
        "is this the right text? (graphs/prosody_transfer_textless.yaml wants no text)" in each for each in reasons
    )
    reference, rate = soundfile.read(folder / "wavs" / "right.wav")
    spoken, spoken_rate = soundfile.read(next((tmp_path / "out").rglob("right.wav")))
    assert len(spoken) / spoken_rate == pytest.approx(len(reference) / rate, abs=0.05)
