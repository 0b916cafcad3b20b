"""The `pushcart` command."""

import json
import shutil
import signal
import sys
import time
from types import FrameType
from typing import Annotated, NoReturn

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.table import Table

from pushcart import deployment, logs, process, staff, status, up
from pushcart.problems import CommandFailed
from pushcart.progress import run_steps
from pushcart.workspace import Workspace

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Run the Pushcart shop on this machine."
)
console = Console()

_CHECK_SECONDS = 1.0


@app.command("up")
def up_command(
    detach: Annotated[
        bool, typer.Option("--detach", help="Leave it running and return at once.")
    ] = False,
) -> None:
    """Start the cloud, deploy the shop and keep it open until Ctrl-C."""
    workspace = Workspace.from_environment()
    found_running = process.running_pid(workspace) is not None
    try:
        run_steps(workspace, up.STEPS, console)
    except KeyboardInterrupt:
        if not found_running:
            _close(workspace)
        return
    except BaseException:
        # What this command started and could not finish must not stay behind unseen.
        if not found_running:
            process.stop(workspace)
        raise
    console.print(up.welcome(workspace), highlight=False, soft_wrap=True)
    if detach or found_running or not workspace.uses_embedded_cloud:
        console.print("It stays open; stop it with: make stop")
        return
    _stay_open(workspace)


@app.command()
def down() -> None:
    """Stop the cloud; its data stays for the next time."""
    stopped = process.stop(Workspace.from_environment())
    console.print("Stopped; the data is kept." if stopped else "It was not running.")


@app.command("status")
def status_command(
    as_json: Annotated[bool, typer.Option("--json", help="Print it for a program.")] = False,
) -> None:
    """Show the addresses and the health; exit with 1 when a part is not well."""
    found = status.read(Workspace.from_environment())
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        table = Table.grid(padding=(0, 2))
        for name in ("base_url", "docs_url", "cloud_url", "state_dir"):
            table.add_row(name.replace("_", " "), str(found[name]))
        for part, word in found["health"].items():
            table.add_row(part, f"[green]{word}[/]" if word == "ok" else f"[red]{word}[/]")
        console.print(table)
    if not status.is_well(found):
        raise typer.Exit(1)


@app.command()
def deploy() -> None:
    """Deploy template.yaml to the running cloud, changed or not."""
    workspace = Workspace.from_environment()
    _needs_a_cloud(workspace)
    with console.status("sam deploy"):
        deployment.deploy(workspace)
        staff.hire(workspace)
    console.print(f"Deployed; the shop is at {workspace.base_url}")


@app.command()
def token() -> None:
    """Print a staff token for the admin API, and nothing else."""
    workspace = Workspace.from_environment()
    _needs_a_cloud(workspace)
    typer.echo(staff.token(workspace))


@app.command("logs")
def logs_command(
    function: Annotated[str, typer.Argument(help="Such as CompleteCart or complete_cart.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as it writes.")] = False,
) -> None:
    """Print what a function wrote."""
    workspace = Workspace.from_environment()
    _needs_a_cloud(workspace)
    for line in logs.lines(workspace, function, follow=follow):
        typer.echo(line)


@app.command()
def reset() -> None:
    """Stop the cloud and throw its data away."""
    workspace = Workspace.from_environment()
    process.stop(workspace)
    shutil.rmtree(workspace.state_dir, ignore_errors=True)
    console.print("The data is gone; the next start is from nothing.")


def main() -> None:
    """Run a command; a failure is a sentence on stderr and exit code 1."""
    try:
        app()
    except CommandFailed as failure:
        _fail(str(failure))
    except (BotoCoreError, ClientError) as error:
        _fail(f"The cloud refused: {error}")


def _fail(sentence: str) -> NoReturn:
    print(sentence, file=sys.stderr)
    raise SystemExit(1)


def _needs_a_cloud(workspace: Workspace) -> None:
    if not process.answers(workspace):
        raise CommandFailed(f"Nothing answers at {workspace.cloud_url}; start it with: make run")


def _stay_open(workspace: Workspace) -> None:
    """Wait for Ctrl-C, a closed terminal or the emulator's own end."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    console.print("Ctrl-C stops it; the data is kept.")
    try:
        while process.running_pid(workspace) is not None:
            time.sleep(_CHECK_SECONDS)
    except KeyboardInterrupt:
        _close(workspace)
        return
    raise CommandFailed(f"The emulator has stopped; {workspace.emulator_log} may say why.")


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _close(workspace: Workspace) -> None:
    # A second Ctrl-C must not cut off the saving.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with console.status("Saving the data"):
        process.stop(workspace)
    console.print("Stopped; the data is kept.")
