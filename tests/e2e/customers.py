"""Customers of the deployed shop, signed in, for tests."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import Any

import httpx

from commerce.customers.model import customer_id_of
from pushcart import mails
from pushcart.cloud import Cloud
from pushcart.shop import Shop
from pushcart.workspace import Workspace

PASSWORD = "correct horse battery staple"


def new_email(name: str = "customer") -> str:
    """Make an address that nobody has yet."""
    return f"{name}.{uuid.uuid4().hex[:12]}@example.com"


def mailed_codes(workspace: Workspace, email: str) -> list[str]:
    """Read the codes that were mailed to an address, newest first."""
    texts = [mail["BodyText"] for mail in mails.newest(workspace) if email in mail["To"]]
    return [code for text in texts for code in re.findall(r"\b[0-9]{6}\b", text)]


def newest_code(workspace: Workspace, email: str) -> str:
    """Read the code that was mailed to an address last."""
    return mailed_codes(workspace, email)[0]


@dataclass(frozen=True)
class SignedIn:
    """A customer with tokens."""

    shop: Shop
    id: str
    email: str
    access_token: str
    refresh_token: str

    @property
    def headers(self) -> dict[str, str]:
        """What a request of this customer's is sent with."""
        return {"Authorization": f"Bearer {self.access_token}"}

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        """Send one request as this customer and give the answer, whatever it says.

        `path` is below `/store/customers/me` where it does not begin with `/store`.
        """
        headers = {**self.headers, **more.pop("headers", {})}
        whole = path if path.startswith("/store") else f"/store/customers/me{path}"
        return self.shop.call(method, whole, body, headers=headers, **more)

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> dict[str, Any]:
        """Send one request as this customer and give the answer's JSON."""
        answer = self.call(method, path, body, **more)
        assert answer.is_success, (method, path, answer.text)
        document: dict[str, Any] = answer.json()
        return document


def signed_in(shop: Shop, cloud: Cloud, email: str | None = None) -> SignedIn:
    """Make a customer and sign in, past the shop: its own way takes as long as it must.

    The first read of `me` makes the shop's record.
    """
    email = email or new_email()
    outputs = cloud.stack_outputs()
    pool, client = outputs["CustomerPoolId"], outputs["CustomerClientId"]
    made = cloud.cognito.sign_up(ClientId=client, Username=email, Password=PASSWORD)
    cloud.cognito.admin_confirm_sign_up(UserPoolId=pool, Username=email)
    given = cloud.cognito.initiate_auth(
        ClientId=client,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": email, "PASSWORD": PASSWORD},
    )["AuthenticationResult"]
    customer = SignedIn(
        shop,
        customer_id_of(made["UserSub"]),
        email,
        given["AccessToken"],
        given["RefreshToken"],
    )
    assert customer.ask("GET", "")["id"] == customer.id
    return customer
