from datetime import timedelta
from typing import Any

import pytest

from builders import NOW, cursors
from catalog_builders import OTHER_ID, PRODUCT_ID, catalog, on_sale, product
from commerce.catalog import operations
from commerce.catalog.schema import (
    AdminProductsQuery,
    NewProduct,
    ProductChanges,
    StoreProductList,
    StoreProductsQuery,
)
from commerce.errors import HandleTaken, InvalidCursor, NotFound, StaleVersion

pytestmark = pytest.mark.usefixtures("tables")

LATER = NOW + timedelta(hours=1)


def create(product_id: str = PRODUCT_ID, sku: str = "MUG", **other: Any) -> str:
    body = {"title": "Mug", "variants": [{"sku": sku, "prices": {"GBP": 950}}], **other}
    request = NewProduct.model_validate(body)
    return operations.create_product(request, product_id, NOW, catalog()).handle


def look(**query: Any) -> StoreProductList:
    return operations.list_store_products(
        StoreProductsQuery(**query), catalog(), cursors(), on_sale()
    )


def test_a_handle_that_follows_from_the_title_never_stands_in_the_way() -> None:
    assert create() == "mug"
    assert create(OTHER_ID, "CUP") == "mug-yz0123"


def test_a_handle_that_was_asked_for_must_be_free() -> None:
    create()
    with pytest.raises(HandleTaken):
        create(OTHER_ID, "CUP", handle="mug")


def test_a_change_leaves_what_it_does_not_name() -> None:
    create(vendor="Tin Lane", tags=["a"])
    changes = ProductChanges(title="Cup", tags=["b", "b"])
    changed = operations.change_product("mug", changes, 1, LATER, catalog())
    assert (changed.title, changed.tags, changed.vendor) == ("Cup", ("b",), "Tin Lane")
    assert (changed.handle, changed.version, changed.updated_at) == ("mug", 2, LATER)


def test_a_change_of_nothing_keeps_the_version() -> None:
    create()
    changes = ProductChanges(title="Mug")
    assert operations.change_product(PRODUCT_ID, changes, 1, LATER, catalog()).version == 1


def test_a_change_needs_the_current_version() -> None:
    create()
    with pytest.raises(StaleVersion) as refused:
        operations.change_product("mug", ProductChanges(title="Mug"), 2, LATER, catalog())
    assert refused.value.details == {"version": 1}


def test_a_change_of_no_product_is_not_found() -> None:
    with pytest.raises(NotFound):
        operations.change_product("mug", ProductChanges(title="Mug"), 1, LATER, catalog())


def test_archiving_twice_archives_once() -> None:
    create(status="active")
    first = operations.archive_product("mug", None, LATER, catalog())
    again = operations.archive_product("mug", None, LATER + timedelta(hours=1), catalog())
    assert (first.status, first.version) == ("archived", 2)
    assert again == first


def test_archiving_at_an_old_version_is_refused() -> None:
    create(status="active")
    operations.change_product("mug", ProductChanges(title="Cup"), 1, LATER, catalog())
    with pytest.raises(StaleVersion):
        operations.archive_product("mug", 1, LATER, catalog())


@pytest.mark.parametrize("status", ["draft", "archived"])
def test_buyers_see_only_active_products(status: str) -> None:
    create(status=status)
    assert look().items == []
    for name in ("mug", PRODUCT_ID, "gone"):
        with pytest.raises(NotFound):
            operations.read_store_product(name, catalog(), on_sale())


def test_buyers_see_an_active_product_by_id_and_handle() -> None:
    create(status="active")
    shown = operations.read_store_product("mug", catalog(), on_sale())
    assert shown == operations.read_store_product(PRODUCT_ID, catalog(), on_sale())
    assert shown.variants[0].prices == {"GBP": 950}
    assert "version" not in shown.model_dump()


def test_buyers_filter_by_category_text_vendor_tag_and_currency() -> None:
    catalog().add(product())
    catalog().add(product("CUP", product_id=OTHER_ID, handle="cup", title="Cup", categories=()))
    for query in ({"category": "mugs"}, {"q": "ENAMEL"}):
        assert [each.handle for each in look(**query).items] == ["enamel-mug"]
    assert len(look(vendor="tin lane", tag="Kitchen", currency="EUR").items) == 2
    assert look(currency="EUR").items[0].variants[0].prices == {"EUR": 1100}
    assert look(currency="USD").items == look(category="tea").items == []


def test_a_cursor_goes_on_where_the_page_ended_and_fits_no_other_list() -> None:
    catalog().add(product())
    catalog().add(product("CUP", product_id=OTHER_ID, handle="cup"))
    first = look(limit=1)
    assert [each.handle for each in first.items] == ["cup"]
    rest = look(limit=5, cursor=first.next_cursor)
    assert [each.handle for each in rest.items] == ["enamel-mug"]
    assert rest.next_cursor is None
    with pytest.raises(InvalidCursor):
        look(limit=1, cursor=first.next_cursor, q="mug")


def test_categories_are_counted() -> None:
    catalog().add(product())
    (shelf,) = operations.list_categories(catalog()).items
    assert (shelf.slug, shelf.title, shelf.products) == ("mugs", "Mugs", 1)


def test_staff_see_products_of_every_status_or_of_one() -> None:
    catalog().add(product(status="draft"))
    catalog().add(product("CUP", product_id=OTHER_ID, handle="cup"))

    def handles(query: AdminProductsQuery) -> list[str]:
        page = operations.list_all_products(query, catalog(), cursors())
        return [each.handle for each in page.items]

    assert handles(AdminProductsQuery()) == ["cup", "enamel-mug"]
    assert handles(AdminProductsQuery(status="draft")) == ["enamel-mug"]
    assert handles(AdminProductsQuery(status="archived")) == []
