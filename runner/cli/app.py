"""The command line: ``voxblocks`` or ``python -m runner``.

Commands import what they need when they run, so that `check` and `--help` stay quick.
Exit codes: 0 done, 1 the run failed, 2 wrong graph or usage, 130 interrupted.
"""

import atexit
import gc
import json
import os
import shlex
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated

import typer

from runner.cli.serve import serve
from runner.cli.steps import (
    BlockName,
    GraphFile,
    Json,
    Released,
    Sets,
    Size,
    StoreAt,
    executor_for,
    found_block,
    new_console,
    open_store,
    own_options,
    plan_for,
    print_plan,
    print_waves,
    read_checked,
    settings,
    sound_of,
    speak,
    states_of,
    stop,
    write_files,
    write_page,
)
from runner.cli.store import store_app
from runner.run.jax_cache import compiled_programs
from runner.work import threads

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Speech systems as graphs of typed blocks: check them, run them, listen to what they make.",
)


@app.callback()
def _folders() -> None:
    from blocks.load import wrong_folders

    if wrong := wrong_folders():
        stop("\n".join(wrong))


app.add_typer(store_app, name="store")
app.command()(serve)


@app.command()
def check(graph: GraphFile, set: Sets = [], size: Size = None, released: Released = False) -> None:  # noqa: B006
    """Check a graph without data or devices; every problem in one report, with file:line:column."""
    checked = read_checked(graph, set, size, released)
    print(f"{graph}: {len(checked.visited)} nodes, no problems")


_MORE_OPTIONS = {"ignore_unknown_options": True, "allow_extra_args": True}


@app.command(context_settings=_MORE_OPTIONS)
def run(
    context: typer.Context,
    graph: GraphFile,
    set: Sets = [],  # noqa: B006
    size: Size = None,
    store: StoreAt = "store",
    until: Annotated[str | None, typer.Option(help="Run this node and what it needs.")] = None,
    from_nodes: Annotated[str, typer.Option(metavar="A,B", help="Run these nodes and what depends on them.")] = "",
    to_nodes: Annotated[str, typer.Option(metavar="A,B", help="Run these nodes and what they need.")] = "",
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="Rows to read from each source; a line of the run says how many `where` left."),
    ] = None,
    released: Released = False,
    redo_versions: Annotated[
        bool, typer.Option("--redo-versions", help="Make anew what other versions of Python and libraries have made.")
    ] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try again what failed in earlier runs.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would run and what is cached.")] = False,
    address: Annotated[
        str | None, typer.Option(metavar="local|auto|HOST:PORT", help="Run on a Ray cluster; without it in process.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Write the --until node's audio and TextGrids as <id>.wav and <id>.TextGrid; default: as the graph says.",
        ),
    ] = None,
    play: Annotated[bool, typer.Option("--play", help="Let the --until node's audio be played.")] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="The --until node's audio on stdout, as 16-bit mono PCM; nothing else there.")
    ] = False,
    report: Annotated[Path | None, typer.Option(metavar="FILE", help="Write an HTML report of the run.")] = None,
    as_json: Json = False,
) -> None:
    """Run a graph: only what the store lacks is made. A graph may have options of its own, such as --speaker NAME."""
    from runner.run import again
    from runner.run.progress import Bars
    from runner.run.record import kept, make_record, now
    from runner.run.summary import print_results
    from runner.speak.aloud import at_once, stored
    from runner.work.executor import not_run
    from runner.work.signals import terminable

    if lost := [name for name, given in (("--out", out), ("--play", play), ("--raw", raw)) if given and not until]:
        stop(f"{lost[0]} wants the files of one node: name it with --until")
    graph, options = own_options(graph, context.args)
    checked = read_checked(graph, set, size, released, options=options)
    opened = open_store(store)
    plan = plan_for(checked, opened, until, from_nodes, to_nodes, limit, fetch=not dry_run)
    strange, failed = again.of_other_versions(plan, opened), again.with_failures(plan, opened) if retry_failed else []
    if strange and not redo_versions:
        print(again.describe(strange), file=sys.stderr)
    redone, claim = [*failed, *(strange if redo_versions else ())], None
    if dry_run:
        plan = again.as_forgotten(plan, redone)
    elif redone:
        try:
            claim = again.claimed(plan, opened, redone)
        except again.InUseError as error:
            stop(str(error))
        again.retry(plan, opened, failed)
        again.forget(plan, opened, strange if redo_versions else ())
        plan = plan_for(checked, opened, until, from_nodes, to_nodes, limit, fetch=True)
    sound = sound_of(plan, until, play, raw, as_json)
    out = out or plan.graph.output_of(until)
    console = new_console()
    if dry_run:
        print_plan(plan, as_json)
        return
    if sound and not (as_json or report or address) and (speaking := at_once(plan, until, opened, limit)):
        speak(plan, speaking, sound, until, out, raw, console)
        return
    started = now()
    begun = make_record(plan, not_run(plan), started)  # kept from now on, so that `store gc` spares what is being used
    try:
        # Whatever blocks print, stdout carries results only.
        with terminable(), kept(opened, begun) as name, Bars(plan, console) as bars, redirect_stdout(sys.stderr):
            if claim:
                claim.__exit__()
            outcome = executor_for(address).run(plan, opened, bars)
    except KeyboardInterrupt:
        console.print("Stopped. Finished shards are kept: the same command goes on from there.")
        raise typer.Exit(130) from None
    record = make_record(plan, outcome, started) | {"command": shlex.join(["voxblocks", *sys.argv[1:]])}
    opened.record_run(record, name)
    if not as_json:
        print_results(console, record["results"], record["nodes"])
    if outcome.error is None and out:
        table = opened.find_table(plan.steps[until].digest)
        record |= {"out": str(out), "files": write_files(plan, table, until, out, console)}
    if report:
        record["report"] = str(write_page(plan, opened, record, report))
        console.print(f"Report: {record['report']}", highlight=False)
    if as_json:
        print(json.dumps(record, ensure_ascii=False, indent=1))
    else:
        print_waves(record.get("files", []), raw)
    if outcome.error:
        stop(str(outcome.error), code=1)
    if sound:
        sound(stored(plan, until, opened))


