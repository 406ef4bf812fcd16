"""What docs/flow_conversion.md has a user type works as written, on recordings of one's own."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from blocks.common import debian
from blocks.corpus.asterisk import Asterisk, Config
from blocks.corpus.fillets import Fillets
from blocks.spec import preset
from runner.check import read_graph
from runner.cli import app
from tests.test_documents import ROOT, fenced

pytestmark = pytest.mark.timeout(900)  # twenty seconds of a core, minutes on a busy machine
BY_NAME, BY_FOLDER, TRAINING = (text.strip().split() for text in fenced("docs/flow_conversion.md", "sh"))


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Folders of one recording with a pause in it, of twelve seconds of another voice, of too little of that, and of music."""
    home, spec = tmp_path_factory.mktemp("home"), preset("vox_16k")
    source = Asterisk(Config(languages=("en", "ru")), spec)
    source.fetch()
    rows = [row for row in source.read() if hasattr(row, "wave") and 2 < row.seconds < 3.3]
    mine = [row.wave for row in rows if row.speaker == "allison"][:1]
    theirs = [row.wave for row in rows if row.speaker == "ivrvoice-ru"][:5]
    pause = np.zeros(spec.sample_rate, np.float32)
    for folder, waves in {"FOLDER": [np.concatenate([*mine, pause])], "MINUTE": theirs, "LITTLE": theirs[:1]}.items():
        (home / folder).mkdir()
        for number, wave in enumerate(waves):
            soundfile.write(home / folder / f"u{number}.wav", wave, spec.sample_rate)
    Fillets(Fillets.tiny, spec).fetch()
    music, rate = soundfile.read(debian.tree("fillets-ng-data") / "usr/share/games/fillets-ng/music/rybky05.ogg")
    (home / "SONG").mkdir()
    soundfile.write(home / "SONG" / "u0.wav", music[5 * rate : 10 * rate], rate)
    return home


def typed(home: Path, words: list[str], *more: str):
    assert words[0] == "voxblocks"
    places = {"FOLDER2": home / f"made{len(list(home.iterdir()))}"}
    places |= {
        f"{side}.path={name}": f"{side}.path={home / name}"
        for side, name in (("source", "FOLDER"), ("target", "MINUTE"))
    }
    words = [str(places.get(word, word)).replace("graphs/", f"{ROOT}/graphs/", 1) for word in words[1:]]
    return CliRunner().invoke(app, [*words, "--store", str(home / "store"), *more]), places["FOLDER2"]


@pytest.mark.parametrize("words", [BY_NAME, BY_FOLDER], ids=["by name", "by folder"])
def test_a_folder_is_heard_in_another_voice(home, words):
    done, out = typed(home, words)
    assert done.exit_code == 0, done.output
    (path,) = out.glob("*.wav")
    made, rate = soundfile.read(path)
    recording, _ = soundfile.read(home / "FOLDER" / "u0.wav")
    assert abs(len(made) - len(recording)) < rate / 40
    quiet, loud = made[-rate // 2 :], made[:-rate]
    assert np.sqrt(np.mean(quiet**2)) < 0.02 * np.sqrt(np.mean(loud**2)), "silence stays silence"


def test_a_voice_of_little_speech_and_a_name_that_nobody_has_are_refused(home):
    little, _ = typed(home, [word.replace("MINUTE", str(home / "LITTLE")) for word in BY_FOLDER])
    assert little.exit_code != 0
    assert "s of speech in 1 recordings, want 10 s at least" in little.output
    nobody, _ = typed(home, [word.replace("ivrvoice-ru", "ivrvoise-ru") for word in BY_NAME])
    assert nobody.exit_code != 0
    assert "did you mean 'ivrvoice-ru'?" in nobody.output


def test_music_is_refused_in_a_sentence(home):
    done, _ = typed(home, [word.replace("source.path=FOLDER", f"source.path={home / 'SONG'}") for word in BY_NAME])
    assert done.exit_code != 0
    assert "music, or a steady noise? Want speech alone" in " ".join(done.output.split())


def test_the_training_names_what_there_is():
    assert set(TRAINING[-1].split(",")) <= set(read_graph(ROOT / TRAINING[2]).nodes)
