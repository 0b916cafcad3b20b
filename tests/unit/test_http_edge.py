from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field

from commerce.dynamo.table import dynamodb_client
from commerce.entry import http
from commerce.entry.problems import problem
from commerce.errors import IllegalTransition, OutOfStock, Throttled

CART = f"cart_{'0' * 36}"


class Wish(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    names: list[str] = Field(min_length=1)
    amount: int = Field(default=1, ge=1)


class Wished(BaseModel):
    echo: list[str]
    nothing: str | None = None


@dataclass
class Context:
    aws_request_id: str = "lambda-request"
    function_name: str = "wish"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn"

    def get_remaining_time_in_millis(self) -> int:
        return 3000


class Wishes:
    """An operation that counts its effects."""

    def __init__(self, route: str = "POST /store/carts/{id}/wishes", **declared: Any) -> None:
        self.granted: list[str] = []

        @http.operation(
            route, "Make a wish", body=Wish, returns=Wished, status=201, creates=True, **declared
        )
        def handler(request: http.Request[Wish, http.Nothing]) -> http.Response:
            name = request.body.names[0]
            if name == "stock":
                raise OutOfStock("none left", short_lines=[{"sku": "MUG"}])
            if name == "busy":
                raise Throttled("slow down")
            if name == "bug":
                raise RuntimeError("secret inside")
            self.granted.append(name)
            return http.Response(Wished(echo=request.body.names))

        self.handler = handler

    def call(self, body: Any, **event: Any) -> tuple[int, dict[str, Any], dict[str, str]]:
        text = body if isinstance(body, str) else json.dumps(body)
        headers = event.pop("headers", {})
        request = {
            "body": text,
            "headers": headers,
            "pathParameters": {"id": CART},
            "requestContext": {"requestId": "request-1", **event},
        }
        answer = self.handler(request, Context())
        return answer["statusCode"], json.loads(answer["body"]), answer["headers"]


def test_an_answer_carries_the_body_without_nulls_and_the_request_id() -> None:
    status, body, headers = Wishes().call({"names": ["pony"]})
    assert (status, body) == (201, {"echo": ["pony"]})
    assert headers["X-Request-Id"] == "request-1"


@pytest.mark.parametrize("text", ["", "{", "[1", '{"names": NaN}', "[" * 100_000])
def test_a_body_that_is_not_json_is_a_400(text: str) -> None:
    status, problem, headers = Wishes().call(text)
    assert (status, problem["code"]) == (400, "malformed_json")
    assert headers["Content-Type"] == "application/problem+json"


def test_every_field_that_is_wrong_is_named_with_its_path() -> None:
    status, problem, _ = Wishes().call({"names": ["a", 7], "amount": 0, "price": 1})
    assert (status, problem["code"]) == (422, "invalid_request")
    assert {error["path"] for error in problem["errors"]} == {"$.names[1]", "$.amount", "$.price"}


@pytest.mark.parametrize(
    ("amount", "status"), [("2.0", 201), ("2e0", 201), ("2.5", 422), ("1e999", 422)]
)
def test_a_number_is_what_it_is_however_it_is_written(amount: str, status: int) -> None:
    answered, _, _ = Wishes().call(f'{{"names": ["pony"], "amount": {amount}}}')
    assert answered == status


def test_a_named_error_keeps_its_details() -> None:
    status, problem, _ = Wishes().call({"names": ["stock"]})
    assert status == 409
    assert problem["type"] == "urn:pushcart:problem:out_of_stock"
    assert problem["short_lines"] == [{"sku": "MUG"}]


def test_a_fact_does_not_take_the_place_of_a_member_of_the_document() -> None:
    told = problem(IllegalTransition("it is canceled", status="canceled"), "request-1")
    assert (told["status"], told["current_status"]) == (409, "canceled")


def test_a_transient_error_says_when_to_come_back() -> None:
    status, problem, headers = Wishes().call({"names": ["busy"]})
    assert (status, problem["code"], headers["Retry-After"]) == (503, "throttled", "1")


def test_a_bug_shows_nothing_of_the_inside() -> None:
    status, problem, _ = Wishes().call({"names": ["bug"]})
    assert (status, problem["code"], problem["request_id"]) == (500, "internal_error", "request-1")
    assert "secret" not in json.dumps(problem)


PERSON = {"kind": "staff", "id": "1", "name": "ada@example.com"}
KEY = {"kind": "key", "id": "key_1", "name": "Till (key_1)"}


@pytest.mark.parametrize(
    ("context", "status"),
    [
        ({}, 401),
        ({"claims": {"sub": "1", "cognito:groups": "owner"}}, 401),
        ({**PERSON, "kind": "customer", "roles": "owner"}, 401),
        (PERSON, 403),
        ({**PERSON, "roles": "ownership packers"}, 403),
        ({**PERSON, "roles": "packer auditor"}, 403),
        ({**PERSON, "roles": "packer manager"}, 201),
        ({**KEY, "scopes": "products:read orders:write"}, 403),
        ({**KEY, "scopes": "owner"}, 403),
        ({**KEY, "scopes": "orders:read products:write"}, 201),
    ],
)
@pytest.mark.usefixtures("audit_trail")
def test_an_admin_route_is_for_its_roles_and_its_scope(
    context: dict[str, Any], status: int
) -> None:
    wishes = Wishes("POST /admin/products")
    answered, told, _ = wishes.call({"names": ["pony"]}, authorizer=context)
    assert answered == status
    assert bool(wishes.granted) == (status == 201)
    if status == 403:
        assert "owner, manager" in told["detail"]
        assert "products:write" in told["detail"]


def test_a_route_that_nobody_gave_access_to_admits_nobody() -> None:
    wishes = Wishes("POST /admin/orders/wishes")
    answered, _, _ = wishes.call(
        {"names": ["pony"]}, authorizer={**PERSON, "roles": "owner", "scopes": ""}
    )
    assert (answered, wishes.granted) == (403, [])


@pytest.mark.usefixtures("idempotency_records")
def test_a_repeated_call_has_one_effect_and_the_first_answer() -> None:
    wishes = Wishes()
    first = wishes.call({"names": ["pony"]}, headers={"Idempotency-Key": "k1"})
    again = wishes.call({"names": ["pony"]}, headers={"idempotency-key": "k1"})
    assert first[:2] == again[:2] == (201, {"echo": ["pony"]})
    assert wishes.granted == ["pony"]


@pytest.mark.usefixtures("idempotency_records")
def test_what_is_shown_once_is_in_the_first_answer_alone() -> None:
    wishes = Wishes(shown_once=("echo",))
    first = wishes.call({"names": ["pony"]}, headers={"Idempotency-Key": "k1"})
    again = wishes.call({"names": ["pony"]}, headers={"Idempotency-Key": "k1"})
    assert (first[:2], again[:2]) == ((201, {"echo": ["pony"]}), (201, {}))
    assert wishes.granted == ["pony"]


@pytest.mark.usefixtures("idempotency_records")
def test_a_key_that_comes_with_another_body_is_a_422() -> None:
    wishes = Wishes()
    wishes.call({"names": ["pony"]}, headers={"Idempotency-Key": "k1"})
    status, problem, _ = wishes.call({"names": ["car"]}, headers={"Idempotency-Key": "k1"})
    assert (status, problem["code"]) == (422, "idempotency_key_reused")
    assert wishes.granted == ["pony"]


@pytest.mark.usefixtures("idempotency_records")
def test_a_refused_call_may_be_tried_again_with_its_key() -> None:
    wishes = Wishes()
    assert wishes.call({"names": ["stock"]}, headers={"Idempotency-Key": "k1"})[0] == 409
    assert wishes.call({"names": ["stock"]}, headers={"Idempotency-Key": "k1"})[0] == 409


@pytest.mark.usefixtures("idempotency_records")
def test_an_answer_larger_than_an_item_is_kept_too() -> None:
    wishes = Wishes(body_bytes_max=2_000_000)
    names = [f"wish number {n} of very many" for n in range(20_000)]
    wishes.call({"names": names}, headers={"Idempotency-Key": "k1"})
    status, body, _ = wishes.call({"names": names}, headers={"Idempotency-Key": "k1"})
    assert (status, body["echo"]) == (201, names)
    assert len(wishes.granted) == 1


class Answering:
    """What AWS answers to a call, in the place of what it would do."""

    def __init__(self, status_code: int) -> None:
        self.status_code = status_code


@contextmanager
def failing(call: str) -> Iterator[None]:
    """Let the database take no call of this name."""

    def fail(**_: object) -> Any:
        error = {"Code": "ProvisionedThroughputExceededException", "Message": "slower"}
        return Answering(400), {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 400}}

    events, name = dynamodb_client().meta.events, f"before-call.dynamodb.{call}"
    events.register_first(name, fail)
    try:
        yield
    finally:
        events.unregister(name, fail)


