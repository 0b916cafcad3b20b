"""What a function is told by its environment variables, read once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache


@dataclass(frozen=True)
class Environment:
    """Names of the tables, state machines, bucket, user pools, bus, queue, secrets and sender."""

    api_keys_table: str
    audit_table: str
    carts_table: str
    catalog_table: str
    customers_table: str
    emails_table: str
    ledger_table: str
    events_table: str
    orders_table: str
    payments_table: str
    reconciliations_table: str
    sandbox_table: str
    settings_table: str
    stock_table: str
    webhooks_table: str
    idempotency_table: str
    imports_bucket: str
    customer_client: str
    event_bus: str
    payment_hook_secret: str
    cursor_secret: str
    webhook_secret: str
    deliveries_queue: str
    mail_sender: str
    staff_issuer: str
    staff_client: str
    staff_usage_key: str
    integrations_plan: str
    place_order_arn: str
    recover_order_arn: str
    fulfil_order_arn: str
    cancel_lines_arn: str
    return_order_arn: str
    reconcile_payments_arn: str

    @classmethod
    def read(cls, variables: Mapping[str, str]) -> Environment:
        """Take the values from `variables`, where each name stands in upper case.

        Raises
        ------
        LookupError
            Names every missing variable at once.
        """
        names = [field.name for field in fields(cls)]
        missing = [name.upper() for name in names if not variables.get(name.upper())]
        if missing:
            raise LookupError(f"missing environment variables: {', '.join(missing)}")
        return cls(**{name: variables[name.upper()] for name in names})


@cache
def environment() -> Environment:
    """Give this process's environment."""
    return Environment.read(os.environ)
