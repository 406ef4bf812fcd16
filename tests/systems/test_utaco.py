"""docs/utaco.md: a score of one's own is sung by the command that it tells, and what it cannot sing is told with its bar."""

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from typer.testing import CliRunner

from blocks.arrays import Note
from blocks.metric._notes import Sung
from blocks.metric.note_pitch import Config, NotePitch
from blocks.spec import AudioSpec
from runner.cli import app

ROOT = Path(__file__).parents[2]
SCORE = """<score-partwise version="3.1"><part-list><score-part id="P1"><part-name>Voice</part-name></score-part></part-list>
<part id="P1"><measure number="1"><attributes><divisions>1</divisions></attributes>
<direction><direction-type><words/></direction-type><sound tempo="80"/></direction>
<note><pitch><step>A</step><octave>3</octave></pitch><duration>1</duration><lyric><syllabic>begin</syllabic><text>Plea</text></lyric></note>
<note><pitch><step>C</step><octave>4</octave></pitch><duration>1</duration><lyric><syllabic>end</syllabic><text>sing</text></lyric></note>
<note><pitch><step>D</step><octave>4</octave></pitch><duration>2</duration><lyric><text>number</text></lyric></note>
</measure></part></score-partwise>"""


def commands() -> list[str]:
    (page,) = [(ROOT / "docs" / "utaco.md").read_text()]
    return [line for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL) for line in block.splitlines()]


@pytest.fixture
def song(tmp_path):
    (tmp_path / "song.musicxml").write_text(SCORE)
    return tmp_path / "song.musicxml"


def test_the_first_command_of_the_page_sings_a_score_in_tune(song, tmp_path, monkeypatch):
    command = next(line for line in commands() if "SONG_OR_FOLDER" in line)
    asked = command.replace("SONG_OR_FOLDER", str(song)).replace("FOLDER", str(tmp_path / "out")).split()[1:]
    monkeypatch.chdir(ROOT)
    result = CliRunner().invoke(app, [*asked, "--transpose", "2", "--store", str(tmp_path / "store")])
    assert result.exit_code == 0, result.output
    wave, rate = sf.read(tmp_path / "out" / "song.wav", dtype="float32")
    notes = tuple(
        Note(key=key, seconds=seconds)
        for key, seconds in ((None, 0.3), (59.0, 0.75), (62.0, 0.75), (64.0, 1.5), (None, 0.3))
    )
    assert len(wave) / rate == pytest.approx(sum(note.seconds for note in notes), abs=0.02)
    (made,) = NotePitch(Config(), AudioSpec()).apply([Sung(prediction=wave, notes=notes)])
    assert made.near > 60
    assert np.abs(wave).max() > 0.05


def test_every_command_of_the_page_names_what_the_graph_has():
    from runner.check import read_graph

    graph = read_graph(ROOT / "graphs" / "utaco.yaml")
    for command in commands():
        for option in re.findall(r"--(verse|part|transpose|tempo|language)\b", command):
            assert option in graph.options
        for nodes in re.findall(r"--(?:until|to-nodes) (\S+)", command):
            assert not [name for name in nodes.split(",") if name not in graph.nodes]
