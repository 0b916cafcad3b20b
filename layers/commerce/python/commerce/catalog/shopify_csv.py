"""The Shopify product CSV, read into products and row errors; pure.

Both sets of column names are read: the classic one (`Handle`, `Variant Price`, ...)
and the one of newer exports (`URL handle`, `Price`, ...), in any letter case and
order. Rows with the same handle are one product; the first with a title carries the
product's own columns, every row with an option value, SKU or price is a variant, and every
row may bring an image. `docs/catalog.md` has the table of columns.

A value that cannot be read leaves out the smallest thing it spoils: an alt text, a tag,
an image, a description, a variant, or the product where its title or status is it. Never
another product: a quote that is not closed costs its own line, and reading goes on at the
next.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from commerce.catalog import csv_cells, model
from commerce.catalog.model import CategoryWish, Media
from commerce.errors import InvalidImport
from commerce.money import is_currency

# The markets whose currency goes without saying. `International` is what Shopify names
# the market outside the home one; a shop with another currency there says so.
MARKET_CURRENCIES: Mapping[str, str] = {
    "Australia": "AUD",
    "Canada": "CAD",
    "Europe": "EUR",
    "European Union": "EUR",
    "Eurozone": "EUR",
    "International": "EUR",
    "Japan": "JPY",
    "Switzerland": "CHF",
    "United Kingdom": "GBP",
    "United States": "USD",
}

_COLUMNS = {
    "handle": ("handle", "url handle"),
    "title": ("title",),
    "description": ("body (html)", "body html", "description"),
    "vendor": ("vendor",),
    "category": ("product category",),
    "type": ("type",),
    "categories": ("categories",),
    "tags": ("tags",),
    "published": ("published", "published on online store"),
    "status": ("status",),
    "sku": ("variant sku", "sku"),
    "variant_title": ("variant title",),
    "grams": ("variant grams", "weight value (grams)"),
    "tracker": ("variant inventory tracker", "inventory tracker"),
    "quantity": ("variant inventory qty", "inventory quantity"),
    "policy": ("variant inventory policy", "continue selling when out of stock"),
    "price": ("variant price", "price"),
    "compare_at_price": ("variant compare at price", "compare-at price", "compare at price"),
    "requires_shipping": ("variant requires shipping", "requires shipping"),
    "taxable": ("variant taxable", "charge tax"),
    "tax_code": ("variant tax code", "tax code"),
    "barcode": ("variant barcode", "barcode"),
    "image": ("image src", "product image url"),
    "image_position": ("image position",),
    "image_alt": ("image alt text",),
    **{f"option{n}_name": (f"option{n} name",) for n in (1, 2, 3)},
    **{f"option{n}_value": (f"option{n} value",) for n in (1, 2, 3)},
}
_KEYS = {name: key for key, names in _COLUMNS.items() for name in names}
_MARKET_COLUMN = re.compile(r"(included|price|compare[ -]at[ -]price) / (.+)", re.IGNORECASE)
_TORN_LINES_MAX = 100
_NAMED_CHARS = 40


@dataclass(frozen=True)
class RowError:
    """Why something was left out; `line` counts the file's lines from 1."""

    line: int
    column: str
    reason: str


@dataclass(frozen=True)
class ParsedVariant:
    """A variant's row.

    `fields` holds what the file has a column for. `prices` and `compare_at_prices`
    map each currency the file has a column for to minor units, None where the cell is
    empty. `quantity` is None where the file gives none. A SKU that is `made` stands for
    none, and gives way to the one that the choice has already.
    """

    line: int
    sku: str
    made: bool
    fields: Mapping[str, Any]
    prices: Mapping[str, int | None]
    compare_at_prices: Mapping[str, int | None]
    quantity: int | None


@dataclass(frozen=True)
class ParsedProduct:
    """A product's rows; `whole` is False where one of its variants may be missing.

    `key` is what the file calls the product: its handle there as it stands, or its title.
    `fields` holds what the file has a column for; its `categories` are wishes.
    """

    line: int
    key: str
    fields: Mapping[str, Any]
    variants: tuple[ParsedVariant, ...]
    whole: bool


