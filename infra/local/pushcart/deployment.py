"""The real template.yaml, deployed with `sam deploy`, and only when something changed."""

import hashlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from pushcart.cloud import Cloud
from pushcart.problems import CommandFailed
from pushcart.workspace import STACK_NAME, Workspace

_DEPLOYED = {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
_ARTIFACTS_BUCKET = "pushcart-artifacts"
_SOURCES = (
    "template.yaml",
    "samconfig.toml",
    "infra/monitoring.yaml",
    "functions",
    "layers",
    "stepflows",
)
# The ways SAM and CloudFormation say what is wrong, the clearest first.
_REASONS = (
    re.compile(r"^Error: (.+)", re.MULTILINE),
    re.compile(r"^\w+_FAILED\s+(.+)", re.MULTILINE),
    re.compile(r"^[\w.]+(?:Exception|Error): (.+)", re.MULTILINE),
)


def deploy_if_changed(workspace: Workspace) -> bool:
    """Deploy the template unless this very code is deployed already; return whether it was."""
    sources = _hash(workspace)
    if _last_deployed(workspace) == sources and Cloud(workspace).stack_status() in _DEPLOYED:
        return False
    deploy(workspace)
    return True


def deploy(workspace: Workspace) -> None:
    """Deploy the template to the workspace's cloud and remember what was deployed."""
    sources = _hash(workspace)
    _make_artifacts_bucket(workspace)
    _keep_sam_from_looking_for_news(workspace)
    run = subprocess.run(
        [str(Path(sys.executable).with_name("sam")), "deploy", "--config-env", "local"],
        cwd=workspace.root,
        env=workspace.command_environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    log = workspace.state_dir / "deploy.log"
    log.write_text(run.stdout + run.stderr)
    if run.returncode != 0:
        raise CommandFailed(f"{_reason(run.stderr + run.stdout)} All of the deploy is in {log}.")
    _record(workspace).write_text(json.dumps({"sources": sources, "cloud": workspace.cloud_url}))


def _reason(output: str) -> str:
    for reason in _REASONS:
        said = reason.findall(output)
        if said:
            return f"The deploy failed: {said[-1].strip().rstrip('.')}."
    return "The deploy failed."


def _keep_sam_from_looking_for_news(workspace: Workspace) -> None:
    """Let a deploy ask nothing of the network: SAM would look for a newer version of itself."""
    settings = Path(workspace.command_environment["__SAM_CLI_APP_DIR"]) / "metadata.json"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(json.dumps({"telemetryEnabled": False, "lastVersionCheck": time.time()}))


def _make_artifacts_bucket(workspace: Workspace) -> None:
    s3 = Cloud(workspace).s3
    names = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    if _ARTIFACTS_BUCKET not in names:
        s3.create_bucket(Bucket=_ARTIFACTS_BUCKET)


def _record(workspace: Workspace) -> Path:
    return workspace.state_dir / f"deployed-{STACK_NAME}.json"


def _last_deployed(workspace: Workspace) -> str | None:
    try:
        record = json.loads(_record(workspace).read_text())
    except (FileNotFoundError, ValueError):
        return None
    return str(record["sources"]) if record.get("cloud") == workspace.cloud_url else None


def _hash(workspace: Workspace) -> str:
    if not workspace.template.is_file():
        raise CommandFailed(f"There is no template.yaml in {workspace.root}.")
    digest = hashlib.sha256()
    for path in _source_files(workspace.root):
        digest.update(f"{path.relative_to(workspace.root)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _source_files(root: Path) -> Iterator[Path]:
    for source in map(root.joinpath, _SOURCES):
        if source.is_file():
            yield source
        for path in sorted(source.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path
