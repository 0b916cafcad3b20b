"""The HTTP shape of the settings: what is read can be changed and sent back as it is."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from commerce.money import CURRENCY_PATTERN
from commerce.settings.model import (
    FulfillmentOption,
    Policies,
    ShopSettings,
    StockLocation,
    TaxRules,
    Zone,
)
from commerce.texts import Line

# Keeps the whole document well under DynamoDB's 400 KB.
_ZONES_MAX = 30
_OPTIONS_MAX = 10
_CURRENCIES_MAX = 20
_COUNTRIES_MAX = 250
_LOCATIONS_MAX = 100
_TAX_CLASSES_MAX = 10
_RATE_MAX = 10_000

# Which there are, the rules say: older settings may name others, and must stay readable.
Currency = Annotated[str, StringConstraints(pattern=CURRENCY_PATTERN)]
Country = Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")]
CountryOrAll = Annotated[str, StringConstraints(pattern=r"^([A-Z]{2}|\*)$", max_length=2)]
Id = Annotated[str, StringConstraints(pattern="^[a-z0-9][a-z0-9_-]{0,63}$")]
Title = Annotated[str, Line(80, 1)]
Amount = Annotated[int, Field(strict=True, ge=0, le=1_000_000_000)]
BasisPoints = Annotated[int, Field(strict=True, ge=0, le=_RATE_MAX)]
Amounts = Annotated[dict[Currency, Amount], Field(max_length=_CURRENCIES_MAX)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OptionBody(_Part):
    """One way to have goods delivered; amounts are minor units by currency."""

    id: Id = Field(description="Unique in the whole shop.", examples=["gb-standard"])
    title: Title
    prices: Amounts = Field(
        description="One for each of the shop's currencies.", examples=[{"GBP": 399, "EUR": 499}]
    )
    free_above: Amounts = Field(
        default_factory=dict,
        description="Free where the goods' subtotal is at or above this.",
        examples=[{"GBP": 5000}],
    )
    tax_class: Id = "standard"


class ZoneBody(_Part):
    """Countries that are delivered to alike; `*` is every country no other zone names."""

    id: Id = Field(examples=["gb"])
    title: Title
    countries: list[CountryOrAll] = Field(
        min_length=1, max_length=_COUNTRIES_MAX, examples=[["GB"]]
    )
    options: list[OptionBody] = Field(min_length=1, max_length=_OPTIONS_MAX)


class LocationBody(_Part):
    """A place that holds stock."""

    id: Id = Field(examples=["main"])
    title: Title


class TaxBody(_Part):
    """Tax by country and class; a country without a row is an export, at 0."""

    origin: Country = Field(
        description="The shop's own country; its rates stand in until a destination is known."
    )
    rates: dict[Country, Annotated[dict[Id, BasisPoints], Field(max_length=_TAX_CLASSES_MAX)]] = (
        Field(
            max_length=_COUNTRIES_MAX,
            description="Basis points: 2000 is 20 %. Every country needs `standard`.",
            examples=[{"GB": {"standard": 2000, "reduced": 500, "zero": 0}}],
        )
    )


class PoliciesBody(_Part):
    """How the shop deals with what comes after an order is confirmed."""

    capture: Literal["on_shipment", "at_once"] = Field(
        default="on_shipment",
        description="Take the money part by part as it is shipped, or whole once confirmed.",
    )
    return_window_days: int = Field(
        default=30,
        strict=True,
        ge=0,
        le=3650,
        description="How long after its delivery a return may be asked for.",
    )
    low_stock_units: int = Field(
        default=5,
        strict=True,
        ge=0,
        le=1_000_000,
        description="`stock.low` is told when a SKU falls to so many available units.",
    )
    private_webhooks: bool = Field(
        default=False,
        strict=True,
        description="Whether webhooks may go to private and loopback addresses.",
    )
    support_refund_limit: Amounts = Field(
        default_factory=dict,
        description="By currency, what staff of the role `support` may give back of one order in"
        " all, in minor units; nothing in a currency that is not named.",
        examples=[{"GBP": 10_000, "EUR": 12_000}],
    )
    require_publishable_key: bool = Field(
        default=False,
        strict=True,
        description="Whether opening a cart takes a storefront's `X-Publishable-Key`.",
    )


class SettingsBody(_Part):
    """The shop's settings, whole."""

    currencies: list[Currency] = Field(
        min_length=1, max_length=_CURRENCIES_MAX, examples=[["GBP", "EUR"]]
    )
    base_currency: Currency
    prices_include_tax: bool = Field(strict=True)
    tax: TaxBody
    fulfillment_zones: list[ZoneBody] = Field(max_length=_ZONES_MAX)
    stock_locations: list[LocationBody] = Field(min_length=1, max_length=_LOCATIONS_MAX)
    policies: PoliciesBody = PoliciesBody()
    version: int | None = Field(
        None, le=10**15, description="Read only; If-Match names the version."
    )
    updated_at: str | None = Field(None, max_length=40, description="Read only.")
    updated_by: str | None = Field(None, max_length=320, description="Read only.")

    def to_settings(self, version: int) -> ShopSettings:
        """Give the document as settings of a version; the read-only fields are passed over."""
        return ShopSettings(
            version=version,
            currencies=tuple(self.currencies),
            base_currency=self.base_currency,
            prices_include_tax=self.prices_include_tax,
            tax=TaxRules(self.tax.origin, self.tax.rates),
            zones=tuple(_to_zone(zone) for zone in self.fulfillment_zones),
            stock_locations=tuple(
                StockLocation(place.id, place.title) for place in self.stock_locations
            ),
            policies=Policies(**dict(self.policies)),
        )

    @classmethod
    def of(cls, settings: ShopSettings) -> SettingsBody:
        """Show settings."""
        return cls.model_validate(
            {
                "currencies": settings.currencies,
                "base_currency": settings.base_currency,
                "prices_include_tax": settings.prices_include_tax,
                "tax": asdict(settings.tax),
                "fulfillment_zones": [_zone(zone) for zone in settings.zones],
                "stock_locations": [
                    {"id": place.location_id, "title": place.title}
                    for place in settings.stock_locations
                ],
                "policies": asdict(settings.policies),
                "version": settings.version,
                "updated_at": settings.updated_at,
                "updated_by": settings.updated_by,
            }
        )


def _to_zone(zone: ZoneBody) -> Zone:
    options = tuple(
        FulfillmentOption(
            option.id, option.title, option.prices, option.free_above, option.tax_class
        )
        for option in zone.options
    )
    return Zone(zone.id, zone.title, tuple(zone.countries), options)


def _zone(zone: Zone) -> dict[str, Any]:
    return {
        "id": zone.zone_id,
        "title": zone.title,
        "countries": zone.countries,
        "options": [
            {
                "id": option.option_id,
                "title": option.title,
                "prices": option.prices,
                "free_above": option.free_above,
                "tax_class": option.tax_class,
            }
            for option in zone.options
        ],
    }