@dataclass(frozen=True)
class ParsedFile:
    """What could be read, and what could not and why."""

    products: tuple[ParsedProduct, ...]
    errors: tuple[RowError, ...]


def parse(text: str, currency: str, markets: Mapping[str, str]) -> ParsedFile:
    """Read a file.

    Parameters
    ----------
    text
        The file; a byte order mark and line breaks inside quotes are understood.
    currency
        The currency of `Variant Price`.
    markets
        The currency of each market with a column `Price / <market>`, beyond
        `MARKET_CURRENCIES`; a market named as a currency needs none.

    Raises
    ------
    InvalidImport
        The first line has no `Title` column, or very many lines are not CSV.
    """
    errors: list[RowError] = []
    strays: list[RowError] = []
    records = _records(text.removeprefix("\ufeff"), strays)
    header = _header(next(records, None), currency, {**MARKET_CURRENCIES, **markets}, errors)
    groups = _by_key(records, header, strays)
    seen_skus: dict[str, int] = {}
    found = [_product(key, rows, header, seen_skus, errors) for key, rows in groups.items()]
    products = tuple(
        # A row of nobody knows whose may have been a variant of any.
        replace(product, whole=product.whole and not strays)
        for product in found
        if product
    )
    return ParsedFile(products, tuple(sorted(errors + strays, key=lambda error: error.line)))


# --- lines --------------------------------------------------------------------


@dataclass(frozen=True)
class _Header:
    """Where each column stands, how the file names it, and which currencies it prices."""

    positions: Mapping[str, int]
    names: Mapping[str, str]
    width: int
    currency: str
    markets: Mapping[str, str]

    def has(self, *keys: str) -> bool:
        return any(key in self.positions for key in keys)


@dataclass(frozen=True)
class _Row:
    line: int
    cells: Sequence[str]
    header: _Header

    def get(self, key: str) -> str:
        """Give a cell without blanks around it; empty where the column is missing."""
        position = self.header.positions.get(key, len(self.cells))
        cell = self.cells[position].strip() if position < len(self.cells) else ""
        return csv_cells.unguarded(cell) if cell[:1] == "'" else cell

    def error(self, key: str, reason: str) -> RowError:
        return RowError(self.line, self.header.names.get(key, _standard_name(key)), reason)


@dataclass
class _Reader:
    """Reads one row's cells and keeps what is wrong with them."""

    row: _Row
    errors: list[RowError] = field(default_factory=list)
    unreadable: set[str] = field(default_factory=set)

    def read(self, key: str, parse_cell: Callable[[str], Any], default: Any = None) -> Any:
        """Give a cell's value; the default where it is empty or cannot be read."""
        text = self.row.get(key)
        if not text:
            return default
        try:
            return parse_cell(text)
        except ValueError as refused:
            self.refuse(key, str(refused))
            return default

    def refuse(self, key: str, reason: str) -> None:
        self.unreadable.add(key)
        self.errors.append(self.row.error(key, reason))


def _standard_name(key: str) -> str:
    return _COLUMNS[key][0].title().replace("Sku", "SKU") if key in _COLUMNS else key


def _records(text: str, strays: list[RowError]) -> Iterator[tuple[int, list[str]]]:
    """Give each record with the line it starts on; a malformed line becomes an error."""
    lines = list(io.StringIO(text, newline=""))
    start = 0
    while start < len(lines):
        reader = csv.reader(itertools.islice(lines, start, None), strict=True)
        line = start + 1
        try:
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield line, cells
                line = start + reader.line_num + 1
        except csv.Error as error:
            strays.append(RowError(line, "", f"this is not CSV: {error}"))
            if len(strays) > _TORN_LINES_MAX:
                raise InvalidImport("the file is not CSV", line=line) from None
            start = line
        else:
            return


