"""The command line as a user meets it: what it prints, where, and with which exit code."""

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import soundfile
from rich.console import Console
from typer.main import get_command
from typer.testing import CliRunner

from runner.cli import app
from runner.graph.nodes import RUN
from runner.run.summary import print_results

ROOT = Path(__file__).parents[2]
GRAPH = """
about: tones
sizes: {small: {tone: {count: 3}}, paper: {tone: {count: 6}}}
nodes:
  tone: {read: toy.tones}
  loud: {map: toy.gain, in: {wave: tone.wave}, config: {gain: 1.5}}
  level: {map: toy.level, in: {wave: loud.wave}}
  mean: {reduce: toy.mean, in: {level: level.level}}
"""


@pytest.fixture
def call(tmp_path, monkeypatch):
    """``call("run", ...)`` in a folder with graph.yaml; gives (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "graph.yaml").write_text(GRAPH)

    def _call(*words):
        result = CliRunner().invoke(app, [str(word) for word in words])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.stdout, result.stderr

    return _call


def test_check_says_so_when_all_is_well(call):
    assert call("check", "graph.yaml") == (0, "graph.yaml: 4 nodes, no problems\n", "")


def test_check_reports_every_problem_on_stderr(call, tmp_path):
    (tmp_path / "graph.yaml").write_text(GRAPH.replace("toy.gain", "toy.gian").replace("tone.wave", "tone.wav"))
    code, out, err = call("check", "graph.yaml")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 2
    assert "graph.yaml:6:" in err
    assert "did you mean 'toy.gain'?" in err


def test_run_as_json_is_one_object_with_nodes_and_results(call):
    code, out, err = call("run", "graph.yaml", "--json")
    record = json.loads(out)
    assert code == 0
    assert record["size"] == "small"
    node = record["nodes"]["loud"]
    assert (node["state"], node["rows"], node["failures"]) == ("ran", 3, 0)
    assert len(node["digest"]) == 32
    assert node["seconds"] >= 0
    assert record["results"]["mean"]["level"] == pytest.approx(0.53, abs=0.01)
    assert "loud" in err, "progress is on stderr"
    record = json.loads(call("run", "graph.yaml", "--json")[1])
    assert {node["state"] for node in record["nodes"].values()} == {"cached"}


def test_a_failed_run_still_gives_its_json_and_exits_1(call):
    code, out, err = call("run", "graph.yaml", "--json", "--set", "tone.fail=[1]")
    assert code == 1
    assert json.loads(out)["nodes"]["tone"]["state"] == "failed"
    assert "told to fail" in err


def test_sizes_and_overrides(call):
    assert json.loads(call("run", "graph.yaml", "--json", "--size", "paper")[1])["nodes"]["tone"]["rows"] == 6
    assert json.loads(call("run", "graph.yaml", "--json", "--set", "tone.count=5")[1])["nodes"]["tone"]["rows"] == 5
    code, _, err = call("run", "graph.yaml", "--set", "tone.cuont=5")
    assert code == 2
    assert "did you mean 'count'?" in err


def test_how_many_rows_where_left_is_said(call, tmp_path):
    text = GRAPH.replace("nodes:", "nodes:\n  odd: {pick: {wave: tone.wave}, where: {tone.speaker: odd}}")
    (tmp_path / "graph.yaml").write_text(text.replace("{wave: tone.wave}, config", "{wave: odd.wave}, config"))
    for state in ("done", "cached"):
        err = call("run", "graph.yaml", "--size", "paper", "--limit", "5")[2]
        (line,) = [line for line in err.splitlines() if line.startswith("odd ")]
        assert line.split()[:6] == ["odd", state, "2", "of", "5", "rows,"]
        assert "tone " in err
        assert "5 of" not in err
    assert json.loads(call("run", "graph.yaml", "--json")[1])["nodes"]["odd"]["offered"] == 3
    err = call("run", "graph.yaml", "--limit", "1")[2]
    assert err.splitlines()[-1] == (
        "graph.yaml:5:3: odd: no row is in every input and meets `where` (tone has 1); --limit 1 reads no more than that "
        "of a source, want a larger one"
    )


def test_a_table_says_how_many_utterances_where_systems_differ():
    means = [
        {"system": system, "metric": metric, "n": n, "mean": 0.5, "low": 0.25, "high": 0.75}
        for system, metric, n in (("a", "STOI", 23), ("b", "STOI", 23), ("a", "PESQ", 23), ("b", "PESQ", 21))
    ]
    row = {"systems": ["a", "b"], "metrics": ["STOI", "PESQ"], "means": means}
    out = StringIO()
    print_results(Console(file=out, width=120), {"scores": row})
    lines = {line.split()[0]: line for line in out.getvalue().splitlines() if line.strip()}
    assert "n 23" not in lines["STOI"]
    assert lines["PESQ"].split() == ["PESQ", "0.5", "0.25..0.75,", "n", "23", "0.5", "0.25..0.75,", "n", "21"]
    assert "mean over utterances" in lines["scores:"]
    for cell in means:
        cell["n"] = 23
    print_results(Console(file=(out := StringIO()), width=120), {"scores": row})
    assert "mean over 23 utterances" in out.getvalue()


def test_dry_run_makes_nothing(call, tmp_path):
    code, out, _ = call("run", "graph.yaml", "--dry-run")
    assert code == 0
    assert out.splitlines()[0].split() == ["run", "tone", "(read", "toy.tones)"]
    assert not list(tmp_path.glob("store/tables/*"))
    call("run", "graph.yaml", "--until", "loud")
    _, out, _ = call("run", "graph.yaml", "--dry-run", "--json")
    states = {name: node["state"] for name, node in json.loads(out)["nodes"].items()}
    assert states == {"tone": "cached", "loud": "cached", "level": "run", "mean": "run"}


def test_out_writes_waves_and_their_table(call, tmp_path):
    code, out, _ = call("run", "graph.yaml", "--until", "loud", "--out", "wavs")
    assert (code, out) == (0, "".join(f"wavs/tone000{n}.wav\n" for n in range(3)))
    wave, rate = soundfile.read(tmp_path / "wavs" / "tone0001.wav")
    assert (rate, len(wave)) == (16000, 1600)
    assert (tmp_path / "wavs" / "metadata.csv").read_text().splitlines()[:2] == ["id,file", "tone0000,tone0000.wav"]


OWN = "options: {gain: loud.gain, count: tone.count, text: said.text}\noutputs: {loud: loud_ones}\n" + GRAPH.replace(
    "  level:", "  said: {read: corpus.lines, config: {text: one}}\n  level:"
)


@pytest.fixture
def own(call, tmp_path):
    """As `call`, in a folder whose graph has options and an output of its own."""
    (tmp_path / "graph.yaml").write_text(OWN)
    return call


@pytest.mark.parametrize(
    "words", [("graph.yaml", "--count", "2"), ("--count=2", "graph.yaml"), ("--count", "2", "graph.yaml")]
)
def test_options_of_a_graph_are_sets(own, words):
    record = json.loads(own("run", *words, "--json", "--until", "loud")[1])
    assert record["source"]["nodes"]["tone"]["config"]["count"] == 2
    assert record["nodes"]["loud"]["rows"] == 2


def test_a_text_is_taken_as_it_is(own):
    for text in (
        "Yes: no # why",
        "[[ h ə l ˈoʊ ]]",
        '"Hi," she said. "Bye."',
        "12",
        "",
        "a=b, {c}",
        "<break time='1s'/>",
    ):
        for words in (("--text", text), ("--set", f"said.text={text}")):
            code, out, err = own("run", "graph.yaml", "--until", "said", "--json", *words)
            assert code == 0, err
            assert json.loads(out)["source"]["nodes"]["said"]["config"]["text"] == text
    _, out, _ = own("show", "graph.yaml", "--set", "said.text='a: b'")
    assert "text: 'a: b'" in out, "quotes around the whole are YAML's"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("--gian", "2"),
            "--gian: no such option; did you mean 'gain'?; this graph has --gain, --count, --text beside those",
        ),
        (("--from_noddes", "a"), "did you mean 'from-nodes'?"),
        (("--gain",), "--gain: want a value, as in --gain VALUE"),
        (("--count", "-3"), "--count -3: tone.count: input should be greater than 0, got -3"),
        (("other.yaml",), "want one graph, got graph.yaml and other.yaml"),
    ],
)
def test_wrong_options_are_named(own, words, message):
    code, out, err = own("run", "graph.yaml", *words)
    assert (code, out) == (2, "")
    assert message in err


def test_an_option_that_takes_the_graph_for_its_value_is_told_of(own):
    assert own("run", "--gain", "graph.yaml")[2] == "want one graph, got none; --gain took 'graph.yaml' as its value\n"


def test_a_graph_without_options_has_none(call):
    _, _, err = call("run", "graph.yaml", "--speaker", "me")
    assert err == "--speaker: no such option; this graph has none beside those of voxblocks run\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("graph.yaml", "--gian", "2"), "--gian: no such option; did you mean 'gain'?"),
        (("graph.yaml", "--count", "-3"), "--count -3: tone.count: input should be greater than 0"),
        (("--gain", "2", "graph.yaml"), "name the graph before its options: voxblocks submit graph.yaml ..."),
        (("graph.yaml", "--until", "loud", "--play"), "--play would be played on the cluster"),
    ],
)
def test_submit_looks_at_them_before_it_calls(own, words, message):
    code, out, err = own("submit", "--address", "http://127.0.0.1:1", *words)
    assert (code, out) == (2, "")
    assert message in err


def test_no_option_of_a_graph_can_hide_one_of_run():
    params = {param.name for name in ("run", "submit") for param in get_command(app).commands[name].params} - {"graph"}
    named = {"json" if name == "as_json" else name for name in params}
    assert set(RUN) == named | {"help"}


def test_a_graph_says_where_files_go(own, tmp_path):
    code, out, err = own("run", "graph.yaml", "--until", "loud")
    assert code == 0
    assert out.splitlines() == [f"loud_ones/tone000{n}.wav" for n in range(3)]
    assert soundfile.info(tmp_path / "loud_ones" / "tone0002.wav").frames == 1600
    assert "3 files and metadata.csv in loud_ones" in err
    record = json.loads(own("run", "graph.yaml", "--until", "loud", "--out", "there", "--json")[1])
    assert record["files"] == [f"there/tone000{n}.wav" for n in range(3)]
    assert own("run", "graph.yaml", "--until", "level")[1] == ""


def test_where_nothing_was_asked_for_that_is_said(call, tmp_path):
    (tmp_path / "graph.yaml").write_text("""
