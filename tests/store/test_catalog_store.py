from datetime import timedelta

import pytest

from builders import NOW, table
from catalog_builders import MUGS, OTHER_ID, PRODUCT_ID, catalog, product, variant
from cloud_in_memory import table_name
from commerce.catalog import items
from commerce.catalog.model import Category, CategoryCount, Filter, Product
from commerce.catalog.store import CatalogStore
from commerce.dynamo.table import Delete, Item, Put, Table, Update, Write
from commerce.errors import HandleTaken, SkuTaken, StaleVersion, TransactionConflict

pytestmark = pytest.mark.usefixtures("tables")

LATER = NOW + timedelta(hours=1)
MANY = [f"MUG-{number:03d}" for number in range(100)]
CUPS = Category("cups", "Cups")


class Crash(Exception):
    """The function's process is gone."""


class CrashingTable(Table):
    """Crashes before the write with this number, counted from 1."""

    def __init__(self, crash_at: int) -> None:
        super().__init__(table_name("catalog"), pause=lambda _seconds: None)
        self.writes_left = crash_at

    def _count(self) -> None:
        self.writes_left -= 1
        if self.writes_left <= 0:
            raise Crash

    def put(self, put: Put) -> None:
        self._count()
        super().put(put)

    def update(self, update: Update) -> Item:
        self._count()
        return super().update(update)

    def delete(self, delete: Delete) -> None:
        self._count()
        super().delete(delete)

    def transact(self, writes: list[Write]) -> None:  # type: ignore[override] # a list is enough
        self._count()
        super().transact(writes)


def sold(*skus: str) -> dict[str, tuple[str, int]]:
    """Tell title and version of each SKU that can be priced."""
    return {sku: (each.title, each.version) for sku, each in catalog().variants(skus).items()}


def listed(name: str, wanted: Filter | None = None, limit: int = 100) -> list[str]:
    page = catalog().page(name, wanted or Filter(), limit, None, consistent=True)
    return [each.handle for each in page.products]


def current(product_id: str = PRODUCT_ID) -> Product:
    found = catalog().find(product_id, consistent=True)
    assert found is not None
    return found


# --- one product --------------------------------------------------------------


def test_a_saved_product_is_found_by_id_and_by_handle() -> None:
    mug = catalog().add(product())
    assert catalog().find(PRODUCT_ID) == mug
    assert catalog().find("enamel-mug") == mug
    assert catalog().find(OTHER_ID) is None
    assert catalog().find("teapot") is None


def test_a_sku_gives_what_pricing_needs() -> None:
    catalog().add(product())
    (found,) = catalog().variants(["MUG-BLU", "MUG-BLU", "GONE"]).values()
    assert (found.product_id, found.title, found.variant_title) == (
        PRODUCT_ID,
        "Enamel Mug",
        "Blue",
    )
    assert found.prices == {"GBP": 950, "EUR": 1100}
    assert (found.tax_class, found.weight_grams, found.requires_shipping) == (
        "standard",
        210,
        True,
    )
    assert (found.status, found.version) == ("active", 1)


def test_whether_a_variant_is_counted_and_sold_beyond_is_kept_in_both_of_its_items() -> None:
    ticket = variant("TICKET", manage_inventory=False)
    print_ = variant("PRINT", allow_backorder=True)
    saved = catalog().add(product(variants=(ticket, print_)))
    assert catalog().find(PRODUCT_ID) == saved
    found = catalog().variants(["TICKET", "PRINT"])
    assert {sku: (each.manage_inventory, each.allow_backorder) for sku, each in found.items()} == {
        "TICKET": (False, False),
        "PRINT": (True, True),
    }


def test_a_variant_written_before_there_was_a_choice_is_counted_and_not_sold_beyond() -> None:
    mug = product()
    catalog().add(mug)
    item, sold_item = items.product_item(mug), items.sku_item(mug, mug.variants[0])
    for older in (*item["variants"], sold_item):
        del older["manage_inventory"], older["allow_backorder"]
    for older in (item, sold_item):
        table("catalog").put(Put(older))
    assert current() == mug
    (found,) = catalog().variants(["MUG-BLU"]).values()
    assert (found.manage_inventory, found.allow_backorder) == (True, False)


