"""The tables in which nothing is swept: what they hold goes with its owner, or when it is done."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import SQLModel

WITH_THE_ACCOUNT = "as long as the account"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One table. `over`: swept so long after a time of its own. `outlives`: what stays, and why."""

    what: str
    whose: str
    how_long: str
    why: str
    over: tuple[type[SQLModel], datetime | None, timedelta] | None = None
    outlives: str | None = None


UNSWEPT: Mapping[str, Kept] = {
    "account": Kept(
        what="address, password hash, name (sealed), zone, language",
        whose="its owner's",
        how_long="until 7 days after its owner deletes it",
        why="to know who signs in",
    ),
    "answer": Kept(
        what="what somebody answered, sealed, and what of it they released",
        whose="its author's",
        how_long=WITH_THE_ACCOUNT,
        why="to be read by its author, and by both once both released it",
    ),
    "block": Kept(
        what="whom somebody blocked, and as they were called, sealed",
        whose="its owner's",
        how_long="until lifted",
        why="their invitations are not taken",
    ),
    "boundary": Kept(
        what="how, when and about what somebody may be reached",
        whose="its owner's",
        how_long="until it is changed",
        why="the door holds to it",
    ),
    "checkin": Kept(
        what="on which day who was asked what",
        whose="one person's, or the two's",
        how_long=f"{WITH_THE_ACCOUNT}; of two, for good",
        why="answers refer to it",
        outlives="of two: on which day they were asked what; once both have gone, of nobody",
    ),
    "checkin_arrival": Kept(
        what="that the hour for a scheduled check-in has come",
        whose="its owner's",
        how_long="as long as its check-in",
        why="they see it from then on",
    ),
    "consent": Kept(
        what="every yes and no, by purpose and wording",
        whose="its giver's",
        how_long=WITH_THE_ACCOUNT,
        why="to show what was allowed when",
    ),
    "couple": Kept(
        what="an id and the time of a pairing",
        whose="the two's",
        how_long="for good",
        why="what each wrote refers to it",
        outlives="an id and the time of a pairing; once both have gone, of nobody",
    ),
    "credential_change": Kept(
        what="a change of address or password that waits for its hour",
        whose="its owner's",
        how_long="until the first request after its hour, or until stopped",
        why="so that its owner can stop it",
    ),
    "data_key": Kept(
        what="the keys under which words are sealed, wrapped",
        whose="its owner's",
        how_long="until the pairing or the account ends",
        why="without it the words are noise",
    ),
    "deletion": Kept(
        what="that somebody asked to be deleted, and when it is due",
        whose="its owner's",
        how_long="7 days, or until taken back",
        why="so that it can be taken back",
    ),
    "device": Kept(
        what="where a push reaches somebody",
        whose="its owner's",
        how_long="as long as its session, or until Firebase no longer knows it",
        why="to ring",
    ),
    "identity": Kept(
        what="that somebody signs in with Apple or Google, by a hash",
        whose="its owner's",
        how_long="until unlinked",
        why="to know who signs in",
    ),
    "mail": Kept(
        what="a mail that is still to be sent, sealed",
        whose="its recipient's",
        how_long="4 hours",
        why="to reach a mailbox",
        outlives="to an address of no account, sealed, until it is sent",
    ),
    "member": Kept(
        what="who is paired with whom",
        whose="each of the two's",
        how_long="until either leaves",
        why="to know who is whose partner",
    ),
    "push": Kept(
        what="a push that is still to be made",
        whose="its recipient's",
        how_long="12 hours",
        why="to ring once",
    ),
    "schedule": Kept(
        what="when check-ins open",
        whose="its proposer's, or the two's",
        how_long="until withdrawn",
        why="to open them",
    ),
    "schedule_declined": Kept(
        what="what somebody does not want to sign, or to see again",
        whose="its owner's",
        how_long="until they sign it after all, or the schedule ends",
        why="it stays out of their list",
    ),
    "schedule_hour": Kept(
        what="at which hour somebody is reminded, and where",
        whose="its owner's",
        how_long="as long as its schedule",
        why="to remind at that hour",
    ),
    "schedule_signature": Kept(
        what="who signed which version of a schedule",
        whose="its signer's",
        how_long="as long as its schedule",
        why="it counts once both signed",
    ),
    "sending": Kept(
        what="how many messages left in the last second, of all",
        whose="nobody's",
        how_long="until another does",
        why="Firebase is not sent too much at once",
        outlives="it is about nobody",
    ),
}