def _header(
    record: tuple[int, list[str]] | None,
    currency: str,
    market_currencies: Mapping[str, str],
    errors: list[RowError],
) -> _Header:
    line, cells = record or (1, [])
    positions: dict[str, int] = {}
    names: dict[str, str] = {}
    markets: dict[str, str] = {}
    known = {name.casefold(): code for name, code in market_currencies.items()}
    for position, cell in enumerate(cells):
        name = cell.strip()
        key = _KEYS.get(name.casefold(), "")
        if market := _MARKET_COLUMN.fullmatch(name):
            kind, place = market[1].casefold().replace("-", " "), market[2].strip()
            code = place if is_currency(place) else ""
            markets[place] = code or known.get(place.casefold(), "")
            key = f"{kind} / {place}"
        if key and key not in positions:
            positions[key], names[key] = position, name
    if "title" not in positions:
        raise InvalidImport("the first line must name the columns, one of them Title, with commas")
    for place in [place for place, code in markets.items() if not code]:
        if f"price / {place}" in positions:
            reason = f"name the currency of the market {place}; its prices were left out"
            errors.append(RowError(line, names[f"price / {place}"], reason))
        del markets[place]
    return _Header(positions, names, len(cells), currency, markets)


def _by_key(
    records: Iterable[tuple[int, list[str]]], header: _Header, strays: list[RowError]
) -> dict[str, list[_Row]]:
    """Put the rows of each product together; a row of nobody becomes an error.

    Two keys are two products, however alike: only normal forms of one text are the same.
    """
    groups: dict[str, list[_Row]] = {}
    # Without a column of handles the title is all that tells.
    column = "handle" if header.has("handle") else "title"
    for line, cells in records:
        row = _Row(line, cells, header)
        reader = _Reader(row)
        if any(cell.strip() for cell in cells[header.width :]):
            strays.append(RowError(line, "", "more values than columns: is a comma not quoted?"))
        elif not row.get(column):
            strays.append(row.error(column, "is empty: it tells which product the row is of"))
        elif key := reader.read(column, csv_cells.short_text(model.IMPORT_KEY_CHARS_MAX)):
            groups.setdefault(key, []).append(row)
        strays.extend(reader.errors)
    return groups


# --- products -----------------------------------------------------------------


def _product(
    key: str,
    rows: Sequence[_Row],
    header: _Header,
    seen_skus: dict[str, int],
    errors: list[RowError],
) -> ParsedProduct | None:
    first = next((row for row in rows if row.get("title")), None)
    if first is None:
        errors.append(rows[0].error("title", "is empty"))
        return None
    titles = {"", unicodedata.normalize("NFC", first.get("title"))}
    own = []
    for row in rows:
        if unicodedata.normalize("NFC", row.get("title")) in titles:
            own.append(row)
        else:
            reason = f"line {first.line} has this handle and another title"
            errors.append(row.error("title", reason))
    reader = _Reader(first)
    fields = _needed_fields(reader, header)
    spoilt = bool(reader.errors)
    fields |= _other_fields(reader, header)
    errors.extend(reader.errors)
    if header.has("image"):
        fields["media"] = _media(own, errors)
    read = [_variant(key, row, first, header) for row in own if row is first or _is_variant(row)]
    variants = _distinct(read, seen_skus, errors)
    if spoilt or not variants:
        return None
    whole = len(variants) == len(read) and len(own) == len(rows)
    return ParsedProduct(first.line, key, fields, tuple(variants), whole)


def _needed_fields(reader: _Reader, header: _Header) -> dict[str, Any]:
    """Read what there is no product without; a column the file lacks gives no field."""
    fields: dict[str, Any] = {
        "title": reader.read("title", csv_cells.short_text(model.TITLE_CHARS_MAX))
    }
    if header.has("status", "published"):
        published = reader.read("published", csv_cells.boolean, True)
        status = reader.read("status", csv_cells.status, "active")
        fields["status"] = "draft" if status == "active" and not published else status
    return fields


