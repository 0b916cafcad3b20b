"""People with accounts, on the deployed shop."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from commerce.customers.attempts import CODES_SENT, CODES_TRIED, SIGN_INS, AttemptStore, Limit
from commerce.customers.pace import STEP_SECONDS
from commerce.dynamo.table import Table
from e2e.customers import PASSWORD, SignedIn, mailed_codes, new_email, newest_code, signed_in
from e2e.recovery import wait_until
from e2e.storefront import DESTINATION, Storefront, at_once
from pushcart.cloud import Cloud
from pushcart.shop import Shop
from pushcart.workspace import Workspace

pytestmark = pytest.mark.xdist_group("deployed_shop")

WRONG = "a wrong password it is"


@pytest.fixture(scope="module")
def shop(storefront: Storefront) -> Shop:
    """Give the deployed shop."""
    return storefront.shop


@pytest.fixture(scope="module")
def ada(shop: Shop, cloud: Cloud) -> SignedIn:
    """Give a customer who is signed in, whose record the first read made."""
    return signed_in(shop, cloud)


def post(shop: Shop, path: str, **body: Any) -> httpx.Response:
    return shop.call("POST", f"/store/customers{path}", body)


def done(answer: httpx.Response, status: int = 200) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    document: dict[str, Any] = answer.json()
    return document


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    problem = done(answer, status)
    assert problem.pop("request_id") == answer.headers["X-Request-Id"]
    assert problem["code"] == code
    return problem


def me(shop: Shop, token: str) -> httpx.Response:
    return shop.call("GET", "/store/customers/me", headers={"Authorization": f"Bearer {token}"})


# --- sign-up and sign-in --------------------------------------------------------


def test_somebody_registers_confirms_and_signs_in(shop: Shop, deployed_shop: Workspace) -> None:
    email = new_email("Ada")
    done(post(shop, "", email=email, password=PASSWORD, first_name="Ada"), 202)
    refused(post(shop, "/sessions", email=email, password=PASSWORD), 401, "wrong_credentials")
    refused(post(shop, "/confirm", email=email, code="000000"), 422, "invalid_code")
    done(post(shop, "/confirm", email=email, code=newest_code(deployed_shop, email.lower())))
    session = done(post(shop, "/sessions", email=email.upper(), password=PASSWORD))

    answer = me(shop, session["access_token"])

    assert session["expires_in"] == 900
    known = done(answer)
    assert (known["email"], known["first_name"]) == (email.lower(), "Ada")
    assert known["status"] == "active"
    assert answer.headers["ETag"] == f'"{known["version"]}"'


@pytest.mark.parametrize(
    "password", ["short", "x" * 257, " begins with a space", "with\ttab inside"]
)
def test_a_password_that_no_account_may_have_is_named(shop: Shop, password: str) -> None:
    answer = post(shop, "", email=new_email(), password=password)
    problem = refused(answer, 422, "invalid_request")
    assert {each["path"] for each in problem["errors"]} == {"$.password"}


def test_registering_twice_mails_the_code_again_and_keeps_the_first_password(
    shop: Shop, deployed_shop: Workspace
) -> None:
    email = new_email()
    for password in (PASSWORD, WRONG):
        done(post(shop, "", email=email, password=password), 202)
    assert len(mailed_codes(deployed_shop, email)) == 2
    done(post(shop, "/confirm", email=email, code=newest_code(deployed_shop, email)))
    refused(post(shop, "/sessions", email=email, password=WRONG), 401, "wrong_credentials")
    done(post(shop, "/sessions", email=email, password=PASSWORD))


# --- who has an account is told to nobody ----------------------------------------


def timed(shop: Shop, path: str, **body: Any) -> tuple[float, httpx.Response]:
    began = time.monotonic()
    answer = post(shop, path, **body)
    return time.monotonic() - began, answer


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("", {"password": WRONG}),
        ("/confirmation-codes", {}),
        ("/password-resets", {}),
        ("/sessions", {"password": WRONG}),
        ("/confirm", {"code": "000000"}),
        ("/password-resets/confirm", {"code": "000000", "password": WRONG}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_answer_is_the_same_and_as_late_with_an_account_and_without(
    shop: Shop, ada: SignedIn, path: str, more: dict[str, str]
) -> None:
    (late, known), (late_too, unknown) = at_once(
        lambda: timed(shop, path, email=ada.email, **more),
        lambda: timed(shop, path, email=new_email(), **more),
    )

    assert min(late, late_too) >= STEP_SECONDS
    assert known.status_code == unknown.status_code
    answers = known.json(), unknown.json()
    for answer in answers:
        answer.pop("request_id", None)
    assert answers[0] == answers[1]


def test_the_owner_of_an_address_is_not_disturbed(
    shop: Shop, ada: SignedIn, deployed_shop: Workspace
) -> None:
    before = mailed_codes(deployed_shop, ada.email)
    done(post(shop, "", email=ada.email, password=WRONG), 202)
    done(post(shop, "/confirmation-codes", email=ada.email), 202)
    assert mailed_codes(deployed_shop, ada.email) == before
    assert done(ada.call("GET", ""))["email"] == ada.email


@pytest.fixture(scope="module")
def attempts(cloud: Cloud) -> AttemptStore:
    """Give the shop's own count of attempts."""
    return AttemptStore(Table(cloud.stack_outputs()["CustomersTableName"], cloud.dynamodb))