@app.command(context_settings=_MORE_OPTIONS)
def submit(
    context: typer.Context,
    graph: GraphFile,
    address: Annotated[str, typer.Option(metavar="http://HOST:8265", help="The dashboard of the cluster's head.")],
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Print the job's id and do not follow it.")] = False,
) -> None:
    """Send a run to a Ray cluster as a job that carries this code; takes every other option of `run`, too."""
    from runner.cluster.submit import Job, SubmitError, follow, send, store_for
    from runner.store import StoreError

    inner = typer.main.get_command(app).commands["run"].make_context("submit", [str(graph), *context.args])
    given, (file, options) = inner.params, own_options(inner.params["graph"], inner.args)
    if file != graph:
        stop(f"name the graph before its options: voxblocks submit {file} ...")
    if alive := [f"--{key}" for key in ("play", "raw") if given[key]]:
        stop(f"{alive[0]} would be played on the cluster; afterwards, here: voxblocks run with the same --store")
    if lost := [f"--{key}" for key in ("out", "report") if given[key] and not given[key].is_absolute()]:
        stop(
            f"{lost[0]} would be written on the cluster; afterwards, here: voxblocks run or report with the same --store"
        )
    checked = read_checked(graph, given["set"], given["size"], given["released"], needs=False, options=options)
    try:
        store, warning = store_for(given["store"], address)
        if warning:
            print(warning, file=sys.stderr)
        own = [f"{checked.graph.options[name.replace('-', '_')]}={value}" for name, value in options.items()]
        words = _words(given, without=("graph", "set", "store", "address"))
        client, job = send(Job(checked.graph, store, words, [*settings(given["set"]), *own]), address)
    except (StoreError, SubmitError) as error:
        stop(str(error))
    if no_wait:
        print(job)
        return
    print(f"Job {job}; see also: ray job status {job} --address {address}", file=sys.stderr)
    try:
        raise typer.Exit(follow(client, job))
    except SubmitError as error:
        stop(str(error), code=1)
    except KeyboardInterrupt:
        print(f"The job goes on. To end it: ray job stop {job} --address {address}", file=sys.stderr)
        raise typer.Exit(130) from None


def _words(given: dict, without: tuple[str, ...]) -> list[str]:
    """Options as they are written on a command line, but for those that say nothing."""
    words: list[str] = []
    for key, value in given.items():
        name = "--json" if key == "as_json" else f"--{key.replace('_', '-')}"
        if key not in without and value:
            words += [name] if value is True else [name, str(value)]
    return words


@app.command()
def report(
    graph: GraphFile,
    store: StoreAt = "store",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Default: reports/<graph>.html")] = None,
    utterances: Annotated[int, typer.Option(min=0, help="How many to listen to, spread evenly over all.")] = 12,
    set: Sets = [],  # noqa: B006
    size: Size = None,
    released: Released = False,
) -> None:
    """Write the HTML report of the newest run of a graph that finished: scores, failures, and audio to compare by ear."""
    from runner.store.runs import newest_finished, said

    checked = read_checked(graph, set, size, released)
    opened = open_store(store)
    record, later = newest_finished([found for found in opened.runs() if found["graph"] == checked.graph.name])
    since = [said(run) for run in later]
    if record is None:
        why = f": {since[0][:1].lower()}{since[0][1:-1]}" if since else ""
        stop(f"{store}: no run of {checked.graph.name} that ended is recorded here{why}; first: voxblocks run {graph}")
    record["later"] = since
    plan = plan_for(checked, opened, None, "", "", None, fetch=False)
    print(write_page(plan, opened, record, out or Path("reports") / f"{checked.graph.name}.html", utterances))


@app.command()
def show(graph: GraphFile, set: Sets = [], size: Size = None) -> None:  # noqa: B006
    """Print the resolved graph: base, size and overrides applied, every config value filled in."""
    import yaml

    checked = read_checked(graph, set, size, False)
    source = checked.graph.source
    for name, node in checked.nodes.items():
        if node.config is not None:
            source["nodes"][name]["config"] = node.config.model_dump(mode="json")
    source["spec"] = checked.graph.spec.model_dump(mode="json")
    print(yaml.safe_dump(source, sort_keys=False, allow_unicode=True, width=120), end="")


