"""Files of a store on any filesystem that pyarrow knows: each appears whole or not at all.

On a disk a file is written under a name of its own, flushed, then moved into place; reading maps it into memory. An
object store shows an object once all of it is uploaded: there a file is made in memory and sent at once, without the
copy that a move would be. On both a manifest is written last.

What two runs may write at once is written `fresh`: the first gets the name. On a disk that is a link, on S3 a conditional
put (``If-None-Match``), which pyarrow lacks and boto3 has; on other remote stores we can only look before.
"""

import errno
import json
import os
import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pyarrow as pa
from pyarrow import fs

from runner.store.formats import StoreError

TEMPORARY = ".tmp-"  # what a killed run may leave behind; `gc` removes it
_OBJECT_STORES = ("s3", "gcs", "abfs")
_AT_ONCE = 16  # requests to a remote store: each waits for the network, none works
_FETCHED_AT_ONCE = 2**20  # bytes; below that a request costs more time than what it brings
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)  # of a disk that has none
_SECRET = re.compile("key|secret|password|token|credential|signature|^sig$", re.IGNORECASE)


class Files:
    """A folder on a filesystem; paths are relative to it, with ``/``."""

    def __init__(self, url: str | Path):
        if "://" in str(url):
            self.fs, root = _filesystem(str(url))
        else:
            self.fs, root = fs.LocalFileSystem(), Path(url).expanduser().absolute().as_posix()
        self.local = isinstance(self.fs, fs.LocalFileSystem)
        self._objects = self.fs.type_name in _OBJECT_STORES
        if self.local:
            self.fs = fs.LocalFileSystem(use_mmap=True)
        self.root = PurePosixPath(root)
        self.url = root if self.local else str(url)  # opens the same store in any process and folder

    def reach(self) -> None:
        """Look whether a remote store answers, before any work. Raises StoreError with what to do where it does not."""
        if self.local:
            return
        if self.fs.type_name == "s3":
            _ = self._s3
        bucket = self.root.parts[0] if self._objects else self.at("")
        try:
            if self.fs.get_file_info(bucket).type == fs.FileType.NotFound:
                self.fs.create_dir(bucket, recursive=True)
        except OSError as error:
            raise StoreError(
                f"the store {self.url} cannot be used: {error}. Want an address that answers, a bucket that exists and "
                "credentials for it in the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)"
            ) from None

    def each(self, function: Callable, items: Iterable) -> Iterator:
        """`map`; a remote store is asked for several at once."""
        if self.local:
            return map(function, items)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return iter(list(pool.map(function, items)))

    def at(self, path: str) -> str:
        """The whole path, as the filesystem wants it."""
        return str(self.root / path)

    def listed(self, folder: str, recursive: bool = False) -> list[fs.FileInfo]:
        """What is in `folder`, sorted by name; nothing where there is no such folder."""
        found = self.fs.get_file_info(fs.FileSelector(self.at(folder), allow_not_found=True, recursive=recursive))
        return sorted(found, key=lambda info: info.path)

    def size(self, path: str) -> int | None:
        """Bytes, or None where there is no such file."""
        return self.fs.get_file_info(self.at(path)).size

    def open(self, path: str):
        """For random access; mapped into memory on a local disk, a small file of a remote store fetched at once."""
        file = self.fs.open_input_file(self.at(path))
        if self.local or file.size() > _FETCHED_AT_ONCE:
            return file
        with file:
            return pa.BufferReader(file.read_buffer())

    def read(self, path: str) -> bytes:
        with self.fs.open_input_stream(self.at(path)) as stream:
            return stream.read()

    def read_json(self, path: str) -> Any:
        """None where there is no such file, or an empty one. Raises StoreError where it is not JSON."""
        try:
            return json.loads(self.read(path) or b"null")
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise StoreError(f"{self.at(path)}: is not JSON ({error}); delete it and run again") from None

    @contextmanager
    def new(self, path: str, sync: bool = True, fresh: bool = False) -> Iterator:
        """A stream to what becomes `path` at the end. `fresh`: FileExistsError where there is one by then.

        `sync` waits until a local disk has it, so that a power cut leaves no name without its bytes.
        """
        if self._objects:
            whole = pa.BufferOutputStream()
            yield whole
            self._put(path, whole.getvalue(), fresh)
            return
        folder, name = os.path.split(path)
        temporary = f"{folder}/{TEMPORARY}{os.getpid()}-{uuid.uuid4().hex[:12]}-{name}"
        self.fs.create_dir(self.at(folder), recursive=True)
        try:
            with self.fs.open_output_stream(self.at(temporary)) as stream:
                yield stream
            if self.local and sync:
                flush(self.at(temporary))
            self.move(temporary, path, fresh)
        except BaseException:
            self.delete(temporary)
            raise

    def write_json(self, path: str, value: Any, sync: bool = True, fresh: bool = False) -> None:
        with self.new(path, sync, fresh) as stream:
            stream.write(json.dumps(value, indent=1).encode())

    def move(self, source: str, target: str, fresh: bool = False) -> None:
        """`fresh`: raises FileExistsError where there is a `target`."""
        if fresh and self.local:
            try:
                os.link(self.at(source), self.at(target))
                return self.fs.delete_file(self.at(source))
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
        if fresh and self.size(target) is not None:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), self.at(target))
        self.fs.move(self.at(source), self.at(target))

    def _put(self, path: str, data: pa.Buffer, fresh: bool) -> None:
        """Send an object at once."""
        if fresh and self.fs.type_name == "s3":
            bucket, *rest = self.root.parts
            return self._s3.create(bucket, "/".join([*rest, path]), data.to_pybytes())
        if fresh and self.size(path) is not None:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), self.at(path))
        with self.fs.open_output_stream(self.at(path)) as stream:
            stream.write(data)

    @cached_property
    def _s3(self):
        from runner.store.conditional import S3

        return S3(dict(parse_qsl(urlsplit(self.url).query)))

    def delete(self, path: str) -> None:
        """A file; nothing happens where there is none."""
        with suppress(FileNotFoundError):
            self.fs.delete_file(self.at(path))

    def delete_folder(self, path: str) -> None:
        """With all that is in it; nothing happens where there is none."""
        with suppress(FileNotFoundError):
            self.fs.delete_dir(self.at(path))


def flush(path: str | Path) -> None:
    """Wait until the disk has a file."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def refuse_credentials(url: str) -> None:
    """Raises StoreError, without repeating it, for a URL that holds any."""
    rest = unquote(url.partition("://")[2])
    # A secret may hold a slash, so a colon before an @ counts wherever it stands.
    if "@" in rest.partition("/")[0] or re.search(":.*@", rest) or any(map(_SECRET.search, _settings(url))):
        raise StoreError("a store's URL may hold no credentials: set them in the environment instead")


def _settings(url: str) -> list[str]:
    return [key for key, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)]


def _filesystem(url: str) -> tuple[fs.FileSystem, str]:
    """Raises StoreError for credentials in the URL, and for a URL of an unknown kind."""
    refuse_credentials(url)
    shown, settings = url, _settings(url)
    if url.startswith("s3://") and "allow_delayed_open" not in settings:  # one request, not three, for a small object
        url += ("&" if settings else "?") + "allow_delayed_open=true"
    try:
        return fs.FileSystem.from_uri(url)
    except (pa.ArrowException, OSError) as error:
        raise StoreError(
            f"cannot open the store {shown}: {error}. Want a folder or a URL such as s3://bucket/folder"
        ) from None
