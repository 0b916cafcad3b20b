"""The one table from named errors to HTTP problems (RFC 9457)."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from commerce import errors
from commerce.errors import DomainError, TransientError

PROBLEM_CONTENT_TYPE = "application/problem+json"

STATUS: dict[type[DomainError], int] = {
    errors.MalformedJson: 400,
    errors.InvalidCursor: 400,
    errors.IdempotencyKeyRequired: 400,
    errors.Unauthenticated: 401,
    errors.InvalidSignature: 401,
    errors.WrongCredentials: 401,
    errors.SessionEnded: 401,
    errors.PaymentDeclined: 402,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.ApiKeyNotActive: 409,
    errors.HandleTaken: 409,
    errors.SkuTaken: 409,
    errors.SkuHasStock: 409,
    errors.LocationInUse: 409,
    errors.RequestInProgress: 409,
    errors.CartCompleted: 409,
    errors.CartChanged: 409,
    errors.CheckoutInProgress: 409,
    errors.TooManyAttempts: 409,
    errors.OutOfStock: 409,
    errors.PriceChanged: 409,
    errors.OrderCanceled: 409,
    errors.IllegalTransition: 409,
    errors.InsufficientStock: 409,
    errors.NotReserved: 409,
    errors.TooManyUnits: 409,
    errors.ReturnWindowClosed: 409,
    errors.DestinationChangesPrice: 409,
    errors.ProviderRejected: 409,
    errors.MailRefused: 409,
    errors.AmountTooLarge: 409,
    errors.InsufficientBalance: 409,
    errors.TransferNotAllowed: 409,
    errors.TooManyEndpoints: 409,
    errors.EndpointDisabled: 409,
    errors.DeliveryInProgress: 409,
    errors.TooManyAddresses: 409,
    errors.OpenOrders: 409,
    errors.StaleVersion: 412,
    errors.RequestTooLarge: 413,
    errors.UnsupportedMediaType: 415,
    errors.InvalidRequest: 422,
    errors.InvalidImport: 422,
    errors.IdempotencyKeyReused: 422,
    errors.UnknownSku: 422,
    errors.PriceMissing: 422,
    errors.CurrencyNotSold: 422,
    errors.CartTooLarge: 422,
    errors.ItemTooLarge: 422,
    errors.CartIncomplete: 422,
    errors.PaymentRequired: 422,
    errors.FulfillmentOptionUnavailable: 422,
    errors.DestinationNotServed: 422,
    errors.AddressRefused: 422,
    errors.InvalidCode: 422,
    errors.PreconditionRequired: 428,
    errors.TooManyRequests: 429,
    errors.TransientError: 503,
}


class FieldError(BaseModel):
    """One field of the request that was refused."""

    path: str
    code: str
    detail: str


class Problem(BaseModel):
    """An RFC 9457 problem document; `code` is stable, `detail` is for a person."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[FieldError] | None = None


def status_of(error: type[DomainError]) -> int:
    """Give the HTTP status of a named error; one without a row is our own mistake, a 500."""
    for kind in error.__mro__:
        if kind in STATUS:
            return STATUS[kind]
    return 500


def problem(error: DomainError, request_id: str) -> dict[str, Any]:
    """Write an error as a problem document.

    A fact that has the name of one of the document's own members, such as an order's
    `status`, is written as `current_status`.
    """
    kind = type(error)
    document = {
        "type": f"urn:pushcart:problem:{kind.code()}",
        "title": kind.code().replace("_", " ").capitalize(),
        "status": status_of(kind),
        "detail": error.sentence,
        "code": kind.code(),
        "request_id": request_id,
    }
    facts = {
        f"current_{name}" if name in document else name: fact
        for name, fact in error.details.items()
    }
    return document | facts


def retry_after_seconds(error: DomainError) -> int | None:
    """Tell after how long the same call is worth another try; None where it never is."""
    return error.retry_after_seconds if isinstance(error, TransientError) else None
