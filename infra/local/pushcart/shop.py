"""The shop's HTTP API, called as a storefront calls it and as staff do."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import httpx

from pushcart import staff
from pushcart.cloud import Cloud
from pushcart.problems import CommandFailed
from pushcart.workspace import Workspace

# API Gateway gives up after 29 seconds, so an answer comes before this or not at all.
_ANSWER_WITHIN_SECONDS = 40.0
_CONNECTIONS_MAX = 64


class Shop:
    """One deployed shop; may be used by many threads at once.

    As a storefront does, it keeps the token of each guest's order it placed, and sends it
    with what it asks about that order.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._client = httpx.Client(
            base_url=_address(workspace),
            timeout=_ANSWER_WITHIN_SECONDS,
            limits=httpx.Limits(max_connections=_CONNECTIONS_MAX),
            trust_env=False,
        )
        self._order_tokens: dict[str, str] = {}

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        query: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Send one request and give the answer, whatever it says.

        Parameters
        ----------
        path
            From `/`; a path under `/admin/` is called as staff.
        key
            The `Idempotency-Key`.

        Raises
        ------
        httpx.HTTPError
            There was no answer.
        """
        sent = dict(headers or {})
        if key:
            sent["Idempotency-Key"] = key
        if path.startswith("/admin/"):
            sent["Authorization"] = self._token
        order_token = self._order_tokens.get(_order_of(path, body))
        if order_token:
            sent.setdefault("X-Order-Token", order_token)
        answer = self._client.request(method, path, json=body, headers=sent, params=query)
        if path.endswith("/complete") and answer.is_success and "order_token" in answer.json():
            self._order_tokens[answer.json()["id"]] = answer.json()["order_token"]
        return answer

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
        """Send a body as it is, for it is signed, and give the answer, whatever it says."""
        sent = {"Content-Type": "application/json", **headers}
        return self._client.post(path, content=body, headers=sent)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        query: Mapping[str, str | int] | None = None,
    ) -> dict[str, Any]:
        """Send one request and give the answer's JSON.

        Raises
        ------
        CommandFailed
            The shop refused or did not answer; the sentence is the shop's own.
        """
        try:
            answer = self.call(method, path, body, key=key, query=query)
        except httpx.HTTPError as error:
            raise CommandFailed(f"The shop did not answer {method} {path}: {error}.") from None
        if not answer.is_success:
            raise CommandFailed(f"The shop refused {method} {path}: {refusal(answer)}.")
        document: dict[str, Any] = answer.json()
        return document

    @cached_property
    def _token(self) -> str:
        return staff.token(self._workspace)


def refusal(answer: httpx.Response) -> str:
    """Give an answer's problem as the shop put it, or what there is instead."""
    try:
        problem = answer.json()
    except ValueError:
        return f"{answer.status_code}"
    detail = problem.get("detail") or problem.get("message") or "no reason given"
    fields = "; ".join(f"{each['path']} {each['detail']}" for each in problem.get("errors") or [])
    return f"{answer.status_code} {detail}{f' ({fields})' if fields else ''}".rstrip(".")


def _order_of(path: str, body: Any) -> str:
    """Name the order that a guest's request is about; empty where it is about none."""
    if path == "/store/returns" and isinstance(body, dict):
        return str(body.get("order_id", ""))
    return path.split("/")[3] if path.startswith("/store/orders/") else ""


def _address(workspace: Workspace) -> str:
    if workspace.uses_embedded_cloud:
        return workspace.base_url
    # Another emulator has no address without the API's id in it.
    api = Cloud(workspace).stack_outputs()["ApiId"]
    return f"{workspace.cloud_url}/restapis/{api}/live/_user_request_"
