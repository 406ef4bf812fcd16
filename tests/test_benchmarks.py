"""Every benchmark can be asked what it does, and runs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted(
    path for path in (ROOT / "benchmarks").glob("*.py") if path.stem not in ("chain", "counting", "timing")
)


def run(script: Path, *arguments: str) -> str:
    environment = {key: value for key, value in os.environ.items() if key != "PEERS"}
    command = [sys.executable, str(script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_benchmark_says_what_it_measures(script):
    assert "--quick" in run(script, "--help")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_the_readme_gives_its_command(script):
    assert f"python benchmarks/{script.name}" in (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_overhead_is_measured_without_the_peers_and_says_so():
    told = run(ROOT / "benchmarks/runner_overhead.py", "--quick")
    assert "voxblocks, in memory" in told
    assert "voxblocks, whole run" in told
    assert all(line.count("benchmarks/requirements.txt") for line in told.splitlines() if " has no " in line)


@pytest.mark.slow
def test_the_time_of_check_is_measured():
    assert "check, whole process" in run(ROOT / "benchmarks/check_time.py", "--quick")


@pytest.mark.slow
def test_memory_is_flat():
    """The ratio of anonymous peaks at 100 and 1,000 rows: 145 MiB more are written, and not held."""
    told = run(ROOT / "benchmarks/memory.py", "--rows", "100", "--rounds", "1")
    [line] = [line for line in told.splitlines() if line.startswith("peak anonymous")]
    assert float(line.split("]")[-2].split()[0]) < 1.25


@pytest.mark.slow
def test_the_speed_of_the_features_is_measured():
    assert "librosa" in run(ROOT / "benchmarks/features.py", "--quick")


@pytest.mark.slow
def test_a_training_is_measured_beside_a_bare_loop():
    told = run(ROOT / "benchmarks/fit.py", "--quick", "--no-cluster")
    assert told.count("in process, over the bare loop:") == 2
    assert "a save: " in told


@pytest.mark.slow
def test_speaking_is_measured_beside_the_peers_that_are_there():
    told = run(ROOT / "benchmarks/speak.py", "--quick")
    assert told.count("ours   real-time factor") == 2, "a short and a long sentence"
    assert "of ours vocoder.fourier: " in told
    assert "cold, from the command to the wav" in told
    assert told.count(" frames/s; it / ours, time a step ") == 2
    weights = [float(size) for size in re.findall(r"([\d.]+) M weights", told)]
    assert weights[1] == pytest.approx(weights[0], rel=0.02), "a peer of another size is no peer"


def test_flops_are_those_of_products_forward_and_backward():
    """A layer of 3 to 4 for 5 rows, whose input wants no gradient: two products; three where it does, in a loop of 7."""
    import jax
    import jax.numpy as jnp
    import torch

    from benchmarks.counting import Counted, add, torch_counted

    layer = torch.nn.Linear(3, 4, bias=False)
    with torch_counted() as found:
        layer(torch.ones(5, 3)).sum().backward()
    assert found.flops == 2 * 2 * 5 * 3 * 4
    assert found.kernels >= 2

    def loss(w):
        return jax.lax.scan(lambda sums, _: ((sums * jnp.ones((5, 3)) @ w).sum(), None), 1.0, length=7)[0]

    add(counted := Counted(), jax.make_jaxpr(jax.value_and_grad(loss))(jnp.ones((3, 4))).jaxpr, 1)
    assert (counted.flops, counted.kernels) == (7 * 3 * 2 * 5 * 3 * 4, 21)


@pytest.mark.slow
def test_what_a_training_costs_is_counted():
    told = run(ROOT / "benchmarks/costs.py", "--quick")
    assert re.search(r"\| `vocoder.vocos` \| 13\.3 \+ 0\.9 M \|", told), (
        "as Vocos (Siuzdak 2024) has: 13.5 M at 100 mels"
    )
    assert "| FLAC of it |" in told
