"""docs/cluster_jobs.md: the batch script as it stands there, with `srun` played by this machine."""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile

import pytest

from tests.cluster.heads import on_path
from tests.environment import ROOT, TOYS

PAGE = ROOT / "docs" / "cluster_jobs.md"
GRAPH = """
nodes:
  tone: {read: toy.tones, config: {count: 12}}
  model:
    fit: toy.watched
    in: {wave: tone.wave, split: tone.split}
    config: {noise: 0, max_steps: 2, max_frames: 6400, log: LOG}
    scale: {workers: 2, gpus: 1}
"""
SRUN = """#!/bin/bash
while [[ $1 == --* ]]; do shift; done   # its options, each one word
# Hosts do not share a disk for temporary files.
if [[ "$*" == *--head* ]]; then exec "$@"; else exec "$@" --temp-dir="$RAY_OF_OTHERS"; fi
"""
JOB = {
    "SLURM_JOB_ID": str(os.getpid()),
    "SLURM_JOB_NUM_NODES": "2",
    "SLURM_CPUS_PER_TASK": "1",
    "SLURM_GPUS_ON_NODE": "1",
    "SLURM_LOCALID": "0",
    "SLURM_NTASKS": "2",
    "SLURMD_NODENAME": "here",
    "HEAD": "127.0.0.1",
}


def script() -> str:
    (found,) = re.findall(r"```bash\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return found


def test_the_script_is_one_that_bash_and_sbatch_read():
    lines = script().splitlines()
    assert lines[0] == "#!/bin/bash"
    asked = [line for line in lines if line.startswith("#SBATCH")]
    assert lines[1 : 1 + len(asked)] == asked, "sbatch stops reading at the first command"
    done = subprocess.run(["bash", "-n"], input=script(), text=True, capture_output=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_job_of_two_hosts_trains_a_rank_on_each(tmp_path):
    (tmp_path / "graph.yaml").write_text(GRAPH.replace("LOG", str(tmp_path / "log")))
    for name, text in {"srun": SRUN, "voxblocks": '#!/bin/bash\nexec python -m runner "$@"\n'}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    ours = {key: value for key, value in on_path(TOYS).items() if not key.startswith("RAY_A")}
    small = {"RAY_DEFAULT_OBJECT_STORE_MAX_MEMORY_BYTES": str(100 * 2**20)}
    path = {"PATH": f"{tmp_path}:{ours['PATH']}", "PYTHONPATH": str(ROOT)}
    command = ["bash", "-c", script(), "train.sbatch", "graph.yaml", str(tmp_path / "store")]
    with contextlib.ExitStack() as stack:
        other = stack.enter_context(tempfile.TemporaryDirectory(prefix="vb", ignore_cleanup_errors=True))
        out = stack.enter_context(
            tempfile.TemporaryFile("w+")
        )  # no pipe: what Ray leaves for a moment would hold it open
        stack.callback(shutil.rmtree, f"/tmp/ray-{os.getpid()}", ignore_errors=True)
        environment = ours | small | JOB | path | {"RAY_OF_OTHERS": other}
        done = subprocess.run(command, cwd=tmp_path, env=environment, stdout=out, stderr=out, timeout=350)
        out.seek(0)
        assert done.returncode == 0, out.read()
    first = [line.split() for line in (tmp_path / "log").read_text().splitlines() if line.split()[5] == "1"]
    assert sorted(line[0] for line in first) == ["0", "1"]
    assert len({line[2] for line in first}) == 2, "a Ray node each"
    assert not list(tmp_path.glob("ray-*.token")), "the token goes with the job"
