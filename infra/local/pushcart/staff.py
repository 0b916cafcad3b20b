"""The demo members of staff, one a role, who sign in as real ones do."""

import secrets
from contextlib import suppress
from pathlib import Path

from commerce.access import Role
from pushcart.cloud import Cloud
from pushcart.problems import CommandFailed
from pushcart.workspace import Workspace

EMAIL = "staff@pushcart.example"


def email_of(role: Role) -> str:
    """Give the demo user's address: the owner's is there from the start."""
    return EMAIL if role is Role.OWNER else f"{role}@pushcart.example"


def hire(workspace: Workspace, role: Role = Role.OWNER) -> None:
    """Put the demo user of a role into the staff's pool; doing it again changes nothing."""
    cloud = Cloud(workspace)
    pool = _output(cloud, "UserPoolId")
    cognito, email = cloud.cognito, email_of(role)
    with suppress(cognito.exceptions.UsernameExistsException):
        cognito.admin_create_user(
            UserPoolId=pool,
            Username=email,
            MessageAction="SUPPRESS",
            UserAttributes=[
                {"Name": "email", "Value": email},
                {"Name": "email_verified", "Value": "true"},
            ],
        )
    cognito.admin_set_user_password(
        UserPoolId=pool, Username=email, Password=password(workspace), Permanent=True
    )
    cognito.admin_add_user_to_group(UserPoolId=pool, Username=email, GroupName=role.value)


def token(workspace: Workspace, role: Role = Role.OWNER) -> str:
    """Sign the demo user of a role in, and return the access token that the admin API takes."""
    cloud = Cloud(workspace)
    client = _output(cloud, "UserPoolClientId")
    if role is not Role.OWNER:
        hire(workspace, role)
    signed_in = cloud.cognito.initiate_auth(
        ClientId=client,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": email_of(role), "PASSWORD": password(workspace)},
    )
    return signed_in["AuthenticationResult"]["AccessToken"]


def _output(cloud: Cloud, name: str) -> str:
    if cloud.stack_status() is None:
        raise CommandFailed("The shop is not deployed to this cloud yet; run pushcart up.")
    return cloud.stack_outputs()[name]


def password(workspace: Workspace) -> str:
    """Return the demo users' password in this checkout, made at the first call."""
    path: Path = workspace.state_dir / "staff-password"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        # The ending meets every password policy: upper, lower, digit and symbol.
        path.write_text(secrets.token_urlsafe(18) + "-aA1!")
    return path.read_text()
