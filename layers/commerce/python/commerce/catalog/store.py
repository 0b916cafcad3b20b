"""Products in DynamoDB. How a save stays whole is told in `commerce.catalog.saving`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from commerce import ids
from commerce.catalog import items, saving
from commerce.catalog.categories import CategoryRegistry
from commerce.catalog.items import is_claim, sku_key, to_variant
from commerce.catalog.model import (
    HANDLE_CHARS_MAX,
    PRODUCT_BYTES_MAX,
    Category,
    CategoryCount,
    CategoryWish,
    Filter,
    Product,
    Variant,
    is_handle,
)
from commerce.dynamo.table import (
    Check,
    ConditionFailed,
    Delete,
    Item,
    Key,
    Put,
    Table,
    TransactionRefused,
)
from commerce.errors import (
    DomainError,
    HandleTaken,
    InvalidRequest,
    SkuTaken,
    StaleVersion,
    TransactionConflict,
)

PRODUCT_ID_PREFIX = "prod"

_DECISION_TRIES = 4
_SKUS_A_LOOK = 500
# Longer than a function may run, so that an old claim is nobody's work in progress.
_CLAIM_SECONDS = 60
# An answer of a function is at most 6 MB, and JSON takes more room than the item.
_PAGE_BYTES_MAX = 3_000_000
_FILTERED_ENTRIES_A_READ = 250
_FILTERED_ENTRIES_MAX = 5_000
_IS_SOLD = "attribute_exists(#pk) AND attribute_not_exists(#claimed_until)"
_STILL_THE_OLD_CLAIM = "#claimed_until = :claimed_until"
_OUR_CLAIM = f"{saving.OURS} AND attribute_exists(#claimed_until)"


GivenUp = Callable[[Sequence[str]], Sequence[Check]]


@dataclass(frozen=True)
class Page:
    """Products of one page, and the product id to go on after; None after the last page."""

    products: list[Product]
    after: str | None


class CatalogStore:
    """The catalogue's table.

    Parameters
    ----------
    given_up
        Gives what must be true elsewhere for SKUs to be given up, and refuses where it is
        not; needed by whoever changes a product's variants.
    """

    def __init__(self, table: Table, given_up: GivenUp | None = None) -> None:
        self._table = table
        self._categories = CategoryRegistry(table)
        self._given_up = given_up

    def variants(self, skus: Iterable[str]) -> dict[str, Variant]:
        """Read what pricing needs of many SKUs; those nobody has are left out.

        Eventually consistent; SKUs may repeat.
        """
        found = self._sku_items(skus, consistent=False)
        return {sku: to_variant(item) for sku, item in found.items() if not is_claim(item)}

    def skus(self) -> Iterator[list[str]]:
        """Walk all SKUs, in no order, some at a time."""
        start: Item | None = None
        while True:
            page, start = self._table.scan_page(
                limit=_SKUS_A_LOOK,
                start=start,
                filter_by="#sk = :variant",
                values={"variant": "variant"},
            )
            yield [item["pk"].removeprefix("sku#") for item in page]
            if start is None:
                return

    def is_sold(self, sku: str) -> Check:
        """Give what must be true for a SKU's units to be added: a variant has it.

        For a transaction of another service, so that no unit is added to a SKU this moment
        given up.
        """
        return self._table.own(Check(sku_key(sku), _IS_SOLD))

    def find(self, id_or_handle: str, *, consistent: bool = False) -> Product | None:
        """Read a product by its id or handle; None where there is none."""
        product_id = id_or_handle
        if len(id_or_handle) > HANDLE_CHARS_MAX:
            return None  # DynamoDB refuses a key that long
        if not ids.is_id(id_or_handle, PRODUCT_ID_PREFIX):
            owner = self._table.get(items.handle_key(id_or_handle), consistent=consistent)
            if owner is None:
                return None
            product_id = owner["product_id"]
        item = self._table.get(items.product_key(product_id), consistent=consistent)
        return items.to_product(item) if item else None

    def find_imported(self, keys: Sequence[str]) -> dict[str, Product]:
        """Read the products that files call by these keys, as last written.

        A product saved before there were import keys is called by its handle. Keys of
        nothing are left out.
        """
        handles = [key for key in keys if is_handle(key)]
        owners = self._owners(
            [*map(items.import_key, keys), *(items.handle_key(handle) for handle in handles)]
        )
        products = self._products([*owners.values()], consistent=True)
        found = {}
        for key in keys:
            product = products.get(owners.get(f"import#{key}", ""))
            if product is None:
                product = products.get(owners.get(f"handle#{key}", ""))
                if product and product.import_key:
                    continue  # Files call that one otherwise.
            if product:
                found[key] = product
        return found

    def find_without_key(self, handles: Sequence[str]) -> dict[str, Product]:
        """Read products by handle, of those that were saved before there were import keys."""
        owners = self._owners([items.handle_key(handle) for handle in handles])
        products = self._products([*owners.values()], consistent=True).values()
        return {product.handle: product for product in products if not product.import_key}

    def page(
        self, list_name: str, wanted: Filter, limit: int, after: str | None, *, consistent: bool
    ) -> Page:
        """Read a page of a list, newest product first.

        A page may hold fewer than `limit` and still not be the last: it ends early
        where products are very large, or where a filter has passed over thousands.
        """
        product_ids, after = self._page_ids(list_name, wanted, limit, after)
        found = self._products(product_ids, consistent=consistent)
        return Page([found[each] for each in product_ids if each in found], after)

    def categories(self) -> list[CategoryCount]:
        """Read the categories that active products are in, by slug."""
        found = map(
            items.to_category_count,
            self._table.query("#pk = :categories", {"categories": items.CATEGORIES}),
        )
        return [count for count in found if count.products > 0]

    def resolved(self, wishes: Sequence[CategoryWish]) -> tuple[Category, ...]:
        """Give the categories that are wished for, each after those above it.

        Raises
        ------
        InvalidRequest
            A slug is another category's, there is no such parent, or they are too many.
        """
        return self._categories.resolved(wishes)

    def add(self, product: Product) -> Product:
        """Save a new product.

        Without an import key files call it by its handle, or by its id where they call
        another product so.

        Raises
        ------
        HandleTaken
            Another product has the handle.
        SkuTaken
            Other products have SKUs of it; `skus` lists them.
        TransactionConflict
            Another save holds one of its SKUs at this moment, or another import has just
            made a product of its import key.
        InvalidRequest
            It takes more than `PRODUCT_BYTES_MAX`.
        """
        if not product.import_key:
            return self._save_called(None, product, product.handle)
        try:
            return self._save(None, product)
        except _ImportKeyTaken as taken:
            raise TransactionConflict(str(taken)) from None

    def replace(self, old: Product, new: Product) -> Product:
        """Save a product over the version it was made from.

        Raises
        ------
        StaleVersion
            Somebody else saved it since `old` was read.
        SkuHasStock
            SKUs of it are given up of which there are units.
        HandleTaken, SkuTaken, TransactionConflict, InvalidRequest
            As for `add`.
        """
        settled = self.settle(old)
        if new.import_key and new.import_key == old.import_key:
            return self._save(settled, new)
        return self._save_called(settled, new, new.import_key or old.handle)

    def settle(self, product: Product) -> Product:
        """Finish a save that was cut off after it was decided; nothing to do for most.

        Running it twice, or against a newer save, changes nothing more.
        """
        if not product.unsettled:
            return product
        for write in saving.late_writes(product):
            # Refused where it follows this version already, or a newer save has it.
            with suppress(ConditionFailed):
                self._table.put(write) if isinstance(write, Put) else self._table.delete(write)
        # Refused where there is a newer save, which settles itself.
        with suppress(ConditionFailed):
            self._table.update(saving.settled_write(product))
        return replace(product, unsettled=())

    def _save_called(self, old: Product | None, new: Product, key: str) -> Product:
        """Save a product under this import key, or under its id where another has the key."""
        try:
            return self._save(old, replace(new, import_key=key))
        except _ImportKeyTaken:
            return self._save(old, replace(new, import_key=new.product_id))

    def _save(self, old: Product | None, new: Product) -> Product:
        _refuse_too_large(new)
        fresh = [sku for sku in new.skus if old is None or sku not in old.skus]
        self._refuse_taken(fresh, new)
        planned = saving.plan(old, new, 1 if self._given_up else 0)
        claimed: list[str] = []
        try:
            for sku in planned.claims:
                self._claim(sku, new)
                claimed.append(sku)
            self._decide(planned)
        except (DomainError, _ImportKeyTaken):
            self._release(claimed, new)
            raise
        return self.settle(planned.product)

    def _decide(self, planned: saving.Save) -> None:
        decision = planned.decision
        for _ in range(_DECISION_TRIES):
            checks = self._given_up(planned.given_up) if self._given_up else []
            try:
                self._table.transact([*decision, *checks])
            except TransactionRefused as refused:
                keys = {
                    saving.key_of(decision[position])["pk"]: item
                    for position, item in refused.failures.items()
                    if position < len(decision)
                }
                if keys:
                    raise _refusal(planned.product, keys) from None
                # What is given up was changed elsewhere this moment: look again.
            else:
                return
        raise TransactionConflict("others kept changing the stock of SKUs that are given up")

    def _refuse_taken(self, skus: Sequence[str], product: Product) -> None:
        """Name every taken SKU at once; whoever takes one later is met by a condition."""
        found = self._sku_items(skus, consistent=True)
        taken = {}
        for sku, item in found.items():
            if item["product_id"] == product.product_id and not is_claim(item):
                continue  # A newer version of this product has it: the decision tells.
            if not self._clear_dead_claim(item, product.updated_at):
                taken[sku] = item["product_id"]
        if product.product_id in taken.values():
            raise TransactionConflict("another save of this product has not ended yet")
        if taken:
            raise _sku_taken(taken)

    def _clear_dead_claim(self, item: Item, now: datetime) -> bool:
        """Free a SKU that a crashed save left behind, and tell whether it is free now."""
        if not is_claim(item) or item["claimed_until"] >= now.timestamp():
            return False
        owner = self.find(item["product_id"], consistent=True)
        if owner and item["pk"].removeprefix("sku#") in owner.skus:
            self.settle(owner)  # That save was decided after all.
            return False
        key = {"pk": item["pk"], "sk": item["sk"]}
        seen = {"claimed_until": item["claimed_until"]}
        try:
            self._table.delete(Delete(key, _STILL_THE_OLD_CLAIM, seen))
        except ConditionFailed:
            return False
        return True

    def _claim(self, sku: str, product: Product) -> None:
        until = int(product.updated_at.timestamp()) + _CLAIM_SECONDS
        try:
            self._table.put(Put(items.claim_item(sku, product, until), saving.NOT_THERE))
        except ConditionFailed as failed:
            raise _sku_taken({sku: failed.item["product_id"] if failed.item else ""}) from None

    def _release(self, skus: Iterable[str], product: Product) -> None:
        for sku in skus:
            # Refused where somebody cleared it as an old claim.
            with suppress(ConditionFailed):
                self._table.delete(
                    Delete(sku_key(sku), _OUR_CLAIM, {"product_id": product.product_id})
                )

    def _page_ids(
        self, list_name: str, wanted: Filter, limit: int, after: str | None
    ) -> tuple[list[str], str | None]:
        unfiltered = wanted == Filter()
        chosen: list[str] = []
        size = examined = 0
        start: Item | None = {"pk": list_name, "sk": after} if after else None
        while True:
            page, start = self._table.query_page(
                "#pk = :list",
                {"list": list_name},
                limit=limit + 1 if unfiltered else _FILTERED_ENTRIES_A_READ,
                start=start,
                newest_first=True,
            )
            for entry in map(items.to_entry, page):
                if wanted.wants(entry):
                    size += entry.bytes
                    if len(chosen) == limit or (chosen and size > _PAGE_BYTES_MAX):
                        return chosen, after
                    chosen.append(entry.product_id)
                after = entry.product_id
            examined += len(page)
            if start is None:
                return chosen, None
            if examined >= _FILTERED_ENTRIES_MAX:
                return chosen, after

    def _owners(self, keys: Sequence[Key]) -> dict[str, str]:
        """Tell whose each of these handles and import keys is, by `pk`."""
        found = self._table.get_many(keys, consistent=True)
        return {item["pk"]: item["product_id"] for item in found}

    def _products(self, product_ids: Sequence[str], *, consistent: bool) -> dict[str, Product]:
        keys = [items.product_key(product_id) for product_id in dict.fromkeys(product_ids)]
        found = map(items.to_product, self._table.get_many(keys, consistent=consistent))
        return {product.product_id: product for product in found}

    def _sku_items(self, skus: Iterable[str], *, consistent: bool) -> dict[str, Item]:
        keys = [sku_key(sku) for sku in dict.fromkeys(skus)]
        found = self._table.get_many(keys, consistent=consistent)
        return {item["pk"].removeprefix("sku#"): item for item in found}


class _ImportKeyTaken(Exception):
    """Files call another product by this key; nobody outside is told so."""


def _refuse_too_large(product: Product) -> None:
    size = items.bytes_of(product)
    if size > PRODUCT_BYTES_MAX:
        raise InvalidRequest(
            f"the product takes {size} bytes, and more than {PRODUCT_BYTES_MAX} have no room: "
            "shorten its texts or give it fewer variants",
            bytes=size,
            bytes_max=PRODUCT_BYTES_MAX,
        )


def _refusal(product: Product, failures: dict[str, Item | None]) -> DomainError | _ImportKeyTaken:
    """Turn what a transaction was refused for into one error; the version comes first."""
    own = items.product_key(product.product_id)["pk"]
    if own in failures:
        current = failures[own]
        return StaleVersion(
            "somebody else changed the product; read it again",
            version=current["version"] if current else 0,
        )
    handle = items.handle_key(product.handle)["pk"]
    if handle in failures:
        owner = failures[handle]
        return _handle_taken(product.handle, owner["product_id"] if owner else "")
    if items.import_key(product.import_key)["pk"] in failures:
        return _ImportKeyTaken(
            f"files call another product {product.import_key}: one import was faster"
        )
    return _sku_taken(
        {
            pk.removeprefix("sku#"): item["product_id"] if item else ""
            for pk, item in failures.items()
        }
    )


def _handle_taken(handle: str, product_id: str) -> HandleTaken:
    """Say that another product has the handle, and which."""
    return HandleTaken(
        f"another product has the handle {handle}", handle=handle, product_id=product_id
    )


def _sku_taken(owners: dict[str, str]) -> SkuTaken:
    return SkuTaken(
        f"other products have {', '.join(sorted(owners))}",
        skus=sorted(owners),
        product_ids=[owners[sku] for sku in sorted(owners)],
    )
