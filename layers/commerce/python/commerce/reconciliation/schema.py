"""HTTP shapes of reconciliations."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from commerce.pages import Page
from commerce.reconciliation.model import Finding, Run


class RunView(BaseModel):
    """One comparison of orders, payments, books and the provider's list."""

    id: str
    status: str = Field(description="`running`, `finished` or `failed`.")
    by: str
    started_at: str
    ended_at: str | None = None
    checked: int = Field(description="How many payments and orders were looked at.")
    found: int = Field(description="How much was wrong, when it ended.")
    unrepaired: int = Field(description="How much of that still is.")


class FindingView(BaseModel):
    """One thing that is wrong, or was."""

    id: str
    kind: str = Field(examples=["authorization_without_order", "charge_without_record"])
    order_id: str = Field(description="Of a trial balance that is not zero, the currency.")
    expected: str
    found: str
    repaired: bool


class RunList(Page):
    """A page of runs, newest first."""

    items: list[RunView]


class RunDetails(Page, RunView):
    """A run, and a page of what it found."""

    items: list[FindingView]


def run_view(run: Run) -> RunView:
    """Show a run."""
    return RunView(**_facts(run))


def run_details(run: Run, found: list[Finding], next_cursor: str | None) -> RunDetails:
    """Show a run with a page of what it found."""
    items = [
        FindingView(
            id=one.finding_id,
            kind=one.kind,
            order_id=one.order_id,
            expected=one.expected,
            found=one.found,
            repaired=one.repaired,
        )
        for one in found
    ]
    return RunDetails(**_facts(run), items=items, next_cursor=next_cursor)


def _facts(run: Run) -> dict[str, Any]:
    facts = dict(vars(run))
    return {"id": facts.pop("run_id"), **facts}
