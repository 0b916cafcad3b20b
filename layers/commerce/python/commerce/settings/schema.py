"""The HTTP shape of the settings: what is read can be changed and sent back as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    WithJsonSchema,
    field_validator,
)

from commerce.money import CURRENCY_PATTERN
from commerce.settings.model import (
    SAME_AS,
    FulfillmentOption,
    OrderNumbers,
    Policies,
    Rate,
    ShopSettings,
    StockLocation,
    TaxRegion,
    TaxRules,
    Zone,
)
from commerce.texts import Line

# Keeps the whole document well under DynamoDB's 400 KB.
_ZONES_MAX = 30
_OPTIONS_MAX = 10
_CURRENCIES_MAX = 20
_COUNTRIES_MAX = 250
# An order may hold units at each, and cancelling it cancels a parcel of each in one transaction.
_LOCATIONS_MAX = 80
_TAX_CLASSES_MAX = 10
_TAX_REGIONS_MAX = 1_000
_PREFIXES_MAX = 5_000
_RATE_MAX = 10_000

# Which there are, the rules say: older settings may name others, and must stay readable.
Currency = Annotated[str, StringConstraints(pattern=CURRENCY_PATTERN)]
Country = Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")]
CountryOrAll = Annotated[str, StringConstraints(pattern=r"^([A-Z]{2}|\*)$", max_length=2)]
Id = Annotated[str, StringConstraints(pattern="^[a-z0-9][a-z0-9_-]{0,63}$")]
Title = Annotated[str, Line(80, 1)]
Amount = Annotated[int, Field(strict=True, ge=0, le=1_000_000_000)]
_PERCENT = r"^(100(\.0{1,6})?|[0-9]{1,2}(\.[0-9]{1,6})?)$"


def _known_rate(value: object) -> int | str:
    """Take either form; a union's own check would name the form in the error's path."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _RATE_MAX:
        return value
    if isinstance(value, str) and re.fullmatch(_PERCENT, value, re.ASCII):
        return value
    raise ValueError("use basis points, such as 2000, or percent as a text, such as '8.875'")


TaxRate = Annotated[
    int | str,
    PlainValidator(_known_rate),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": _RATE_MAX},
                {"type": "string", "pattern": _PERCENT},
            ],
            "description": "An integer is basis points, 2000 for 20 %; a text is percent, to six"
            " decimals: `8.875`.",
            "examples": [2000, "8.875"],
        }
    ),
]
ClassRates = Annotated[dict[Id, TaxRate], Field(max_length=_TAX_CLASSES_MAX)]
Region = Annotated[str, StringConstraints(pattern="^([A-Z]{2}-)?[0-9A-Z]{1,3}$", max_length=6)]
PostalPrefix = Annotated[
    str, StringConstraints(pattern="^[0-9A-Za-z](?:[ -]?[0-9A-Za-z]){0,9}$", max_length=19)
]
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


class TaxRegionBody(_Part):
    """A part of a country that has rates of its own, which replace all of the country's."""

    country: Country = Field(examples=["US"])
    region: Region | None = Field(
        default=None, description="ISO 3166-2, such as NY or US-NY.", examples=["NY"]
    )
    postal_prefixes: list[PostalPrefix] = Field(
        default_factory=list,
        max_length=_PREFIXES_MAX,
        description="What postal codes there begin with; any where there are none.",
        examples=[["100", "101"]],
    )
    rates: ClassRates = Field(
        description="By class, whole: a sum where several taxes are due. Needs `standard`.",
        examples=[{"standard": "8.875"}],
    )


