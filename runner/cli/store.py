"""``voxblocks store``: what looks after tables and artifacts."""

import json
import sys
from typing import Annotated

import typer

from runner.cli.steps import Json, StoreAt, open_store, stop

store_app = typer.Typer(no_args_is_help=True, help="Look after the store of tables and artifacts.")


@store_app.command()
def ls(store: StoreAt = "store", as_json: Json = False) -> None:
    """List tables and artifacts."""
    from runner.store.upkeep import ls as rows_of
    from runner.store.upkeep import text_of

    rows = rows_of(open_store(store))
    print(json.dumps(rows, indent=1) if as_json else text_of(rows))


@store_app.command()
def gc(
    store: StoreAt = "store",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    grace: Annotated[float, typer.Option(metavar="HOURS", help="Spare what was touched since.")] = 24.0,
) -> None:
    """Remove what is not the newest result of a node of a graph."""
    from runner.store.upkeep import gc as collect

    freed = collect(open_store(store), grace=3600 * grace, dry_run=dry_run)
    print(
        f"{'would free' if dry_run else 'freed'} {freed['bytes'] / 1e6:.1f} MB: {len(freed['removed'])} folders and files"
    )


@store_app.command()
def why(digest: Annotated[str, typer.Argument()], store: StoreAt = "store") -> None:
    """Say what made a result, from what, and what changed since the one before it."""
    from runner.store.upkeep import why as explain

    try:
        print(explain(open_store(store), digest))
    except LookupError as error:
        stop(str(error.args[0]))


@store_app.command()
def failures(digest: Annotated[str, typer.Argument()], store: StoreAt = "store") -> None:
    """List the rows a node could not make, with reasons, and the traceback of a block that stumbled (on stderr)."""
    from runner.store.upkeep import failures as listed

    opened = open_store(store)
    trace = opened.error_of(digest)
    try:
        for failure in listed(opened, digest):
            print(f"{failure.id}\t{type(failure).__name__.lower()}\t{failure.reason}")
    except LookupError as error:
        if not trace:  # a node that failed as a whole has no rows
            stop(str(error.args[0]))
    print(trace, end="", file=sys.stderr)
