"""What a command shows while it works: named steps, each with a live status."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from pushcart.workspace import Workspace


class Report:
    """How a running step says what it is doing and how far it is."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def doing(self, text: str) -> None:
        """Say what is being done right now, in a few words."""
        self._progress.update(self._task, detail=text)

    def at(self, done: int, total: int) -> None:
        """Say how many of how many are done; the first call turns on the bar."""
        self._progress.update(self._task, completed=done, total=total)


@dataclass(frozen=True)
class Step:
    """One named piece of work; what it returns is shown when it is done, its first line on top."""

    title: str
    run: Callable[[Workspace, Report], str]


def run_steps(workspace: Workspace, steps: Sequence[Step], console: Console) -> None:
    """Run the steps in order; the first one that fails ends the command."""
    for step in steps:
        started = monotonic()
        with Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[detail]}", style="dim"),
            TimeElapsedColumn(),
            # In a file or a pipe, only the finished steps are lines.
            console=console if console.is_terminal else Console(quiet=True),
            transient=True,
        ) as progress:
            task = progress.add_task(step.title, total=None, detail="")
            outcome = step.run(workspace, Report(progress, task))
        seconds = monotonic() - started
        headline, *more = outcome.splitlines()
        shown = f"[green]✓[/] {step.title:<12} {headline} [dim]({seconds:.1f} s)[/]"
        console.print(shown, highlight=False, soft_wrap=True)
        for line in more:
            console.print(f"{'':<14} {line}", highlight=False, markup=False, soft_wrap=True)
