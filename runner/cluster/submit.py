"""Sending a run to a Ray cluster as a job: code, graph and weights travel along, the log comes back live.

What travels is one folder, from which the job runs and which Ray gives to every worker::

    blocks/ runner/     this package as it is installed here, and the kinds in the folders of VOXBLOCKS_BLOCKS
    graph/              the graph with its base and the artifacts it names, in their places to each other
    settings.yaml       the values of ``--set`` and of the graph's own options, for nobody but the job's user to read: what
                        stands on a job's command line whoever sees the cluster can list

Libraries do not travel, those with blocks neither: the machines of the cluster have them. Nor do recordings, hidden files, what
links lead to outside of their folder, and files that are called like keys or credentials.
"""

import asyncio
import logging
import os
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from urllib.parse import urlsplit

import yaml

import blocks
import runner
from blocks.load import kinds
from runner.graph import Graph
from runner.store.files import refuse_credentials

_SETTINGS = "settings.yaml"
_LARGEST = 500 * 2**20  # bytes that Ray takes as a working folder
_AGENT = (
    " (the agent on the head's machine does not answer; where another Ray runs there as well, it holds the agent's port: "
    "start the head with --dashboard-agent-listen-port=PORT)"
)
_PRIVATE = (
    "__pycache__",
    ".*",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    *("*credentials*", "*secret*", "*service*account*", "*api*key*", "*password*", "passwd", "netrc", "kubeconfig*"),
    *("token", "token.*", "*.token", "*_token", "*_token.*", "*.keytab", "*.jks"),
)
_PATIENCE = 90.0  # seconds; the agent of a head that has just started is slow on a busy machine
_OVER = ("SUCCEEDED", "FAILED", "STOPPED")


class SubmitError(RuntimeError):
    """The job could not be handed over or followed; the message says what to do."""


@dataclass
class Job:
    """A run to send: the checked graph, where results go, other options of ``voxblocks run``, and each node.key=value set."""

    graph: Graph
    store: str
    options: Sequence[str] = ()
    sets: Sequence[str] = ()

    def stage(self, folder: Path) -> str:
        """Lay out in `folder` what travels; gives the command that runs there. Raises SubmitError if it is too much."""
        _copy(Path(blocks.__file__).parent, folder / "blocks")
        _copy(Path(runner.__file__).parent, folder / "runner")
        for _, own in blocks.own():
            for kind in (path for path in Path(own).iterdir() if path.name in {*kinds(), "common"}):
                _copy(kind, folder / "blocks" / kind.name)
        graph = self._stage_graph(folder / "graph").relative_to(folder)
        sets = folder / _SETTINGS
        if self.sets:
            sets.touch(mode=0o600)
            sets.write_text(yaml.safe_dump(list(self.sets), allow_unicode=True), encoding="utf-8")
        if (size := sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())) > _LARGEST:
            raise SubmitError(
                f"graph, artifacts and blocks have {size / 1e6:.0f} MB, but Ray carries {_LARGEST / 1e6:.0f} MB; put "
                "artifacts into a folder that the cluster's machines share and name it by an absolute path"
            )
        words = [
            "python",
            "-m",
            "runner",
            "run",
            graph.as_posix(),
            *self.options,
            *(["--set", f"@{_SETTINGS}"] if self.sets else []),
            "--address",
            "auto",
            "--store",
            self.store,
        ]
        # What the cluster's machines have of their own is not meant. The shell of the job says so, since Ray refuses a
        # variable that both a job and its driver set.
        return f"{blocks.VARIABLE}= {shlex.join(words)}"

    def _stage_graph(self, folder: Path) -> Path:
        """Copy the graph's files; the graph's own new path. An absolute path in a graph is left to the cluster."""
        file = Path(self.graph.file).absolute()
        base = (yaml.safe_load(file.read_text("utf-8")) or {}).get("base")
        named = [base, *(value for node in self.graph.nodes.values() for value in (node.path, node.released))]
        paths = [file, *(file.parent / name for name in named if name and not Path(name).is_absolute())]
        paths = [Path(os.path.normpath(path)) for path in paths if path.exists()]
        top = os.path.commonpath([path.parent for path in paths])
        for path in dict.fromkeys(paths):
            _copy(path, folder / path.relative_to(top))
        return folder / Path(os.path.normpath(file)).relative_to(top)


