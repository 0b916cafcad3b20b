"""Make the attempt that a message of the queue asks for."""

import random

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry.task import task
from commerce.entry.telemetry import count
from commerce.environment import environment
from commerce.queues import Queue
from commerce.secret import Secret
from commerce.settings.store import SettingsStore
from commerce.webhooks.deliveries import DeliveryStore
from commerce.webhooks.delivering import Courier
from commerce.webhooks.endpoints import EndpointStore
from commerce.webhooks.internet import Internet
from commerce.webhooks.schema import QueueBatch
from commerce.webhooks.signing import SigningSecrets

settings = SettingsStore(Table(environment().settings_table))
courier = Courier(
    EndpointStore(Table(environment().webhooks_table)),
    DeliveryStore(Table(environment().webhooks_table)),
    Queue(environment().deliveries_queue),
    Internet(),
    SigningSecrets(Secret(environment().webhook_secret)),
    lambda: settings.current().policies.private_webhooks,
    system_clock,
    random.random,
)


@task(QueueBatch)
def handler(batch: QueueBatch) -> dict[str, str]:
    """Give what became of the attempt."""
    (message,) = batch.records
    outcome, disabled = courier.attempt(message.body.ring())
    count("WebhookEndpointsDisabled", int(disabled))
    return {"outcome": outcome}