class TaxBody(_Part):
    """Tax by country, region and class; a country without a row is an export, at 0."""

    origin: Country = Field(
        description="The shop's own country; its rates stand in until a destination is known."
    )
    rates: dict[Country, ClassRates] = Field(
        max_length=_COUNTRIES_MAX,
        description="By country and class. Every country needs `standard`.",
        examples=[{"GB": {"standard": 2000, "reduced": 500, "zero": 0}}],
    )
    regions: list[TaxRegionBody] = Field(
        default_factory=list,
        max_length=_TAX_REGIONS_MAX,
        description="Parts of countries with rates of their own. Of those that an address is in,"
        " the one with the longest postal prefix counts, then the smallest.",
    )
    same_as: dict[Country, Country] = Field(
        default_factory=lambda: dict(SAME_AS),
        max_length=_COUNTRIES_MAX,
        description="Countries without a row that are taxed as a part of another.",
        examples=[{"IM": "GB", "MC": "FR"}],
    )

    @field_validator("regions")
    @classmethod
    def _prefixes_fit(cls, regions: list[TaxRegionBody]) -> list[TaxRegionBody]:
        if sum(len(each.postal_prefixes) for each in regions) > _PREFIXES_MAX:
            raise ValueError(f"all regions have {_PREFIXES_MAX:,} postal prefixes at most")
        return regions

    def to_rules(self) -> TaxRules:
        """Give the rules as pricing takes them."""
        return TaxRules(
            self.origin,
            {country: _rates(row) for country, row in self.rates.items()},
            tuple(
                TaxRegion(
                    each.country,
                    _rates(each.rates),
                    (each.region or "").removeprefix(f"{each.country}-") or None,
                    tuple(_compact(prefix) for prefix in each.postal_prefixes),
                )
                for each in self.regions
            ),
            self.same_as,
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
    few_units: int = Field(
        default=0,
        strict=True,
        ge=0,
        le=1_000_000,
        description="Buyers are told how many units are left where they are so many or fewer;"
        " 0 tells them never.",
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


class OrderNumbersBody(_Part):
    """How orders are numbered for people; a number is given once, and there are gaps."""

    prefix: str = Field(default="", max_length=12, pattern="^([A-Z0-9]*[A-Z-])?$", examples=["GB-"])
    start: int = Field(
        default=1001,
        strict=True,
        ge=1,
        le=10**9,
        description="The next number at the least; a lower one than was given changes nothing.",
    )
    random: bool = Field(
        default=False,
        strict=True,
        description="Eight random digits, which tell nobody how much is sold.",
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
    order_numbers: OrderNumbersBody = OrderNumbersBody()
    time_zone: str = Field(
        default="UTC",
        pattern=r"^[A-Za-z][A-Za-z0-9_+/-]*$",
        max_length=64,
        description="IANA's name of the zone whose days are the shop's.",
        examples=["Europe/London"],
    )
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
            tax=self.tax.to_rules(),
            zones=tuple(_to_zone(zone) for zone in self.fulfillment_zones),
            stock_locations=tuple(
                StockLocation(place.id, place.title) for place in self.stock_locations
            ),
            policies=Policies(**dict(self.policies)),
            order_numbers=OrderNumbers(**dict(self.order_numbers)),
            time_zone=self.time_zone,
        )

    @classmethod
    def of(cls, settings: ShopSettings) -> SettingsBody:
        """Show settings."""
        return cls.model_validate(
            {
                "currencies": settings.currencies,
                "base_currency": settings.base_currency,
                "prices_include_tax": settings.prices_include_tax,
                "tax": tax_document(settings.tax),
                "fulfillment_zones": [_zone(zone) for zone in settings.zones],
                "stock_locations": [
                    {"id": place.location_id, "title": place.title}
                    for place in settings.stock_locations
                ],
                "policies": asdict(settings.policies),
                "order_numbers": asdict(settings.order_numbers),
                "time_zone": settings.time_zone,
                "version": settings.version,
                "updated_at": settings.updated_at,
                "updated_by": settings.updated_by,
            }
        )


def tax_document(tax: TaxRules) -> dict[str, Any]:
    """Show the tax rules, as they are also kept."""
    return {
        "origin": tax.origin,
        "rates": {country: _shown(row) for country, row in tax.rates.items()},
        "regions": [
            {
                "country": each.country,
                "region": each.region,
                "postal_prefixes": list(each.postal_prefixes),
                "rates": _shown(each.rates),
            }
            for each in tax.regions
        ],
        "same_as": dict(tax.same_as),
    }


def _rates(row: Mapping[str, int | str]) -> dict[str, Rate]:
    return {name: _rate(rate) for name, rate in row.items()}


def _rate(rate: int | str) -> Rate:
    if isinstance(rate, int):
        return rate
    points = Decimal(rate) * 100
    return int(points) if points == int(points) else points


def _shown(row: Mapping[str, Rate]) -> dict[str, int | str]:
    return {name: _rate_shown(rate) for name, rate in row.items()}


def _rate_shown(rate: Rate) -> int | str:
    """Show whole basis points as what they are, and finer rates as percent."""
    if rate == int(rate):
        return int(rate)
    return f"{(Decimal(rate) / 100).normalize():f}"


def _compact(prefix: str) -> str:
    return prefix.replace(" ", "").replace("-", "").upper()


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