def store_for(store: str, address: str) -> tuple[str, str]:
    """The store as the cluster at `address` is to open it, and a warning, or "". Raises StoreError for credentials."""
    if "://" in store:
        refuse_credentials(store)
        return store, ""
    folder = str(Path(store).expanduser().absolute())
    if urlsplit(_url(address)).hostname in ("localhost", "127.0.0.1", "::1"):
        return folder, ""
    return folder, (
        f"warning: --store {store} is the folder {folder} on each machine of the cluster. Unless they share it, nodes do "
        "not find what others made, and you do not find the results: want a shared folder or a URL such as s3://bucket/folder"
    )


def send(job: Job, address: str):
    """Hand `job` over to the cluster whose dashboard is at `address`: Ray's client and the job's id. Raises SubmitError."""
    client = _client(address)
    with tempfile.TemporaryDirectory(prefix="voxblocks-") as folder:
        command = job.stage(Path(folder))
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                return client, client.submit_job(entrypoint=command, runtime_env={"working_dir": folder})
            except (RuntimeError, OSError) as error:
                if "try again later" not in str(error) or time.monotonic() > deadline:
                    hint = f"{_message(error)}{_AGENT if 'agent' in str(error) else ''}"
                    raise SubmitError(f"the cluster at {address} did not take the job: {hint}") from None
            time.sleep(1)  # the dashboard of a head that has just started answers before it can take jobs


def follow(client, job: str) -> int:
    """Copy the job's log to stderr while it runs; the exit code of the run at the end. Raises SubmitError."""
    try:
        while True:
            asyncio.run(_tail(client, job))
            if (status := client.get_job_status(job).value) in _OVER:
                break
            time.sleep(1)  # the log may close a moment before the job counts as over
        info = client.get_job_info(job)
    except (RuntimeError, OSError) as error:
        raise SubmitError(
            f"lost the cluster while following {job} ({_message(error)}). The job may go on: see `ray job status {job}`; "
            "finished shards are in the store, and the same command goes on from there"
        ) from None
    if status == "SUCCEEDED":
        return 0
    if info.driver_exit_code is None:
        print(f"job {job} {status.lower()}: {_message(info.message)}", file=sys.stderr)
    return 130 if status == "STOPPED" else info.driver_exit_code or 1


async def _tail(client, job: str) -> None:
    async for text in client.tail_job_logs(job):
        sys.stderr.write(text)
        sys.stderr.flush()


def _client(address: str):
    try:
        from ray.exceptions import AuthenticationError
        from ray.job_submission import JobSubmissionClient
    except ImportError:
        raise SubmitError("submit wants Ray: pip install 'voxblocks[cluster]'") from None
    logging.getLogger("ray").setLevel(logging.WARNING)
    for name in ("RAY_ADDRESS", "RAY_API_SERVER_ADDRESS"):  # Ray lets them win over the address it is given
        os.environ.pop(name, None)
    try:
        return JobSubmissionClient(_url(address))
    except ConnectionError:
        raise SubmitError(
            f"no Ray dashboard answers at {address}; want the head's dashboard, such as http://HOST:8265 "
            "(the head is started with: ray start --head --include-dashboard=true --dashboard-host=0.0.0.0)"
        ) from None
    except AuthenticationError:
        raise SubmitError(
            f"the cluster at {address} refuses this machine's token; want the head's own in RAY_AUTH_TOKEN_PATH (a file) "
            "or RAY_AUTH_TOKEN, with RAY_AUTH_MODE=token"
        ) from None
    except (RuntimeError, OSError, ValueError) as error:
        if "ray[default]" in str(error):
            raise SubmitError("submit wants Ray with its dashboard: pip install 'voxblocks[cluster]'") from None
        raise SubmitError(f"the cluster at {address} cannot take jobs: {_message(error)}") from None


def _url(address: str) -> str:
    return address if "://" in address else f"http://{address}"


def _message(error) -> str:
    return " ".join(str(error).split())[:300]


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=_left_out, dirs_exist_ok=True)
    else:
        shutil.copyfile(source, target)


def _left_out(folder: str, names: list[str]) -> set[str]:
    """What of a folder stays here."""
    top = Path(folder).resolve()
    links = {name for name in names if (top / name).is_symlink() and _leads_astray(top, (top / name).resolve())}
    return links | {name for name in names if _is_private(name)}


def _leads_astray(top: Path, target: Path) -> bool:
    """Whether a link in a folder leads out of it, or to something in it that stays here."""
    return not target.is_relative_to(top) or any(map(_is_private, target.relative_to(top).parts))


def _is_private(name: str) -> bool:
    return any(fnmatch(name.lower(), pattern) for pattern in _PRIVATE)
