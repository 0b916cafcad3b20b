"""Which slug a category has; it is registered once and stays.

A category is its path. Two writes register one: the slug's item says whose it is, then the
path's item finds it. A crash in between leaves a slug that says its path, which the next
registration of that path takes up.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from commerce.catalog import items
from commerce.catalog.model import (
    CATEGORIES_MAX,
    Category,
    CategoryWish,
    category_slugs,
)
from commerce.catalog.saving import NOT_THERE
from commerce.dynamo.table import ConditionFailed, Put, Table
from commerce.errors import InvalidRequest, TransactionConflict

_REMEMBERED_MAX = 10_000


class CategoryRegistry:
    """The categories in the catalogue's table."""

    def __init__(self, table: Table) -> None:
        self._table = table
        # They never change, so a process need not read them again.
        self._known: dict[tuple[str | None, str], Category] = {}

    def resolved(self, wishes: Sequence[CategoryWish]) -> tuple[Category, ...]:
        """Give the categories that are wished for, each after those above it.

        Raises
        ------
        InvalidRequest
            A slug is another category's, there is no such parent, or they are too many.
        """
        found: dict[str, Category] = {}
        for position, wish in enumerate(wishes):
            for each in self._line(wish, f"$.categories[{position}]"):
                found[each.slug] = each
        if len(found) > CATEGORIES_MAX:
            raise _invalid(
                "$.categories",
                "too_many",
                f"a product is in {CATEGORIES_MAX} categories at most, those above them counted",
            )
        return tuple(found.values())

    def _line(self, wish: CategoryWish, path: str) -> list[Category]:
        """Give a category, and before it those above."""
        if wish.slug and (known := self._of_slug(wish.slug)):
            fits = known.title == wish.path[-1] and (wish.partial or known.path == wish.path)
            if not fits or (wish.parent and wish.parent != known.parent):
                raise _invalid(
                    f"{path}.slug",
                    "taken",
                    f"the category {wish.slug} is {' > '.join(known.path)}",
                )
            return self._with_those_above(known)
        line = self._above(wish, path)
        parent = line[-1] if line else None
        return [*line, self._registered(parent, wish.path[-1], wish.slug)]

    def _above(self, wish: CategoryWish, path: str) -> list[Category]:
        if not wish.parent:
            line: list[Category] = []
            for title in wish.path[:-1]:
                line.append(self._registered(line[-1] if line else None, title, None))
            return line
        parent = self._of_slug(wish.parent)
        if parent is None:
            raise _invalid(f"{path}.parent", "unknown", f"there is no category {wish.parent}")
        if not wish.partial and parent.path != wish.path[:-1]:
            raise _invalid(
                f"{path}.parent",
                "contradiction",
                f"the category {wish.parent} is {' > '.join(parent.path)}",
            )
        return self._with_those_above(parent)

    def _with_those_above(self, category: Category) -> list[Category]:
        line = [category]
        while line[0].parent and (above := self._of_slug(line[0].parent)):
            line.insert(0, above)
        return line

    def _of_slug(self, slug: str) -> Category | None:
        item = self._table.get(items.category_key(slug), consistent=True)
        return items.to_category(item) if item else None

    def _registered(self, parent: Category | None, title: str, slug: str | None) -> Category:
        """Give the category of a title within a parent; with a slug that nobody has, a new one."""
        at = Category("", title, parent.path if parent else (), parent.slug if parent else None)
        if slug:
            return self._written([replace(at, slug=slug)])
        name = (at.parent, title)
        if name not in self._known:
            found = self._table.get(items.category_path_key(*name), consistent=True)
            if len(self._known) >= _REMEMBERED_MAX:
                self._known.clear()
            self._known[name] = (
                replace(at, slug=found["slug"])
                if found
                else self._written([replace(at, slug=free) for free in category_slugs(at.path)])
            )
        return self._known[name]

    def _written(self, candidates: Sequence[Category]) -> Category:
        """Register a category under the first slug that is no other's."""
        claimed = next(filter(self._claimed, candidates), None)
        if claimed is None:
            raise TransactionConflict("somebody else makes a category of this slug at this moment")
        # Refused where the path has a slug already.
        with suppress(ConditionFailed):
            self._table.put(Put(items.category_path_item(claimed), NOT_THERE))
        return claimed

    def _claimed(self, wanted: Category) -> bool:
        """Make a slug this category's; False where it is another's."""
        try:
            self._table.put(Put(items.category_item(wanted), NOT_THERE))
        except ConditionFailed as failed:
            return failed.item is not None and items.to_category(failed.item) == wanted
        return True


def _invalid(path: str, code: str, detail: str) -> InvalidRequest:
    return InvalidRequest(detail, errors=[{"path": path, "code": code, "detail": detail}])
