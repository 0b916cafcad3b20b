"""The demo member of staff, who signs in as a real one does."""

import secrets
from contextlib import suppress
from pathlib import Path

from pushcart.cloud import Cloud
from pushcart.problems import CommandFailed
from pushcart.workspace import Workspace

EMAIL = "staff@pushcart.example"
GROUP = "staff"


def hire(workspace: Workspace) -> None:
    """Put the demo user into the user pool's staff group; doing it again changes nothing."""
    cloud = Cloud(workspace)
    pool = _output(cloud, "UserPoolId")
    cognito = cloud.cognito
    with suppress(cognito.exceptions.UsernameExistsException):
        cognito.admin_create_user(
            UserPoolId=pool,
            Username=EMAIL,
            MessageAction="SUPPRESS",
            UserAttributes=[
                {"Name": "email", "Value": EMAIL},
                {"Name": "email_verified", "Value": "true"},
            ],
        )
    cognito.admin_set_user_password(
        UserPoolId=pool, Username=EMAIL, Password=password(workspace), Permanent=True
    )
    cognito.admin_add_user_to_group(UserPoolId=pool, Username=EMAIL, GroupName=GROUP)


def token(workspace: Workspace) -> str:
    """Sign the demo user in and return the ID token that the admin API takes."""
    cloud = Cloud(workspace)
    signed_in = cloud.cognito.initiate_auth(
        ClientId=_output(cloud, "UserPoolClientId"),
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": EMAIL, "PASSWORD": password(workspace)},
    )
    # An authorizer without scopes takes the ID token, not the access token.
    return signed_in["AuthenticationResult"]["IdToken"]


def _output(cloud: Cloud, name: str) -> str:
    if cloud.stack_status() is None:
        raise CommandFailed("The shop is not deployed to this cloud yet; run pushcart up.")
    return cloud.stack_outputs()[name]


def password(workspace: Workspace) -> str:
    """Return the demo user's password in this checkout, made at the first call."""
    path: Path = workspace.state_dir / "staff-password"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        # The ending meets every password policy: upper, lower, digit and symbol.
        path.write_text(secrets.token_urlsafe(18) + "-aA1!")
    return path.read_text()
