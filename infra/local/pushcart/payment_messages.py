"""Messages of the sandbox provider, which tells late what came of a payment."""

import json
from datetime import UTC, datetime
from enum import StrEnum

from commerce.dynamo.table import Table
from commerce.errors import ProviderRejected
from commerce.ids import new_id
from commerce.payments.sandbox import SandboxProvider
from commerce.signatures import signed_headers
from pushcart.cloud import Cloud
from pushcart.problems import CommandFailed
from pushcart.shop import Shop, refusal

PATH = "/hooks/payments/sandbox"


class Result(StrEnum):
    """What a message says became of a payment."""

    AUTHORIZED = "authorized"
    DECLINED = "declined"
    CAPTURED = "captured"
    REFUNDED = "refunded"
    VOIDED = "voided"


def send(shop: Shop, cloud: Cloud, order_id: str, result: Result) -> str:
    """Decide a payment that waits for it, tell the shop, and give the shop's word for it.

    Raises
    ------
    CommandFailed
        The provider has no such payment, or the shop refused the message.
    """
    outputs = cloud.stack_outputs()
    if result in {Result.AUTHORIZED, Result.DECLINED}:
        provider = SandboxProvider(Table(outputs["SandboxTableName"], cloud.dynamodb))
        try:
            provider.decide(order_id, approve=result is Result.AUTHORIZED)
        except ProviderRejected as refused:
            raise CommandFailed(f"The sandbox refused: {refused.sentence}.") from None
    now = datetime.now(UTC)
    body = json.dumps({"type": f"payment.{result}", "data": {"reference": order_id}}).encode()
    answer = shop.post(
        PATH, body, signed_headers(new_id("msg", now), body.decode(), [key(cloud)], now)
    )
    if not answer.is_success:
        raise CommandFailed(f"The shop refused the message: {refusal(answer)}.")
    return str(answer.json()["result"])


def key(cloud: Cloud) -> bytes:
    """Read what the sandbox provider signs with."""
    arn = cloud.stack_outputs()["PaymentHookSecretArn"]
    secret: str = cloud.secrets.get_secret_value(SecretId=arn)["SecretString"]
    return secret.encode()
