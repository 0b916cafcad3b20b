"""The customers table: one item a customer, with the address book.

==================  ==================  ============
what                pk                  sk
==================  ==================  ============
a customer          `<customer id>`     `customer`
==================  ==================  ============

=====================================  =============================================
question                               answered by
=====================================  =============================================
one customer                           a get
customers, newest first                index `newest`, which has no addresses
customers of an e-mail address         index `by_email`, which has none either
=====================================  =============================================

Registrations go into one partition of an index: API Gateway lets 10 a second in, and a
partition takes 1,000. DynamoDB removes one that nobody confirmed some time after
`expires_at`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from commerce.clock import from_text
from commerce.customers.model import (
    CUSTOMER_ID_PATTERN,
    UNCONFIRMED,
    UNCONFIRMED_KEPT,
    Address,
    Customer,
)
from commerce.dynamo.table import ConditionFailed, Item, Key, Put, Table
from commerce.errors import NotFound, StaleVersion
from commerce.pricing import Destination

NEWEST = "newest"
BY_EMAIL = "by_email"
LISTED = "customers"

# Somebody who registered twice, or whose first read came before, stays who it is.
IS_NEW = "attribute_not_exists(#pk)"
UNCHANGED = "#version = :seen"
# Above every place in a list: a time begins with a digit.
_LAST = "~"


def customer_key(customer_id: str) -> Key:
    """Where a customer stands."""
    return {"pk": customer_id, "sk": "customer"}


class CustomerStore:
    """Who has an account, and what the shop knows of them."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def find(self, customer_id: str) -> Customer | None:
        """Read a customer as of now, also one who is deleted; None where there is none."""
        if not re.fullmatch(CUSTOMER_ID_PATTERN, customer_id):
            return None
        item = self._table.get(customer_key(customer_id))
        return _customer(item) if item else None

    def get(self, customer_id: str) -> Customer:
        """Read a customer as of now, also one who is deleted.

        Raises
        ------
        NotFound
            There is none.
        """
        customer = self.find(customer_id)
        if customer is None:
            raise NotFound("there is no such customer")
        return customer

    def register(self, customer: Customer) -> bool:
        """Keep a new customer; tell whether this call did, for the first one stays."""
        try:
            self._table.put(Put(_item(customer), IS_NEW))
        except ConditionFailed:
            return False
        return True

    def change(self, customer: Customer, seen_version: int) -> None:
        """Keep a customer as it is now, if nobody changed it since `seen_version`.

        Raises
        ------
        StaleVersion
            Somebody did.
        """
        try:
            self._table.put(Put(_item(customer), UNCHANGED, {"seen": seen_version}))
        except ConditionFailed as failed:
            raise StaleVersion(
                "the account was changed since you read it",
                **({"version": failed.item["version"]} if failed.item else {}),
            ) from None

    def newest(
        self, email: str | None, *, limit: int, before: str | None = None
    ) -> tuple[list[Customer], str | None]:
        """Read a page of customers without their addresses, newest first.

        Parameters
        ----------
        email
            Only customers of this mailbox, see `commerce.mailboxes`; all where None.
        before
            The position after which to go on, as given with the page before.

        Returns
        -------
        tuple
            The customers, and the position to go on from, None on the last page.
        """
        name, value, index = ("listed", LISTED, NEWEST)
        if email is not None:
            name, value, index = ("email", email, BY_EMAIL)
        entries, last = self._table.query_page(
            f"#{name} = :{name} AND #registered < :before",
            {name: value, "before": before or _LAST},
            index=index,
            limit=limit,
            newest_first=True,
        )
        return [_customer(item) for item in entries], last["registered"] if last else None


def _item(customer: Customer) -> Item:
    item = {
        name: value
        for name, value in asdict(customer).items()
        if value is not None and name not in {"customer_id", "addresses"}
    }
    item |= customer_key(customer.customer_id)
    item["listed"] = LISTED
    item["registered"] = f"{customer.created_at}#{customer.customer_id}"
    item["addresses"] = [
        {"address_id": each.address_id} | _known(asdict(each.destination))
        for each in customer.addresses
    ]
    if customer.status == UNCONFIRMED:
        item["expires_at"] = _expires_at(from_text(customer.created_at))
    return item


def _expires_at(created_at: datetime) -> int:
    return int((created_at + UNCONFIRMED_KEPT).timestamp())


def _customer(item: Mapping[str, Any]) -> Customer:
    known = {each.name for each in fields(Customer)}
    facts = {name: value for name, value in item.items() if name in known}
    facts["addresses"] = tuple(map(_address, item.get("addresses", [])))
    return Customer(customer_id=item["pk"], **{"email": None, **facts})


def _address(item: Mapping[str, Any]) -> Address:
    facts = dict(item)
    return Address(facts.pop("address_id"), Destination(**facts))


def _known(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value is not None}