def _other_fields(reader: _Reader, header: _Header) -> dict[str, Any]:
    """Read the product's other columns; one that is lacking or unreadable gives no field."""
    found: dict[str, Any] = {}
    if header.has("description"):
        found["description"] = reader.read("description", csv_cells.description, "")
    if header.has("vendor"):
        found["vendor"] = reader.read("vendor", csv_cells.short_text(model.VENDOR_CHARS_MAX), "")
    if header.has("tags"):
        found["tags"] = _tags(reader)
    if header.has("category", "type", "categories"):
        # The standard category says more than the shop's own type, where it is given.
        path = reader.read("category", csv_cells.category_path, ()) or reader.read(
            "type", csv_cells.category_path, ()
        )
        more = reader.read("categories", csv_cells.categories, ())
        found["categories"] = _category_wishes(path, more)
    unreadable = reader.unreadable - {"tags"}  # those that can be read are kept
    if unreadable & {"category", "type"}:
        unreadable.add("categories")
    return {name: value for name, value in found.items() if name not in unreadable}


def _tags(reader: _Reader) -> tuple[str, ...]:
    """Read the tags that can be kept, and name the others."""
    read_tag = csv_cells.short_text(model.TAG_CHARS_MAX)
    kept: dict[str, None] = {}
    left = size = 0
    for cell in csv_cells.tags(reader.row.get("tags")):
        try:
            tag = read_tag(cell)
        except ValueError as refused:
            reader.refuse("tags", f"the tag {cell[:_NAMED_CHARS]!r} {refused} and was left out")
            continue
        size += len(tag.encode())
        if len(kept) == model.TAGS_MAX or size > model.TAGS_BYTES_MAX:
            left += 1
        else:
            kept[tag] = None
    if left:
        reader.refuse(
            "tags",
            f"a product has at most {model.TAGS_MAX} tags of {model.TAGS_BYTES_MAX} bytes in all:"
            f" the last {left} were left out",
        )
    return tuple(kept)


def _category_wishes(
    path: tuple[str, ...], more: Sequence[CategoryWish]
) -> tuple[CategoryWish, ...]:
    """Put the category of the format's column before those of our own, which may have its slug."""
    if not path or path in [wish.path for wish in more]:
        return tuple(more)
    return (CategoryWish(path), *more)


def _is_variant(row: _Row) -> bool:
    return any(row.get(key) for key in ("option1_value", "sku", "price"))


def _media(rows: Iterable[_Row], errors: list[RowError]) -> tuple[Media, ...]:
    """Read the images in the order of their positions; an unreadable one is left out."""
    found: dict[str, tuple[int, Media]] = {}
    for row in rows:
        reader = _Reader(row)
        url = reader.read("image", csv_cells.url)
        alt = reader.read("image_alt", csv_cells.short_text(model.ALT_CHARS_MAX), "")
        position = reader.read("image_position", csv_cells.integer, model.MEDIA_MAX)
        if url and url not in found:
            if len(found) == model.MEDIA_MAX:
                reader.refuse("image", f"a product has at most {model.MEDIA_MAX} images")
            else:
                found[url] = (position, Media(url, alt))
        errors.extend(reader.errors if row.get("image") else [])
    return tuple(media for _, media in sorted(found.values(), key=lambda pair: pair[0]))


# --- variants -----------------------------------------------------------------


@dataclass(frozen=True)
class _ReadVariant:
    """A variant's row as read; no variant where it cannot be, else what was read otherwise."""

    row: _Row
    variant: ParsedVariant | None
    errors: tuple[RowError, ...]


