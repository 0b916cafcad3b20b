"""What a customer may ask of the shop about their own data: all of it, or an end of it.

What the account has is here; what other services hold is `commerce.customers.belongings`.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel

from commerce.clock import to_text
from commerce.customers import belongings, model
from commerce.customers.belongings import Belongings, Holders
from commerce.customers.model import DELETED
from commerce.customers.operations import change, there
from commerce.customers.schema import CustomerView
from commerce.customers.store import CustomerStore
from commerce.errors import OpenOrders
from commerce.payments.store import PaymentStore
from commerce.user_pool import UserPool


class PersonalData(Belongings):
    """Everything that is held of a customer."""

    exported_at: str
    account: CustomerView


class Deleted(BaseModel):
    """The account is gone; orders stay, with nobody's name."""

    id: str
    status: str = "deleted"


def export_own(
    customer_id: str,
    access_token: str,
    now: datetime,
    *,
    pool: UserPool,
    customers: CustomerStore,
    held: Holders,
    payments: PaymentStore,
) -> PersonalData:
    """Give everything that is held of the customer who calls.

    Raises
    ------
    SessionEnded
        The customer has signed out meanwhile, or the account is deleted.
    TooManyRequests, AccountsUnavailable
        Cognito did not say whether the token still holds.
    """
    user = pool.user_of(access_token)
    customer = there(customers.find(customer_id) or model.confirmed(customer_id, user.email, now))
    theirs = belongings.export(customer_id, user.email, now, held=held, payments=payments)
    return PersonalData(exported_at=to_text(now), account=CustomerView.of(customer), **dict(theirs))


def delete_own(
    customer_id: str,
    access_token: str,
    now: datetime,
    *,
    pool: UserPool,
    customers: CustomerStore,
    held: Holders,
) -> None:
    """Delete the account of the customer who calls, and forget who it was.

    Cognito's user goes last: until then the customer can sign in, and the same call finishes
    what a death in between left. From the tombstone on nothing becomes the customer's any more.

    Raises
    ------
    OpenOrders
        Something of an order is still to be done, so its buyer cannot be forgotten.
    SessionEnded
        The customer has signed out meanwhile, or the account is deleted already.
    TransactionConflict
        Somebody changed the account or an order at this moment; the same call goes on.
    TooManyRequests, AccountsUnavailable
        Cognito gave no answer; the same call goes on.
    """
    user = pool.user_of(access_token)
    still_open = belongings.open_orders(customer_id, user.email, held)
    if still_open:
        raise OpenOrders("orders are on their way", order_ids=still_open)
    customer = customers.find(customer_id)
    if customer is not None and customer.status != DELETED:
        change(customer_id, lambda found: model.tombstone(found, now), customers)
    belongings.erase(customer_id, user.email, held)
    pool.delete(access_token)