def test_a_taken_handle_saves_nothing() -> None:
    catalog().add(product())
    with pytest.raises(HandleTaken) as refused:
        catalog().add(product("CUP", product_id=OTHER_ID))
    assert refused.value.details == {"handle": "enamel-mug", "product_id": PRODUCT_ID}
    assert sold("CUP") == {}
    assert listed("list#all") == ["enamel-mug"]


def test_every_taken_sku_is_named_and_nothing_is_saved() -> None:
    catalog().add(product("A", "B", "C"))
    with pytest.raises(SkuTaken) as refused:
        catalog().add(product("C", "NEW", "A", product_id=OTHER_ID, handle="cup"))
    assert refused.value.details == {"skus": ["A", "C"], "product_ids": [PRODUCT_ID, PRODUCT_ID]}
    assert sold("NEW") == {}
    assert catalog().find("cup") is None


def test_a_change_reaches_product_and_skus_together() -> None:
    mug = catalog().add(product("A", "B", "C"))
    variants = (variant("C", prices={"GBP": 1}), variant("D"), variant("A"))
    catalog().replace(mug, mug.changed(LATER, title="Tin Mug", variants=variants))
    assert current().skus == ("C", "D", "A")
    assert sold("A", "B", "C", "D") == dict.fromkeys(("A", "C", "D"), ("Tin Mug", 2))
    assert catalog().variants(["C"])["C"].prices == {"GBP": 1}


def test_a_change_of_an_old_version_is_refused_and_tells_the_current_one() -> None:
    mug = catalog().add(product())
    catalog().replace(mug, mug.changed(LATER, title="First"))
    with pytest.raises(StaleVersion) as refused:
        catalog().replace(mug, mug.changed(LATER, title="Second", variants=(variant("NEW"),)))
    assert refused.value.details == {"version": 2}
    assert current().title == "First"
    assert sold("NEW", "MUG-BLU") == {"MUG-BLU": ("First", 2)}


def test_an_old_version_that_lacks_a_newer_sku_is_told_so_and_not_that_it_is_taken() -> None:
    mug = catalog().add(product("A"))
    grown = mug.changed(LATER, variants=(variant("A"), variant("B")))
    catalog().replace(mug, grown)
    with pytest.raises(StaleVersion):
        catalog().replace(mug, grown)


def test_a_removed_sku_is_free_for_another_product() -> None:
    mug = catalog().add(product("A", "B"))
    catalog().replace(mug, mug.changed(LATER, variants=(variant("A"),)))
    catalog().add(product("B", product_id=OTHER_ID, handle="cup"))
    owners = {sku: each.product_id for sku, each in catalog().variants(["A", "B"]).items()}
    assert owners == {"A": PRODUCT_ID, "B": OTHER_ID}


def test_a_changed_handle_frees_the_old_one() -> None:
    mug = catalog().add(product())
    catalog().replace(mug, mug.changed(LATER, handle="tin-mug"))
    assert catalog().find("enamel-mug") is None
    assert catalog().find("tin-mug") == current()
    # Product files still call the first one so, and the second by its id.
    other = catalog().add(product("CUP", product_id=OTHER_ID, import_key=""))
    assert catalog().find("enamel-mug") == other
    assert other.import_key == OTHER_ID
    assert catalog().find_imported(["enamel-mug"])["enamel-mug"].product_id == PRODUCT_ID


def test_a_handle_of_another_product_cannot_be_moved_to() -> None:
    catalog().add(product("CUP", product_id=OTHER_ID, handle="cup"))
    mug = catalog().add(product())
    with pytest.raises(HandleTaken):
        catalog().replace(mug, mug.changed(LATER, handle="cup"))
    assert current().handle == "enamel-mug"


# --- lists --------------------------------------------------------------------


def test_a_product_is_in_the_lists_of_its_status_and_categories_and_leaves_them() -> None:
    mug = catalog().add(product(categories=(MUGS, CUPS)))
    assert listed("list#status#active") == listed("list#category#cups") == ["enamel-mug"]
    archived = catalog().replace(mug, mug.changed(LATER, status="archived"))
    assert listed("list#all") == listed("list#status#archived") == ["enamel-mug"]
    assert listed("list#status#active") == listed("list#category#cups") == []
    catalog().replace(archived, archived.changed(LATER, status="active", categories=(MUGS,)))
    assert listed("list#category#mugs") == ["enamel-mug"]
    assert listed("list#category#cups") == []


