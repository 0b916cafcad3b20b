"""The `pushcart` command."""

import json
import shutil
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.table import Table

from commerce.access import Role
from commerce.events.schema import json_schemas
from pushcart import (
    api_document,
    cancellations,
    checkouts,
    deployment,
    event_schemas,
    events,
    invoices,
    logs,
    mails,
    orders,
    payment_messages,
    permissions,
    process,
    replay,
    seed,
    staff,
    staff_commands,
    status,
    up,
    warehouse,
    world_tables,
)
from pushcart.checkouts import Way
from pushcart.cloud import Cloud
from pushcart.counting import Check
from pushcart.problems import CommandFailed
from pushcart.progress import Report, Step, run_steps
from pushcart.shop import Shop
from pushcart.workspace import Workspace

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Run the Pushcart shop on this machine."
)
app.add_typer(staff_commands.app, name="staff")
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
def token(
    role: Annotated[Role, typer.Option(help="Whose; docs/staff.md has what each may do.")] = (
        Role.OWNER
    ),
) -> None:
    """Print a staff token for the admin API, and nothing else."""
    workspace = Workspace.from_environment()
    _needs_a_cloud(workspace)
    typer.echo(staff.token(workspace, role))


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


@app.command("seed")
def seed_command() -> None:
    """Bring the demo catalogue in; what is there already stays."""
    workspace = Workspace.from_environment()
    _needs_a_cloud(workspace)
    run_steps(workspace, [Step("Seeding", seed.fill)], console)


@app.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(help="A Shopify product CSV.")],
) -> None:
    """Import products from a file; exit with 1 when rows were left out."""
    workspace = Workspace.from_environment()
    _needs_a_cloud(workspace)
    errors: list[str] = []

    def run(workspace: Workspace, report: Report) -> str:
        report.doing(file.name)
        done = seed.import_file(workspace, file, report)
        errors.extend(seed.error_lines(done))
        return seed.summary(done)

    run_steps(workspace, [Step("Importing", run)], console)
    for line in errors:
        typer.echo(line, err=True)
    if errors:
        raise typer.Exit(1)


@app.command("export")
def export_command(
    file: Annotated[Path, typer.Argument(help="Where the Shopify product CSV goes.")],
) -> None:
    """Write all products to a file, which an import takes back unchanged."""
    workspace = Workspace.from_environment()
    _needs_a_cloud(workspace)
    run_steps(
        workspace,
        [Step("Exporting", lambda each, report: seed.export_file(each, file, report))],
        console,
    )


@app.command("orders")
def orders_command(
    status: Annotated[str | None, typer.Option(help="Such as confirmed or canceled.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print it for a program.")] = False,
) -> None:
    """List orders, newest first."""
    workspace = Workspace.from_environment()
    _needs_a_cloud(workspace)
    found = orders.newest(Shop(workspace), status, limit)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    elif found:
        typer.echo("\n".join(orders.table(found, orders.time_zone(Shop(workspace)))))
    else:
        typer.echo("There are no such orders.")


@app.command()
def trace(
    order_id: Annotated[str, typer.Argument(help="Such as order_01j...")],
    as_json: Annotated[bool, typer.Option("--json", help="Print it for a program.")] = False,
) -> None:
    """Show everything that happened to one order."""
    workspace = Workspace.from_environment()
    _needs_a_cloud(workspace)
    shop = Shop(workspace)
    order = orders.read(shop, order_id)
    if as_json:
        typer.echo(json.dumps(order, indent=2))
    else:
        typer.echo("\n".join(orders.trace(order, orders.time_zone(shop))))


@app.command("payment-event")
def payment_event_command(
    order_id: Annotated[str, typer.Argument(help="Such as order_01j...")],
    result: Annotated[payment_messages.Result, typer.Argument(help="What became of it.")],
) -> None:
    """Send the shop a signed message from the sandbox provider; it decides a `tok_async`."""
    workspace = Workspace.from_environment()
    _needs_a_cloud(workspace)
    typer.echo(payment_messages.send(Shop(workspace), Cloud(workspace), order_id, result))


@app.command("events")
def events_command(
    type_: Annotated[str | None, typer.Option("--type", help="Such as order.placed.")] = None,
    about: Annotated[str | None, typer.Option(help="An id of an order or product, a SKU.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as they come.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one a line, whole.")] = False,
) -> None:
    """Print what happened, newest last; with --follow, go on."""
    workspace = Workspace.from_environment()
    _needs_a_cloud(workspace)
    shop = Shop(workspace)
    found = (
        events.follow(shop, type_, about, limit)
        if follow
        else reversed(events.newest(shop, type_, about, limit))
    )
    for event in found:
        typer.echo(json.dumps(event) if as_json else events.line(event))


