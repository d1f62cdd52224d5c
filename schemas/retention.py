"""What is kept, of whom, how long and why: every table there is, and nothing else is kept.

The worker sweeps by this, PRIVACY.md is written from it, and a test fails for a table that is not
here. What has no time of its own goes with its owner's account, by the database's own cascade.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Delete, bindparam, func
from sqlmodel import SQLModel, UTCDateTime, col, delete, select

from schemas.idempotency import KeptAnswer
from schemas.identities import IdentityNonce
from schemas.invitations import Invitation
from schemas.links import Link
from schemas.nudges import KEPT as NUDGE_KEPT
from schemas.nudges import Nudge
from schemas.partner_nudges import PartnerNudge
from schemas.security import KEPT as EVENTS_KEPT
from schemas.security import SecurityEvent
from schemas.sessions import RefreshToken, Session
from schemas.space import Space

# Longer than anything asks about what was sent: a budget looks at 16 days.
SENT_KEPT = timedelta(days=90)
# Whatever came into a space that is over has run out by then, and nothing asks for the space.
SPACE_KEPT = NUDGE_KEPT
AT_ONCE = timedelta(0)
MOST = 1000  # rows that one statement sweeps, so that nobody waits behind it

WITH_THE_ACCOUNT = "as long as the account"
NOW = bindparam("now", type_=UTCDateTime)


@dataclass(frozen=True, slots=True)
class Kept:
    """One table. `over`: swept so long after a time of its own. `outlives`: what stays, and why."""

    what: str
    whose: str
    how_long: str
    why: str
    over: tuple[type[SQLModel], datetime | None, timedelta] | None = None
    outlives: str | None = None


TABLES: Mapping[str, Kept] = {
    "account": Kept(
        *("address, password hash, name (sealed), zone, language", "its owner's"),
        *("until 7 days after its owner deletes it", "to know who signs in"),
    ),
    "answer": Kept(
        *("what somebody answered, sealed, and what of it they released", "its author's"),
        *(WITH_THE_ACCOUNT, "to be read by its author, and by both once both released it"),
    ),
    "block": Kept(
        *("whom somebody blocked, and as they were called, sealed", "its owner's"),
        *("until lifted", "their invitations are not taken"),
    ),
    "boundary": Kept(
        *("how, when and about what somebody may be reached", "its owner's"),
        *("until it is changed", "the door holds to it"),
    ),
    "checkin": Kept(
        *("on which day who was asked what", "one person's, or the two's"),
        *(WITH_THE_ACCOUNT, "answers refer to it"),
        outlives="of two: on which day they were asked what; the other's answers refer to it",
    ),
    "checkin_arrival": Kept(
        *("that the hour for a scheduled check-in has come", "its owner's"),
        *("as long as its check-in", "they see it from then on"),
    ),
    "consent": Kept(
        *("every yes and no, by purpose and wording", "its giver's"),
        *(WITH_THE_ACCOUNT, "to show what was allowed when"),
    ),
    "couple": Kept(
        *("an id and the time of a pairing", "the two's"),
        *("as long as something refers to it", "what each wrote refers to it"),
        outlives="an id and the time of a pairing; what the other wrote refers to it",
    ),
    "credential_change": Kept(
        *("a change of address or password that waits for its hour", "its owner's"),
        *("until its hour, or until stopped", "so that its owner can stop it"),
    ),
    "data_key": Kept(
        *("the keys under which words are sealed, wrapped", "its owner's"),
        *("until the pairing or the account ends", "without it the words are noise"),
    ),
    "deletion": Kept(
        *("that somebody asked to be deleted, and when it is due", "its owner's"),
        *("7 days, or until taken back", "so that it can be taken back"),
    ),
    "device": Kept(
        *("where a push reaches somebody", "its owner's"),
        *("as long as its session, or until Firebase no longer knows it", "to ring"),
    ),
    "identity": Kept(
        *("that somebody signs in with Apple or Google, by a hash", "its owner's"),
        *("until unlinked", "to know who signs in"),
    ),
    "identity_nonce": Kept(
        *("hashes of tokens that were shown once", "its owner's"),
        *("as long as the token would be good", "none is taken twice"),
        over=(IdentityNonce, IdentityNonce.expires_at, AT_ONCE),
    ),
    "invitation": Kept(
        *("the hash of a code, and who typed it", "its inviter's"),
        *("24 hours", "to become a couple"),
        over=(Invitation, Invitation.expires_at, AT_ONCE),
    ),
    "kept_answer": Kept(
        *("an answer to a request that may be sent again, sealed", "its owner's"),
        *("24 hours; about the two, until the pairing ends", "what was done is not done twice"),
        over=(KeptAnswer, KeptAnswer.expires_at, AT_ONCE),
    ),
    "link": Kept(
        *("what a mailed token opens, sealed with it", "its recipient's"),
        *("an hour; a day to sign up", "to show that a mailbox is theirs"),
        over=(Link, Link.expires_at, AT_ONCE),
        outlives="to an address of no account, sealed, until it runs out",
    ),
    "mail": Kept(
        *("a mail that is still to be sent, sealed", "its recipient's"),
        *("4 hours", "to reach a mailbox"),
        outlives="to an address of no account, sealed, until it is sent",
    ),
    "member": Kept(
        *("who is paired with whom", "each of the two's"),
        *("until either leaves", "to know who is whose partner"),
    ),
    "nudge": Kept(
        *("what waits for somebody: its kind and day", "its recipient's"),
        *("14 days, or until dismissed", "a lost push loses nothing"),
        over=(Nudge, Nudge.expires_at, AT_ONCE),
    ),
    "partner_nudge": Kept(
        *("which phrase was sent when", "its sender's, and its recipient's"),
        *("90 days, or until either leaves", "budgets, and what its sender sees"),
        over=(PartnerNudge, PartnerNudge.sent_at, SENT_KEPT),
    ),
    "push": Kept(
        *("a push that is still to be made", "its recipient's"),
        *("12 hours", "to ring once"),
    ),
    "refresh_token": Kept(
        *("hashes of the tokens that renew a session", "its owner's"),
        *("60 days, or as long as its session", "a stolen one is recognised"),
        over=(RefreshToken, RefreshToken.expires_at, AT_ONCE),
    ),
    "schedule": Kept(
        *("when check-ins open", "its proposer's, or the two's"),
        *("until withdrawn", "to open them"),
    ),
    "schedule_declined": Kept(
        *("what somebody does not want to sign, or to see again", "its owner's"),
        *("until other terms are proposed", "it stays out of their list"),
    ),
    "schedule_hour": Kept(
        *("at which hour somebody is reminded, and where", "its owner's"),
        *("as long as its schedule", "to remind at that hour"),
    ),
    "schedule_signature": Kept(
        *("who signed which version of a schedule", "its signer's"),
        *("as long as its schedule", "it counts once both signed"),
    ),
    "security_event": Kept(
        *("what happened to the ways into an account", "its owner's"),
        *("90 days", "its owner notices somebody else's hand"),
        over=(SecurityEvent, SecurityEvent.at, EVENTS_KEPT),
    ),
    "sending": Kept(
        *("how many messages left in the last second, of all", "nobody's", "until another does"),
        *("Firebase is not sent too much at once", None, "it is about nobody"),
    ),
    "session": Kept(
        *("a phone that is signed in: since when, last renewed", "its owner's"),
        *("60 days after it was last renewed", "to stay signed in"),
        over=(Session, Session.expires_at, AT_ONCE),
    ),
    "space": Kept(
        *("the space somebody took last", "its owner's"),
        *("until the next, or 14 days after its end", "the door holds to it"),
        over=(Space, Space.ends_at, SPACE_KEPT),
    ),
}


def sweep_of(table: type[SQLModel], time: datetime | None, after: timedelta) -> Delete:
    """Those whose time is over, the longest first, up to about the thousandth. By their time
    alone, since there are tables of which the worker may read nothing else.
    """
    ends = col(time)
    over = select(ends).where(ends <= NOW - after).order_by(ends).limit(MOST).subquery()
    return delete(table).where(ends <= select(func.max(over.c[0])).scalar_subquery())


SWEEPS = tuple(sweep_of(*kept.over) for kept in TABLES.values() if kept.over)