def test_categories_count_active_products_and_vanish_with_the_last() -> None:
    mug = catalog().add(product(categories=(MUGS, CUPS)))
    catalog().add(product("CUP", product_id=OTHER_ID, handle="cup"))
    assert catalog().categories() == [CategoryCount(CUPS, 1), CategoryCount(MUGS, 2)]
    mug = catalog().replace(mug, mug.changed(LATER, title="Tin Mug"))
    assert catalog().categories() == [CategoryCount(CUPS, 1), CategoryCount(MUGS, 2)]
    catalog().replace(mug, mug.changed(LATER, status="draft"))
    assert catalog().categories() == [CategoryCount(MUGS, 1)]


def shelf(count: int, **other: object) -> list[str]:
    """Save that many products and name their handles, newest first."""
    handles = []
    for number in range(count):
        product_id = f"prod_01kjm2h{number:03d}abcdefghjkmnpqrstvwxyz0123"
        handles.append(f"mug-{number}")
        catalog().add(product(f"SKU-{number}", product_id=product_id, handle=handles[-1], **other))
    return handles[::-1]


def walk(limit: int, wanted: Filter) -> list[list[str]]:
    pages = []
    after = None
    while True:
        page = catalog().page("list#all", wanted, limit, after, consistent=True)
        pages.append([each.handle for each in page.products])
        after = page.after
        if after is None:
            return pages


@pytest.mark.parametrize("limit", [1, 3, 7, 8])
def test_pages_show_every_product_once_newest_first(limit: int) -> None:
    handles = shelf(7)
    for wanted in (Filter(), Filter(words="mug")):
        pages = walk(limit, wanted)
        assert [handle for page in pages for handle in page] == handles
        assert all(len(page) == limit for page in pages[:-1])
        assert pages[-1] != []


def test_a_page_ends_before_it_is_too_large_for_an_answer() -> None:
    handles = shelf(50, description="d" * 65_000)
    pages = walk(100, Filter())
    assert [len(page) for page in pages] == [45, 5]
    assert [handle for page in pages for handle in page] == handles


def test_handles_are_looked_up_many_at_a_time() -> None:
    shelf(3)
    assert set(catalog().find_imported(["mug-0", "mug-2", "gone"])) == {"mug-0", "mug-2"}


# --- products larger than a transaction ---------------------------------------


def other_hundred(mug: Product) -> Product:
    """Change the title and every second SKU."""
    variants = [variant(f"NEW-{sku}" if n % 2 else sku) for n, sku in enumerate(MANY)]
    return mug.changed(LATER, title="Tin Mug", variants=tuple(variants))


def test_a_product_with_100_variants_is_saved_whole() -> None:
    mug = catalog().add(product(*MANY))
    assert current() == mug
    assert mug.unsettled == ()
    assert sold(*MANY) == dict.fromkeys(MANY, ("Enamel Mug", 1))


def test_100_variants_can_be_replaced_by_others() -> None:
    mug = catalog().add(product(*MANY))
    changed = catalog().replace(mug, other_hundred(mug))
    assert current() == changed
    every = {*mug.skus, *changed.skus}
    assert sold(*every) == dict.fromkeys(changed.skus, ("Tin Mug", 2))


# Beside the product go a handle, an import key, three list entries and a count: 93 SKUs have
# room, and seven are claimed by the writes 1 to 7, decided by the 8th and late; the 16th is last.
FIRST_LATE_WRITE = 9


@pytest.mark.parametrize("crash_at", [1, 7, 8, FIRST_LATE_WRITE, 15, 16])
def test_a_new_product_cut_off_anywhere_is_there_whole_or_not_at_all(crash_at: int) -> None:
    wanted = product(*MANY)
    with pytest.raises(Crash):
        CatalogStore(CrashingTable(crash_at)).add(wanted)
    saved = catalog().find(PRODUCT_ID, consistent=True)
    if saved is None:
        # The claims of a crash stand in nobody's way for long.
        retried = product(*MANY, product_id=OTHER_ID, updated_at=LATER)
        assert catalog().add(retried) == retried
        assert sold(*MANY) == dict.fromkeys(MANY, ("Enamel Mug", 1))
        return
    assert all(each == ("Enamel Mug", 1) for each in sold(*MANY).values())
    assert catalog().settle(saved) == wanted
    assert sold(*MANY) == dict.fromkeys(MANY, ("Enamel Mug", 1))
    assert current().unsettled == ()


