"""The settings of a shop whose staff have not decided anything yet.

A starting point, not tax advice: the United Kingdom's and the European Union's
standard rates, with the main reduced rate where a country has one that fits goods.
"""

from __future__ import annotations

from commerce.settings.model import (
    EVERYWHERE,
    FulfillmentOption,
    Policies,
    ShopSettings,
    StockLocation,
    TaxRegion,
    TaxRules,
    Zone,
)

FIRST_VERSION = 1

# Basis points. A country without a reduced rate taxes reduced goods as standard.
_STANDARD = {
    "AT": 2000, "BE": 2100, "BG": 2000, "CY": 1900, "CZ": 2100, "DE": 1900, "DK": 2500,
    "EE": 2400, "ES": 2100, "FI": 2550, "FR": 2000, "GB": 2000, "GR": 2400, "HR": 2500,
    "HU": 2700, "IE": 2300, "IT": 2200, "LT": 2100, "LU": 1700, "LV": 2100, "MT": 1800,
    "NL": 2100, "PL": 2300, "PT": 2300, "RO": 2100, "SE": 2500, "SI": 2200, "SK": 2300,
}  # fmt: skip
_REDUCED = {
    "AT": 1000, "BE": 600, "DE": 700, "ES": 1000, "FR": 550, "GB": 500, "IE": 1350,
    "IT": 1000, "NL": 900, "PL": 800, "PT": 600,
}  # fmt: skip


def _rates(country: str) -> dict[str, int]:
    rates = {"standard": _STANDARD[country], "zero": 0}
    if country in _REDUCED:
        rates["reduced"] = _REDUCED[country]
    return rates


# Parts of countries that are outside their VAT, or have a VAT of their own, by postal code.
_OUTSIDE = {
    "DE": ("27498", "78266"),  # Heligoland, Büsingen
    "ES": ("35", "38", "51", "52"),  # the Canaries, Ceuta, Melilla
    "FI": ("22",),  # Åland, also a country of its own, AX
    "FR": ("971", "972", "973", "974", "975", "976", "977", "978", "984", "986", "987", "988"),
    "GB": ("GY", "JE"),  # Guernsey, Jersey, also countries of their own
    "GR": ("63086", "63087"),  # Mount Athos
    "IT": ("23030", "23041", "22060", "22061"),  # Livigno, Campione
}
_OWN_RATES = (
    ("AT", 1900, 1000, ("6691", "6991", "6992", "6993")),  # Jungholz, Mittelberg
    ("PT", 2200, 400, ("90", "91", "92", "93", "94")),  # Madeira
    ("PT", 1600, 400, ("95", "96", "97", "98", "99")),  # the Azores
)


def _regions() -> tuple[TaxRegion, ...]:
    outside = (
        TaxRegion(country, {"standard": 0}, None, prefixes)
        for country, prefixes in _OUTSIDE.items()
    )
    own = (
        TaxRegion(country, {"standard": standard, "reduced": reduced, "zero": 0}, None, prefixes)
        for country, standard, reduced, prefixes in _OWN_RATES
    )
    return (*outside, *own)


def _option(
    option_id: str, title: str, gbp: int, eur: int, free_above: dict[str, int] | None = None
) -> FulfillmentOption:
    return FulfillmentOption(
        option_id, title, {"GBP": gbp, "EUR": eur}, free_above or {}, tax_class="standard"
    )


DEFAULT_SETTINGS = ShopSettings(
    version=FIRST_VERSION,
    currencies=("GBP", "EUR"),
    base_currency="GBP",
    prices_include_tax=True,
    tax=TaxRules(
        origin="GB",
        rates={country: _rates(country) for country in _STANDARD},
        regions=_regions(),
    ),
    zones=(
        Zone(
            "gb",
            "United Kingdom",
            ("GB",),
            (
                _option("gb-standard", "Standard delivery", 399, 499, {"GBP": 5000, "EUR": 6000}),
                _option("gb-express", "Next working day", 699, 849),
            ),
        ),
        Zone(
            "eu",
            "European Union",
            tuple(country for country in _STANDARD if country != "GB"),
            (
                _option("eu-standard", "Standard delivery", 899, 999, {"GBP": 10000, "EUR": 12000}),
                _option("eu-express", "Express delivery", 1799, 1999),
            ),
        ),
        Zone(
            "world",
            "Rest of the world",
            (EVERYWHERE,),
            (_option("world-standard", "International delivery", 1499, 1799),),
        ),
    ),
    stock_locations=(StockLocation("main", "Main warehouse"),),
    time_zone="Europe/London",
    policies=Policies(support_refund_limit={"GBP": 10_000, "EUR": 12_000}),
)
