"""BUILD.md's way from ``ray start`` to results: its commands are run as they stand there, on one machine.

Only names are put in: free ports, a bucket of moto's, a graph of toys, and Ray's folder and sizes.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import jsonschema
import pytest
import yaml

from tests.cluster import s3
from tests.cluster.heads import free_port, on_path
from tests.environment import ROOT, TOYS

GRAPH = """
about: tones on two machines
nodes:
  tone: {read: toy.tones, config: {count: 140, seconds: 0.02}}
  loud: {map: toy.gain, in: {wave: tone.wave}, scale: {workers: 2}}
  level: {map: toy.level, in: {wave: loud.wave}}
  mean: {reduce: toy.mean, in: {level: level.level}}
"""


TRAINING = """
about: a training on two machines
nodes:
  tone: {read: toy.tones, config: {count: 12}}
  model:
    fit: toy.leveled
    in: {wave: tone.wave, split: tone.split}
    config: {max_steps: 6, max_frames: 6400, checkpoint_interval: 3}
    scale: {workers: 2}
"""


def blocks(language: str, section: str = "Run on a cluster") -> list[str]:
    text = (ROOT / "BUILD.md").read_text().split(f"## {section}\n")[1].split("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_cluster_of_the_example_is_one_that_ray_understands():
    from ray import autoscaler

    (text,) = blocks("yaml")
    config = yaml.safe_load(text)
    schema = json.loads((Path(autoscaler.__file__).parent / "ray-schema.json").read_text())
    jsonschema.validate(config, schema)
    assert config["head_node_type"] in config["available_node_types"]


@pytest.mark.ray
@pytest.mark.slow
def test_from_ray_start_to_results(tmp_path):
    (tmp_path / "graph.yaml").write_text(GRAPH)
    setup, token, head, worker, run, laptop = blocks("sh")
    (train,) = blocks("sh", "Train on a cluster")
    with contextlib.ExitStack() as stack:
        moto = stack.enter_context(s3.serving())
        ray = stack.enter_context(tempfile.TemporaryDirectory(prefix="vb", ignore_cleanup_errors=True))
        gcs, shown = free_port(), free_port()
        environment = {key: value for key, value in on_path(TOYS | s3.environment(moto)).items() if "RAY_A" not in key}
        sizes = f"--num-cpus=1 --object-store-memory=104857600 --temp-dir={ray}/"

        def written(text: str) -> str:
            text = text.replace("10.0.0.5", "127.0.0.1").replace("6379", str(gcs)).replace("8265", str(shown))
            text = text.replace("s3://bucket/folder", "s3://speech/cluster")
            return f"set -e\n{setup.replace('10.0.0.5', '127.0.0.1')}{text.replace('graphs/copy_synthesis.yaml', 'graph.yaml')}"

        def keep(text: str, name: str, more: str) -> None:
            text = f"{written(text).strip()} {more} {sizes}{name}"
            out = stack.enter_context((tmp_path / name).open("wb"))
            child = subprocess.Popen(
                ["sh", "-c", text], cwd=tmp_path, env=environment, stdout=out, stderr=out, start_new_session=True
            )
            stack.callback(end, child)

        def do(text: str, **more) -> str:
            words = ["bash", "-c", written(text)]
            done = subprocess.run(
                words, cwd=tmp_path, env=environment | more, capture_output=True, text=True, timeout=240
            )
            assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
            return done.stdout + done.stderr

        do(token)
        keep(head, "head", f"--dashboard-port={shown}")
        wait(lambda: answers(shown))
        keep(worker, "worker", "")
        here = {"RAY_ADDRESS": f"127.0.0.1:{gcs}"}  # other clusters may run on this machine
        wait(lambda: "2.0 CPU" in do("ray status", **here))
        said = do(run, **here)
        assert "140 rows" in said
        assert (tmp_path / "reports" / "graph.html").stat().st_size > 10_000
        said = do(laptop)
        assert "cached" in said, "the job found the results of the run before it"
        assert "raysubmit_" in said
        assert "toy.gain" in said, "the store is listed"
        (tmp_path / "graph.yaml").write_text(TRAINING)
        assert re.search(r"model\s+done", do(train, **here))
        assert re.search(r"model\s+cached", do(train, **here)), "the artifact is in the bucket"


def end(child: subprocess.Popen) -> None:
    """What Ctrl-C does in its terminal."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(timeout=30)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def wait(until, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.5)


def answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/api/version", timeout=2).close()
    except urllib.error.HTTPError:
        return True  # it wants a token
    except OSError:
        return False
    return True
