"""Phrases that one partner sent the other: contacts. Told of in `nudges`."""

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Self
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, bindparam, func
from sqlmodel import Field, SQLModel, UTCDateTime, col, select

from schemas.base import Body, local_date, new_id, words
from schemas.pairing import Member
from schemas.phrases import PhraseId, PhraseKind
from schemas.questionnaires import Topic
from schemas.shapes import Offer, within_pairing

# As long as a nudge is kept, and its day, wherever on earth.
RECENT = timedelta(days=16)


class PartnerNudge(Offer, table=True):
    """A phrase, as its sender remembers it. What became of it stands nowhere."""

    __tablename__ = "partner_nudge"
    __table_args__ = (
        within_pairing(),
        ForeignKeyConstraint(
            ["from_id", "couple_id"],
            ["member.account_id", "member.couple_id"],
            ondelete="CASCADE",
            name="fk_partner_nudge_sender",
        ),
    )

    id: UUID = Field(primary_key=True)
    phrase: PhraseId = Field(sa_type=words(PhraseId))
    sent_at: datetime = Field(index=True)

    @classmethod
    def of(cls, me: Member, body: "PartnerNudgeWrite", now: datetime) -> Self:
        """The row that this member's request asks for."""
        return cls(
            id=new_id(now),
            account_id=me.partner_id,
            couple_id=me.couple_id,
            from_id=me.id,
            phrase=body.phrase,
            sent_at=now,
        )

    def public(self) -> "PartnerNudgePublic":
        """By the day alone: nothing that two partners see of each other has an hour."""
        return PartnerNudgePublic(id=self.id, phrase=self.phrase, sent_on=self.sent_at.date())


class PartnerNudgeWrite(Body):
    """Send one phrase."""

    phrase: PhraseId


class PartnerNudgePublic(SQLModel):
    """What I sent, and on which day."""

    id: UUID
    phrase: PhraseId
    sent_on: date = Field(description="By the day in UTC.")


class PhrasePublic(SQLModel):
    """One of the phrases there are."""

    id: PhraseId
    kind: PhraseKind
    topic: Topic = Field(description="Whoever puts it off limits does not get the phrase.")
    text: str


def places_in_the_day(contacts: Iterable[tuple[UUID, datetime]], zone: str) -> dict[UUID, int]:
    """How many came before each, on its day by the recipient's clock. Whether they were dismissed
    or discarded meanwhile makes no difference: a budget that is used up stays so.
    """
    so_far: Counter[date] = Counter()
    places = {}
    for sent_at, contact in sorted((sent_at, contact) for contact, sent_at in contacts):
        day = local_date(sent_at, zone)
        places[contact] = so_far[day]
        so_far[day] += 1
    return places


SENT = (
    select(PartnerNudge)
    .where(col(PartnerNudge.from_id) == bindparam("me"))
    .where(col(PartnerNudge.couple_id) == bindparam("couple"))
    .order_by(col(PartnerNudge.sent_at).desc(), col(PartnerNudge.id))
    .limit(100)
)
SENT_SINCE = select(func.count(col(PartnerNudge.id))).where(
    col(PartnerNudge.from_id) == bindparam("me"),
    col(PartnerNudge.couple_id) == bindparam("couple"),
    col(PartnerNudge.sent_at) >= bindparam("since"),
)
CONTACTS = (
    select(PartnerNudge.id, PartnerNudge.sent_at)
    .where(col(PartnerNudge.account_id) == bindparam("me"))
    .where(col(PartnerNudge.sent_at) > bindparam("now", type_=UTCDateTime) - RECENT)
)
