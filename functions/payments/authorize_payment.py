"""Step of the order saga: hold the buyer's money. Undo: void_payment."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry.task import task
from commerce.environment import environment
from commerce.orders.store import OrderStore
from commerce.orders.tasks import AuthorizeInput
from commerce.payments.operations import authorize_payment, payment_of
from commerce.payments.sandbox import SandboxProvider
from commerce.payments.store import PaymentStore

orders = OrderStore(Table(environment().orders_table))
payments = PaymentStore(Table(environment().payments_table))
provider = SandboxProvider(Table(environment().sandbox_table))


@task(AuthorizeInput)
def handler(step: AuthorizeInput) -> dict[str, str]:
    """Give the order's id and the provider's reference."""
    wanted = payment_of(orders.get(step.order_id), step.provider)
    payment = authorize_payment(
        wanted, step.token, system_clock, payments=payments, provider=provider
    )
    reference = payment.provider_reference or ""
    return {"order_id": payment.order_id, "provider_reference": reference}
