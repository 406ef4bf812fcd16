"""Progress bars of a run on a terminal: one a node at work, with rows a second and time left."""

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from runner.plan import Plan, Step
from runner.work.apply import Shard
from runner.work.executor import NodeResult, Observer, number

_STATES = {
    "cached": "[dim]cached[/]",
    "ran": "[green]done[/]",
    "failed": "[bold red]failed[/]",
    "waiting": "[dim]not reached[/]",
}


class Bars(Observer):
    """A context manager: a bar for each node at work, one line for each that ended."""

    def __init__(self, plan: Plan, console: Console):
        self.console = console
        self.width = max(map(len, plan.steps), default=0)
        self.progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            _Speed(),
            TimeRemainingColumn(),
            _Failed(),
            TextColumn("{task.fields[note]}"),
            console=console,
            transient=True,
        )
        self.bars: dict[str, TaskID] = {}  # by node
        self.failed: dict[str, int] = {}
        self.notes: dict[str, str] = {}  # how a training goes

    def __enter__(self) -> "Bars":
        self.progress.start()
        return self

    def __exit__(self, *exc) -> None:
        self.progress.stop()

    def node_started(self, step: Step, total: int | None, done: int) -> None:
        self.failed[step.name] = 0
        name = step.name.ljust(self.width)
        self.bars[step.name] = self.progress.add_task(name, total=total, completed=done, failed=0, note="")

    def shard_done(self, step: Step, shard: Shard) -> None:
        self.failed[step.name] += shard.failed
        advance = len(shard.ids) + len(shard.failures)
        self.progress.update(self.bars[step.name], advance=advance, failed=self.failed[step.name])

    def trained(self, step: Step, done: int, scalars: dict) -> None:
        self.notes[step.name] = _trained(scalars)
        self.progress.update(self.bars[step.name], completed=done, note=self.notes[step.name])

    def node_finished(self, step: Step, result: NodeResult) -> None:
        if (bar := self.bars.pop(step.name, None)) is not None:
            self.progress.remove_task(bar)
        extra = "".join(
            f", [red]{count} {word}[/]" if word == "failed" else f", {count} {word}"
            for count, word in ((result.failures, "failed"), (result.skipped, "left out"))
            if count
        )
        extra += "".join(
            f", [yellow]{count} of what {model} was trained on[/]" for model, count in result.seen_in_training.items()
        )
        of = f" of {result.offered}" if result.offered not in (None, result.rows) else ""
        rows = f"{result.rows}{of} rows{extra}, " if result.rows else ""
        made = f"{rows}{result.seconds:.1f} s" if result.state in ("ran", "cached") else ""
        made += ", " + self.notes.pop(step.name) if step.name in self.notes else ""
        self.console.print(f"{step.name.ljust(self.width)}  {_STATES[result.state]}  {made}", highlight=False)


def _trained(scalars: dict) -> str:
    """``loss 0.123, 5,200 frames/s, 30 items/s, 11 % padding, 2 % waiting for data``, as far as it is known."""
    known = {name: number(value) for name, value in scalars.items()}
    parts = [f"loss {known['loss']:.4g}"] if "loss" in known else []
    for name, unit in (("frames_per_s", "frames/s"), ("items_per_s", "items/s")):
        parts += [f"{known[name]:,.{0 if known[name] >= 10 else 1}f} {unit}"] if name in known else []
    for name, what in (("padding", "padding"), ("waiting", "waiting for data")):
        parts += [f"{100 * known[name]:.0f} % {what}"] if name in known else []
    return ", ".join(parts)


class _Speed(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.3g}/s" if task.speed else "")


class _Failed(ProgressColumn):
    def render(self, task: Task) -> Text:
        failed = task.fields["failed"]
        return Text(f"{failed} failed" if failed else "", style="red")
