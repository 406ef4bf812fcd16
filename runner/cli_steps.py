"""What the commands of the command line share: option types, and the steps from a graph file to a run."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

GraphFile = Annotated[Path, typer.Argument(metavar="GRAPH", help="A graph YAML.", show_default=False)]
Sets = Annotated[list[str], typer.Option("--set", metavar="NODE.KEY=VALUE", help="Override a value of the graph.")]
Size = Annotated[str | None, typer.Option(help="One of the graph's sizes; the first is the default.")]
StoreAt = Annotated[
    str, typer.Option("--store", envvar="VOXBLOCKS_STORE", metavar="PATH|URL", help="Where results are kept.")
]
Released = Annotated[bool, typer.Option("--released", help="Use shipped artifacts in place of training.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, nothing else.")]


def read_checked(path: Path, sets: list[str], size: str | None, released: bool, needs: bool = True):
    from runner.check import check
    from runner.graph import GraphError, read_graph

    try:
        return check(read_graph(path, sets=sets, size=size), released=released, needs=needs)
    except GraphError as error:
        stop(str(error))


def plan_for(checked, store, until, from_nodes, to_nodes, limit, fetch):
    from runner.plan import PlanError, make_plan

    try:
        return make_plan(
            checked,
            store,
            until=until,
            from_nodes=[name for name in from_nodes.split(",") if name],
            to_nodes=[name for name in to_nodes.split(",") if name],
            limit=limit,
            fetch=fetch,
        )
    except (PlanError, OSError) as error:
        stop(str(error))


def open_store(url: str):
    from runner.store import Store, StoreError

    try:
        store = Store(url)
        store.files.reach()
        return store
    except StoreError as error:
        stop(str(error))


def executor_for(address: str | None):
    if address:
        from runner.cluster import RayExecutor

        return RayExecutor(address)
    from runner.local import LocalExecutor

    return LocalExecutor()


def new_console():
    """Progress and messages go to stderr; stdout carries results."""
    from rich.console import Console

    return Console(stderr=True)


def states_of(plan) -> dict[str, str]:
    return {name: "cached" if step.cached else "run" for name, step in plan.steps.items()}


def print_plan(plan, as_json: bool) -> None:
    if as_json:
        nodes = {
            name: {"digest": step.digest, "state": state}
            for (name, step), state in zip(plan.steps.items(), states_of(plan).values())
        }
        print(json.dumps({"graph": plan.graph.name, "nodes": nodes}, indent=1))
        return
    for name, state in states_of(plan).items():
        step = plan.steps[name]
        print(f"{state.ljust(6)}  {name}  ({step.checked.node.verb} {step.checked.node.block or ''})".rstrip())


def write_files(plan, store, until: str, folder: Path, console) -> str:
    from runner.output import write_out

    step = plan.steps[until]
    try:
        paths = write_out(store.find_table(step.digest), step.checked.fields, step.checked.spec.sample_rate, folder)
    except (ValueError, OSError) as error:
        stop(str(error))
    console.print(f"{len(paths)} files and metadata.csv in {folder}", highlight=False)
    return str(folder)


def write_page(plan, store, record: dict, path: Path) -> Path:
    from runner.draw import svg
    from runner.report import write_report

    states = {name: "cached" if node["state"] == "cached" else "run" for name, node in record["nodes"].items()}
    return write_report(store, record, path, svg=svg(plan.checked, states))


def stop(message: str, code: int = 2) -> None:
    print(message, file=sys.stderr)
    raise typer.Exit(code)
