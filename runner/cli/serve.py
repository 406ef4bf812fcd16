"""`voxblocks serve`: the option types and the steps from a graph file to a server."""

import hashlib
import ipaddress
import sys
from pathlib import Path
from typing import Annotated

import typer

from runner.cli.steps import GraphFile, Released, Sets, Size, StoreAt, open_store, read_checked, stop


def serve(
    graph: GraphFile,
    set: Sets = [],  # noqa: B006
    size: Size = None,
    store: StoreAt = "store",
    released: Released = False,
    until: Annotated[str, typer.Option(help="The node whose waves are sent.")] = "voice",
    source: Annotated[str, typer.Option(help="The node that texts come from.")] = "script",
    host: Annotated[str, typer.Option(help="Where to listen; 0.0.0.0 is everywhere.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    replicas: Annotated[int, typer.Option(min=1, help="Processes that speak.")] = 1,
    max_chars: Annotated[int, typer.Option(min=1, help="The longest text of a request.")] = 4096,
    max_waiting: Annotated[int, typer.Option(min=1, help="Requests at once; others are told to come again.")] = 32,
    token_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Answer only those who send the token in this file.")
    ] = None,
) -> None:
    """Speak over HTTP, in OpenAI's shape: POST /v1/audio/speech; with a page to type and listen. Ctrl-C ends it."""
    from runner.plan import PlanError
    from runner.speak.live import Live
    from runner.store import StoreError
    from runner.work.executor import ClusterError

    checked = read_checked(graph, set, size, released)
    token = _token(token_file)
    try:
        live = Live(checked, source, until, open_store(store))
        live.wave_field()
    except (PlanError, StoreError, OSError) as error:
        stop(str(error))
    if token is None and not _is_loopback(host):
        print(
            f"Warning: whoever reaches {host}:{port} may use this server; --token-file FILE asks for a token",
            file=sys.stderr,
        )
    try:
        from runner.serve.about import describe
        from runner.serve.replicas import serving, wait

        about = describe(live, max_chars=max_chars, max_waiting=max_waiting, token_hash=token)
        print("Starting: models are loaded, and the graph speaks once ...", file=sys.stderr, flush=True)
        with serving(live, about, host, port, replicas):
            print(f"Listening on http://{f'[{host}]' if ':' in host else host}:{port} (Ctrl-C ends it)", flush=True)
            wait()
    except ClusterError as error:
        stop(str(error), code=1)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _token(file: Path | None) -> str | None:
    """What is kept of a token: its SHA-256."""
    if file is None:
        return None
    try:
        token = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        stop(f"--token-file {file}: {error}; want a text file with the token")
    if not (token.isascii() and token.isprintable()):
        stop(f"--token-file {file}: want letters, digits and signs of ASCII: a header holds no others")
    if len(token) < 16:
        stop(f"--token-file {file}: a token of {len(token)} characters, want 16 or more; such as: openssl rand -hex 32")
    return hashlib.sha256(token.encode()).hexdigest()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