def _variant(key: str, row: _Row, first: _Row, header: _Header) -> _ReadVariant:
    reader = _Reader(row)
    option_values = _option_values(reader, first)
    made = not row.get("sku")
    sku = model.made_sku(key, option_values.values()) if made else reader.read("sku", csv_cells.sku)
    fields: dict[str, Any] = {"option_values": option_values}
    if header.has("variant_title"):
        read_title = csv_cells.short_text(model.TITLE_CHARS_MAX)
        fields["title"] = reader.read(
            "variant_title", read_title, model.default_variant_title(option_values)
        )
    if header.has("grams"):
        fields["weight_grams"] = reader.read("grams", csv_cells.grams, 0)
    if header.has("taxable", "tax_code"):
        fields["tax_class"] = _tax_class(reader)
    if header.has("requires_shipping"):
        fields["requires_shipping"] = reader.read("requires_shipping", csv_cells.boolean, True)
    if header.has("tracker"):
        fields["manage_inventory"] = bool(row.get("tracker"))
    if header.has("policy"):
        fields["allow_backorder"] = reader.read("policy", csv_cells.sold_beyond_stock, False)
    if header.has("barcode"):
        fields["barcode"] = reader.read(
            "barcode", csv_cells.short_text(model.BARCODE_CHARS_MAX), ""
        )
    prices = _prices(reader, header, "price")
    priceless = all(amount is None for amount in prices.values())
    if header.has("price") and not row.get("price") and priceless:
        reader.refuse("price", "is empty")
    compare_at_prices = _prices(reader, header, "compare_at_price")
    quantity = reader.read("quantity", csv_cells.integer)
    if reader.errors:
        return _ReadVariant(row, None, tuple(reader.errors))
    opening = _opening(reader, quantity)
    parsed = ParsedVariant(row.line, sku, made, fields, prices, compare_at_prices, opening)
    return _ReadVariant(row, parsed, tuple(reader.errors))


def _opening(reader: _Reader, quantity: int | None) -> int | None:
    """Give the units a variant starts with: none where more was sold elsewhere than was there."""
    if quantity is None or quantity >= 0:
        return quantity
    reader.refuse("quantity", f"is {quantity}: it starts with nothing in stock")
    return 0


def _option_values(reader: _Reader, first: _Row) -> dict[str, str]:
    values: dict[str, str] = {}
    for number in (1, 2, 3):
        value = reader.read(
            f"option{number}_value", csv_cells.short_text(model.OPTION_VALUE_CHARS_MAX)
        )
        # Later rows may leave the names out.
        names = reader if reader.row.get(f"option{number}_name") else _Reader(first)
        name = names.read(f"option{number}_name", csv_cells.short_text(model.OPTION_NAME_CHARS_MAX))
        if value and not name:
            reader.refuse(f"option{number}_name", "is empty or cannot be read")
        elif value and name in values:
            reader.refuse(f"option{number}_name", "is the name of another option, too")
        elif value:
            values[name] = value
    return model.chosen(values)


def _prices(reader: _Reader, header: _Header, key: str) -> dict[str, int | None]:
    prices: dict[str, int | None] = {}
    if header.has(key):
        prices[header.currency] = reader.read(key, csv_cells.amount(header.currency))
    for place, currency in header.markets.items():
        column = f"{key.replace('_', ' ')} / {place}"
        if header.has(column):
            amount = reader.read(column, csv_cells.amount(currency))
            included = reader.read(f"included / {place}", csv_cells.boolean, True)
            prices[currency] = amount if included else None
    return prices


def _tax_class(reader: _Reader) -> str:
    if not reader.read("taxable", csv_cells.boolean, True):
        return "zero"
    code = reader.row.get("tax_code").casefold()
    # Other codes belong to a tax provider, which reads them its own way.
    return code if code in model.TAX_CLASSES else "standard"


def _distinct(
    read: Iterable[_ReadVariant], seen_skus: dict[str, int], errors: list[RowError]
) -> list[ParsedVariant]:
    """Keep the variants that can stand beside those before them."""
    kept: list[ParsedVariant] = []
    chosen: set[frozenset[tuple[str, str]]] = set()
    for each in read:
        errors.extend(each.errors)
        if each.variant is None:
            continue
        choice = frozenset(each.variant.fields["option_values"].items())
        if (line := seen_skus.get(each.variant.sku)) is not None:
            errors.append(each.row.error("sku", f"line {line} has this SKU already"))
        elif choice in chosen and not each.row.header.has("handle"):
            reason = "another row has this title and the same options: give each a handle"
            errors.append(each.row.error("title", reason))
        elif choice and choice in chosen:
            errors.append(each.row.error("option1_value", "another row has the same options"))
        elif len(kept) == model.VARIANTS_MAX:
            errors.append(
                each.row.error("sku", f"a product has at most {model.VARIANTS_MAX} variants")
            )
        else:
            seen_skus[each.variant.sku] = each.variant.line
            chosen.add(choice)
            kept.append(each.variant)
    return kept
