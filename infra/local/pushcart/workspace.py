"""Where this checkout keeps its things and on which ports it listens."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pushcart.problems import CommandFailed

STACK_NAME = "pushcart"
ACCOUNT_ID = "000000000000"
LOOPBACK = "127.0.0.1"

_DEFAULT_API_PORT = 8080
_DEFAULT_CLOUD_PORT = 4566
_CHECKOUT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Workspace:
    """One checkout with its own state folder and its own two ports."""

    root: Path
    state_dir: Path
    api_port: int
    cloud_port: int
    region: str
    endpoint_override: str | None = None
    """AWS_ENDPOINT_URL, when the person points the commands at another cloud."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Workspace":
        """Read the ports, the region and the endpoint from the environment, once."""
        given = os.environ if environment is None else environment
        root = Path(given.get("PUSHCART_ROOT") or _CHECKOUT)
        workspace = cls(
            root=root,
            state_dir=Path(given.get("PUSHCART_STATE_DIR") or root / ".pushcart"),
            api_port=_port(given, "PUSHCART_PORT", _DEFAULT_API_PORT),
            cloud_port=_port(given, "PUSHCART_CLOUD_PORT", _DEFAULT_CLOUD_PORT),
            region=given.get("AWS_REGION") or given.get("AWS_DEFAULT_REGION") or "us-east-1",
            endpoint_override=given.get("AWS_ENDPOINT_URL") or None,
        )
        if workspace.api_port == workspace.cloud_port:
            raise CommandFailed(
                "PUSHCART_PORT and PUSHCART_CLOUD_PORT are the same; give each its own port."
            )
        return workspace

    @property
    def base_url(self) -> str:
        """The shop's address: the same after every redeploy and restart."""
        return f"http://{LOOPBACK}:{self.api_port}"

    @property
    def docs_url(self) -> str:
        """Where the API's documentation is read."""
        return f"{self.base_url}/docs"

    @property
    def embedded_cloud_url(self) -> str:
        """The address of this checkout's own emulator."""
        return f"http://{LOOPBACK}:{self.cloud_port}"

    @property
    def cloud_url(self) -> str:
        """The AWS endpoint that every command talks to."""
        return self.endpoint_override or self.embedded_cloud_url

    @property
    def uses_embedded_cloud(self) -> bool:
        """Whether the commands talk to this checkout's own emulator."""
        return self.cloud_url.rstrip("/") in {
            self.embedded_cloud_url,
            f"http://localhost:{self.cloud_port}",
        }

    @property
    def template(self) -> Path:
        """The one template both clouds deploy."""
        return self.root / "template.yaml"

    @property
    def emulator_log(self) -> Path:
        """What the emulator printed since it was last started."""
        return self.state_dir / "emulator.log"

    @property
    def role_uses(self) -> Path:
        """What the roles used and were refused since the last reset."""
        return self.state_dir / "role-uses.jsonl"

    @property
    def pid_file(self) -> Path:
        """The emulator's process id, while it runs."""
        return self.state_dir / "emulator.pid"

    @cached_property
    def command_environment(self) -> dict[str, str]:
        """The environment for programs that talk to this workspace's cloud, such as SAM."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AWS_", "SAM_CLI_"))
        }
        return {
            **inherited,
            # The keys that MiniStack and LocalStack both take for the account's owner.
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ENDPOINT_URL": self.cloud_url,
            # A developer's own ~/.aws must never leak into the embedded cloud.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "SAM_CLI_TELEMETRY": "0",
            "SAM_CLI_POLL_DELAY": "0.2",
            "__SAM_CLI_APP_DIR": str(self.state_dir / "sam"),
        }


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name) or str(default)
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise CommandFailed(f"{name} is {text!r}; it must be a port number from 1 to 65535.")
    return int(text)
