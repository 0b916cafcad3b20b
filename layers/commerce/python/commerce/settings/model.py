"""What staff decide about the shop, as one value, and the rules that keep it usable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from zoneinfo import available_timezones

from commerce.addresses import is_region, postal_code_as_written, regions_of
from commerce.countries import COUNTRIES
from commerce.money import is_currency

EVERYWHERE = "*"
STANDARD = "standard"

# When an order's money is taken: part by part as it is shipped, or whole once it is confirmed.
ON_SHIPMENT = "on_shipment"
AT_ONCE = "at_once"


@dataclass(frozen=True)
class FulfillmentOption:
    """One way to have goods delivered in a zone.

    `prices` and `free_above` map currencies to minor units; goods whose subtotal is
    at or above `free_above` are delivered for nothing.
    """

    option_id: str
    title: str
    prices: Mapping[str, int]
    free_above: Mapping[str, int]
    tax_class: str


@dataclass(frozen=True)
class Zone:
    """Countries that are delivered to alike; `*` stands for all that no other zone names."""

    zone_id: str
    title: str
    countries: tuple[str, ...]
    options: tuple[FulfillmentOption, ...]


@dataclass(frozen=True)
class StockLocation:
    """A place that holds stock."""

    location_id: str
    title: str


# In basis points: 2000 is 20 %, and 887.5 is 8.875 %. Exact, to a millionth of a percent.
Rate = int | Decimal
Rates = Mapping[str, Rate]

# Countries of their own by ISO 3166 that are taxed as a part of another.
SAME_AS: Mapping[str, str] = {"IM": "GB", "MC": "FR"}


@dataclass(frozen=True)
class TaxRegion:
    """A part of a country that has rates of its own, all of them.

    `region` is its code of ISO 3166-2 without the country's, `postal_prefixes` is what postal
    codes begin with there, without spaces and hyphens. With both, an address must have both.
    """

    country: str
    rates: Rates
    region: str | None = None
    postal_prefixes: tuple[str, ...] = ()


@dataclass(frozen=True)
class TaxRules:
    """Rates by country and tax class, and those of regions that differ.

    `origin` is the country whose rates stand in until a destination is known. `same_as` maps
    countries to others as a part of which they are taxed where they have no row.
    """

    origin: str
    rates: Mapping[str, Rates]
    regions: tuple[TaxRegion, ...] = ()
    same_as: Mapping[str, str] = field(default_factory=lambda: SAME_AS)

    def row(
        self, country: str | None, region: str | None = None, postal_code: str | None = None
    ) -> Rates | None:
        """Give the rates of an address by tax class; None where goods are exported.

        Of the regions that an address is in, the one with the longest postal prefix counts,
        then the smallest; else its country.
        """
        country = country or self.origin
        found = self._region(country, region, postal_code)
        if found:
            return found.rates
        return self.rates.get(country, self.rates.get(self.same_as.get(country, "")))

    def rate(
        self,
        country: str | None,
        tax_class: str,
        region: str | None = None,
        postal_code: str | None = None,
    ) -> Rate:
        """Give the rate in basis points for goods of a class that go to an address."""
        return rate_in(self.row(country, region, postal_code), tax_class)

    def undecided(self, country: str | None, region: str | None, postal_code: str | None) -> bool:
        """Tell whether an address must name its region, for rates differ by it, and does not."""
        by_region = any(each.country == country and each.region for each in self.regions)
        return by_region and not regions_of(country or "", region, postal_code)

    def _region(
        self, country: str, region: str | None, postal_code: str | None
    ) -> TaxRegion | None:
        places = [each for each in self.regions if each.country == country]
        if not places:
            return None
        within = regions_of(country, region, postal_code)
        codes = _compact(country, postal_code)
        best: tuple[tuple[int, int], TaxRegion] | None = None
        for place in places:
            if place.region and place.region not in within:
                continue
            begun = [
                len(prefix)
                for prefix in place.postal_prefixes
                if any(code.startswith(prefix) for code in codes)
            ]
            if place.postal_prefixes and not begun:
                continue
            size = len(within) - within.index(place.region) if place.region else 0
            rank = (max(begun, default=0), size)
            if best is None or rank > best[0]:
                best = (rank, place)
        return best[1] if best else None


def rate_in(row: Rates | None, tax_class: str) -> Rate:
    """Give the rate of a class in an address's row.

    No row is an export, at 0. A class that the row does not name is taxed as `standard`: a
    forgotten class must not make goods tax-free.
    """
    return 0 if row is None else row.get(tax_class, row[STANDARD])


def _compact(country: str, postal_code: str | None) -> tuple[str, ...]:
    """Give a postal code without what parts it, with and without the country before it."""
    if not postal_code:
        return ()
    written = postal_code_as_written(country, postal_code)
    code = written.replace(" ", "").replace("-", "").upper()
    return code, code.removeprefix(country)


@dataclass(frozen=True)
class Policies:
    """How the shop deals with what comes after an order is confirmed.

    `capture` is `on_shipment` or `at_once`. A return may be asked for within
    `return_window_days` of the delivery. A SKU is low at `low_stock_units` available
    units and below. `private_webhooks` lets webhooks go to private and loopback
    addresses, which is for trying things out. `support_refund_limit` maps currencies to
    the minor units that support may give back of one order, nothing where it has none.
    Buyers are told how many units are left where they are `few_units` or fewer, and never
    where it is 0. With `require_publishable_key` a cart is opened only for a storefront that
    has a key.
    """

    capture: str = ON_SHIPMENT
    return_window_days: int = 30
    low_stock_units: int = 5
    private_webhooks: bool = False
    support_refund_limit: Mapping[str, int] = field(default_factory=dict)
    require_publishable_key: bool = False
    few_units: int = 0


@dataclass(frozen=True)
class OrderNumbers:
    """How orders are numbered for people: a prefix, and the first number or random ones.

    Numbers rise and have gaps. Random ones, of eight digits, tell nobody how many there are.
    """

    prefix: str = ""
    start: int = 1001
    random: bool = False


PLAIN_NUMBERS = OrderNumbers()


@dataclass(frozen=True)
class ShopSettings:
    """One version of the shop's configuration; an order names the version it was priced with.

    `time_zone` is IANA's name of the zone whose days are the shop's.
    """

    version: int
    currencies: tuple[str, ...]
    base_currency: str
    prices_include_tax: bool
    tax: TaxRules
    zones: tuple[Zone, ...]
    stock_locations: tuple[StockLocation, ...]
    policies: Policies = Policies()
    order_numbers: OrderNumbers = PLAIN_NUMBERS
    time_zone: str = "UTC"
    updated_at: str | None = None
    updated_by: str | None = None

    def sells_in(self, currency: str) -> bool:
        """Tell whether the shop takes a currency; settings of before may name what is none."""
        return currency in self.currencies and is_currency(currency)

    @property
    def first_location(self) -> str:
        """Where units are that nobody names a location for; sold from before all others."""
        return self.stock_locations[0].location_id

    def has_location(self, location_id: str) -> bool:
        """Tell whether the shop has this stock location."""
        return any(place.location_id == location_id for place in self.stock_locations)

    def zone_of(self, country: str) -> Zone | None:
        """Give the zone that serves a country; None where the shop does not deliver."""
        for zone in self.zones:
            if country in zone.countries:
                return zone
        return next((zone for zone in self.zones if EVERYWHERE in zone.countries), None)

    def offers(self, option_id: str, country: str | None) -> bool:
        """Tell whether an option serves a country, or any at all where that is None."""
        zones = self.zones if country is None else filter(None, [self.zone_of(country)])
        return any(option.option_id == option_id for zone in zones for option in zone.options)


@dataclass(frozen=True)
class Fault:
    """A part of the settings that would break pricing, by its JSON path."""

    path: str
    code: str
    detail: str


def faults_of(settings: ShopSettings) -> list[Fault]:
    """List everything that would leave a cart unpriced or priced in two ways."""
    return [
        *_currency_faults(settings),
        *_tax_faults(settings.tax),
        *_zone_faults(settings),
        *_policy_faults(settings),
        *_time_zone_faults(settings.time_zone),
        *_repeated(
            "$.stock_locations[{}].id", [place.location_id for place in settings.stock_locations]
        ),
    ]


def _time_zone_faults(name: str) -> Iterator[Fault]:
    if name not in available_timezones():
        yield Fault(
            "$.time_zone", "unknown_time_zone", f"IANA has no time zone {name}; use Europe/London"
        )


def _policy_faults(settings: ShopSettings) -> Iterator[Fault]:
    for currency in settings.policies.support_refund_limit:
        if currency not in settings.currencies:
            yield Fault(
                f"$.policies.support_refund_limit.{currency}",
                "unknown_currency",
                f"{currency} is not one of currencies",
            )


def _currency_faults(settings: ShopSettings) -> Iterator[Fault]:
    yield from _repeated("$.currencies[{}]", list(settings.currencies))
    for position, currency in enumerate(settings.currencies):
        if not is_currency(currency):
            yield Fault(
                f"$.currencies[{position}]",
                "unknown_currency",
                f"{currency} is not the ISO 4217 code of a currency that is paid in",
            )
    if settings.base_currency not in settings.currencies:
        yield Fault(
            "$.base_currency", "unknown_currency", "the base currency must be one of currencies"
        )


def _tax_faults(tax: TaxRules) -> Iterator[Fault]:
    if tax.origin not in tax.rates:
        yield Fault("$.tax.origin", "missing", "the country of origin must have tax rates")
    for country, row in tax.rates.items():
        if country not in COUNTRIES:
            yield _unknown_country(f"$.tax.rates.{country}", country)
        if STANDARD not in row:
            yield Fault(
                f"$.tax.rates.{country}", "missing", "every country needs a `standard` rate"
            )
    for country, other in tax.same_as.items():
        for each in (country, other):
            if each not in COUNTRIES:
                yield _unknown_country(f"$.tax.same_as.{country}", each)
    yield from _region_faults(tax)


def _region_faults(tax: TaxRules) -> Iterator[Fault]:
    seen: set[tuple[str, str | None, str]] = set()
    for number, place in enumerate(tax.regions):
        path = f"$.tax.regions[{number}]"
        if place.country not in COUNTRIES:
            yield _unknown_country(f"{path}.country", place.country)
        elif place.region and not is_region(place.country, place.region):
            yield Fault(
                f"{path}.region",
                "unknown_region",
                f"{place.region} is no subdivision of {place.country} in ISO 3166-2",
            )
        if not place.region and not place.postal_prefixes:
            yield Fault(path, "missing", "name a region, or what its postal codes begin with")
        if STANDARD not in place.rates:
            yield Fault(f"{path}.rates", "missing", "every region needs a `standard` rate")
        for prefix in place.postal_prefixes or ("",):
            known = (place.country, place.region, prefix)
            if known in seen:
                name = " ".join(filter(None, known))
                yield _duplicate(f"{path}.postal_prefixes" if prefix else path, name)
            seen.add(known)


def _zone_faults(settings: ShopSettings) -> Iterator[Fault]:
    yield from _repeated("$.fulfillment_zones[{}].id", [zone.zone_id for zone in settings.zones])
    countries: Counter[str] = Counter()
    option_ids: Counter[str] = Counter()
    for z, zone in enumerate(settings.zones):
        path = f"$.fulfillment_zones[{z}]"
        for c, country in enumerate(zone.countries):
            countries[country] += 1
            if countries[country] > 1:
                yield _duplicate(f"{path}.countries[{c}]", country)
            if country != EVERYWHERE and country not in COUNTRIES:
                yield _unknown_country(f"{path}.countries[{c}]", country)
        for o, option in enumerate(zone.options):
            # Unique in the whole shop, for a cart names its option without the zone.
            option_ids[option.option_id] += 1
            if option_ids[option.option_id] > 1:
                yield _duplicate(f"{path}.options[{o}].id", option.option_id)
            yield from _option_faults(option, f"{path}.options[{o}]", settings)


def _option_faults(option: FulfillmentOption, path: str, settings: ShopSettings) -> Iterator[Fault]:
    for currency in settings.currencies:
        if currency not in option.prices:
            yield Fault(
                f"{path}.prices.{currency}", "missing", f"the option needs a {currency} price"
            )
    for name, amounts in (("prices", option.prices), ("free_above", option.free_above)):
        for currency in amounts:
            if currency not in settings.currencies:
                yield Fault(
                    f"{path}.{name}.{currency}",
                    "unknown_currency",
                    f"{currency} is not one of currencies",
                )
    if option.tax_class not in settings.tax.rates.get(settings.tax.origin, {}):
        yield Fault(
            f"{path}.tax_class",
            "unknown_tax_class",
            f"{settings.tax.origin} has no rate for the class {option.tax_class}",
        )


def _repeated(path: str, ids: list[str]) -> Iterator[Fault]:
    for position, name in enumerate(ids):
        if name in ids[:position]:
            yield _duplicate(path.format(position), name)


def _duplicate(path: str, name: str) -> Fault:
    return Fault(path, "duplicate", f"{name} stands here for the second time")


def _unknown_country(path: str, country: str) -> Fault:
    return Fault(path, "unknown_country", f"{country} is not an ISO 3166 alpha-2 country code")
