"""The one shape of a list: a page of items, and how to get the next."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field, SerializerFunctionWrapHandler, model_serializer


class Page(BaseModel):
    """A page of a list; a list adds its `items`."""

    next_cursor: str | None = Field(
        default=None, description="Send it as `cursor` for the next page; null on the last one."
    )

    @model_serializer(mode="wrap")
    def _with_cursor(self, others: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Answers leave out what is null, but a client looks for this one on every page.
        return {**others(self), "next_cursor": self.next_cursor}