def use_up(attempts: AttemptStore, limit: Limit, email: str) -> None:
    """Leave no attempt in this window, nor in the next, which may begin meanwhile."""
    now = datetime.now(UTC)
    for window in (now, now + timedelta(seconds=limit.seconds)):
        for _ in range(limit.most):
            attempts.wait_seconds(limit, email, window)


@pytest.mark.parametrize("has_account", [True, False])
def test_who_guesses_is_told_to_wait_with_an_account_and_without(
    shop: Shop, cloud: Cloud, attempts: AttemptStore, *, has_account: bool
) -> None:
    email = signed_in(shop, cloud).email if has_account else new_email()
    use_up(attempts, SIGN_INS, email)
    use_up(attempts, CODES_TRIED, email)

    for path, more in (
        ("/sessions", {"password": PASSWORD}),
        ("/confirm", {"code": "123456"}),
        ("/password-resets/confirm", {"code": "123456", "password": PASSWORD}),
    ):
        answer = post(shop, path, email=email, **more)
        refused(answer, 429, "too_many_requests")
        assert int(answer.headers["Retry-After"]) > 0


def test_nobodys_mailbox_is_filled_with_codes(
    shop: Shop, attempts: AttemptStore, deployed_shop: Workspace
) -> None:
    email = new_email()
    use_up(attempts, CODES_SENT, email)
    done(post(shop, "", email=email, password=PASSWORD), 202)
    assert mailed_codes(deployed_shop, email) == []


# --- sessions -------------------------------------------------------------------


def test_signing_out_ends_every_session(shop: Shop, cloud: Cloud) -> None:
    customer = signed_in(shop, cloud)
    other = done(post(shop, "/sessions", email=customer.email, password=PASSWORD))
    customer.ask("DELETE", "/sessions")

    for refresh_token in (customer.refresh_token, other["refresh_token"]):
        answer = post(shop, "/sessions/refresh", refresh_token=refresh_token)
        refused(answer, 401, "session_ended")
    for method, path in (("GET", "/export"), ("DELETE", "/sessions"), ("DELETE", "")):
        refused(customer.call(method, path), 401, "session_ended")
    change = {"password": PASSWORD, "new_password": WRONG}
    refused(customer.call("PUT", "/password", change), 401, "session_ended")
    assert me(shop, customer.access_token).status_code == 200  # for 15 minutes at most


def test_a_new_password_ends_all_other_sessions(shop: Shop, cloud: Cloud) -> None:
    customer = signed_in(shop, cloud)
    wrong = {"password": WRONG, "new_password": "another password"}
    problem = refused(customer.call("PUT", "/password", wrong), 422, "invalid_request")
    assert [each["path"] for each in problem["errors"]] == ["$.password"]

    change = {"password": PASSWORD, "new_password": WRONG}
    session = customer.ask("PUT", "/password", change)

    old = post(shop, "/sessions/refresh", refresh_token=customer.refresh_token)
    refused(old, 401, "session_ended")
    done(post(shop, "/sessions/refresh", refresh_token=session["refresh_token"]))
    email = customer.email
    refused(post(shop, "/sessions", email=email, password=PASSWORD), 401, "wrong_credentials")


