"""From nothing to a shop with a sample order: the steps of `pushcart up`."""

from pushcart import deployment, process, sample, seed, staff
from pushcart.problems import CommandFailed
from pushcart.progress import Report, Step
from pushcart.workspace import Workspace


def _start(workspace: Workspace, report: Report) -> str:
    report.doing("the emulator")
    if not workspace.uses_embedded_cloud:
        if not process.answers(workspace):
            raise CommandFailed(f"Nothing answers at AWS_ENDPOINT_URL, {workspace.cloud_url}.")
        return f"using {workspace.cloud_url}"
    if process.running_pid(workspace) is not None:
        return f"already running at {workspace.cloud_url}"
    process.start(workspace)
    return f"the cloud answers at {workspace.cloud_url}"


def _deploy(workspace: Workspace, report: Report) -> str:
    report.doing("template.yaml, with sam deploy")
    changed = deployment.deploy_if_changed(workspace)
    report.doing("the demo member of staff")
    staff.hire(workspace)
    return "template.yaml is deployed" if changed else "nothing changed since the last deploy"


STEPS = (
    Step("Starting", _start),
    Step("Deploying", _deploy),
    Step("Seeding", seed.fill),
    Step("Ordering", sample.place),
)
"""In this order; each finds what an earlier run did."""


def welcome(workspace: Workspace) -> str:
    """Return what to try first."""
    url = workspace.base_url
    return f"""
The shop is open.

  Shop   {url}
  Docs   {workspace.docs_url}
  Cloud  {workspace.cloud_url}

Try it:

  curl {url}/store/products
  curl -X POST {url}/store/carts -d '{{}}' \\
    -H 'Content-Type: application/json' -H 'Idempotency-Key: my-first-cart'
  curl {url}/admin/orders -H "Authorization: $(.venv/bin/pushcart token)"

The last one signs in as {staff.EMAIL}; `.venv/bin/pushcart token` prints its token.
"""
