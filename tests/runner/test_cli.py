"""The command line as a user meets it: what it prints, where, and with which exit code."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
from typer.testing import CliRunner

from runner.cli import app

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
    code, _, _ = call("run", "graph.yaml", "--until", "loud", "--out", "wavs")
    assert code == 0
    wave, rate = soundfile.read(tmp_path / "wavs" / "tone0001.wav")
    assert (rate, len(wave)) == (16000, 1600)
    assert (tmp_path / "wavs" / "metadata.csv").read_text().splitlines()[:2] == ["id,file", "tone0000,tone0000.wav"]


def test_out_of_a_node_without_audio_says_what_it_has(call):
    code, _, err = call("run", "graph.yaml", "--until", "level", "--out", "wavs")
    assert code == 2
    assert err.splitlines()[-1] == "--out wants a node with a wave or a textgrid; this one has level"


def test_a_report_wants_a_run(call):
    _, _, err = call("report", "graph.yaml")
    assert "no run of graph is recorded here" in err


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
    code += "print(*sorted({'torch', 'jax', 'ray', 'pyarrow', 'scipy', 'matplotlib', 'networkx'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["graphs/copy_synthesis.yaml: 32 nodes, no problems", ""]
