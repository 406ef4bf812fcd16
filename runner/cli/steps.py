"""What the commands of the command line share: option types, and the steps from a graph file to a run."""

import gc
import json
import sys
from collections.abc import Iterable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated

import typer

GraphFile = Annotated[Path, typer.Argument(metavar="GRAPH", help="A graph YAML.", show_default=False)]
BlockName = Annotated[str, typer.Argument(metavar="KIND.VARIANT", show_default=False)]
Sets = Annotated[
    list[str],
    typer.Option("--set", metavar="NODE.KEY=VALUE", help="Override a value of the graph; @FILE: those of a YAML list."),
]
Size = Annotated[str | None, typer.Option(help="One of the graph's sizes; the first is the default.")]
StoreAt = Annotated[
    str, typer.Option("--store", envvar="VOXBLOCKS_STORE", metavar="PATH|URL", help="Where results are kept.")
]
Released = Annotated[bool, typer.Option("--released", help="Use shipped artifacts in place of training.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, nothing else.")]


def own_options(graph: Path, words: list[str]) -> tuple[Path, dict[str, str | None]]:
    """The file of the graph, and the graph's own options, from what is left when those of `run` are taken.

    They stand as ``--name value`` or ``--name=value``, in any order with the file.
    """
    files, options = [], {}
    left = iter([str(graph), *words])
    for word in left:
        name, equals, value = word.removeprefix("--").partition("=")
        if word.startswith("--"):
            options[name] = value if equals else next(left, None)
        else:
            files.append(word)
    if len(files) != 1:
        took = "".join(f"; --{name} took {value!r} as its value" for name, value in options.items() if not files)
        stop(f"want one graph, got {' and '.join(files) or 'none'}{took}")
    return Path(files[0]), options


def settings(sets: list[str]) -> list[str]:
    """Each ``node.key=value`` of ``--set``; ``@FILE`` stands for those of a YAML list, which no list of processes shows."""
    found = []
    for text in sets:
        if not text.startswith("@"):
            found.append(text)
            continue
        from runner.graph.tree import parse

        problems = []
        try:
            listed = parse(Path(text[1:]).read_text("utf-8"), text[1:], problems)
        except (OSError, UnicodeDecodeError) as error:
            stop(f"--set {text}: {error}")
        if problems:
            stop(f"--set @{problems[0]}")
        listed = listed.plain() if listed else None
        if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
            stop(f"--set {text}: want a YAML list of texts, each a node.key=value")
        found += listed
    return found


def read_checked(
    path: Path, sets: list[str], size: str | None, released: bool, needs: bool = True, options: dict | None = None
):
    """The graph in a file, checked; every problem, and the end, where it has any.

    The modules and schemas of its blocks are many objects and no garbage: the collector need not look at them.
    """
    gc.disable()
    try:
        from runner.check import check, read_graph
        from runner.graph import GraphError

        return check(read_graph(path, sets=settings(sets), size=size, options=options), released=released, needs=needs)
    except GraphError as error:
        stop(str(error))
    finally:
        gc.enable()


def found_block(name: str):
    """The block called so; one line, and the end, where there is none or it cannot be imported."""
    from blocks.load import find, import_problem

    try:
        return find(name)
    except Exception as error:  # the file of a variant may fail in any way
        stop(import_problem(name, error))


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
        from runner.cluster.executor import RayExecutor

        return RayExecutor(address)
    from runner.run.local import LocalExecutor

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
        print(f"{state.ljust(6)}  {name}  ({step.checked.node.verb} {step.checked.node.called})".rstrip())


def write_files(plan, table, until: str, folder: Path, console) -> list[str]:
    """Write the waves and TextGrids among a node's rows; gives the paths."""
    from runner.run.output import write_out

    checked = plan.steps[until].checked
    try:
        paths = write_out(table, checked.fields, checked.spec.sample_rate, folder)
    except (ValueError, OSError) as error:
        stop(str(error))
    of = ", ".join(sorted(checked.origin))
    idle = f" ({until} has no rows: nothing was asked of {of})" if plan.steps[until].idle else ""
    console.print(f"{len(paths)} files and metadata.csv in {folder}{idle}", highlight=False)
    return [str(path) for path in paths]


def print_waves(paths: list[str], raw: bool) -> None:
    """On stdout, one a line; on stderr where stdout carries the sound."""
    if waves := [path for path in paths if path.endswith(".wav")]:
        print(*waves, sep="\n", file=sys.stderr if raw else sys.stdout)


def sound_of(plan, until: str | None, play: bool, raw: bool, as_json: bool):
    """A function that plays or writes waves, or None where that was not asked for."""
    from runner.run.output import field_of
    from runner.speak import playback

    if not (play or raw):
        return None
    if (play and raw) or (raw and as_json):
        stop(f"--raw and {'--play' if play else '--json'} were given, want one of both")
    checked, rate = plan.steps[until].checked, plan.steps[until].checked.spec.sample_rate
    if not field_of(checked.fields, "wave"):
        wants = "--raw wants" if raw else "--play wants"
        stop(f"{wants} a node with a wave; {until} has {', '.join(checked.fields) or 'no fields'}")
    try:
        command = playback.player(rate) if play else []
    except ValueError as error:
        stop(str(error))

    def play_or_write(waves: Iterable) -> None:
        stdout = sys.stdout.buffer
        try:
            with redirect_stdout(sys.stderr):  # whatever blocks print while they speak
                if raw:
                    print(f"16-bit little-endian mono PCM at {rate} Hz")
                    playback.write_raw(waves, stdout)
                else:
                    playback.play(waves, command)
        except ValueError as error:
            stop(str(error), code=1)
        except KeyboardInterrupt:
            raise typer.Exit(130) from None

    return play_or_write


def speak(plan, speaking, sound, until: str, folder: Path | None, raw: bool, console) -> None:
    """Play the rows as they are made, then write them; nothing is kept in the store."""
    sound(speaking.waves())
    if folder:
        print_waves(write_files(plan, speaking, until, folder, console), raw)
    if speaking.failures:
        stop("\n".join(f"{failure.id}: {failure.reason}" for failure in speaking.failures), code=1)


def write_page(plan, store, record: dict, path: Path, utterances: int = 12) -> Path:
    from runner.report import write_report
    from runner.report.draw import svg

    states = {name: "cached" if node["state"] == "cached" else "run" for name, node in record["nodes"].items()}
    return write_report(store, record, path, svg=svg(plan.checked, states), most=utterances)


def stop(message: str, code: int = 2) -> None:
    print(message, file=sys.stderr)
    raise typer.Exit(code)
