"""Accounts, as stored, as sent and as shown."""

import re
from datetime import date, datetime
from typing import Annotated, Self
from unicodedata import normalize
from uuid import UUID

from pydantic import AfterValidator, SecretStr, StringConstraints
from sqlalchemy import CheckConstraint, Uuid, bindparam, func
from sqlmodel import Field, SQLModel, col, select

from schemas.base import Body, Day, Locale, Text, Zone, storable, words
from schemas.sealing import Place, seal, unseal

ADULT = 18
FIRST_YEAR = 1900
SHORTEST_PASSWORD = 15
LONGEST_PASSWORD = 128


# Without what needs quotes, or would let one address be read as two.
ADDRESS = re.compile(
    r"[^\s@<>()\[\]\\,;:\"\x00-\x1f\x7f]{1,64}@[^\s@<>()\[\]\\,;:\"\x00-\x1f\x7f]+"
)


def addressed(text: str) -> str:
    """Lower case throughout: one mailbox is one account, however its owner types it."""
    domain = text.rpartition("@")[2]
    if not ADDRESS.fullmatch(text) or "." not in domain.strip("."):
        msg = "must be an e-mail address"
        raise ValueError(msg)
    return text.lower()


Email = Annotated[Text, StringConstraints(min_length=6, max_length=254), AfterValidator(addressed)]
# Trimmed before it is measured: with `Text` in its place, Pydantic does both the other way round.
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=40),
    AfterValidator(storable),
]


def storable_secret(secret: SecretStr) -> SecretStr:
    """Held to what any text is held to, although only its hash is kept."""
    storable(secret.get_secret_value())
    return secret


def composed(secret: SecretStr) -> SecretStr:
    """One form for what looks the same: the next phone may write é as two signs."""
    return SecretStr(normalize("NFC", secret.get_secret_value()))


# Never shown, not even in the representation of the body that carries it.
Password = Annotated[
    SecretStr,
    Field(min_length=SHORTEST_PASSWORD, max_length=LONGEST_PASSWORD),
    AfterValidator(storable_secret),
    AfterValidator(composed),
]


def in_living_memory(day: date) -> date:
    if day.year < FIRST_YEAR:
        msg = "must be a day on which somebody alive was born"
        raise ValueError(msg)
    return day


Birthday = Annotated[Day, AfterValidator(in_living_memory)]


class AccountFields(SQLModel):
    """What all forms of an account share."""

    zone: Zone = Field(
        description="My IANA time zone, for quiet hours and budgets. Reminders have their own."
    )
    locale: Locale = Field(
        sa_type=words(Locale),
        description="The language of what I am asked and mailed; pushes have their phone's.",
    )


class Named(SQLModel):
    """Somebody by name."""

    display_name: Name = Field(
        description="What my partner calls me in the app: as it was when we became a couple."
    )


class SignUpFields(Named, AccountFields):
    """What everybody says who makes an account."""

    born_on: Birthday = Field(description="Checked (18 or older) and not kept.")

    def adult(self, today: date) -> bool:
        """Has the eighteenth birthday come? Somebody born on 29 February waits for 1 March."""
        birthday_passed = (today.month, today.day) >= (self.born_on.month, self.born_on.day)
        return today.year - self.born_on.year - (not birthday_passed) >= ADULT


class SignUp(SignUpFields, Body):
    """Make an account."""

    email: Email
    password: Password = Field(description="15 characters or more, and not a common one.")


class Applicant(Named, AccountFields):
    """Somebody who signed up, and has not shown yet that the address is theirs."""

    email: str
    password_hash: str

    @classmethod
    def of(cls, body: SignUp, password_hash: str) -> Self:
        """What is kept until then."""
        kept = body.model_dump(exclude={"password", "born_on"})
        return cls.model_validate(kept | {"password_hash": password_hash})


class AccountWrite(Named, AccountFields, Body):
    """Change what I am called, where I am and what I read."""


class Account(AccountFields, table=True):
    """A person. Every other row of theirs goes when this one goes."""

    __table_args__ = (
        CheckConstraint("(email is null) = (password_hash is null)", "address_with_password"),
    )

    id: UUID = Field(primary_key=True)
    # Null, both: whoever signs in with an identity elsewhere has neither.
    email: str | None = Field(unique=True)
    password_hash: str | None
    name: bytes = Field(description="Sealed, with the key of whose it is.")
    created_at: datetime

    @classmethod
    def of(
        cls, body: SignUpFields | Applicant, account_id: UUID, key: bytes, now: datetime
    ) -> Self:
        """The row that signing up asks for; with an identity, it asks for no password."""
        name = seal(key, body.display_name.encode(), name_place(account_id))
        private = {"id": account_id, "name": name, "created_at": now}
        none = {"email": None, "password_hash": None}
        kept = body.model_dump(include={"email", "password_hash", "zone", "locale"})
        return cls.model_validate(none | kept | private)

    def change(self, body: AccountWrite, key: bytes) -> None:
        """What I am called, where I am and what I read."""
        self.zone, self.locale = body.zone, body.locale
        self.name = seal(key, body.display_name.encode(), name_place(self.id))

    def public(self, key: bytes) -> "AccountPublic":
        """My own account, as I see it."""
        named = {"display_name": name_of(self.id, self.name, key)}
        return AccountPublic.model_validate(self, update=named)


def name_place(account_id: UUID) -> Place:
    return ("account", "name", account_id)


def name_of(account_id: UUID, sealed: bytes, key: bytes) -> str:
    """What somebody calls themselves; `Unsealable` with any key but their own."""
    return unseal(key, sealed, name_place(account_id)).decode()


class AccountPublic(Named, AccountFields):
    """My own account, as I see it."""

    id: UUID
    email: str | None = Field(description="Null: I sign in with an identity and have no password.")


ACCOUNT = select(Account).where(col(Account.id) == bindparam("me"))
# Nobody changes it until the transaction is over.
HELD = ACCOUNT.with_for_update(key_share=True)
ACCOUNT_BY_EMAIL = select(func.account_by_email(bindparam("email"), bindparam("now"), type_=Uuid))
NOBODY = UUID(int=0)
