"""Staff put other settings in force."""

from functools import partial

from commerce.catalog.store import CatalogStore
from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import LocationInUse, PreconditionRequired, StaleVersion
from commerce.settings import operations
from commerce.settings.schema import SettingsBody
from commerce.settings.store import SettingsStore
from commerce.stock.operations import units_at
from commerce.stock.store import StockStore

settings = SettingsStore(Table(environment().settings_table))
stock = StockStore(Table(environment().stock_table))
catalog = CatalogStore(Table(environment().catalog_table))


@http.operation(
    "PUT /admin/settings",
    "Replace the shop's settings",
    body=SettingsBody,
    returns=SettingsBody,
    problems=(PreconditionRequired, StaleVersion, LocationInUse),
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
        units_at=partial(units_at, stock=stock, catalog=catalog),
    )
    return http.Response.versioned(SettingsBody.of(stored), stored.version)
