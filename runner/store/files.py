"""Files of a store on any filesystem that pyarrow knows: written under a name of their own, then moved into place.

On a local disk a move is atomic and reading maps the file into memory. On an object store a file appears whole when
it is closed; what counts there, too, is that a manifest is written last.
"""

import json
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any

from pyarrow import fs

from runner.store.formats import StoreError

TEMPORARY = ".tmp-"  # what a killed run may leave behind; `gc` removes it


class Files:
    """A folder on a filesystem; paths are relative to it, with ``/``."""

    def __init__(self, url: str | Path):
        if "@" in str(url).partition("://")[2].partition("/")[0]:
            raise StoreError("a store's URL may hold no credentials: set them in the environment instead")
        if "://" in str(url):
            self.fs, root = fs.FileSystem.from_uri(str(url))
        else:
            self.fs, root = fs.LocalFileSystem(), Path(url).expanduser().absolute().as_posix()
        self.local = isinstance(self.fs, fs.LocalFileSystem)
        if self.local:
            self.fs = fs.LocalFileSystem(use_mmap=True)
        self.root = PurePosixPath(root)
        self.url = root if self.local else str(url)  # opens the same store in any process and folder

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
        """For random access; mapped into memory on a local disk."""
        return self.fs.open_input_file(self.at(path))

    def read(self, path: str) -> bytes:
        with self.fs.open_input_stream(self.at(path)) as stream:
            return stream.read()

    def read_json(self, path: str) -> Any:
        """None where there is no such file. Raises StoreError where it is not JSON."""
        try:
            return json.loads(self.read(path))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise StoreError(f"{self.at(path)}: is not JSON ({error}); delete it and run again") from None

    @contextmanager
    def new(self, path: str, unless: Callable[[], bool] = lambda: False) -> Iterator:
        """A stream to a temporary file that becomes `path` at the end, unless another run was faster."""
        folder, name = os.path.split(path)
        temporary = f"{folder}/{TEMPORARY}{os.getpid()}-{uuid.uuid4().hex[:12]}-{name}"
        self.fs.create_dir(self.at(folder), recursive=True)
        try:
            with self.fs.open_output_stream(self.at(temporary)) as stream:
                yield stream
            if unless():
                self.delete(temporary)
            else:
                self.move(temporary, path)
        except BaseException:
            self.delete(temporary)
            raise

    def write_json(self, path: str, value: Any) -> None:
        with self.new(path) as stream:
            stream.write(json.dumps(value, indent=1).encode())

    def move(self, source: str, target: str) -> None:
        self.fs.move(self.at(source), self.at(target))

    def delete(self, path: str) -> None:
        """A file; nothing happens where there is none."""
        with suppress(FileNotFoundError):
            self.fs.delete_file(self.at(path))

    def delete_folder(self, path: str) -> None:
        """With all that is in it; nothing happens where there is none."""
        with suppress(FileNotFoundError):
            self.fs.delete_dir(self.at(path))
