"""The hash of a corpus: of what its files hold and how they are called below it, whatever else is done to them."""

import os
import shutil
import time

import pytest

from blocks.common import contents


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    monkeypatch.setenv("VOXBLOCKS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "corpus").mkdir()
    for name in ("a", "b"):
        (tmp_path / "corpus" / f"{name}.wav").write_bytes(name.encode() * 100)
    old = time.time() - 60
    for path in (tmp_path / "corpus").iterdir():
        os.utime(path, (old, old))
    return tmp_path / "corpus"


def of(root):
    return contents.fingerprint(root, sorted(root.iterdir()))


def test_what_is_touched_moved_or_copied_is_the_same(corpus):
    before = of(corpus)
    (corpus / "a.wav").touch()
    assert of(corpus) == before
    moved = corpus.rename(corpus.with_name("moved"))
    assert of(moved) == before
    assert of(shutil.copytree(moved, corpus)) == before


def test_what_is_renamed_or_changed_is_another(corpus):
    before = of(corpus)
    path, stat = corpus / "a.wav", (corpus / "a.wav").stat()
    path.write_bytes(b"c" * 100)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert path.stat().st_size == stat.st_size
    assert path.stat().st_mtime_ns == stat.st_mtime_ns
    changed = of(corpus)
    assert changed != before
    path.rename(corpus / "c.wav")
    assert of(corpus) not in (before, changed)


def test_names_that_are_no_text_and_links_to_nothing_stop_nobody(corpus):
    before = of(corpus)
    (corpus / os.fsdecode(b"\xff.wav")).write_bytes(b"c")
    (corpus / "d.wav").symlink_to("nowhere")
    os.mkfifo(corpus / "e.wav")
    strange = of(corpus)
    assert strange != before
    (corpus / "nowhere").write_bytes(b"d")
    assert of(corpus) != strange


def test_a_file_is_read_once(corpus, monkeypatch):
    monkeypatch.setattr(contents, "_FRESH_NS", 0)
    before, read = of(corpus), []
    monkeypatch.setattr(contents.hashlib, "file_digest", lambda *_: read.append(1))
    assert of(corpus) == before
    assert not read
    monkeypatch.undo()


def test_without_a_place_to_keep_them_hashes_are_worked_out(corpus, monkeypatch):
    before = of(corpus)
    (corpus.parent / "file").touch()
    monkeypatch.setenv("VOXBLOCKS_CACHE", str(corpus.parent / "file"))
    assert of(corpus) == before
