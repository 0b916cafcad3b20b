"""The embedded cloud as one process: MiniStack and the shop's own address.

Run as ``python -m pushcart.emulator``; :mod:`pushcart.process` starts and stops it.
"""

import asyncio
import logging
import resource
import tempfile
from pathlib import Path

from pushcart.workspace import LOOPBACK, Workspace


def settings(workspace: Workspace) -> dict[str, str]:
    """Return MiniStack's settings; it reads them while it is imported."""
    state = workspace.state_dir
    return {
        "GATEWAY_PORT": str(workspace.cloud_port),
        "BIND_HOST": LOOPBACK,
        "MINISTACK_REGION": workspace.region,
        # IAM is enforced: a permission that is missing on AWS is missing here.
        "AUTH": "true",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        # A graceful stop writes everything below; the next start reads it.
        "PERSIST_STATE": "1",
        "STATE_DIR": str(state / "cloud"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(state / "s3"),
        # Workers unpack their code here, so two checkouts never meet in the system's folder.
        "TMPDIR": str(state / "tmp"),
        # Nobody uses these here, and each would open a port beyond this machine or cost a second.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        # At INFO every request and every state of an execution is a line.
        "LOG_LEVEL": "WARNING",
        # A checkout waits in one thread while its state machine runs in another.
        "MINISTACK_WORKER_THREADS": "256",
        # There is no X-Ray daemon: without this each invocation looks for one.
        "POWERTOOLS_TRACE_DISABLED": "true",
        "AWS_XRAY_SDK_ENABLED": "false",
        "PYTHONUNBUFFERED": "1",
    }


def main() -> None:
    """Serve the cloud and the shop until SIGTERM, then save the state."""
    workspace = Workspace.from_environment()
    Path(tempfile.gettempdir()).mkdir(parents=True, exist_ok=True)
    _raise_open_files_limit()

    # Imported here because MiniStack reads its settings from the environment at import.
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack.app import app as cloud

    from pushcart import (
        aws_errors,
        cors_preflight,
        event_delivery,
        first_passwords,
        gateway_responses,
        integration_failures,
        mail_permissions,
        method_settings,
        role_recorder,
        secure_transport,
        shared_logs,
        task_tokens,
        usage_keys,
        warm_start,
    )
    from pushcart.base_url import serve_at_port

    aws_errors.install()
    warm_start.install()
    event_delivery.install()
    cors_preflight.install()
    gateway_responses.install()
    first_passwords.install()
    integration_failures.install()
    method_settings.install()
    usage_keys.install()
    task_tokens.install()
    mail_permissions.install()
    secure_transport.install()
    shared_logs.install()
    role_recorder.install(workspace.role_uses)
    config = Config()
    config.bind = [
        f"{LOOPBACK}:{workspace.cloud_port}",
        f"{LOOPBACK}:{workspace.api_port}",
    ]
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"
    logging.getLogger("hypercorn.error").setLevel(logging.WARNING)
    asyncio.run(serve(serve_at_port(cloud, workspace.api_port), config))


def _raise_open_files_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    main()