nodes:
  own: {read: corpus.folder, config: {path: ""}}
  level: {map: toy.level, in: {wave: own.wave}}
  mean: {reduce: toy.mean, in: {level: level.level}}
  loud: {map: toy.gain, in: {wave: own.wave}}
""")
    assert call("run", "graph.yaml", "--until", "mean")[0] == 0, "a mean of nothing"
    code, out, err = call("run", "graph.yaml", "--until", "loud", "--out", "wavs")
    assert (code, out) == (0, "")
    assert err.splitlines()[-1] == "0 files and metadata.csv in wavs (loud has no rows: nothing was asked of own)"


@pytest.mark.parametrize("stored", [False, True])
def test_raw_is_sound_and_nothing_else(call, tmp_path, stored):
    if stored:
        call("run", "graph.yaml")
    result = CliRunner().invoke(app, ["run", "graph.yaml", "--until", "loud", "--raw", "--out", "wavs"])
    assert result.exit_code == 0
    assert "at 16000 Hz" in result.stderr
    assert len(list(tmp_path.glob("store/tables/*/table.json"))) == (4 if stored else 0)
    assert "wavs/tone0000.wav" in result.stderr
    want = [soundfile.read(tmp_path / "wavs" / f"tone000{n}.wav", dtype="int16")[0] for n in range(3)]
    np.testing.assert_array_equal(np.frombuffer(result.stdout_bytes, "<i2"), np.concatenate(want))


def test_what_is_heard_at_once_is_what_a_run_makes(own, tmp_path):
    own("run", "graph.yaml", "--until", "loud", "--raw", "--count", "2", "--out", "heard")
    own("run", "graph.yaml", "--until", "loud", "--count", "2", "--out", "made")
    for path in ("tone0000.wav", "tone0001.wav", "metadata.csv"):
        assert (tmp_path / "heard" / path).read_bytes() == (tmp_path / "made" / path).read_bytes()
    assert not (tmp_path / "heard" / "tone0002.wav").exists()
    assert (
        len(CliRunner().invoke(app, ["run", "graph.yaml", "--until", "loud", "--raw", "--limit", "1"]).stdout_bytes)
        == 3200
    )


def test_what_cannot_be_heard_is_told_of_behind_the_rest(call):
    words = ("run", "graph.yaml", "--until", "loud", "--set", "loud.bad=[tone0001]", "--set", "tone.fail=[2]")
    result = CliRunner().invoke(app, [*words, "--raw"])
    assert result.exit_code == 1
    assert len(result.stdout_bytes) == 3200
    assert result.stderr.splitlines()[-2:] == ["tone0001: loud: told to be bad", "tone0002: told to fail"]


def test_rows_that_are_chosen_are_heard_after_a_run(call, tmp_path):
    (tmp_path / "graph.yaml").write_text(GRAPH.replace("config: {gain: 1.5}", "where: {tone.speaker: odd}"))
    result = CliRunner().invoke(app, ["run", "graph.yaml", "--until", "loud", "--raw"])
    assert (result.exit_code, len(result.stdout_bytes)) == (0, 3200)
    assert list(tmp_path.glob("store/tables/*/table.json"))


@pytest.mark.parametrize(("name", "code"), [("aplay", 0), ("play", 0), ("aplay", 3)])
def test_play_hands_the_sound_to_a_program(call, tmp_path, monkeypatch, name, code):
    """Loudspeakers are not to be had in a test: a program of the player's name keeps what it is given."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / name
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/words\n/bin/cat > {tmp_path}/heard\nexit {code}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    found, _, err = call("run", "graph.yaml", "--until", "loud", "--play")
    assert found == bool(code)
    assert ("ended with code 3" in err) == bool(code)
    assert "-r 16000" in (tmp_path / "words").read_text()
    call("run", "graph.yaml", "--until", "loud", "--out", "wavs")
    want = [soundfile.read(tmp_path / "wavs" / f"tone000{n}.wav", dtype="int16")[0] for n in range(3)]
    np.testing.assert_array_equal(np.fromfile(tmp_path / "heard", "<i2"), np.concatenate(want))