@app.command("redrive-events")
def redrive_command() -> None:
    """Bring again what the dead-letter queues hold; exit with 1 when some of it stays there."""
    workspace = Workspace.from_environment()
    _needs_a_cloud(workspace)
    done = events.redrive(Cloud(workspace))
    for why in done.left:
        typer.echo(why, err=True)
    typer.echo(f"{done.messages} messages are done, {len(done.left)} stay in the queues.")
    if done.left:
        raise typer.Exit(1)


@app.command("mails")
def mails_command(
    id_: Annotated[str | None, typer.Option("--id", help="Print this one whole.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print one a line, whole.")] = False,
) -> None:
    """List the e-mails that were sent, newest first."""
    workspace = Workspace.from_environment()
    _needs_a_cloud(workspace)
    found = mails.newest(workspace)
    if id_:
        typer.echo(mails.whole(found, id_))
    elif found:
        for mail in found[:limit]:
            typer.echo(json.dumps(mail) if as_json else mails.line(mail))
    elif not as_json:
        typer.echo("No e-mail was sent yet.")


@app.command("permissions")
def permissions_command(
    as_json: Annotated[bool, typer.Option("--json", help="Print it for a program.")] = False,
) -> None:
    """Compare what roles may do with what they did; exit with 1 when that is not the same."""
    workspace = Workspace.from_environment()
    _needs_a_cloud(workspace)
    report = permissions.read(workspace)
    if as_json:
        typer.echo(json.dumps(report.as_json(), indent=2))
    else:
        for line in permissions.lines(report):
            typer.echo(line)
    if not report.is_exact:
        raise typer.Exit(1)


@app.command("event-schemas")
def event_schemas_command() -> None:
    """Publish the schemas of new events and versions; refuse to change a published one."""
    folder = Workspace.from_environment().root / event_schemas.FOLDER
    new = event_schemas.publish(folder, json_schemas())
    console.print(f"Published: {', '.join(new)}" if new else "There is nothing new.")


@app.command("replay")
def replay_command(
    file: Annotated[Path, typer.Argument(help="A UCI Online Retail CSV, plain or gzipped.")],
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first invoices.")] = None,
    workers: Annotated[int, typer.Option(min=1, max=32, help="So much at a time.")] = 8,
    over: Annotated[Way, typer.Option(help="The API, or its state machines.")] = Way.WORKFLOW,
) -> None:
    """Place a file's sales, send them, take its cancellations back; exit with 1 if it is off."""
    workspace = Workspace.from_environment()
    _needs_a_cloud(workspace)
    sales = invoices.read(file, limit)
    matching = cancellations.match(invoices.read_cancellations(file), sales)
    cloud, shop = Cloud(workspace), Shop(workspace)
    http = over is Way.HTTP
    checkout = checkouts.OverHttp(shop) if http else checkouts.ThroughWorkflow(cloud)
    staff_of_it = warehouse.OverHttp(shop) if http else warehouse.Directly(cloud)
    month = replay.Replay(cloud, sales, matching, checkout, staff_of_it, workers)
    run_steps(workspace, month.steps, console)
    console.print(_checks_table(month.checks))
    for what, why in month.failed.items():
        typer.echo(f"{what}: {why}", err=True)
    if not month.went_well:
        raise typer.Exit(1)


@app.command()
def openapi() -> None:
    """Write the API's document anew from what the operations declare."""
    workspace = Workspace.from_environment()
    path = workspace.root / api_document.PATH
    path.write_text(api_document.render(workspace.root))
    console.print(f"Written: {path.relative_to(workspace.root)}")


@app.command("world-tables")
def world_tables_command() -> None:
    """Write the tables of currencies and the like anew from the packages they are made of."""
    changed = world_tables.write(Workspace.from_environment().root)
    console.print(f"Written: {', '.join(changed)}" if changed else "There is nothing new.")


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


def _checks_table(checks: list[Check]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("counted")
    for name in ("expected", "found"):
        table.add_column(name, justify="right")
    for check in checks:
        colour = "green" if check.holds else "red"
        table.add_row(check.what, check.expected, f"[{colour}]{check.found}[/]")
    return table


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
