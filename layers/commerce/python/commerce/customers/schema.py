"""The HTTP shapes of customers' accounts."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from commerce.carts.schema import (
    COUNTRY,
    REACHED_AT,
    RECIPIENT,
    REGION,
    SECOND_LINE,
    Blank,
    Country,
    DestinationView,
    Email,
    PhoneNumber,
    PostalCode,
    Text,
    as_typed,
)
from commerce.customers.model import Address, Customer, needed_in_book
from commerce.mailboxes import mailbox
from commerce.pages import Page, PageQuery
from commerce.pricing import Destination
from commerce.texts import WORD_PATTERN, Line, password_pattern
from commerce.user_pool import Tokens

PASSWORD_CHARS_MIN = 12
PASSWORD_CHARS_MAX = 256
# Cognito's are about 1,800 characters long.
TOKEN_CHARS_MAX = 8192

Password = Annotated[
    str,
    Field(
        min_length=PASSWORD_CHARS_MIN,
        max_length=PASSWORD_CHARS_MAX,
        pattern=password_pattern(PASSWORD_CHARS_MIN, PASSWORD_CHARS_MAX),
        repr=False,
        examples=["correct horse battery staple"],
    ),
]
# A password that somebody had before the rules were what they are.
KnownPassword = Annotated[str, Field(min_length=1, max_length=PASSWORD_CHARS_MAX, repr=False)]
Code = Annotated[str, Field(pattern="^[0-9]{6}$", repr=False, examples=["123456"])]
Phone = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=16, pattern=r"^\+[1-9][0-9]{6,14}$"),
    BeforeValidator(as_typed),
    Field(description="E.164: a plus, the country's code, the number.", examples=["+442079460000"]),
]
FilledText = Annotated[str, Line(200, 1)]


class _Write(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Named(_Write):
    email: Email = Field(examples=["ada@example.com"])

    @property
    def account(self) -> str:
        """The address as accounts are found by it."""
        return mailbox(self.email)


# --- accounts and sessions ----------------------------------------------------


class Registration(_Named):
    """Somebody who wants an account."""

    password: Password
    first_name: Annotated[Text | None, Blank] = None
    last_name: Annotated[Text | None, Blank] = None
    phone: Phone | None = None


class Confirmation(_Named):
    """The code that was mailed to an address."""

    code: Code


class CodeRequest(_Named):
    """Whom to mail a code."""


class SignIn(_Named):
    """Address and password."""

    password: KnownPassword


class Refresh(_Write):
    """What a new access token is given for."""

    refresh_token: str = Field(
        min_length=1, max_length=TOKEN_CHARS_MAX, pattern=WORD_PATTERN, repr=False
    )


class PasswordReset(_Named):
    """A new password, and the code that was mailed."""

    code: Code
    password: Password


class PasswordChange(_Write):
    """A new password in place of the one that is known."""

    password: KnownPassword
    new_password: Password


class Accepted(BaseModel):
    """The request is taken; what comes of it is told to the address alone."""

    status: Literal["accepted"] = "accepted"


class Confirmed(BaseModel):
    """The address is confirmed; sign in."""

    status: Literal["confirmed"] = "confirmed"


class PasswordSet(BaseModel):
    """The new password holds, and all sessions have ended."""

    status: Literal["password_set"] = "password_set"


class SignedOut(BaseModel):
    """All sessions have ended."""

    status: Literal["signed_out"] = "signed_out"


class Session(BaseModel):
    """What a customer is known by: send `Authorization: Bearer ACCESS_TOKEN`."""

    access_token: str
    refresh_token: str | None = Field(
        default=None, description="For a new access token; not given again with one."
    )
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - a kind of token
    expires_in: int = Field(description="Seconds the access token holds.", examples=[900])

    @classmethod
    def of(cls, tokens: Tokens) -> Session:
        """Show tokens to whom they belong."""
        return cls(
            access_token=tokens.access_token,
            refresh_token=tokens.refresh_token,
            expires_in=tokens.expires_in,
        )


# --- the customer and the address book ------------------------------------------


class CustomerChanges(_Write):
    """What to change; an absent field stays as it is, null clears it."""

    first_name: Annotated[Text | None, Blank] = None
    last_name: Annotated[Text | None, Blank] = None
    phone: Phone | None = None
    default_address_id: str | None = Field(
        default=None,
        max_length=64,
        pattern=WORD_PATTERN,
        description="One of the customer's addresses.",
    )

    @model_validator(mode="after")
    def _says_something(self) -> CustomerChanges:
        if not self.model_fields_set:
            raise ValueError("name something to change")
        return self

    def applied_to(self, customer: Customer) -> Customer:
        """Give the customer with these changes.

        Raises
        ------
        NotFound
            The default is to be none of the customer's addresses.
        """
        sent = {name: getattr(self, name) for name in self.model_fields_set}
        if sent.get("default_address_id") is not None:
            customer.address(sent["default_address_id"])
        return replace(customer, **sent)


class NewAddress(_Write):
    """A place to deliver to."""

    street_address: FilledText = Field(examples=["1 High Street"])
    extended_address: Annotated[Text | None, Blank] = Field(default=None, description=SECOND_LINE)
    address_locality: Annotated[Text | None, Blank] = Field(
        default=None, description="Needed in countries that have towns.", examples=["London"]
    )
    address_region: Annotated[Text | None, Blank] = Field(default=None, description=REGION)
    postal_code: Annotated[PostalCode | None, Blank] = Field(default=None, examples=["N1 1AA"])
    address_country: Country = Field(description=COUNTRY, examples=["GB"])
    first_name: Annotated[Text | None, Blank] = Field(default=None, description=RECIPIENT)
    last_name: Annotated[Text | None, Blank] = Field(default=None, description=RECIPIENT)
    organization: Annotated[Text | None, Blank] = None
    phone_number: Annotated[PhoneNumber | None, Blank] = Field(
        default=None, description=REACHED_AT, examples=["+44 20 7946 0000"]
    )
    default: bool = Field(
        default=False, description="The first address is the default in any case."
    )

    def to_destination(self) -> Destination:
        """Give it as carts have theirs."""
        return Destination(**self.model_dump(exclude={"default"})).tidied


class AddressChanges(_Write):
    """What to change of an address; an absent field stays as it is, null clears what it may."""

    street_address: FilledText | None = None
    extended_address: Annotated[Text | None, Blank] = None
    address_locality: Annotated[Text | None, Blank] = None
    address_region: Annotated[Text | None, Blank] = None
    postal_code: Annotated[PostalCode | None, Blank] = None
    address_country: Country | None = None
    first_name: Annotated[Text | None, Blank] = None
    last_name: Annotated[Text | None, Blank] = None
    organization: Annotated[Text | None, Blank] = None
    phone_number: Annotated[PhoneNumber | None, Blank] = None
    default: Literal[True] | None = Field(
        default=None, description="Make it the default; another becomes it the same way."
    )

    @model_validator(mode="after")
    def _says_something(self) -> AddressChanges:
        if not self.model_fields_set:
            raise ValueError("name something to change")
        return self

    def applied_to(self, address: Address) -> Address:
        """Give the address with these changes; what every address has cannot be cleared."""
        sent = {name: getattr(self, name) for name in self.model_fields_set - {"default"}}
        country = self.address_country or address.destination.address_country
        kept = needed_in_book(country)
        changes = {
            name: value for name, value in sent.items() if value is not None or name not in kept
        }
        return replace(address, destination=replace(address.destination, **changes).tidied)


class AddressView(DestinationView):
    """A place of the address book."""

    id: str = Field(examples=["address_01j0000000q3n8v5r1c7k2m9x4t6w0a8y5"])
    default: bool

    @classmethod
    def of(cls, customer: Customer, address: Address) -> AddressView:
        """Show an address."""
        default = address.address_id == customer.default_address_id
        return cls(id=address.address_id, default=default, **asdict(address.destination))


class AddressList(BaseModel):
    """The whole address book, oldest first."""

    items: list[AddressView]

    @classmethod
    def of(cls, customer: Customer) -> AddressList:
        """Show the book."""
        return cls(items=[AddressView.of(customer, each) for each in customer.addresses])


class CustomerSummary(BaseModel):
    """A customer without the address book."""

    id: str = Field(examples=["customer_9f86d081884c4d659a2feaa0c55ad015"])
    email: str | None = Field(default=None, description="None where the account is deleted.")
    status: Literal["unconfirmed", "active", "deleted"]
    first_name: str | None = None
    last_name: str | None = None
    phone: str | None = None
    version: int
    created_at: str
    updated_at: str
    confirmed_at: str | None = None
    deleted_at: str | None = None

    @classmethod
    def of(cls, customer: Customer) -> CustomerSummary:
        """Show a customer."""
        return cls.model_validate({**vars(customer), "id": customer.customer_id})


class CustomerView(CustomerSummary):
    """A customer with the address book."""

    addresses: list[AddressView]

    @classmethod
    def of(cls, customer: Customer) -> CustomerView:
        """Show a customer."""
        book = AddressList.of(customer).items
        return cls.model_validate({**vars(customer), "id": customer.customer_id, "addresses": book})


class CustomersQuery(PageQuery):
    """Which customers to list."""

    email: Email | None = Field(default=None, description="Only customers of this address.")

    @property
    def account(self) -> str | None:
        """The address as accounts are found by it."""
        return mailbox(self.email) if self.email else None


class CustomerList(Page):
    """A page of customers, newest first."""

    items: list[CustomerSummary]
