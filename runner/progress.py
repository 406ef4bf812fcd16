"""Progress bars of a run on a terminal, one a node, with time left."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from runner.executor import NodeResult, Observer
from runner.plan import Plan, Step
from runner.work import Shard

_STATES = {
    "cached": "[dim]cached[/]",
    "ran": "[green]done[/]",
    "failed": "[bold red]failed[/]",
    "waiting": "[dim]not reached[/]",
}


class Bars(Observer):
    """A context manager: bars while a node runs, one line for each node that ended."""

    def __init__(self, plan: Plan, console: Console):
        self.console = console
        self.width = max(map(len, plan.steps), default=0)
        self.progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("[red]{task.fields[failed]}"),
            console=console,
            transient=True,
        )
        self.task = None
        self.failed = 0

    def __enter__(self) -> "Bars":
        self.progress.start()
        return self

    def __exit__(self, *exc) -> None:
        self.progress.stop()

    def node_started(self, step: Step, total: int | None, done: int) -> None:
        self.failed = 0
        self.task = self.progress.add_task(step.name.ljust(self.width), total=total, completed=done, failed="")

    def shard_done(self, step: Step, shard: Shard) -> None:
        self.failed += shard.failed
        text = f"{self.failed} failed" if self.failed else ""
        self.progress.update(self.task, advance=len(shard.ids) + shard.failed, failed=text)

    def node_finished(self, step: Step, result: NodeResult) -> None:
        if self.task is not None:
            self.progress.remove_task(self.task)
            self.task = None
        extra = "".join(
            f", [red]{count} {word}[/]" if word == "failed" else f", {count} {word}"
            for count, word in ((result.failures, "failed"), (result.skipped, "left out"))
            if count
        )
        made = f"{result.rows} rows{extra}, {result.seconds:.1f} s" if result.state in ("ran", "cached") else ""
        self.console.print(f"{step.name.ljust(self.width)}  {_STATES[result.state]}  {made}", highlight=False)