def test_a_forgotten_password_is_set_anew_and_ends_all_sessions(
    shop: Shop, cloud: Cloud, deployed_shop: Workspace
) -> None:
    customer = signed_in(shop, cloud)
    done(post(shop, "/password-resets", email=customer.email), 202)
    code = newest_code(deployed_shop, customer.email)
    reset = {"email": customer.email, "code": code, "password": WRONG}
    done(post(shop, "/password-resets/confirm", **reset))

    refused(post(shop, "/password-resets/confirm", **reset), 422, "invalid_code")
    old = post(shop, "/sessions/refresh", refresh_token=customer.refresh_token)
    refused(old, 401, "session_ended")
    done(post(shop, "/sessions", email=customer.email, password=WRONG))


# --- tokens that open nothing -----------------------------------------------------


def _decoded(part: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return document


def _encoded(document: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


@pytest.fixture(scope="module")
def expired(ada: SignedIn, cloud: Cloud) -> str:
    """Give a token of the pool that held for a second."""
    pool = cloud.stack_outputs()["CustomerPoolId"]
    client = cloud.cognito.create_user_pool_client(
        UserPoolId=pool,
        ClientName="short",
        AccessTokenValidity=1,
        TokenValidityUnits={"AccessToken": "seconds"},
        ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"],
    )["UserPoolClient"]["ClientId"]
    parameters = {"USERNAME": ada.email, "PASSWORD": PASSWORD}
    token: str = _tokens(cloud, client, parameters)["AccessToken"]
    claims = _decoded(token.split(".")[1])
    assert claims["exp"] - claims["iat"] <= 1
    wait_until(lambda: time.time() > claims["exp"] + 1, "the token to expire")
    cloud.cognito.delete_user_pool_client(UserPoolId=pool, ClientId=client)
    return token


def _tokens(cloud: Cloud, client: str, parameters: dict[str, str]) -> dict[str, Any]:
    answer = cloud.cognito.initiate_auth(
        ClientId=client, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=parameters
    )
    return dict(answer["AuthenticationResult"])


def test_no_token_but_an_access_token_of_the_pool_is_let_in(
    shop: Shop, cloud: Cloud, ada: SignedIn, expired: str, staff_token: str
) -> None:
    head, claims, signature = ada.access_token.split(".")
    stranger = {**_decoded(claims), "sub": "00000000-0000-4000-8000-000000000000"}
    client = cloud.stack_outputs()["CustomerClientId"]
    own = _tokens(cloud, client, {"USERNAME": ada.email, "PASSWORD": PASSWORD})
    tokens = {
        "expired": expired,
        "of another pool": staff_token,
        "an id token": own["IdToken"],
        "a refresh token": own["RefreshToken"],
        "of somebody else": f"{head}.{_encoded(stranger)}.{signature}",
        "unsigned": f"{_encoded({'alg': 'none', 'typ': 'JWT'})}.{claims}.",
        "words": "let-me-in",
    }
    for kind, token in tokens.items():
        answer = me(shop, token)
        assert answer.status_code == 401, kind
        refused(answer, 401, "unauthenticated")
    refused(shop.call("GET", "/store/customers/me"), 401, "unauthenticated")


def test_a_customers_token_is_no_staff_token(deployed_shop: Workspace, ada: SignedIn) -> None:
    answer = httpx.get(
        f"{deployed_shop.base_url}/admin/customers",
        headers=ada.headers,
        timeout=40,
        trust_env=False,
    )
    refused(answer, 401, "unauthenticated")


# --- the account and the address book ---------------------------------------------


def test_a_change_of_what_was_changed_since_is_refused(ada: SignedIn) -> None:
    seen = ada.ask("GET", "")["version"]
    tag = {"If-Match": f'"{seen}"'}
    changed = ada.ask("PATCH", "", {"first_name": "Ada", "phone": "+442079460000"}, headers=tag)
    assert changed["version"] == seen + 1

    refused(ada.call("PATCH", "", {"first_name": "Eve"}, headers=tag), 412, "stale_version")
    refused(ada.call("PATCH", "", {"first_name": "Eve"}), 428, "precondition_required")
    for field in ("email", "status", "id"):
        answer = ada.call("PATCH", "", {field: "x"}, headers=tag)
        refused(answer, 422, "invalid_request")
    assert ada.ask("GET", "")["first_name"] == "Ada"


def test_a_book_has_one_default_and_each_sees_only_its_own(shop: Shop, cloud: Cloud) -> None:
    customer, other = signed_in(shop, cloud), signed_in(shop, cloud)
    first = customer.ask("POST", "/addresses", DESTINATION)
    second = customer.ask("POST", "/addresses", {**DESTINATION, "default": True})
    assert [each["default"] for each in customer.ask("GET", "/addresses")["items"]] == [False, True]
    customer.ask("PATCH", f"/addresses/{first['id']}", {"default": True, "address_region": "Kent"})
    for method, body in (("PATCH", {"default": True}), ("DELETE", None)):
        refused(other.call(method, f"/addresses/{first['id']}", body), 404, "not_found")
    (left,) = customer.ask("DELETE", f"/addresses/{first['id']}")["items"]

    assert (left["id"], left["default"]) == (second["id"], True)
    assert other.ask("GET", "")["addresses"] == []


def test_the_same_address_sent_twice_with_its_key_is_one(ada: SignedIn) -> None:
    before = len(ada.ask("GET", "/addresses")["items"])
    for _ in range(2):
        ada.ask("POST", "/addresses", DESTINATION, key="my-new-flat")
    assert len(ada.ask("GET", "/addresses")["items"]) == before + 1


# --- everything about me, and nothing any more --------------------------------------


@pytest.fixture(scope="module")
def leaving(shop: Shop, cloud: Cloud) -> SignedIn:
    """Give a customer with an address, who has ordered as a guest."""
    customer = signed_in(shop, cloud)
    customer.ask("POST", "/addresses", DESTINATION)
    return customer


def test_an_export_has_all_and_a_deletion_leaves_nobodys_name(
    storefront: Storefront, leaving: SignedIn
) -> None:
    shop, email = storefront.shop, leaving.email
    (sku,) = storefront.stocked(5)
    cart = storefront.cart({sku: 2}, email=email)
    leaving.ask("POST", f"/carts/{cart['id']}/claim")
    order = done(storefront.complete(storefront.cart({sku: 1}, email=email)))
    refusal = refused(leaving.call("DELETE", ""), 409, "open_orders")
    assert refusal["order_ids"] == [order["id"]]
    wait_until(lambda: bool(leaving.ask("GET", "/export")["emails"]), "the order's e-mail")

    held = leaving.ask("GET", "/export")
    assert (held["account"]["email"], len(held["account"]["addresses"])) == (email, 1)
    assert [each["id"] for each in held["orders"]] == [order["id"]]
    assert [each["id"] for each in held["carts"]] == [cart["id"]]
    assert held["emails"][0]["to"] == email

    path, words = f"/store/orders/{order['id']}/cancel", "I move to Coal Mine Lane"
    token = {"X-Order-Token": order["order_token"]}
    done(shop.call("POST", path, {"reason": words}, headers=token), 202)
    wait_until(lambda: storefront.order(order["id"])["status"] == "canceled", "the cancellation")
    assert leaving.ask("DELETE", "") == {"id": leaving.id, "status": "deleted"}

    refused(me(shop, leaving.access_token), 401, "session_ended")
    for _ in range(2):
        late = leaving.call("POST", "/addresses", DESTINATION, key="one more")
        refused(late, 401, "session_ended")
    assert shop.call("GET", f"/store/carts/{cart['id']}").status_code == 404
    refused(post(shop, "/sessions", email=email, password=PASSWORD), 401, "wrong_credentials")
    kept = json.dumps(storefront.order(order["id"])) + json.dumps(
        shop.ask("GET", "/admin/emails", query={"order_id": order["id"]})
    )
    assert not [each for each in (email, "Ada", "High Street", words) if each in kept]
    tombstone = shop.ask("GET", f"/admin/customers/{leaving.id}")
    assert (tombstone["status"], tombstone["addresses"]) == ("deleted", [])
    assert "email" not in tombstone
    assert storefront.units(sku) == (5, 0, 0)


def test_an_address_is_free_again_once_its_account_is_deleted(shop: Shop, cloud: Cloud) -> None:
    customer = signed_in(shop, cloud)
    customer.ask("DELETE", "")
    again = signed_in(shop, cloud, customer.email)

    assert again.id != customer.id
    assert again.ask("GET", "")["addresses"] == []
    found = shop.ask("GET", "/admin/customers", query={"email": customer.email})["items"]
    assert [each["id"] for each in found] == [again.id]


def test_staff_page_through_customers_newest_first(shop: Shop, cloud: Cloud) -> None:
    made = [signed_in(shop, cloud).id for _ in range(3)]
    first = shop.ask("GET", "/admin/customers", query={"limit": 2})
    query: dict[str, str | int] = {"limit": 2, "cursor": first["next_cursor"]}
    second = shop.ask("GET", "/admin/customers", query=query)

    found = [each["id"] for each in first["items"] + second["items"]]
    assert found[:3] == made[::-1]
