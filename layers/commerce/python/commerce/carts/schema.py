"""The HTTP shapes of carts."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from commerce.carts.model import (
    LINES_MAX,
    LINES_PER_REQUEST_MAX,
    QUANTITY_MAX,
    Buyer,
    Cart,
    NewLine,
    choose_destination,
)
from commerce.catalog.availability import Availability
from commerce.catalog.model import SKU_CHARS_MAX, SKU_PATTERN
from commerce.clock import to_text
from commerce.countries import COUNTRIES
from commerce.mailboxes import deliverable, disguised
from commerce.money import Currency
from commerce.pages import Page
from commerce.pricing import (
    Destination,
    LineRequest,
    Message,
    PricedCart,
    PricedLine,
    PricedOption,
)
from commerce.texts import Line, cleaned, unseen

_EMAIL_CHARS_MAX = 254
# The form of an address, not its existence: one @, no spaces or quoting, a dotted domain
# whose last label begins with a letter. Written out, for what \w and \s are depends on who reads.
_LETTER = r"A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0370-\u1fff\u3040-\ud7ff"
_LABEL = rf"[0-9{_LETTER}](?:[0-9{_LETTER}-]{{0,61}}[0-9{_LETTER}])?"
_LAST_LABEL = rf"[{_LETTER}](?:[0-9{_LETTER}-]{{0,61}}[0-9{_LETTER}])?"
_ATOM = (
    r"[^\u0000-\u0020@<>()\[\],;:\\\".\u007f-\u00a0\u00ad\u061c\u1680\u180e\u2000-\u200f"
    r"\u2028-\u202f\u205f-\u206f\u3000\ufeff\ufff0-\uffff]+"
)
EMAIL_PATTERN = rf"^{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+{_LAST_LABEL}$"
_LOCAL_CHARS_MAX = 64
_HYPHENS = re.compile(r"[\u2010-\u2015\u2212]")
_BLANK_CHARS_MAX = 200


class _Blank:
    """Takes text of nothing but spaces for null, and publishes that it does."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_before_validator_function(_blank_is_null, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        published = handler(schema)
        blank = {"type": "string", "pattern": "^\\s*$", "maxLength": _BLANK_CHARS_MAX}
        published["anyOf"].append(blank)
        return published


def _blank_is_null(value: Any) -> Any:
    """Read an empty form field as no value."""
    blank = isinstance(value, str) and len(value) <= _BLANK_CHARS_MAX and not value.strip()
    return None if blank else value


def _email(text: str) -> str:
    if len(text.partition("@")[0]) > _LOCAL_CHARS_MAX or not re.fullmatch(EMAIL_PATTERN, text):
        raise ValueError("this is not an e-mail address")
    # Wide letters, ligatures and what nobody sees would make two addresses of one.
    if unseen(text) or unicodedata.normalize("NFKC", text) != text:
        raise ValueError("an e-mail address has no look-alike or invisible characters")
    try:
        deliverable(text)
    except ValueError:
        raise ValueError("the part after the @ is no domain of the internet") from None
    return text


def _undisguised(value: Any) -> Any:
    if isinstance(value, str) and disguised(value):
        raise ValueError("an e-mail address has no look-alike or invisible characters")
    return value


def as_typed(value: Any) -> Any:
    """Write a number that a phone copied as people would type it: with ASCII's characters."""
    if not isinstance(value, str):
        return value
    text = unicodedata.normalize("NFKC", cleaned(value))
    return _HYPHENS.sub("-", text)


def _country(code: str) -> str:
    if code not in COUNTRIES:
        raise ValueError("use an ISO 3166 alpha-2 country code in upper case, such as GB")
    return code


