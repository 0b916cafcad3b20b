"""Staff read the shop's settings."""

from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.settings.schema import SettingsBody
from commerce.settings.store import SettingsStore

settings = SettingsStore(Table(environment().settings_table))


@http.operation("GET /admin/settings", "Read the shop's settings", returns=SettingsBody)
def handler(_request: http.Request[http.Nothing, http.Nothing]) -> http.Response:
    """Answer with the settings in force, as of the last change."""
    current = settings.current(consistent=True)
    return http.Response.versioned(SettingsBody.of(current), current.version)