def test_without_a_player_nothing_is_run(call, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    code, _, err = call("run", "graph.yaml", "--until", "loud", "--play")
    assert code == 2
    assert "--play wants one of the programs paplay, aplay, ffplay, play" in err
    assert not list(tmp_path.glob("store/tables/*"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--play",), "--play wants the files of one node: name it with --until"),
        (("--raw", "--json", "--until", "loud"), "--raw and --json were given, want one of both"),
        (("--raw", "--play", "--until", "loud"), "--raw and --play were given, want one of both"),
        (("--raw", "--until", "level"), "--raw wants a node with a wave; level has level"),
    ],
)
def test_sound_that_cannot_be(call, words, message):
    code, out, err = call("run", "graph.yaml", *words)
    assert (code, out) == (2, "")
    assert err.splitlines()[-1] == message


def test_out_of_a_node_without_audio_says_what_it_has(call):
    code, _, err = call("run", "graph.yaml", "--until", "level", "--out", "wavs")
    assert code == 2
    assert err.splitlines()[-1] == "--out wants a node with a wave or a textgrid; this one has level"


def test_a_report_wants_a_run(call):
    _, _, err = call("report", "graph.yaml")
    assert "no run of graph that ended is recorded here" in err


def test_show_fills_in_every_default(call):
    _, out, _ = call("show", "graph.yaml")
    assert "pause_s: 0.0" in out
    assert "hop_length: 200" in out


def test_draw_prints_mermaid_and_writes_svg(call, tmp_path):
    _, out, _ = call("draw", "graph.yaml")
    assert out.startswith(("flowchart", "graph"))
    assert "wave" in out
    call("draw", "graph.yaml", "--out", "graph.svg")
    assert (tmp_path / "graph.svg").read_text().startswith("<svg")


def test_list_and_describe(call):
    _, out, _ = call("list")
    assert "toy.gain" in out
    assert "A wave times a factor" in out
    _, out, _ = call("describe", "features.log_mel")
    assert "log_mel float32(frames, mels)" in out
    code, _, err = call("describe", "features.log_mle")
    assert code == 2
    assert "did you mean 'features.log_mel'?" in err


def test_schema_is_json_schema(call):
    assert "$schema" in json.loads(call("schema")[1])


def test_doctor_names_what_is_missing_for_a_graph(call):
    code, out, _ = call("doctor", "graph.yaml")
    assert code == 0
    assert "every block of graph.yaml can run here" in out


def test_store_commands(call):
    record = json.loads(
        call("run", "graph.yaml", "--json", "--set", "max_failed=0.5", "--set", "loud.bad=[tone0000]")[1]
    )
    _, out, _ = call("store", "ls")
    assert all(name in out for name in ("tone", "loud", "toy.gain"))
    digest = record["nodes"]["loud"]["digest"]
    _, out, _ = call("store", "failures", digest[:10])
    assert out == "tone0000\tfailure\ttold to be bad\n"
    call("run", "graph.yaml")
    _, out, _ = call("store", "why", json.loads(call("run", "graph.yaml", "--json")[1])["nodes"]["loud"]["digest"][:12])
    assert "toy.gain" in out
    assert "bad" in out, "what changed since the one before"
    _, out, _ = call("store", "gc", "--dry-run")
    assert out.startswith("would free")
    code, _, err = call("store", "why", "ffff")
    assert code == 2
    assert "ffff" in err


def test_the_module_runs_as_a_program_and_checks_without_frameworks():
    code = "import sys; sys.argv[1:] = ['check', 'graphs/copy_synthesis.yaml']\nfrom runner.cli import main\ntry:\n    main()\nexcept SystemExit: pass\n"
    code += "print(*sorted({'torch', 'jax', 'ray', 'pyarrow', 'scipy', 'matplotlib'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["graphs/copy_synthesis.yaml: 32 nodes, no problems", ""]


def test_a_plan_imports_no_framework_to_know_what_is_a_module():
    """The digests of code ask of `from a.b import c` whether a.b.c is a module; a.b may import torch."""
    code = "import sys; from runner.plan.code import code_digest; code_digest('blocks.vocoder.fourier'); code_digest('blocks.acoustic.parallel')\n"
    code += "print(*sorted({'torch', 'jax', 'flax'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
