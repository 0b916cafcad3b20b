"""The one shape of a list: a page of items, and how to ask for the next."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

_CURSOR_CHARS_MAX = 1000


class PageQuery(BaseModel):
    """Which part of a list is wanted; a list adds its conditions."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: int = Field(
        default=20, ge=1, le=100, description="At most this many; large ones may be fewer."
    )
    cursor: str | None = Field(
        default=None,
        max_length=_CURSOR_CHARS_MAX,
        pattern="^[A-Za-z0-9_-]*$",
        description="The `next_cursor` of the page before.",
    )


class Page(BaseModel):
    """A page of a list; a list adds its `items`."""

    next_cursor: str | None = Field(
        default=None, description="Send it as `cursor` for the next page; null on the last one."
    )

    @model_serializer(mode="wrap")
    def _with_cursor(self, others: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Answers leave out what is null, but a client looks for this one on every page.
        return {**others(self), "next_cursor": self.next_cursor}