Email = Annotated[
    str,
    # With the spaces that people's keyboards add.
    Line(_EMAIL_CHARS_MAX, pattern=f"^ *{EMAIL_PATTERN[1:-1]} *$"),
    AfterValidator(_email),
    # Before the text is composed, after which nobody could tell.
    BeforeValidator(_undisguised),
]
Country = Annotated[str, StringConstraints(pattern="^[A-Z]{2}$"), AfterValidator(_country)]
Text = Annotated[str, Line(200)]
PostalCode = Annotated[str, Line(20)]
# As people write it down: parcel services read it, nobody dials it.
PhoneNumber = Annotated[
    str,
    Line(40, pattern=r"^ *\+?[0-9(][0-9 ()./#x-]{3,36}[0-9] *$"),
    BeforeValidator(as_typed),
]
# BCP 47 as far as browsers use it: a language, then script, region and variants.
Language = Annotated[
    str,
    StringConstraints(pattern="^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,4}$"),
]
Sku = Annotated[str, Line(SKU_CHARS_MAX, 1, pattern=SKU_PATTERN)]
OptionId = Annotated[str, Line(64)]
# What a form sends for a field that is left empty.
Blank = _Blank()
Quantity = Annotated[int, Field(strict=True, ge=1, le=QUANTITY_MAX, examples=[2])]


# What fields of an address are.
SECOND_LINE = "A second line: flat, floor, building."
REGION = "State, province, prefecture or the like, by its name or its code of ISO 3166-2."
COUNTRY = "ISO 3166 alpha-2, in upper case, or XK; what else is needed depends on it."
RECIPIENT = "The recipient's, where it is not the buyer."
REACHED_AT = "Where whoever delivers may call."


