"""What runs, where it listens and whether it is well."""

from typing import TypedDict

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from pushcart import process
from pushcart.cloud import Cloud
from pushcart.workspace import STACK_NAME, Workspace


class Health(TypedDict):
    """One word a part; `ok` or what is wrong."""

    emulator: str
    stack: str
    api: str


class Status(TypedDict):
    """Everything `pushcart status --json` prints."""

    base_url: str
    docs_url: str
    cloud_url: str
    stack_name: str
    region: str
    state_dir: str
    pid: int | None
    health: Health
    outputs: dict[str, str]


def read(workspace: Workspace) -> Status:
    """Ask each part how it is; nothing here raises for a part that is down."""
    stack, outputs = _stack(workspace)
    return Status(
        base_url=workspace.base_url,
        docs_url=workspace.docs_url,
        cloud_url=workspace.cloud_url,
        stack_name=STACK_NAME,
        region=workspace.region,
        state_dir=str(workspace.state_dir),
        pid=process.running_pid(workspace),
        health=Health(
            emulator="ok" if process.answers(workspace) else "stopped",
            stack=stack,
            api=_api(workspace),
        ),
        outputs=outputs,
    )


def is_well(status: Status) -> bool:
    """Whether every part is ok."""
    return set(status["health"].values()) == {"ok"}


def _stack(workspace: Workspace) -> tuple[str, dict[str, str]]:
    if not process.answers(workspace):
        return "unknown", {}
    cloud = Cloud(workspace)
    try:
        found = cloud.stack_status()
        if found is None:
            return "not deployed", {}
        outputs = cloud.stack_outputs()
    except (BotoCoreError, ClientError) as error:
        return f"unknown: {error}", {}
    return ("ok" if found.endswith(("CREATE_COMPLETE", "UPDATE_COMPLETE")) else found), outputs


def _api(workspace: Workspace) -> str:
    try:
        reply = httpx.get(f"{workspace.base_url}/openapi.json", timeout=10, trust_env=False)
    except httpx.HTTPError:
        return "stopped"
    if reply.is_success:
        return "ok"
    return "not deployed" if reply.status_code == 503 else f"answers {reply.status_code}"