@app.command()
def draw(
    graph: GraphFile,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="graph.svg, graph.mmd or graph.graphml; default: Mermaid on stdout."),
    ] = None,
    store: Annotated[str | None, typer.Option("--store", help="Show what is cached in this store.")] = None,
    set: Sets = [],  # noqa: B006
    size: Size = None,
) -> None:
    """Draw a graph as SVG, Mermaid or GraphML; edge labels are the array types."""
    from runner.report.draw import graphml, mermaid, svg

    checked = read_checked(graph, set, size, False)
    states = states_of(plan_for(checked, open_store(store), None, "", "", None, fetch=False)) if store else None
    write = {".svg": svg, ".graphml": graphml}.get(out.suffix if out else "", mermaid)
    text = write(checked, states)
    if out:
        out.write_text(text, encoding="utf-8")
    print(out or text)


@app.command(name="list")
def list_() -> None:
    """List every block with what it does."""
    from runner.catalogue.describe import listing

    rows = listing()
    width = max(len(name) for name, _ in rows)
    for name, about in rows:
        print(f"{name.ljust(width)}  {about}")


@app.command()
def describe(block: BlockName, as_json: Json = False) -> None:
    """Show a block's ports with axes and units, its settings with defaults, its paper and what it needs."""
    from runner.catalogue.describe import describe as describe_block
    from runner.catalogue.describe import text_of

    found_block(block)
    found = describe_block(block)
    print(json.dumps(found, indent=1) if as_json else text_of(found))


@app.command()
def new(block: BlockName) -> None:
    """Write the skeleton of a new block and of its test, into the folder VOXBLOCKS_BLOCKS names first or a checkout."""
    from runner.catalogue.new import home, write_skeleton

    try:
        for path in write_skeleton(block, *home()):
            print(path)
    except (ValueError, FileExistsError) as error:
        stop(str(error))
    print(f"Fill them in, then: voxblocks test {block}", file=sys.stderr)


@app.command(context_settings=_MORE_OPTIONS)
def test(context: typer.Context, block: BlockName) -> None:
    """Ask a block what all must keep, and run its own test; further options are pytest's, such as -x or -k WORDS."""
    from runner.conformance.ask import ask

    found_block(block)
    try:
        raise typer.Exit(ask(block, context.args))
    except ImportError:
        stop("voxblocks test wants pytest: pip install 'voxblocks[test]'")


@app.command()
def export(
    artifact: Annotated[Path, typer.Argument(metavar="FOLDER", help="A trained block, such as pretrained/NAME.")],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the file is written, and what it is beside it.")],
    format: Annotated[str, typer.Option(help="onnx, or stablehlo.")] = "onnx",
) -> None:
    """Write a trained block as one file for programs that have none of this code."""
    from runner.catalogue.export import export as write
    from runner.store import StoreError

    try:
        for path in write(artifact, format, out):
            print(path)
    except (ValueError, StoreError) as error:
        stop(str(error))


@app.command()
def release(
    artifact: Annotated[Path, typer.Argument(metavar="FOLDER", help="A trained block, as `fit` made it.")],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="A new folder, such as pretrained/NAME.")],
) -> None:
    """Write a trained block as it is shipped: weights as float16, without what only more training needs."""
    from runner.store import StoreError
    from runner.store.release import release as write

    try:
        size = write(artifact, out)
    except (ValueError, StoreError) as error:
        stop(str(error))
    print(f"{out}: {size / 1e6:.1f} MB")


@app.command()
def schema(out: Annotated[Path | None, typer.Option(metavar="FILE")] = None) -> None:
    """Print a JSON Schema of graph YAMLs, for an editor's completion."""
    from runner.catalogue.json_schema import graph_schema

    broken = []
    text = json.dumps(graph_schema(broken), indent=1)
    if out:
        out.write_text(text + "\n", encoding="utf-8")
    print(out or text)
    for problem in broken:
        print(f"left out: {problem}", file=sys.stderr)


@app.command()
def doctor(
    graphs: Annotated[list[Path] | None, typer.Argument(metavar="[GRAPH]...")] = None, store: StoreAt = "store"
) -> None:
    """Say what this machine has and lacks, for each graph if any are named."""
    from runner.catalogue.doctor import examine

    lines, sound = examine([read_checked(path, [], None, False, needs=False) for path in graphs or []], store)
    print("\n".join(lines))
    raise typer.Exit(0 if sound else 1)


def main() -> None:
    for name, value in {"MPLBACKEND": "Agg", **compiled_programs()}.items():
        os.environ.setdefault(name, value)
    os.environ |= threads.environment()
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # an id may hold what no terminal, and no UTF-8, can show
    atexit.register(gc.freeze)  # else the collector looks at every module once more: a fifth of the time of a check
    try:
        app()
    except ValueError as error:
        from runner.store import StoreError  # what is damaged or too new, wherever it was come upon

        if not isinstance(error, StoreError):
            raise
        sys.exit(str(error))
