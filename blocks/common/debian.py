"""Debian packages as data: downloaded and unpacked into a cache folder, without root and without installing.

The cache is the environment variable VOXBLOCKS_CACHE, or ``~/.cache/voxblocks``. A package is complete there or
absent: it is unpacked beside its place and renamed into it.
"""

import contextlib
import hashlib
import json
import logging
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from blocks.common import folders

_log = logging.getLogger(__name__)


def cache() -> Path:
    """The folder of unpacked packages, and of .deb files put there by hand."""
    return folders.cache() / "debian"


def tree(package: str) -> Path:
    """The root of the unpacked package. Raises FileNotFoundError before `fetch`."""
    _manifest(package)
    return cache() / package


def fingerprint(packages: list[str]) -> str:
    """Names, versions and hashes of the unpacked packages. Raises FileNotFoundError before `fetch`."""
    found = [_manifest(name) for name in packages]
    return ", ".join(f"{one['package']} {one['version']} {one['sha256'][:16]}" for one in found)


def fetch(pool: str) -> None:
    """Unpack a package into the cache unless it is there; safe in several processes at once.

    `pool` is where Debian 12 keeps it, such as ``pool/main/f/festvox-ru/festvox-ru_0.5+dfsg-6_all.deb``: the name is
    read from it, and the rest is told to whoever must download by hand. A newer version will do.

    Raises OSError saying what to do where it cannot.
    """
    package, home = name(pool), cache()
    home.mkdir(parents=True, exist_ok=True)
    with _locked(home / f"{package}.lock") as lock:
        if (home / package / "manifest.json").exists():
            return
        for leftover in home.glob(f".{package}-*"):  # of a killed process: nobody else holds the lock
            shutil.rmtree(leftover)
        with tempfile.TemporaryDirectory(prefix=f".{package}-", dir=home) as work:
            deb = _put_by_hand(package) or _download(package, pool, Path(work), lock)
            new = Path(work) / "new"
            new.mkdir()
            _unpack(deb, new, lock)
            (new / "manifest.json").write_text(json.dumps(_describe(deb), indent=1))
            new.rename(home / package)


def name(pool: str) -> str:
    """``pool/main/f/festvox-ru/festvox-ru_0.5+dfsg-6_all.deb`` -> ``festvox-ru``."""
    return pool.rsplit("/", 1)[-1].split("_")[0]


def _manifest(package: str) -> dict:
    path = cache() / package / "manifest.json"
    if not path.exists():
        raise FileNotFoundError(f"Debian package {package} is not in {cache()}: fetch it first")
    return json.loads(path.read_text())


def _describe(deb: Path) -> dict:
    package, version = deb.stem.split("_")[:2]
    with deb.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return {"package": package, "version": version.replace("%3a", ":"), "file": deb.name, "sha256": sha256}


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[int]:
    """The system gives the lock back when all who hold it are gone, killed ones too.

    Programs we start must be given it as well: they outlive a killed parent and go on writing.
    """
    import fcntl

    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def _put_by_hand(package: str) -> Path | None:
    return max(cache().glob(f"{package}_*_*.deb"), key=lambda path: path.stat().st_mtime, default=None)


def _download(package: str, pool: str, work: Path, lock: int) -> Path:
    by_hand = f"download {pool} from a Debian mirror by hand and put the file into {cache()}"
    if not shutil.which("apt-get"):
        raise OSError(f"Debian package {package} is needed, but there is no apt-get on this machine: {by_hand}")
    _log.info("downloading the Debian package %s", package)
    output = _apt(["download", package], work, lock)
    if "locate" in output:  # a new machine has no package lists yet: bring some of our own, which needs no root
        own = _own_lists(cache())
        output = _apt([*own, "update", "-qq"], work, lock) or _apt([*own, "download", package], work, lock)
    if found := next(work.glob("*.deb"), None):
        return found
    raise OSError(f"`apt-get download {package}` failed ({output}); {by_hand}")


def _apt(words: list, work: Path, lock: int) -> str:
    """Run apt-get in `work`; its errors in one line, nothing where there were none."""
    environment = os.environ | {"LC_ALL": "C"}
    done = subprocess.run(
        ["apt-get", *words], cwd=work, env=environment, capture_output=True, text=True, pass_fds=[lock]
    )
    errors = " ".join(line for line in done.stderr.splitlines() if line.startswith("E:"))
    return errors or (f"status {done.returncode}" if done.returncode else "")


def _own_lists(home: Path) -> list[str]:
    lists, archives = home / "apt" / "lists", home / "apt" / "cache"
    for folder in (lists / "partial", archives / "archives" / "partial"):
        folder.mkdir(parents=True, exist_ok=True)
    return ["-o", f"Dir::State::lists={lists}", "-o", f"Dir::Cache={archives}", "-o", "Debug::NoLocking=1"]


def _unpack(deb: Path, folder: Path, lock: int) -> None:
    if shutil.which("dpkg-deb"):
        done = subprocess.run(["dpkg-deb", "-x", deb, folder], capture_output=True, text=True, pass_fds=[lock])
        if done.returncode:
            raise OSError(f"{deb} cannot be unpacked ({done.stderr.strip()}): remove it and fetch again")
        return
    try:
        with deb.open("rb") as file:
            _seek_data(file)
            with tarfile.open(fileobj=file, mode="r|*") as tar:
                tar.extractall(folder, filter=_files_only)
    except (tarfile.TarError, ValueError, EOFError) as error:
        raise OSError(
            f"{deb} cannot be unpacked without dpkg-deb ({error}): it is cut off or its compression is not known here; "
            f"download it again, or unpack it elsewhere and copy {deb.name} repacked as xz"
        ) from error


def _seek_data(file) -> None:
    """Leave `file` at the start of data.tar in the `ar` archive that a .deb is."""
    if file.read(8) != b"!<arch>\n":
        raise ValueError("not a Debian package")
    while len(header := file.read(60)) == 60:
        if header.startswith(b"data.tar"):
            return
        size = int(header[48:58])
        file.seek(size + size % 2, os.SEEK_CUR)
    raise ValueError("no data in it")


def _files_only(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo | None:
    return tarfile.data_filter(member, folder) if member.isfile() or member.isdir() else None
