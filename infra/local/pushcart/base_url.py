"""The shop's one address, as a custom domain gives it on AWS.

A REST API's own address holds its id and its stage, and the id changes when the API is
replaced. This ASGI application listens on a port of its own and maps ``/`` to the stage of
the API named ``pushcart``, looked up at each request. A function that is called through it is
told the path that the caller asked for, which has no stage, as it is through a custom domain.
"""

import json
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

from ministack.services import apigateway_v1

from pushcart.workspace import STACK_NAME

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Event = dict[str, Any]

# Of the request at hand: each has a context of its own.
_at_base: ContextVar[bool] = ContextVar("at_base", default=False)

# SAM adds a stage of this name to every API; it is not the one the template asks for.
_SAM_STAGE = "Stage"
# Set by API Gateway itself on AWS, whatever the caller sent.
_FORWARDED = {b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-port"}


def serve_at_port(cloud: Application, api_port: int) -> Application:
    """Return the application for both ports: the API's on ``api_port``, else the cloud's."""
    apigateway_v1._build_lambda_event_v1 = _told_the_path_asked_for(
        apigateway_v1._build_lambda_event_v1
    )

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        arrived_at = (scope.get("server") or ("", 0))[1]
        if scope["type"] != "http" or arrived_at != api_port:
            await cloud(scope, receive, send)
            return
        stage = deployed_stage()
        if stage is None:
            await _answer_not_deployed(send)
        else:
            _at_base.set(True)
            await cloud(at_stage(scope, stage, api_port), receive, send)

    return application


def _told_the_path_asked_for(build: Callable[..., Event]) -> Callable[..., Event]:
    def build_event(*request: Any, **more: Any) -> Event:
        event = build(*request, **more)
        if _at_base.get():
            event["requestContext"]["path"] = event["path"]
        return event

    return build_event


def deployed_stage() -> str | None:
    """Return the path of the newest ``pushcart`` API's stage, or None before the first deploy."""
    newest: tuple[float, str] | None = None
    for (_account, _region, api_id), api in apigateway_v1._rest_apis.all_items():
        if api.get("name") != STACK_NAME:
            continue
        stages = sorted(set(apigateway_v1.stages_for_api(api_id)) - {_SAM_STAGE})
        created = float(api.get("createdDate") or 0)
        if stages and (newest is None or created > newest[0]):
            newest = (created, f"/restapis/{api_id}/{stages[0]}/_user_request_")
    return newest[1] if newest else None


def at_stage(scope: Scope, stage: str, api_port: int) -> Scope:
    """Return the request as the API's stage receives it; path and query stay as sent."""
    caller = (scope.get("client") or ("127.0.0.1", 0))[0]
    headers = [pair for pair in scope["headers"] if pair[0].lower() not in _FORWARDED]
    headers += [
        (b"x-forwarded-for", caller.encode()),
        (b"x-forwarded-proto", b"http"),
        (b"x-forwarded-port", str(api_port).encode()),
    ]
    raw_path = scope.get("raw_path") or scope["path"].encode()
    return {
        **scope,
        "path": stage + scope["path"],
        "raw_path": stage.encode() + raw_path,
        "headers": headers,
    }


async def _answer_not_deployed(send: Send) -> None:
    problem = {
        "type": "about:blank",
        "title": "Not deployed",
        "status": 503,
        "code": "not_deployed",
        "detail": "The shop is not deployed to this cloud yet: run pushcart deploy.",
    }
    headers = [(b"content-type", b"application/problem+json"), (b"retry-after", b"5")]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(problem).encode()})