# Beside the product go three list entries: 96 SKUs have room, the 50 leaving first and 46 of the
# 50 new. The other four are claimed by the writes 1 to 4; the 5th decides; those and the 50 kept
# are late, and the 60th write is the last.
FIRST_LATE_CHANGE = 6
CHANGE_CRASHES = [1, 5, FIRST_LATE_CHANGE, 30, 59, 60]


@pytest.mark.parametrize("crash_at", CHANGE_CRASHES)
def test_a_change_cut_off_anywhere_is_finished_by_the_next_reader(crash_at: int) -> None:
    mug = catalog().add(product(*MANY))
    changed = other_hundred(mug)
    with pytest.raises(Crash):
        CatalogStore(CrashingTable(crash_at)).replace(mug, changed)
    saved = catalog().settle(current())
    assert saved in (mug, changed)
    assert sold(*mug.skus, *changed.skus) == dict.fromkeys(saved.skus, (saved.title, saved.version))


@pytest.mark.parametrize("crash_at", [FIRST_LATE_CHANGE, 60])
def test_a_change_cut_off_anywhere_is_finished_by_the_next_save(crash_at: int) -> None:
    mug = catalog().add(product(*MANY))
    with pytest.raises(Crash):
        CatalogStore(CrashingTable(crash_at)).replace(mug, other_hundred(mug))
    seen = current()
    saved = catalog().replace(seen, seen.changed(LATER, title="Pan", variants=(variant("PAN"),)))
    every = {*mug.skus, *other_hundred(mug).skus, "PAN"}
    assert sold(*every) == {"PAN": ("Pan", saved.version)}


def test_settling_late_does_not_undo_a_newer_save() -> None:
    mug = catalog().add(product(*MANY))
    changed = other_hundred(mug)
    with pytest.raises(Crash):
        CatalogStore(CrashingTable(FIRST_LATE_CHANGE)).replace(mug, changed)
    cut_off = current()
    gone, back, kept = "NEW-MUG-099", MANY[3], MANY[98]
    assert {gone, kept} <= set(cut_off.unsettled)
    assert back not in cut_off.skus
    variants = (variant("PAN"), variant(back), variant(kept))
    newest = catalog().replace(cut_off, cut_off.changed(LATER, title="Pan", variants=variants))
    catalog().settle(cut_off)
    assert current() == newest
    assert sold(*mug.skus, *changed.skus, "PAN") == dict.fromkeys(newest.skus, ("Pan", 3))


def test_a_claim_of_a_save_under_way_is_not_broken() -> None:
    with pytest.raises(Crash):
        CatalogStore(CrashingTable(2)).add(product(*MANY))
    claimed = [sku for sku in MANY if table("catalog").get({"pk": f"sku#{sku}", "sk": "variant"})]
    assert len(claimed) == 1
    assert sold(*claimed) == {}
    with pytest.raises(SkuTaken):
        catalog().add(product(*claimed, product_id=OTHER_ID, handle="cup"))
    with pytest.raises(TransactionConflict):
        catalog().add(product(*claimed))


def test_a_refused_save_gives_its_claims_back() -> None:
    catalog().add(product("CUP", product_id=OTHER_ID))
    with pytest.raises(HandleTaken):
        catalog().add(product(*MANY))
    catalog().add(product(*MANY, handle="tin-mug"))
    assert len(sold(*MANY)) == 100


def test_a_sku_of_a_decided_save_is_never_taken_for_a_dead_claim() -> None:
    wanted = product(*MANY)
    with pytest.raises(Crash):
        CatalogStore(CrashingTable(FIRST_LATE_WRITE)).add(wanted)
    late = current().unsettled[0]
    assert sold(late) == {}
    with pytest.raises(SkuTaken):
        catalog().add(product(late, product_id=OTHER_ID, handle="cup", updated_at=LATER))
    assert current() == wanted
    assert sold(*MANY) == dict.fromkeys(MANY, ("Enamel Mug", 1))
