"""Debian packages in the cache: complete or absent, once for many processes, and what to do where apt cannot help.

The small packages are made here, byte by byte; apt-get and dpkg-deb are the real ones where the machine has them.
"""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time

import pytest

from blocks.common import debian
from blocks.corpus.festvox import Festvox

POOL = "pool/main/t/toy-data/toy-data_1.0-1_all.deb"


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("VOXBLOCKS_CACHE", str(tmp_path / "cache"))
    debian.cache().mkdir(parents=True)
    return debian.cache()


@pytest.fixture
def no_tools(tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


def archive(files, mode):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(f"./{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        link = tarfile.TarInfo("./usr/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    return packed.getvalue()


def make_deb(path, files, packing="xz"):
    control = archive({"control": b"Package: toy-data\nVersion: 1.0-1\n"}, "w:gz")
    members = {
        "debian-binary": b"2.0\n",
        "control.tar.gz": control,
        f"data.tar.{packing}": archive(files, f"w:{packing}"),
    }
    with path.open("wb") as file:
        file.write(b"!<arch>\n")
        for name, content in members.items():
            file.write(f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode())
            file.write(content + b"\n" * (len(content) % 2))
    return path


def contents(package="toy-data"):
    return (debian.tree(package) / "usr/share/toy/a.txt").read_text()


@pytest.mark.parametrize("packing", ["xz", "gz"])
def test_a_package_put_there_by_hand_is_used_without_any_tool(home, no_tools, packing):
    make_deb(home / "toy-data_1%3a1.0-1_all.deb", {"usr/share/toy/a.txt": b"hello"}, packing)
    debian.fetch(POOL)
    assert contents() == "hello"
    assert debian.fingerprint(["toy-data"]).startswith("toy-data 1:1.0-1 ")
    assert not (debian.tree("toy-data") / "usr/link").exists()


@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="no dpkg-deb on this machine")
def test_a_package_put_there_by_hand_is_used_with_dpkg(home):
    deb = make_deb(home / "toy-data_1.0-1_all.deb", {"usr/share/toy/a.txt": b"hello"})
    debian.fetch(POOL)
    assert contents() == "hello"
    manifest = json.loads((debian.tree("toy-data") / "manifest.json").read_text())
    assert (manifest["package"], manifest["version"], manifest["file"]) == ("toy-data", "1.0-1", deb.name)
    assert len(manifest["sha256"]) == 64


def test_before_the_fetch_nothing_can_be_read(home, spec):
    with pytest.raises(FileNotFoundError, match=r"toy-data is not in .*: fetch it first"):
        debian.tree("toy-data")
    block = Festvox(Festvox.Config(), spec)
    with pytest.raises(FileNotFoundError, match="festvox-ru is not in"):
        block.fingerprint()
    with pytest.raises(FileNotFoundError, match="festvox-ru is not in"):
        next(block.read())


def test_without_apt_the_error_names_the_file_and_the_folder(home, no_tools, spec):
    with pytest.raises(OSError, match="no apt-get on this machine") as caught:
        Festvox(Festvox.Config(), spec).fetch()
    by_hand = "download pool/main/f/festvox-ru/festvox-ru_0.5+dfsg-6_all.deb from a Debian mirror by hand"
    assert f"{by_hand} and put the file into {home}" in str(caught.value)


@pytest.mark.skipif(not shutil.which("apt-get"), reason="no apt-get on this machine")
def test_without_package_lists_it_brings_its_own(home, tmp_path, monkeypatch):
    (tmp_path / "lists" / "partial").mkdir(parents=True)
    (tmp_path / "apt.conf").write_text(
        f'Dir::State::Lists "{tmp_path}/lists";\nDir::Cache::pkgcache "";\nDir::Cache::srcpkgcache "";\n'
    )
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))
    debian.fetch("pool/main/a/asterisk-core-sounds/asterisk-core-sounds-en_1.6.1-1_all.deb")
    assert debian.fingerprint(["asterisk-core-sounds-en"]).startswith("asterisk-core-sounds-en 1.")
    with pytest.raises(OSError, match=r"Unable to locate package toy-data\).*put the file into"):
        debian.fetch(POOL)


@pytest.mark.skipif(not shutil.which("apt-get"), reason="no apt-get on this machine")
def test_a_real_package_is_downloaded_where_only_its_owner_may_write(home):
    home.chmod(0o700)  # as root apt warns that its own user cannot reach the folder, which is no failure
    debian.fetch("pool/main/a/asterisk-core-sounds/asterisk-core-sounds-en_1.6.1-1_all.deb")
    root = debian.tree("asterisk-core-sounds-en")
    assert (root / "usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz").stat().st_size > 8000
    assert debian.fingerprint(["asterisk-core-sounds-en"]).startswith("asterisk-core-sounds-en 1.")
    assert sorted(path.name for path in home.iterdir()) == ["asterisk-core-sounds-en", "asterisk-core-sounds-en.lock"]


@pytest.mark.parametrize("tools", [True, False])
def test_a_broken_package_leaves_nothing_behind(home, request, tools):
    if not tools:
        request.getfixturevalue("no_tools")
    deb = make_deb(home / "toy-data_1.0-1_all.deb", {"usr/share/toy/a.txt": os.urandom(5000)})
    deb.write_bytes(deb.read_bytes()[:2000])
    with pytest.raises(OSError, match="cannot be unpacked"):
        debian.fetch(POOL)
    assert {path.name for path in home.iterdir()} == {"toy-data.lock", deb.name}
    deb.write_text("not a package")
    with pytest.raises(OSError, match="cannot be unpacked"):
        debian.fetch(POOL)


def test_what_a_killed_fetch_left_is_cleared_away(home):
    make_deb(home / "toy-data_1.0-1_all.deb", {"usr/share/toy/a.txt": b"hello"})
    (home / ".toy-data-left" / "new").mkdir(parents=True)
    debian.fetch(POOL)
    assert contents() == "hello"
    assert not list(home.glob(".toy-data-*"))


FETCH = "import sys; from blocks.common import debian; debian.fetch(sys.argv[1]); print(debian.tree('toy-data'))"


def test_many_processes_fetch_one_package(home):
    make_deb(home / "toy-data_1.0-1_all.deb", {f"usr/share/toy/{n}.txt": b"x" for n in range(2000)})
    workers = [
        subprocess.Popen([sys.executable, "-c", FETCH, POOL], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for _ in range(4)
    ]
    for worker in workers:
        said, _ = worker.communicate(timeout=60)
        assert worker.returncode == 0, said.decode()
    assert len(list((debian.tree("toy-data") / "usr/share/toy").iterdir())) == 2000
    assert not list(home.glob(".toy-data-*"))


def test_a_fetch_killed_at_any_moment_is_completed_by_the_next(home):
    make_deb(home / "toy-data_1.0-1_all.deb", {f"usr/share/toy/{n}.txt": b"x" for n in range(4000)})
    killed = 0
    for _ in range(4):
        worker = subprocess.Popen([sys.executable, "-c", FETCH, POOL], stdout=subprocess.DEVNULL)
        while worker.poll() is None and not list(home.glob(".toy-data-*/new/usr")):
            time.sleep(0.005)
        worker.send_signal(signal.SIGKILL)
        killed += worker.wait() == -signal.SIGKILL
        assert not (home / "toy-data").exists() or len(list((home / "toy-data/usr/share/toy").iterdir())) == 4000
    assert killed
    debian.fetch(POOL)
    assert len(list((debian.tree("toy-data") / "usr/share/toy").iterdir())) == 4000
    assert not list(home.glob(".toy-data-*"))
