"""Tell the buyer of an event by e-mail, once however often the event comes."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.emails.operations import tell_buyer
from commerce.emails.store import EmailStore
from commerce.entry.task import task
from commerce.environment import environment
from commerce.events.schema import Delivery
from commerce.mailer import Mailer
from commerce.orders.records import RecordStore
from commerce.payments.store import PaymentStore

records = RecordStore(Table(environment().orders_table))
payments = PaymentStore(Table(environment().payments_table))
emails = EmailStore(Table(environment().emails_table))
mailer = Mailer(environment().mail_sender)


@task(Delivery)
def handler(delivery: Delivery) -> dict[str, bool]:
    """Tell whether an e-mail was sent."""
    sent = tell_buyer(
        delivery.detail.told(),
        system_clock,
        records=records,
        payments=payments,
        emails=emails,
        mailer=mailer,
    )
    return {"sent": sent}
