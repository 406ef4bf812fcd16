"""`voxblocks run --raw` of a graph that speaks: heard in pieces while it is made, and the same as the files of a run."""

import numpy as np
import soundfile
from typer.testing import CliRunner

from runner.check import check, read_graph
from runner.cli import app
from runner.plan import make_plan
from runner.speak.aloud import at_once

TEXT = "The quick brown fox: does it jump? [[ h ə ˈoʊ ]]"


def plan_for(tiny, store, *sets):
    return make_plan(check(read_graph(tiny, sets=sets)), store, until="voice")


def test_sound_comes_in_pieces_that_are_the_whole(tiny, store):
    plan = plan_for(tiny, store, f"script.text={TEXT}", "script.speaking_rate=0.2")
    speaking = at_once(plan, "voice", store, None)
    pieces = list(speaking.waves())
    ((row),) = speaking.made
    assert len(pieces) > 2
    assert len(pieces[0]) < 0.5 * len(row["wave"])
    np.testing.assert_array_equal(np.concatenate(pieces), row["wave"])


def test_what_is_heard_is_what_a_run_writes(tiny, store, tmp_path):
    words = [
        "run",
        str(tiny),
        "--store",
        str(tiny.parent / "store"),
        "--until",
        "voice",
        "--set",
        f"script.text={TEXT}",
    ]
    heard = CliRunner().invoke(app, [*words, "--raw"])
    assert heard.exit_code == 0, heard.stderr
    written = CliRunner().invoke(app, [*words, "--out", str(tmp_path)])
    assert written.exit_code == 0, written.stderr
    wave, _ = soundfile.read(written.stdout.strip(), dtype="int16")
    found = np.frombuffer(heard.stdout_bytes, "<i2")
    assert np.abs(found.astype(int) - wave).max() <= 1, "pieces and the whole may round apart"
    again = CliRunner().invoke(app, [*words, "--raw"])
    np.testing.assert_array_equal(np.frombuffer(again.stdout_bytes, "<i2"), wave, "now out of the store")


def test_what_is_made_already_is_not_made_again(tiny, store):
    assert at_once(plan_for(tiny, store), "voice", store, None) is None


def test_weights_that_are_not_there_want_a_run(tiny, store):
    assert at_once(plan_for(tiny, store, "acoustic.max_steps=9"), "voice", store, None) is None
