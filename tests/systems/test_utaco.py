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

NOTES = tuple(  # two semitones up
    Note(key=key, seconds=seconds)
    for key, seconds in ((None, 0.3), (59.0, 0.75), (62.0, 0.75), (64.0, 1.5), (None, 0.3))
)


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
    result = CliRunner().invoke(
        app, [*asked, "--transpose", "2", "--store", str(tmp_path / "store"), "--report", str(tmp_path / "report.html")]
    )
    assert result.exit_code == 0, result.output
    wave, rate = sf.read(tmp_path / "out" / "song.wav", dtype="float32")
    assert len(wave) / rate == pytest.approx(sum(note.seconds for note in NOTES), abs=0.02)
    (made,) = NotePitch(Config(), AudioSpec()).apply([Sung(prediction=wave, notes=NOTES)])
    assert made.near > 60
    assert np.abs(wave).max() > 0.05
    report = (tmp_path / "report.html").read_text()
    assert re.search(r'<path class="score" d="M[\d.]+ [\d.]+h[\d.]+M', report)
    assert re.findall(r'class="syllable"[^>]*>([^<]*)<', report)[:3] == ["Plea-", "sing", "number"]


def test_the_shipped_singer_sings_it_in_tune_too(song, tmp_path, monkeypatch):
    command = next(line for line in commands() if "--until singer_voice" in line)
    asked = command.replace("SONG_OR_FOLDER", str(song)).replace("FOLDER", str(tmp_path / "out")).split()[1:]
    monkeypatch.chdir(ROOT)
    result = CliRunner().invoke(app, [*asked, "--transpose", "2", "--store", str(tmp_path / "store")])
    assert result.exit_code == 0, result.output
    wave, _ = sf.read(tmp_path / "out" / "song.wav", dtype="float32")
    (made,) = NotePitch(Config(), AudioSpec()).apply([Sung(prediction=wave, notes=NOTES)])
    assert made.near > 60


def test_every_command_of_the_page_names_what_the_graph_has():
    from runner.check import read_graph

    graph = read_graph(ROOT / "graphs" / "utaco.yaml")
    for command in commands():
        for option in re.findall(r"--(verse|part|transpose|tempo|language)\b", command):
            assert option in graph.options
        for nodes in re.findall(r"--(?:until|to-nodes) (\S+)", command):
            assert not [name for name in nodes.split(",") if name not in graph.nodes]


def test_ones_own_singing_trains_the_same_node_by_the_graph_of_the_page(tmp_path, monkeypatch):
    text = (ROOT / "docs" / "utaco.md").read_text()
    (graph,) = re.findall(r"```yaml\n(# graphs/mine\.yaml.*?)```", text, re.DOTALL)
    (tmp_path / "graphs").mkdir()
    (tmp_path / "graphs" / "mine.yaml").write_text(graph)
    (tmp_path / "graphs" / "utaco.yaml").write_text((ROOT / "graphs" / "utaco.yaml").read_text())
    (tmp_path / "pretrained").symlink_to(ROOT / "pretrained")
    (tmp_path / "my_songs" / "wavs").mkdir(parents=True)
    lines = ["name,ph_seq,ph_dur,note_seq,note_dur"]
    for n, (phones, note) in enumerate(
        [("SP l aa1 l iy1 SP", "A3"), ("SP m aa1 m ow1 SP", "C#4"), ("SP n ow1 n iy1 SP", "E4")]
    ):
        t = np.arange(16000 * 3 // 2) / 16000
        sf.write(tmp_path / "my_songs" / "wavs" / f"{n}.wav", 0.2 * np.sin(2 * np.pi * 220 * (1 + n / 4) * t), 16000)
        lines.append(f"{n},{phones},0.2 0.1 0.4 0.1 0.4 0.3,rest {note} {note} rest,0.3 0.5 0.4 0.3")
    (tmp_path / "my_songs" / "transcriptions.csv").write_text("\n".join(lines))
    monkeypatch.chdir(tmp_path)
    sets = [f"--set={each}" for each in ("singer.max_steps=1", "singer.adversarial_from=null", "singer.max_frames=300")]
    result = CliRunner().invoke(
        app, ["run", "graphs/mine.yaml", "--until", "singer", *sets, "--store", str(tmp_path / "store")]
    )
    assert result.exit_code == 0, result.output
    (card,) = (tmp_path / "store" / "artifacts").glob("*/README.md")
    assert "LicenseRef-mine" in card.read_text()
