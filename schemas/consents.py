"""Consents, as stored, as sent and as shown."""

import json
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Self
from uuid import UUID

from sqlalchemy import Index, bindparam
from sqlmodel import Field, SQLModel, col, select

from schemas.base import Body, Fact, Locale, Moment, Whole, words
from schemas.pairing import Person
from schemas.shapes import Mine


class Purpose(StrEnum):
    """What a person may be asked to allow.

    - `checkins`: my answers are kept; without it nothing is answered
    - `sharing`: what I release may be read (needs a partner, and ends with us)
    - `reminders`: my own hours ring
    - `partner_nudges`: what my partner does rings (needs a partner, and ends with us)
    - `intimacy`: I am asked about it; without it those questions are left out of what I am asked
      (ends when I pair, and with us)
    """

    CHECKINS = "checkins"
    SHARING = "sharing"
    REMINDERS = "reminders"
    PARTNER_NUDGES = "partner_nudges"
    INTIMACY = "intimacy"

    @property
    def within_pairing(self) -> bool:
        """Is it given with one partner in mind, so that the next one starts with none?"""
        return self not in {Purpose.CHECKINS, Purpose.REMINDERS}


# A new wording is a new version; a consent says to which it was given.
TEXT_VERSION = 1
TEXTS: dict[Purpose, dict[Locale, str]] = {
    Purpose.CHECKINS: {
        Locale.EN: "Twofold may keep the answers I give in check-ins.",
        Locale.PT: "O Twofold pode guardar as respostas que dou nos check-ins.",
    },
    Purpose.SHARING: {
        Locale.EN: "My partner may read an answer once both of us have released it.",
        Locale.PT: "O meu par pode ler uma resposta quando ambos a tivermos partilhado.",
    },
    Purpose.REMINDERS: {
        Locale.EN: "My phone may remind me at the hours I chose.",
        Locale.PT: "O meu telemóvel pode lembrar-me às horas que escolhi.",
    },
    Purpose.PARTNER_NUDGES: {
        Locale.EN: "What my partner does here may reach my phone.",
        Locale.PT: "O que o meu par faz aqui pode chegar ao meu telemóvel.",
    },
    Purpose.INTIMACY: {
        Locale.EN: "I may be asked questions about intimacy.",
        Locale.PT: "Podem ser-me feitas perguntas sobre intimidade.",
    },
}


class ConsentWrite(Body):
    """Say yes to one purpose."""

    text_version: Whole = Field(ge=1, le=TEXT_VERSION, description="The wording I was shown.")
    expires_at: Moment | None = Field(description="When my yes ends by itself; null: never.")


class LastWord(Fact):
    """What a person last said about one purpose, as far as it decides anything."""

    purpose: Purpose = Field(sa_type=words(Purpose))
    given: bool
    expires_at: datetime | None
    couple_id: UUID | None = Field(foreign_key="couple.id")

    def allows(self, couple_id: UUID | None, now: datetime) -> bool:
        """Is this a yes that counts here and now?"""
        here = not Purpose(self.purpose).within_pairing or self.couple_id == couple_id
        return self.given and here and (self.expires_at is None or now < self.expires_at)


class Consent(LastWord, Mine, table=True):
    """One yes or no. Rows are only ever added; each names the one before it by its hash."""

    __table_args__ = (Index("ix_consent_purpose", "account_id", "purpose", "number"),)

    account_id: UUID = Field(primary_key=True, foreign_key="account.id", ondelete="CASCADE")
    text_version: int
    said_at: datetime
    number: int = Field(primary_key=True, description="1, 2, 3 … through a person's history.")
    hash: bytes

    @classmethod
    def of(
        cls,
        me: Person,
        last: Self | None,
        purpose: Purpose,
        said: ConsentWrite | None,
        now: datetime,
    ) -> Self:
        """A yes to what was said, or a no; the next link in this person's chain."""
        row = cls(
            account_id=me.id,
            number=last.number + 1 if last else 1,
            couple_id=me.couple_id if purpose.within_pairing else None,
            purpose=purpose,
            given=said is not None,
            text_version=said.text_version if said else TEXT_VERSION,
            expires_at=said.expires_at if said else None,
            said_at=now,
            hash=b"",
        )
        row.hash = row.follows(last.hash if last else b"")
        return row

    def follows(self, before: bytes) -> bytes:
        """The link of the chain: SHA-256 over the hash before it and all that this row says."""
        said = [
            str(self.account_id),
            str(self.couple_id),
            self.purpose,
            self.given,
            self.text_version,
            self.expires_at and self.expires_at.isoformat(),
            self.said_at.isoformat(),
            self.number,
        ]
        return sha256(before + json.dumps(said).encode()).digest()


def allowed(last_words: Iterable[LastWord], couple_id: UUID | None, now: datetime) -> set[Purpose]:
    """What a person allows now; what was never asked or answered is not among it."""
    return {Purpose(each.purpose) for each in last_words if each.allows(couple_id, now)}


class ConsentPublic(SQLModel):
    """One purpose, and whether I allow it now."""

    purpose: Purpose
    given: bool
    expires_at: datetime | None
    text: str
    text_version: int = Field(description="The version of `text`, to be sent with a yes.")


LAST_CONSENT = (
    select(Consent)
    .where(col(Consent.account_id) == bindparam("me"))
    .order_by(col(Consent.number).desc())
    .limit(1)
)
