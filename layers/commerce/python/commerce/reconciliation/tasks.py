"""Shapes of what the state machine passes to the steps of a reconciliation."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from commerce.reconciliation.operations import Place


class PlaceInput(BaseModel):
    """How far the run has come."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    walk: str
    cursor: dict[str, Any] | None
    checked: int = Field(ge=0)

    def place(self) -> Place:
        """Give the place it names."""
        return Place(self.walk, self.cursor, self.checked)


class WalkInput(BaseModel):
    """One part of a walk."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: str
    place: PlaceInput


class EndInput(BaseModel):
    """The end of a run, `finished` or `failed`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: str
    checked: int = Field(ge=0)
    status: str


class NightlyInput(BaseModel):
    """The schedule's event, of which nothing is needed."""

    model_config = ConfigDict(frozen=True, extra="ignore")
