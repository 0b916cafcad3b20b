"""Shapes of what the state machine passes to the steps of a return."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class ReturnStep(BaseModel):
    """A step on one return."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    return_id: str
