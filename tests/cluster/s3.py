"""A real S3 API on loopback: moto's server as a process of its own."""

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

from pyarrow import fs

KEY, SECRET = "AKIAVOXBLOCKSTESTING", "wJalrXUt/nFEMIvoxblocksTESTINGsecretKEY"


def environment(port: int) -> dict[str, str]:
    """What a process needs to use the server; the address as most clients of S3 take it."""
    return {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@contextlib.contextmanager
def serving() -> Iterator[int]:
    """The port of a server with a bucket called ``speech``."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not _answers(port):
            assert server.poll() is None, "moto's server ended"
            assert time.monotonic() < deadline
            time.sleep(0.05)
        client(port, allow_bucket_creation=True).create_dir("speech")
        yield port
    finally:
        server.kill()
        server.wait()


def client(port: int, **options) -> fs.S3FileSystem:
    return fs.S3FileSystem(
        access_key=KEY, secret_key=SECRET, endpoint_override=f"http://127.0.0.1:{port}", region="us-east-1", **options
    )


def objects(port: int, folder: str) -> dict[str, bytes]:
    """Every object below ``bucket/folder``, by its name from there."""
    s3 = client(port)
    found = s3.get_file_info(fs.FileSelector(folder, recursive=True, allow_not_found=True))
    return {info.path[len(folder) + 1 :]: s3.open_input_stream(info.path).read() for info in found if info.is_file}


def put(port: int, path: str, data: bytes) -> None:
    with client(port).open_output_stream(path) as stream:
        stream.write(data)


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    return False
