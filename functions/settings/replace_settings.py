"""Staff put other settings in force."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import PreconditionRequired, StaleVersion
from commerce.settings import operations
from commerce.settings.schema import SettingsBody
from commerce.settings.store import SettingsStore

settings = SettingsStore(Table(environment().settings_table))


@http.operation(
    "PUT /admin/settings",
    "Replace the shop's settings",
    body=SettingsBody,
    returns=SettingsBody,
    problems=(PreconditionRequired, StaleVersion),
    before=lambda _: SettingsBody.of(settings.current(consistent=True)),
)
def handler(request: http.Request[SettingsBody, http.Nothing]) -> http.Response:
    """Answer with the settings as they are in force now."""
    stored = operations.replace_settings(
        request.body,
        request.if_match,
        by=request.caller.name,
        settings=settings,
        now=system_clock(),
    )
    return http.Response.versioned(SettingsBody.of(stored), stored.version)
