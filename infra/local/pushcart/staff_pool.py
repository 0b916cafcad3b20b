"""Members of staff and their first sign-in, in the pool of any deployed shop: here or on AWS."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

import boto3

from commerce.access import Role
from pushcart.cloud import Cloud
from pushcart.problems import CommandFailed
from pushcart.workspace import Workspace

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient

NEW_PASSWORD_REQUIRED: Final = "NEW_PASSWORD_REQUIRED"
# How Cognito calls a user who has not signed in with the first password yet.
_INVITED = "FORCE_CHANGE_PASSWORD"


@dataclass(frozen=True)
class StaffPool:
    """The user pool of a shop's staff, and the client they sign in at."""

    cognito: "CognitoIdentityProviderClient" = field(repr=False)
    pool_id: str
    client_id: str


def of_workspace(workspace: Workspace) -> StaffPool:
    """Find the pool of the shop that the other commands are about."""
    cloud = Cloud(workspace)
    if cloud.stack_status() is None:
        raise CommandFailed("The shop is not deployed to this cloud yet; run pushcart up.")
    outputs = cloud.stack_outputs()
    return StaffPool(cloud.cognito, outputs["UserPoolId"], outputs["UserPoolClientId"])


def on_aws(stack: str) -> StaffPool:
    """Find the pool of a stack in the account and region of the person's own AWS settings."""
    session = boto3.Session()
    found = session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}
    return StaffPool(
        session.client("cognito-idp"), outputs["UserPoolId"], outputs["UserPoolClientId"]
    )


def invite(pool: StaffPool, email: str, roles: Sequence[Role], *, by_mail: bool) -> str | None:
    """Make somebody a member of staff; whoever is one already gets the roles and keeps the rest.

    Whoever was invited and has not signed in gets another first password, good for seven
    days again.

    Returns
    -------
    str | None
        The first password, to be handed over; None where Cognito mails it, or where there is
        none to hand over, for the person has one of their own.
    """
    status = _status(pool, email)
    first = None
    if status in {None, _INVITED}:
        first = None if by_mail else temporary_password()
        _send(pool, email, first, again=status is not None)
    for role in roles:
        pool.cognito.admin_add_user_to_group(
            UserPoolId=pool.pool_id, Username=email, GroupName=role.value
        )
    return first


def _status(pool: StaffPool, email: str) -> str | None:
    try:
        user = pool.cognito.admin_get_user(UserPoolId=pool.pool_id, Username=email)
    except pool.cognito.exceptions.UserNotFoundException:
        return None
    return user["UserStatus"]


def _send(pool: StaffPool, email: str, first: str | None, *, again: bool) -> None:
    if again and first is not None:
        pool.cognito.admin_set_user_password(
            UserPoolId=pool.pool_id, Username=email, Password=first, Permanent=False
        )
        return
    how: dict[str, Any] = {"DesiredDeliveryMediums": ["EMAIL"]}
    if first is not None:
        how = {"MessageAction": "SUPPRESS", "TemporaryPassword": first}
    elif again:
        how["MessageAction"] = "RESEND"
    pool.cognito.admin_create_user(
        UserPoolId=pool.pool_id,
        Username=email,
        # Unverified, an address could not be sent a code when its password is forgotten.
        UserAttributes=[
            {"Name": "email", "Value": email},
            {"Name": "email_verified", "Value": "true"},
        ],
        **how,
    )


def temporary_password() -> str:
    """Make a first password that every policy takes: upper, lower, digit and symbol."""
    return secrets.token_urlsafe(12) + "-aA1"


def sign_in(pool: StaffPool, email: str, password: str, choose: Callable[[str], str]) -> str:
    """Sign in, choosing a password of one's own where the first one was given; give the token.

    Parameters
    ----------
    choose
        Gives a new password; is told why it is asked.
    """
    refused = pool.cognito.exceptions
    why = "Choose a password of your own."
    try:
        answer = _begin(pool, email, password)
        while answer.get("ChallengeName") == NEW_PASSWORD_REQUIRED:
            try:
                answer = _answer(pool, email, answer, choose(why))
            except refused.InvalidPasswordException as error:
                why = f"{error.response['Error'].get('Message', 'Cognito refuses it')}."
                # A session that was answered is over.
                answer = _begin(pool, email, password)
    except (refused.NotAuthorizedException, refused.UserNotFoundException):
        raise CommandFailed(
            "Cognito does not take this password. A first one holds for seven days: "
            "another comes from pushcart staff add."
        ) from None
    if "AuthenticationResult" not in answer:
        raise CommandFailed(
            f"Cognito asks for {answer.get('ChallengeName')}, which is not for here."
        )
    token: str = answer["AuthenticationResult"]["AccessToken"]
    return token


def _begin(pool: StaffPool, email: str, password: str) -> dict[str, Any]:
    answer = pool.cognito.initiate_auth(
        ClientId=pool.client_id,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": email, "PASSWORD": password},
    )
    return cast("dict[str, Any]", answer)


def _answer(pool: StaffPool, email: str, asked: dict[str, Any], new: str) -> dict[str, Any]:
    # Cognito says by which name of the user it wants to be answered.
    name = asked.get("ChallengeParameters", {}).get("USER_ID_FOR_SRP", email)
    answer = pool.cognito.respond_to_auth_challenge(
        ClientId=pool.client_id,
        ChallengeName=NEW_PASSWORD_REQUIRED,
        Session=asked["Session"],
        ChallengeResponses={"USERNAME": name, "NEW_PASSWORD": new},
    )
    return cast("dict[str, Any]", answer)