class _Write(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


# --- requests -----------------------------------------------------------------


class LineBody(_Write):
    """So many units of one SKU."""

    sku: Sku = Field(examples=["MUG-BLUE"])
    quantity: Quantity = 1

    def to_new_line(self) -> NewLine:
        """Give the line as the cart's rules take it."""
        return NewLine(self.sku, self.quantity)


class BuyerBody(_Write):
    """Who buys; an absent field stays as it is, null clears it."""

    email: Annotated[Email | None, Blank] = Field(None, examples=["ada@example.com"])
    first_name: Annotated[Text | None, Blank] = None
    last_name: Annotated[Text | None, Blank] = None
    phone_number: Annotated[PhoneNumber | None, Blank] = Field(None, examples=["+44 20 7946 0000"])
    language: Annotated[Language | None, Blank] = Field(
        None,
        description="BCP 47. E-mails are in English or German; English where this is neither.",
        examples=["de-AT"],
    )


class DestinationBody(_Write):
    """Where the goods go; an absent field stays as it is, null clears it."""

    street_address: Annotated[Text | None, Blank] = Field(None, examples=["1 High Street"])
    extended_address: Annotated[Text | None, Blank] = Field(None, description=SECOND_LINE)
    address_locality: Annotated[Text | None, Blank] = Field(None, examples=["London"])
    address_region: Annotated[Text | None, Blank] = Field(None, description=REGION)
    postal_code: Annotated[PostalCode | None, Blank] = Field(None, examples=["N1 1AA"])
    address_country: Annotated[Country | None, Blank] = Field(
        None, description=COUNTRY, examples=["GB"]
    )
    first_name: Annotated[Text | None, Blank] = Field(None, description=RECIPIENT)
    last_name: Annotated[Text | None, Blank] = Field(None, description=RECIPIENT)
    organization: Annotated[Text | None, Blank] = None
    phone_number: Annotated[PhoneNumber | None, Blank] = Field(
        None, description=REACHED_AT, examples=["+44 20 7946 0000"]
    )


class FulfillmentBody(_Write):
    """Destination and chosen option; an absent field stays as it is, null clears it."""

    destination: DestinationBody | None = None
    option_id: Annotated[OptionId | None, Blank] = Field(
        None,
        description="One of the cart's fulfillment options; null chooses the cheapest.",
        examples=["gb-standard"],
    )


class PatchCart(_Write):
    """What a buyer says about the order; an absent field stays as it is, null clears it."""

    buyer: BuyerBody | None = None
    fulfillment: FulfillmentBody | None = None

    @property
    def names_option(self) -> bool:
        """Whether the buyer chooses an option with this very request."""
        return self.fulfillment is not None and self.fulfillment.option_id is not None

    def applied_to(self, cart: Cart) -> Cart:
        """Give the cart with these changes."""
        if "buyer" in self.model_fields_set:
            cart = replace(cart, buyer=_merged(cart.buyer, self.buyer) or Buyer())
        if "fulfillment" not in self.model_fields_set:
            return cart
        asked = self.fulfillment or FulfillmentBody(destination=None, option_id=None)
        if "destination" in asked.model_fields_set:
            merged = _merged(cart.destination or Destination(), asked.destination)
            cart = choose_destination(cart, merged)
        if "option_id" in asked.model_fields_set:
            cart = replace(cart, option_id=asked.option_id)
        return cart


class CreateCart(PatchCart):
    """A new cart."""

    currency: Currency | None = Field(
        None, description="ISO 4217; the shop's base currency if absent.", examples=["GBP"]
    )
    line_items: list[LineBody] = Field(default_factory=list, max_length=LINES_MAX)


class AddLines(_Write):
    """One line (`sku`, `quantity`), or many (`line_items`); units add to a SKU's line."""

    sku: Sku | None = Field(None, examples=["MUG-BLUE"])
    quantity: Quantity | None = Field(None, description="1 if absent.")
    line_items: list[LineBody] | None = Field(None, min_length=1, max_length=LINES_PER_REQUEST_MAX)

    @model_validator(mode="after")
    def _one_form(self) -> AddLines:
        many = self.line_items is not None
        if many == (self.sku is not None) or (many and self.quantity is not None):
            raise ValueError("give either sku and quantity, or line_items")
        return self

    def new_lines(self) -> list[NewLine]:
        """Give the lines, in either form."""
        if self.line_items is not None:
            return [line.to_new_line() for line in self.line_items]
        return [NewLine(self.sku or "", self.quantity or 1)]


class ChangeLine(_Write):
    """How many units the line is to have; 0 removes it."""

    quantity: Annotated[int, Field(strict=True, ge=0, le=QUANTITY_MAX)]


def _merged(before: Any, asked: BaseModel | None) -> Any:
    """Merge the fields that were sent into a frozen value; nothing asked clears it."""
    if asked is None:
        return None
    sent = {name: getattr(asked, name) for name in asked.model_fields_set}
    return replace(before, **sent)


# --- answers ------------------------------------------------------------------


class LineView(BaseModel):
    """A line, priced now; a line that cannot be bought has no amounts and a message."""

    id: str = Field(examples=["line_1"])
    sku: str
    quantity: int
    product_id: str | None = None
    title: str | None = None
    variant_title: str | None = None
    availability: Availability | None = Field(
        None,
        description="`backorder`: it is sold, and sent once it is there. Of a cart that is open.",
    )
    units_left: int | None = Field(
        None, description="Where they are as few as `policies.few_units` or fewer."
    )
    unit_price: int | None = Field(None, description="Minor units.")
    subtotal: int | None = None
    tax: int | None = Field(
        None, description="On top of subtotal, or part of it where prices include tax."
    )
    total: int | None = None

    @classmethod
    def of(cls, line: LineRequest, priced: PricedLine | None) -> LineView:
        """Show a line."""
        shown = {"id": line.line_id, "sku": line.sku, "quantity": line.quantity}
        if priced is not None:
            known = cls.model_fields.keys() - shown.keys()
            shown |= {name: getattr(priced, name) for name in known}
        return cls.model_validate(shown)


class BuyerView(BaseModel):
    """Who buys, as far as it is known."""

    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    phone_number: str | None = None
    language: str | None = None


class DestinationView(BaseModel):
    """Where the goods go, as far as it is known."""

    street_address: str | None = None
    extended_address: str | None = None
    address_locality: str | None = None
    address_region: str | None = None
    postal_code: str | None = None
    address_country: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    organization: str | None = None
    phone_number: str | None = None


class FulfillmentOptionView(BaseModel):
    """One way to have the goods delivered, with its amount for this cart."""

    id: str = Field(examples=["gb-standard"])
    title: str
    amount: int = Field(description="Minor units; 0 where the goods reach the free threshold.")
    tax: int
    currency: str

    @classmethod
    def of(cls, option: PricedOption, currency: str) -> FulfillmentOptionView:
        """Show an option."""
        return cls(
            id=option.id,
            title=option.title,
            amount=option.amount,
            tax=option.tax,
            currency=currency,
        )


class FulfillmentView(BaseModel):
    """How the goods get to the buyer.

    `option_id` is the buyer's choice, or the cheapest option while there is none.
    """

    required: bool = Field(description="False where no line needs shipping.")
    destination: DestinationView | None = None
    option_id: str | None = None
    options: list[FulfillmentOptionView]


class TotalView(BaseModel):
    """One row of the bill, in minor units; a discount is negative."""

    type: Literal["subtotal", "discount", "fulfillment", "tax", "total"]
    amount: int


class MessageView(BaseModel):
    """What stands in the way of a checkout (`error`), or is good to know (`info`)."""

    type: Literal["error", "info"]
    code: str
    path: str = Field(description="JSON path into the cart.")
    content: str
    severity: str | None = None

    @classmethod
    def of(cls, message: Message) -> MessageView:
        """Show a message."""
        return cls.model_validate(asdict(message))


class CartView(BaseModel):
    """A cart with everything the server computes, as of this answer."""

    id: str
    status: Literal["open", "completing", "completed"]
    currency: str
    line_items: list[LineView]
    buyer: BuyerView
    fulfillment: FulfillmentView
    totals: list[TotalView]
    messages: list[MessageView]
    version: int
    order_id: str | None = Field(None, description="The order this cart became, or is becoming.")
    order_token: str | None = Field(
        None, description="Opens that order, in the header `X-Order-Token`, where it is a guest's."
    )
    expires_at: str
    created_at: str
    updated_at: str

    @classmethod
    def of(
        cls,
        cart: Cart,
        priced: PricedCart,
        status: str,
        order_id: str | None = None,
        order_token: str | None = None,
    ) -> CartView:
        """Show a cart."""
        lines = {line.line_id: line for line in priced.lines}
        return cls.model_validate(
            {
                "id": cart.cart_id,
                "status": status,
                "currency": cart.currency,
                "line_items": [LineView.of(line, lines.get(line.line_id)) for line in cart.lines],
                "buyer": asdict(cart.buyer),
                "fulfillment": _fulfillment(cart, priced),
                "totals": [asdict(total) for total in priced.totals],
                "messages": [MessageView.of(message) for message in priced.messages],
                "version": cart.version,
                "order_id": order_id,
                "order_token": order_token,
                "expires_at": to_text(datetime.fromtimestamp(cart.expires_at, UTC)),
                "created_at": cart.created_at,
                "updated_at": cart.updated_at,
            }
        )


class FulfillmentOptionList(Page):
    """All options that serve the cart's destination, cheapest first, on one page."""

    items: list[FulfillmentOptionView]

    @classmethod
    def of(cls, priced: PricedCart) -> FulfillmentOptionList:
        """Show the options."""
        return cls(
            items=[FulfillmentOptionView.of(option, priced.currency) for option in priced.options]
        )


def _fulfillment(cart: Cart, priced: PricedCart) -> FulfillmentView:
    chosen = priced.fulfillment_option
    return FulfillmentView(
        required=priced.requires_shipping,
        destination=DestinationView(**asdict(cart.destination)) if cart.destination else None,
        option_id=chosen.id if chosen else cart.option_id,
        options=[FulfillmentOptionView.of(option, priced.currency) for option in priced.options],
    )
