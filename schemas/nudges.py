"""Nudges: what waits for a person, and the pushes still to be made."""

from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import ARRAY, ForeignKeyConstraint, Index, UniqueConstraint, Uuid, any_, bindparam
from sqlmodel import Field, SQLModel, String, col, delete, select, update

from schemas.base import Fact, words
from schemas.consents import Purpose
from schemas.partner_nudges import PartnerNudge
from schemas.phrases import PhraseId
from schemas.shapes import Mine, within_pairing
from schemas.space import Mode, Space, SpaceTaken

KEPT = timedelta(days=14)
MOST_LISTED = 200


class Kind(StrEnum):
    """All that a push gives away; the text on the screen is the same for every kind.

    - `checkin_reminder`: my own hour has come (consent `reminders`). About the check-in; gone when
      I answer, and with it
    - `checkin_opened`: my partner began a check-in for both (`partner_nudges`, like the next four).
      About it; gone when I answer
    - `reveal`: something may now be read together. About the check-in
    - `partner_nudge`: a phrase from my partner. About what they sent
    - `schedule_proposed`: a schedule waits for my word. About it; gone when I sign or decline
    - `space_began`: my partner takes space and lets me know. Gone when it is over
    - `joiner_waiting`: somebody typed my invitation's code (no consent, like the next two). Gone
      when nobody waits any more
    - `paired`: the inviter has confirmed me
    - `pairing_ended`: my partner left and chose to tell me

    Each is gone when I dismiss it, and after 14 days.
    """

    CHECKIN_REMINDER = "checkin_reminder"
    CHECKIN_OPENED = "checkin_opened"
    REVEAL = "reveal"
    PARTNER_NUDGE = "partner_nudge"
    SCHEDULE_PROPOSED = "schedule_proposed"
    SPACE_BEGAN = "space_began"
    JOINER_WAITING = "joiner_waiting"
    PAIRED = "paired"
    PAIRING_ENDED = "pairing_ended"

    @property
    def consent(self) -> Purpose | None:
        """What its recipient must have allowed; none where it answers a step of their own."""
        if self in OF_THEIR_OWN:
            return None
        return Purpose.REMINDERS if self is Kind.CHECKIN_REMINDER else Purpose.PARTNER_NUDGES

    @property
    def from_partner(self) -> bool:
        """Is it the partner who reaches out with it, so that the door is asked?"""
        return self.consent is Purpose.PARTNER_NUDGES


# A few, asked for with each nudge that is shown: compared rather than hashed.
OF_THEIR_OWN = (Kind.JOINER_WAITING, Kind.PAIRED, Kind.PAIRING_ENDED)


class Waiting(Fact):
    """One thing that waits for a person, as far as it is shown or decides anything."""

    id: UUID
    kind: Kind = Field(sa_type=words(Kind))
    about: UUID | None = Field(
        index=True, description="The check-in, schedule or phrase that it is about."
    )
    made_at: datetime
    # Set when the space it came into makes way for another: it stays behind the door.
    held: bool = False
    looked: bool = False  # its owner has chosen to look at what was held

    def behind_the_door(self, my_space: SpaceTaken | None) -> bool:
        """Did it come into space, on or over, and was not looked at since?"""
        if self.looked or not Kind(self.kind).from_partner:
            return False
        return self.held or (my_space is not None and my_space.came_during(self.made_at))


class Nudge(Waiting, Mine, table=True):
    """Dismissed is deleted, which nobody else can see."""

    __table_args__ = (within_pairing(), UniqueConstraint("account_id", "kind", "about"))

    id: UUID = Field(primary_key=True)
    # Found by the unique constraint, which begins with it: one index less for each that is written.
    account_id: UUID = Field(foreign_key="account.id", ondelete="CASCADE")
    couple_id: UUID | None = Field(description="Null: it stands outside a pairing.")
    expires_at: datetime = Field(index=True)


class Push(SQLModel, table=True):
    """A push to be made; done is gone. At most one of a kind waits for a person, of what is theirs
    alone and of what is the two's: what closes the one must not take the other along.
    """

    __table_args__ = (
        ForeignKeyConstraint(["id"], ["nudge.id"], ondelete="CASCADE"),
        UniqueConstraint("account_id", "kind", "couple_id", postgresql_nulls_not_distinct=True),
        Index("ix_push_due_at", "due_at"),
    )

    id: UUID = Field(primary_key=True, description="The nudge's; every repeat carries it.")
    account_id: UUID = Field(foreign_key="account.id", ondelete="CASCADE")
    couple_id: UUID | None = Field(description="The nudge's.")
    kind: Kind = Field(sa_type=words(Kind))
    due_at: datetime = Field(description="When it is due; ahead while leased.")
    expires_at: datetime
    attempts: int = 0
    reminders_left: int = 0


class NudgePublic(BaseModel):
    """One thing that waits for me."""

    id: UUID = Field(description="The same id that the push carries.")
    kind: Kind
    about: UUID | None = Field(
        description="The check-in, schedule or sent phrase that it is about; null for other kinds."
    )
    phrase: PhraseId | None = Field(description="Null for every kind but `partner_nudge`.")
    made_on: date = Field(description="By the day in UTC.")


class NudgesPublic(BaseModel):
    """What waits for me."""

    nudges: list[NudgePublic] = Field(description="Newest day first.")
    behind_the_door: bool = Field(
        description="Does something wait that came while I took space? I may look or discard."
    )


def shown_nudge(nudge: Waiting, phrase: str | None) -> NudgePublic:
    """By the day alone; the phrase, where it is one."""
    return NudgePublic(
        id=nudge.id,
        kind=nudge.kind,
        about=nudge.about,
        phrase=PhraseId(phrase) if phrase else None,
        made_on=nudge.made_at.date(),
    )


TOLD_NOW = (
    select(Space.account_id)
    .where(
        col(Space.account_id) == bindparam("partner", type_=Uuid),
        col(Space.mode) == Mode.TOLD,
        (col(Space.ends_at) > bindparam("now")) | col(Space.ends_at).is_(None),
    )
    .exists()
)
NUDGES = (
    select(Nudge, PartnerNudge.phrase)
    .join(PartnerNudge, col(PartnerNudge.id) == Nudge.about, isouter=True)
    .where(col(Nudge.account_id) == bindparam("me"), col(Nudge.expires_at) > bindparam("now"))
    # Of space that is over nothing is said any more: how often it is taken is its owner's own.
    .where((col(Nudge.kind) != Kind.SPACE_BEGAN) | TOLD_NOW)
    .order_by(col(Nudge.made_at).desc(), col(Nudge.id))
    .limit(MOST_LISTED)
)
# What came into a space stays behind the door when the next space takes that one's row.
KEEP_BEHIND_THE_DOOR = (
    update(Nudge)
    .where(
        col(Nudge.account_id) == bindparam("me"),
        col(Nudge.made_at) >= bindparam("began"),
        col(Nudge.made_at) < bindparam("ended"),
    )
    .values(held=True)
)
_THESE = col(Nudge.id) == any_(bindparam("ids", type_=ARRAY(Uuid)))
LOOK_AT = update(Nudge).where(_THESE).values(looked=True)
DISCARD = delete(Nudge).where(_THESE)
DONE_WITH = delete(Nudge).where(
    col(Nudge.account_id) == bindparam("who"),
    col(Nudge.kind) == any_(bindparam("kinds", type_=ARRAY(String))),
    col(Nudge.about) == bindparam("about", type_=Uuid),
)
