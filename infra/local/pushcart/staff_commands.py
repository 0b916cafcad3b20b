"""`pushcart staff`: who works in a shop, here or on AWS, and how they first sign in."""

import getpass
import sys
from typing import Annotated

import typer

from commerce.access import Role
from pushcart import staff_pool
from pushcart.problems import CommandFailed
from pushcart.staff_pool import StaffPool
from pushcart.workspace import STACK_NAME, Workspace

app = typer.Typer(no_args_is_help=True, help="Make members of staff, and sign in as one.")

Email = Annotated[str, typer.Argument(help="The address that the person signs in with.")]
OnAws = Annotated[
    bool,
    typer.Option(
        "--aws", help="In the account and region of your AWS settings, not on this machine."
    ),
]
Stack = Annotated[str, typer.Option(help="With --aws: the name of the shop's stack.")]


@app.command()
def add(
    email: Email,
    role: Annotated[list[Role], typer.Option(help="docs/staff.md has what each may do.")],
    show_password: Annotated[
        bool, typer.Option("--show-password", help="Print the first password; nobody is mailed.")
    ] = False,
    aws: OnAws = False,
    stack: Stack = STACK_NAME,
) -> None:
    """Make somebody a member of staff; Cognito mails a first password, good for seven days."""
    first = staff_pool.invite(_pool(aws, stack), email, role, by_mail=not show_password)
    if first is not None:
        typer.echo(first)
    roles = ", ".join(role)
    print(f"{email} is a member of staff: {roles}.", file=sys.stderr)


@app.command("sign-in")
def sign_in(email: Email, aws: OnAws = False, stack: Stack = STACK_NAME) -> None:
    """Sign in and print the access token; the first time, choose a password of your own."""
    pool = _pool(aws, stack)
    typer.echo(staff_pool.sign_in(pool, email, _ask("Password: "), _choose))


def _choose(why: str) -> str:
    print(why, file=sys.stderr)
    chosen = _ask("New password: ")
    if _ask("Once more: ") != chosen:
        raise CommandFailed("These are two passwords; nothing was changed.")
    return chosen


def _ask(question: str) -> str:
    """Ask a person, who sees nothing of it; or take the next line that a program sends."""
    if sys.stdin.isatty():
        return getpass.getpass(question)
    line = sys.stdin.readline()
    if not line:
        raise CommandFailed(f"There was no answer to: {question.strip(': ')}")
    return line.rstrip("\n")


def _pool(aws: bool, stack: str) -> StaffPool:
    if aws:
        return staff_pool.on_aws(stack)
    return staff_pool.of_workspace(Workspace.from_environment())