@pytest.mark.usefixtures("idempotency_records")
def test_a_call_whose_key_cannot_be_looked_up_is_not_begun_and_may_come_again() -> None:
    wishes, key = Wishes(), {"Idempotency-Key": "k1"}
    with failing("PutItem"):
        status, problem, headers = wishes.call({"names": ["pony"]}, headers=key)
    assert (status, problem["code"], headers["Retry-After"]) == (503, "throttled", "1")
    assert wishes.granted == []
    assert wishes.call({"names": ["pony"]}, headers=key)[0] == 201


@pytest.mark.usefixtures("idempotency_records")
def test_what_was_done_is_answered_so_even_where_the_answer_cannot_be_kept() -> None:
    wishes, key = Wishes(), {"Idempotency-Key": "k1"}
    with failing("UpdateItem"):
        status, body, _ = wishes.call({"names": ["pony"]}, headers=key)
    assert (status, body) == (201, {"echo": ["pony"]})
    # As long as the function might still run, nobody else begins.
    assert wishes.call({"names": ["pony"]}, headers=key)[1]["code"] == "request_in_progress"
    assert wishes.granted == ["pony"]


@pytest.mark.usefixtures("idempotency_records")
def test_a_refusal_is_told_even_where_its_key_cannot_be_given_free() -> None:
    with failing("DeleteItem"):
        status, problem, _ = Wishes().call({"names": ["stock"]}, headers={"Idempotency-Key": "k1"})
    assert (status, problem["code"]) == (409, "out_of_stock")


@pytest.mark.parametrize("key", ["", "   ", "k" * 256])
def test_an_idempotency_key_out_of_bounds_is_a_400(key: str) -> None:
    status, problem, _ = Wishes().call({"names": ["pony"]}, headers={"Idempotency-Key": key})
    assert (status, problem["code"]) == (400, "idempotency_key_required")
