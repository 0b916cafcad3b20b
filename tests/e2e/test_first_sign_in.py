"""Somebody becomes a member of staff and signs in for the first time, as docs/staff.md says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from cloud_in_memory import ROOT
from e2e.command_line import environment, run_pushcart
from e2e.customers import new_email
from e2e.tokens import PASSWORD, Ask
from pushcart.cloud import Cloud
from pushcart.workspace import Workspace

pytestmark = pytest.mark.xdist_group("deployed_shop")


def _sign_in(
    shop: Workspace, email: str, *answers: str, at: tuple[str, ...] = (), **more: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("pushcart")), "staff", "sign-in", email, *at],
        env={**environment(shop), **more},
        input="".join(f"{answer}\n" for answer in answers),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _add(shop: Workspace, email: str, *options: str) -> str:
    added = run_pushcart(shop, "staff", "add", email, "--role", "packer", *options)
    assert added.returncode == 0, added.stderr
    assert email in added.stderr
    return added.stdout.strip()


def test_the_commands_of_the_page_make_a_packer_who_reads_orders(
    deployed_shop: Workspace, tmp_path: Path
) -> None:
    page = (ROOT / "docs/staff.md").read_text().partition("## The first sign-in")[2]
    (script,) = re.findall(r"```sh\n(.*?)```", page.partition("\n## ")[0], re.DOTALL)
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    given = {"WHO": new_email(), "OWN": PASSWORD, "SHOP": deployed_shop.base_url, "PATH": tools}
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env={**environment(deployed_shop), **given},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    assert "items" in json.loads(ran.stdout)


def test_a_first_password_opens_nothing_but_the_choice_of_another(
    deployed_shop: Workspace, ask: Ask
) -> None:
    email = new_email()
    first = _add(deployed_shop, email, "--show-password")

    unlike = _sign_in(deployed_shop, email, first, PASSWORD, PASSWORD + "!")
    assert (unlike.returncode, unlike.stdout) == (1, "")
    weak = _sign_in(deployed_shop, email, first, "short", "short", PASSWORD, PASSWORD)
    assert weak.returncode == 0, weak.stderr
    assert ask("GET /admin/orders", weak.stdout.strip()).status_code == 200
    assert ask("GET /admin/api-keys", weak.stdout.strip()).status_code == 403

    # From now on it is the password of her own, which is asked for nothing more.
    assert _sign_in(deployed_shop, email, PASSWORD).returncode == 0
    over = _sign_in(deployed_shop, email, first)
    assert over.returncode == 1
    assert "pushcart staff add" in over.stderr


def test_who_lost_the_first_password_gets_another_and_who_has_one_keeps_it(
    deployed_shop: Workspace, cloud: Cloud
) -> None:
    email = new_email()
    lost = _add(deployed_shop, email, "--show-password")
    found = _add(deployed_shop, email, "--show-password")
    assert lost != found
    assert _sign_in(deployed_shop, email, lost).returncode == 1
    assert _sign_in(deployed_shop, email, found, PASSWORD, PASSWORD).returncode == 0

    assert _add(deployed_shop, email, "--role", "auditor", "--show-password") == ""
    assert _sign_in(deployed_shop, email, PASSWORD).returncode == 0
    groups: Any = cloud.cognito.admin_list_groups_for_user(
        UserPoolId=cloud.stack_outputs()["UserPoolId"], Username=email
    )
    assert {group["GroupName"] for group in groups["Groups"]} == {"packer", "auditor"}


def test_whoever_is_mailed_can_be_mailed_again(deployed_shop: Workspace, cloud: Cloud) -> None:
    email = new_email()
    for _ in range(2):
        assert _add(deployed_shop, email) == ""
    user = cloud.cognito.admin_get_user(
        UserPoolId=cloud.stack_outputs()["UserPoolId"], Username=email
    )
    attributes = {each["Name"]: each.get("Value") for each in user["UserAttributes"]}
    assert user["UserStatus"] == "FORCE_CHANGE_PASSWORD"
    assert (attributes["email"], attributes["email_verified"]) == (email, "true")


def test_the_same_works_with_somebodys_own_settings_of_aws(deployed_shop: Workspace) -> None:
    """As against AWS itself: the SDK's own session and credentials, and a stack's name."""
    settings = {
        "AWS_ENDPOINT_URL": deployed_shop.cloud_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": deployed_shop.region,
    }
    email = new_email()
    # Nothing of the workspace's own shop is asked for.
    elsewhere = {**settings, "PUSHCART_CLOUD_PORT": "1", "PUSHCART_PORT": "2"}
    added = subprocess.run(
        [
            str(Path(sys.executable).with_name("pushcart")),
            *("staff", "add", email, "--role", "owner", "--show-password"),
            *("--aws", "--stack", "pushcart"),
        ],
        env={**environment(deployed_shop), **elsewhere},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert added.returncode == 0, added.stderr
    answers = (added.stdout.strip(), PASSWORD, PASSWORD)
    signed_in = _sign_in(deployed_shop, email, *answers, at=("--aws",), **elsewhere)
    assert signed_in.returncode == 0, signed_in.stderr


def test_a_back_office_does_it_with_two_calls_of_cognito(
    deployed_shop: Workspace, cloud: Cloud, ask: Ask
) -> None:
    email = new_email()
    first = _add(deployed_shop, email, "--show-password")
    client = cloud.stack_outputs()["UserPoolClientId"]

    def call(action: str, **body: Any) -> Any:
        answer = httpx.post(
            deployed_shop.cloud_url,
            headers={
                "Content-Type": "application/x-amz-json-1.1",
                "X-Amz-Target": f"AWSCognitoIdentityProviderService.{action}",
            },
            content=json.dumps({"ClientId": client, **body}),
            timeout=30,
            trust_env=False,
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    asked = call(
        "InitiateAuth",
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": email, "PASSWORD": first},
    )
    assert asked["ChallengeName"] == "NEW_PASSWORD_REQUIRED"
    assert "AuthenticationResult" not in asked
    with pytest.raises(AssertionError, match="Invalid session"):
        call(
            "RespondToAuthChallenge",
            ChallengeName="NEW_PASSWORD_REQUIRED",
            Session="another's",
            ChallengeResponses={"USERNAME": email, "NEW_PASSWORD": PASSWORD},
        )
    given = call(
        "RespondToAuthChallenge",
        ChallengeName="NEW_PASSWORD_REQUIRED",
        Session=asked["Session"],
        ChallengeResponses={"USERNAME": email, "NEW_PASSWORD": PASSWORD},
    )
    assert ask("GET /admin/orders", given["AuthenticationResult"]["AccessToken"]).status_code == 200
