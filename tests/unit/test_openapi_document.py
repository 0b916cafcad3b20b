"""The API's document says what the operations do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel

from cloud_in_memory import ROOT
from commerce import errors
from commerce.entry.http import Nothing, Operation
from commerce.entry.problems import STATUS, status_of
from commerce.errors import InternalError, NotFound, OutOfStock, PreconditionRequired, StaleVersion
from pushcart.api_document import PATH, Endpoint, document, endpoints, refusals_of, render

Json = dict[str, Any]


class Book(BaseModel):
    """A book."""

    title: str
    subtitle: str | None = None


class BooksQuery(BaseModel):
    """Which books."""

    author: str | None = None
    limit: int = 20


def _operation(route: str = "GET /store/carts/{id}", **changes: Any) -> Operation:
    method, path = route.split()
    declared: Json = {
        "method": method,
        "path": path,
        "summary": "Do",
        "body": Nothing,
        "query": Nothing,
        "returns": Book,
        "status": 200,
        "problems": (),
        "creates": False,
        "keyed": False,
        "also": {},
        **changes,
    }
    return Operation(**declared)


def _written(operation: Operation, *answers_with: str) -> Json:
    endpoint = Endpoint("carts", "do", operation, "More.", answers_with)
    whole = document([endpoint])
    written: Json = whole["paths"][operation.path][operation.method.lower()]
    return {**written, "responses": dict(_responses(whole, written))}


def _responses(whole: Json, written: Json) -> Iterator[tuple[str, Json]]:
    """Give an operation's answers, also those that it shares with others."""
    for status, answer in written["responses"].items():
        name = answer.get("$ref", "").rpartition("/")[2]
        yield status, whole["components"]["responses"][name] if name else answer


def _parameters(written: Json) -> dict[str, bool]:
    return {one["name"]: one["required"] for one in written.get("parameters", [])}


@pytest.fixture(scope="module")
def fresh() -> Json:
    """Give the document of the code as it is now."""
    return document(list(endpoints(ROOT)))


def test_the_served_document_is_that_of_the_code() -> None:
    same = (ROOT / PATH).read_text("utf-8") == render(ROOT)

    assert same, f"{PATH} is not what the operations declare: run `make openapi`"


def test_it_is_valid_openapi_3_1(fresh: Json) -> None:
    assert fresh["openapi"].startswith("3.1")
    assert not [str(error) for error in OpenAPIV31SpecValidator(fresh).iter_errors()]


def test_every_operation_has_a_name_of_its_own(fresh: Json) -> None:
    names = [one["operationId"] for path in fresh["paths"].values() for one in path.values()]

    assert len(names) == len(set(names)) > 20


def test_every_error_that_has_a_status_is_declared_by_some_operation(fresh: Json) -> None:
    declared = {(one["code"], one["status"]) for one in _problem_examples(fresh)}

    # Met by tasks alone, or the family of the errors that are worth another try.
    inside = {
        errors.OrderCanceled,
        errors.IllegalTransition,
        errors.NotReserved,
        errors.MailRefused,
        errors.TransientError,
    }
    assert {(kind.code(), status) for kind, status in STATUS.items() if kind not in inside} <= (
        declared
    )


def test_an_example_stands_under_its_status(fresh: Json) -> None:
    for path in fresh["paths"].values():
        for operation in path.values():
            for status, answer in _responses(fresh, operation):
                for example in _examples(answer):
                    assert example["status"] == int(status)


def _problem_examples(written: Json) -> Iterator[Json]:
    for path in written["paths"].values():
        for operation in path.values():
            for _, answer in _responses(written, operation):
                yield from _examples(answer)


def _examples(answer: Json) -> list[Json]:
    problem = answer["content"].get("application/problem+json", {})
    return [example["value"] for example in problem.get("examples", {}).values()]


def test_staff_operations_ask_for_a_token_and_others_do_not() -> None:
    staff = _written(_operation("GET /admin/orders/{id}"))
    public = _written(_operation())

    assert staff["security"] == [{"staff": []}]
    assert {"401", "403"} <= staff["responses"].keys()
    assert "security" not in public
    assert not {"401", "403"} & public["responses"].keys()


def test_the_key_is_offered_where_a_repeat_is_safe_and_asked_for_where_it_must_be() -> None:
    assert "Idempotency-Key" not in _parameters(_written(_operation()))
    assert not _parameters(_written(_operation(creates=True)))["Idempotency-Key"]
    assert _parameters(_written(_operation(keyed=True)))["Idempotency-Key"]


def test_if_match_is_asked_for_where_an_update_without_it_is_refused() -> None:
    may = _operation(problems=(StaleVersion,))
    must = _operation(problems=(StaleVersion, PreconditionRequired))

    assert _parameters(_written(may))["If-Match"] is False
    assert _parameters(_written(must))["If-Match"] is True
    assert {"412", "428"} <= _written(must)["responses"].keys()


def test_problems_of_one_status_stand_together_by_code() -> None:
    answers = _written(_operation(problems=(OutOfStock, NotFound)))["responses"]

    problem = answers["409"]["content"]["application/problem+json"]
    assert problem["schema"]["properties"]["code"]["enum"] == ["out_of_stock"]
    assert problem["examples"]["out_of_stock"]["value"]["status"] == 409
    assert "`not_found`" in answers["404"]["description"]


def test_what_is_worth_another_try_says_when() -> None:
    answers = _written(_operation())["responses"]

    assert "Retry-After" in answers["503"]["headers"]
    assert "Retry-After" not in answers["500"]["headers"]


def test_every_operation_may_break() -> None:
    assert InternalError in refusals_of(_operation())
    assert status_of(InternalError) == 500


def test_a_query_is_written_field_by_field_and_without_null() -> None:
    written = _written(_operation(query=BooksQuery))
    by_name = {one["name"]: one for one in written["parameters"]}

    assert by_name["author"]["schema"] == {"type": "string"}
    assert by_name["limit"]["schema"] == {"type": "integer", "default": 20}
    assert not by_name["limit"]["required"]


def test_an_answers_headers_are_those_its_code_writes(fresh: Json) -> None:
    product = fresh["paths"]["/admin/products"]["post"]["responses"]["201"]["headers"]
    cart = fresh["paths"]["/store/carts/{id}"]["get"]["responses"]["200"]["headers"]

    assert product.keys() == {"X-Request-Id", "ETag", "Location"}
    assert cart.keys() == {"X-Request-Id"}


def test_a_field_left_out_when_empty_is_not_promised() -> None:
    schemas = document([Endpoint("carts", "do", _operation())])["components"]["schemas"]

    assert schemas["Book"]["required"] == ["title"]


def test_a_page_shows_its_items_and_promises_a_cursor(fresh: Json) -> None:
    page = fresh["components"]["schemas"]["StoreProductList"]

    assert page["properties"]["items"]["items"] == {"$ref": "#/components/schemas/StoreProduct"}
    assert set(page["required"]) == {"items", "next_cursor"}


def test_no_body_is_left_without_a_shape(fresh: Json) -> None:
    assert not [
        name
        for name, schema in fresh["components"]["schemas"].items()
        if schema["type"] == "object" and "properties" not in schema
    ]
