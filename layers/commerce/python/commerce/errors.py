"""Every named error of the shop.

An error's class name is its identity: a state machine's `ErrorEquals` matches the
class name, HTTP answers carry it in snake case as the problem's `code`, and the
status it maps to stands in one table, `commerce.entry.problems`.
"""

from __future__ import annotations

import json
import re
from typing import Any

# What a state machine takes as the cause of a failure is 32,768 characters, in which this
# stands as JSON within JSON; what it carries from state to state is 256 KB, with all causes.
CAUSE_CHARS_MAX = 16_000
_SENTENCE_CHARS_MAX = 1_000

_WORD_START = re.compile(r"(?<!^)(?=[A-Z])")


class DomainError(Exception):
    """A refusal the caller can understand and act on.

    Parameters
    ----------
    sentence
        What went wrong, for a person.
    details
        JSON-ready facts beside the sentence, such as `short_lines`.
    """

    def __init__(self, sentence: str, **details: Any) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.details = details

    @classmethod
    def code(cls) -> str:
        """Give the stable code of this error: the class name in snake case."""
        return _WORD_START.sub("_", cls.__name__).lower()

    def to_cause(self) -> str:
        """Give sentence and details as JSON, to travel as a Lambda error message.

        A list that is too long for that is told as far as it fits; `left_out` says how many
        of it are missing. What must be told whole is recorded, and not told so.
        """
        facts: dict[str, Any] = {"sentence": self.sentence[:_SENTENCE_CHARS_MAX], **self.details}
        left_out: dict[str, int] = {}
        while len(cause := json.dumps(facts, separators=(",", ":"))) > CAUSE_CHARS_MAX:
            longest = max(self.details, key=lambda name: len(json.dumps(facts[name])))
            told = facts[longest]
            if not isinstance(told, list) or not told:
                facts[longest] = None
                continue
            facts[longest] = told[: len(told) // 2]
            left_out[longest] = len(self.details[longest]) - len(facts[longest])
            facts["left_out"] = left_out
        return cause


class TransientError(DomainError):
    """Nothing is wrong with the request; the same call may succeed a moment later."""

    retry_after_seconds: int = 1


# --- requests -----------------------------------------------------------------


class InvalidRequest(DomainError):
    """The request does not have the published shape; `errors` lists path and reason."""


class MalformedJson(DomainError):
    """The body is not JSON."""


class Unauthenticated(DomainError):
    """The route needs a signed-in caller."""


class InvalidSignature(DomainError):
    """The message is not signed with the key we share, or was signed too long ago."""


class RequestTooLarge(DomainError):
    """The request's body is larger than the operation takes."""


class UnsupportedMediaType(DomainError):
    """The request's body is of another type than `application/json`."""


class Forbidden(DomainError):
    """The caller is known but may not do this."""


class ApiKeyNotActive(DomainError):
    """The API key was revoked, has expired, or has no secret."""


class NotFound(DomainError):
    """There is no such thing, or the caller may not know of it."""


class InvalidCursor(DomainError):
    """The paging cursor was not issued by this list, or was altered."""


class PreconditionRequired(DomainError):
    """The update needs an `If-Match` header."""


class StaleVersion(DomainError):
    """Somebody else changed the thing since the caller read it; `version` is the current one."""


class IdempotencyKeyRequired(DomainError):
    """The operation needs an `Idempotency-Key` header."""


class IdempotencyKeyReused(DomainError):
    """The idempotency key came with another request before."""


class RequestInProgress(DomainError):
    """The first request with this idempotency key has not ended yet."""


class InternalError(DomainError):
    """Something broke on our side; the request id finds it in the log."""


class ItemTooLarge(DomainError):
    """The thing would be larger than one that the database keeps; nothing was written."""


class AuditUnavailable(TransientError):
    """The audit trail takes no entry at this moment, so nothing was changed."""


class Unhealthy(TransientError):
    """Something the shop stands on does not answer."""

    retry_after_seconds: int = 5


# --- catalogue ----------------------------------------------------------------


class HandleTaken(DomainError):
    """Another product has this handle."""


class SkuTaken(DomainError):
    """Another variant has this SKU; `skus` lists which."""


class SkuHasStock(DomainError):
    """Units of SKUs that were to be given up are there or held; `units` tells how many."""


class UnknownSku(DomainError):
    """No variant that can be bought has this SKU; `skus` lists which."""


class PriceMissing(DomainError):
    """The variant has no price in the cart's currency; `skus` lists which."""


# --- carts --------------------------------------------------------------------


class CurrencyNotSold(DomainError):
    """The shop does not sell in the cart's currency any more; `currencies` lists what it does."""


class CartTooLarge(DomainError):
    """The cart would hold more lines or units than allowed."""


class CartIncomplete(DomainError):
    """The cart lacks something a checkout needs; `errors` lists the paths."""


class CartCompleted(DomainError):
    """The cart became an order already; `order_id` names it."""


class CheckoutInProgress(DomainError):
    """Another checkout of this cart has not ended yet; `order_id` names its order."""


class CheckoutUnderWay(TransientError):
    """The order may still be placed; the same call with the same key tells what became of it."""

    retry_after_seconds = 5


class TooManyAttempts(DomainError):
    """The cart was refused more often than a cart may be."""


class CartChanged(DomainError):
    """The cart was changed by somebody else at the same moment."""


class FulfillmentOptionUnavailable(DomainError):
    """The chosen fulfillment option does not serve the destination or currency."""


class DestinationNotServed(DomainError):
    """No fulfillment option serves this destination."""


# --- the order saga: business refusals ----------------------------------------


class OutOfStock(DomainError):
    """Less is available than asked for; `short_lines` lists every short line.

    Where a step says so, the lines are recorded with the order, for there may be thousands.
    """


class PriceChanged(DomainError):
    """The total is not what the buyer was shown; `expected_total` and `total` tell both."""


class PaymentRequired(DomainError):
    """The order costs something, and no way to pay was given; `total` tells how much."""


class PaymentDeclined(DomainError):
    """The payment provider refused the payment; `reason` is the provider's code."""


class CheckoutFailed(TransientError):
    """The order could not be placed, for a reason that is ours; it was undone."""


class ProviderRejected(DomainError):
    """The payment provider says this call can never succeed, such as a void after a capture."""


class OrderCanceled(DomainError):
    """The order was cancelled before this step came to it."""


class IllegalTransition(DomainError):
    """The order's status does not allow this step; `current_status` tells it."""


class PlacedByAnother(DomainError):
    """The order belongs to another execution of the saga; `order_id` and `status` name it."""


# --- after an order is confirmed -------------------------------------------------


class DestinationChangesPrice(DomainError):
    """Delivery or tax would cost something else at that address."""


class NotAllocated(TransientError):
    """The order was confirmed this moment and has no fulfillment yet."""


class TooManyUnits(DomainError):
    """More units than are there to cancel, to send or to send back; `lines` lists them."""


class ReturnWindowClosed(DomainError):
    """The goods arrived too long ago to be returned; `until` is when the window closed."""


# --- payments and the books ---------------------------------------------------


class AmountTooLarge(DomainError):
    """More than there is left to capture or to refund; `available` tells how much there is."""


class InsufficientBalance(DomainError):
    """The account may not go below zero; `balance` tells what it has."""


class TransferNotAllowed(DomainError):
    """The account is moved by captures and refunds alone, or is a sum of others."""


# --- the order saga: transient ------------------------------------------------


class Throttled(TransientError):
    """A service of AWS asked for fewer requests; nothing was done."""


class DependencyUnavailable(TransientError):
    """A service of AWS failed or did not answer; what was asked for may have been done."""


class TransactionConflict(TransientError):
    """Another transaction held one of the items at the same moment."""


class ProviderUnavailable(TransientError):
    """The payment provider did not take the call; nothing was applied."""


class ProviderTimeout(TransientError):
    """The payment provider did not answer; the call may have been applied."""


class PaymentOutcomeUnknown(TransientError):
    """A call to the provider may still be under way, so its undo cannot be final yet."""


class SweepIncomplete(TransientError):
    """A sweep went on past things that failed; the log names them, and the next one tries them."""


# --- e-mails ------------------------------------------------------------------


class MailRefused(DomainError):
    """The mail service refuses to send this; `reason` is its code."""


class MailOutcomeUnknown(TransientError):
    """The mail service did not answer; the e-mail may have been sent."""


class EmailInProgress(TransientError):
    """Another run is sending this e-mail, or died at it a moment ago."""


# --- customers ----------------------------------------------------------------


class WrongCredentials(DomainError):
    """Address and password do not let anybody in; it is not told which of them is wrong."""


class SessionEnded(DomainError):
    """The token is too old, or its owner has signed out everywhere or deleted the account."""


class InvalidCode(DomainError):
    """The code is not the one that was mailed, or is used or too old."""


class TooManyAddresses(DomainError):
    """The customer has as many addresses as one may have."""


class OpenOrders(DomainError):
    """Something of the customer's orders is still to be done; `order_ids` lists which."""


class TooManyRequests(TransientError):
    """The same was tried too often; passwords and codes are not to be guessed."""

    def __init__(self, sentence: str, wait_seconds: int = 60) -> None:
        super().__init__(sentence)
        self.retry_after_seconds = wait_seconds


class AccountsUnavailable(TransientError):
    """The service that keeps passwords did not answer."""


class SignInUnavailable(TransientError):
    """It could not be found out whose a token of staff is; nobody is let in."""


# --- stock --------------------------------------------------------------------


class InsufficientStock(DomainError):
    """The adjustment would take more than is available; `available` tells how much there is."""


class LocationInUse(DomainError):
    """Locations that were to be removed have units; `locations` tells of which SKUs."""


class NotReserved(DomainError):
    """The order does not hold that many units; `short_lines` lists what it holds of each."""


# --- imports ------------------------------------------------------------------


class InvalidImport(DomainError):
    """The file as a whole cannot be read as a product CSV."""


# --- webhooks -----------------------------------------------------------------


class AddressRefused(DomainError):
    """Webhooks do not go to such a URL or address."""


class TooManyEndpoints(DomainError):
    """The shop has as many webhook endpoints as it may have."""


class EndpointDisabled(DomainError):
    """Nothing is sent to the endpoint until staff enable it; `reason` tells why it is off."""


class DeliveryInProgress(DomainError):
    """An attempt to deliver is under way at this moment."""
