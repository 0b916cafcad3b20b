"""How one save of a product becomes writes; pure.

A product, its handle and import key, its list entries and the items of its SKUs must agree, and a
transaction takes 100 items, which a product with 100 variants exceeds. So:

1. *Claim.* New SKUs the transaction has no room for are claimed first, each by an
   item that names the product but cannot be sold.
2. *Decide.* One transaction writes the product on the condition of its version, with
   handle, import key, lists, category counts and as many SKUs as fit. It alone decides: before it
   nothing was saved, after it everything was. What did not fit is named in the
   product's own `unsettled`. SKUs that are given up go in it first, with what must be
   true of their stock.
3. *Settle.* The rest of the SKUs follow, each only from an older version to this one,
   and `unsettled` is emptied.

Most products fit in step 2 and have no other. A crash before step 2 leaves claims,
which the next save that wants the SKU clears once they are old. A crash after it
leaves `unsettled`, and whoever next reads the product as staff, saves it or imports it
again settles it; until then those SKUs sell as they did before, and new ones not yet.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from commerce.catalog import items
from commerce.catalog.model import Category, Product
from commerce.dynamo.table import TRANSACTION_ITEMS_MAX, Delete, Key, Put, Update, Write
from commerce.errors import InvalidRequest

NOT_THERE = "attribute_not_exists(#pk)"
SAME_VERSION = "#version = :version"
OURS = "#product_id = :product_id"
NOT_ANOTHERS = f"{NOT_THERE} OR {OURS}"
# A late write of an older save must not undo a newer one.
OURS_AND_OLDER = f"{OURS} AND #version < :version"

# So many SKUs can always be given up in one save, whatever else it changes.
GIVEN_UP_MIN = 20
COUNT_ACTIVE = "SET #title = :title ADD #active_products :change"
SETTLED = "SET #unsettled = :nothing"


@dataclass(frozen=True)
class Save:
    """A planned save: SKUs to claim, writes that decide, and the product as it will be.

    `given_up` are SKUs that are no variant's any more.
    """

    product: Product
    claims: tuple[str, ...]
    decision: tuple[Write, ...]
    given_up: tuple[str, ...]


def plan(old: Product | None, new: Product, checks_a_sku_given_up: int = 0) -> Save:
    """Plan the save of `new` over `old`, which is settled, or over nothing.

    Parameters
    ----------
    checks_a_sku_given_up
        How much room the decision has to leave for each SKU that is given up.

    Raises
    ------
    InvalidRequest
        More SKUs are given up than one decision has room for.
    """
    before = old.skus if old else ()
    fresh = [sku for sku in new.skus if sku not in before]
    kept = [sku for sku in new.skus if sku in before]
    leaving = [sku for sku in before if sku not in new.skus]
    companions = [
        *_handle_writes(old, new),
        *_import_key_writes(old, new),
        *_list_writes(old, new),
        *_count_writes(old, new),
    ]
    room = TRANSACTION_ITEMS_MAX - 1 - len(companions)
    room -= checks_a_sku_given_up * len(leaving)
    if checks_a_sku_given_up and room < len(leaving):
        raise InvalidRequest(
            f"{len(leaving)} SKUs are given up at once: give up {GIVEN_UP_MIN} at a time",
            skus=leaving,
        )
    skus = [*leaving, *fresh, *kept]
    product = replace(new, unsettled=tuple(skus[room:]))
    by_sku = [_sku_write(new, sku, new_to_us=sku in fresh) for sku in skus[:room]]
    return Save(
        product=product,
        claims=tuple(sku for sku in product.unsettled if sku in fresh),
        decision=(_product_write(old, product), *companions, *by_sku),
        given_up=tuple(leaving),
    )


def key_of(write: Write) -> Key:
    """Tell which item a write is about."""
    return {"pk": write.item["pk"], "sk": write.item["sk"]} if isinstance(write, Put) else write.key


def late_writes(product: Product) -> list[Put | Delete]:
    """Give the writes that bring the unsettled SKUs to the product's version."""
    values = {"product_id": product.product_id, "version": product.version}
    variants = {variant.sku: variant for variant in product.variants}
    return [
        Put(items.sku_item(product, variants[sku]), OURS_AND_OLDER, values)
        if sku in variants
        else Delete(items.sku_key(sku), OURS_AND_OLDER, values)
        for sku in product.unsettled
    ]


def settled_write(product: Product) -> Update:
    """Give the write that says all SKUs follow this version."""
    return Update(
        items.product_key(product.product_id),
        SETTLED,
        SAME_VERSION,
        {"nothing": [], "version": product.version},
    )


def _product_write(old: Product | None, product: Product) -> Put:
    item = items.product_item(product)
    if old is None:
        return Put(item, NOT_THERE)
    return Put(item, SAME_VERSION, {"version": old.version})


def _sku_write(product: Product, sku: str, *, new_to_us: bool) -> Put | Delete:
    ours = {"product_id": product.product_id}
    variant = next((variant for variant in product.variants if variant.sku == sku), None)
    if variant is None:
        return Delete(items.sku_key(sku), OURS, ours)
    item = items.sku_item(product, variant)
    return Put(item, NOT_THERE) if new_to_us else Put(item, OURS, ours)


def _handle_writes(old: Product | None, new: Product) -> Iterable[Write]:
    if old and old.handle == new.handle:
        return
    yield Put(items.handle_item(new), NOT_THERE)
    if old:
        yield Delete(items.handle_key(old.handle))


def _import_key_writes(old: Product | None, new: Product) -> Iterable[Write]:
    # It never changes; a product saved before there were keys has none yet.
    if not (old and old.import_key):
        ours = {"product_id": new.product_id}
        yield Put(items.import_key_item(new), NOT_ANOTHERS, ours)


def _list_writes(old: Product | None, new: Product) -> Iterable[Write]:
    before = items.list_entries(old) if old else {}
    after = items.list_entries(new)
    for name, entry in after.items():
        if before.get(name) != entry:
            yield Put(entry)
    for name in before.keys() - after.keys():
        yield Delete({"pk": name, "sk": new.product_id})


def _count_writes(old: Product | None, new: Product) -> Iterable[Write]:
    before, after = _shelves(old), _shelves(new)
    for slug in sorted(before.keys() ^ after.keys()):
        change = 1 if slug in after else -1
        title = (after if slug in after else before)[slug].title
        yield Update(
            items.category_key(slug), COUNT_ACTIVE, values={"title": title, "change": change}
        )


def _shelves(product: Product | None) -> dict[str, Category]:
    if product is None or product.status != "active":
        return {}
    return {category.slug: category for category in product.categories}
