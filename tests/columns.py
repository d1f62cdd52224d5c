"""Every column of every table: where in an export it stands, or why it does not.

What is not said here fails a test, so nothing is kept of anybody that nobody thought about.
"""

from dataclasses import dataclass

OPENS = "opens the account, or the phone"
ROW = "names a row and says nothing"
FOLLOWS = "follows from what is exported"
MACHINERY = "how it is sent; gone when it is"
PARTNERS = "somebody else's"
NOBODYS = "about nobody"

# Wherever they are not exported.
EVERYWHERE = {"id": ROW, "account_id": "whose it is: mine", "couple_id": ROW}


@dataclass(frozen=True)
class Columns:
    """Of one table: the section of the export, its fields by column, and what is kept back."""

    section: str | None
    exported: dict[str, list[str]]
    kept_back: dict[str, str]


def of(section: str | None, fields: str = "", **kept_back: str) -> Columns:
    """`fields` names columns; `column>field` where the export calls it differently."""
    exported: dict[str, list[str]] = {}
    for each in fields.split():
        column, _, field = each.partition(">")
        exported.setdefault(column, []).append(field or column)
    return Columns(section, exported, kept_back)


KINDS = "kind>quiet_hours kind>daily_budget kind>off_limit_topics kind>unwanted_nudges"

COLUMNS = {
    "account": of(
        *("account", "id email name>display_name zone locale created_at"), password_hash=OPENS
    ),
    "answer": of(
        *("answers", "question sealed>value released final answered_at"),
        shared="the same words, sealed for the two",
        revealed="would tell that my partner has released theirs",
        checkin_id="pack, version and date of it are exported",
    ),
    "block": of("blocks", "blocked_on", blocked_id=PARTNERS, name=PARTNERS),
    "boundary": of("boundaries", f"{KINDS} setting>quiet_hours shown_in>quiet_hours"),
    "checkin": of(
        *("checkins", "pack version date begun_at closes_at"),
        begun_by="would tell whether my partner began it too",
        schedule_id=ROW,
    ),
    "checkin_arrival": of(None, checkin_id=ROW),
    "consent": of(
        *("consents", "number purpose given text_version expires_at said_at"), hash=FOLLOWS
    ),
    "couple": of("pairing", "paired_at>paired_on"),
    "credential_change": of(
        *("pending_changes", "kind asked_at takes_effect_at proved email"),
        password_hash=OPENS,
        session_id=ROW,
    ),
    "data_key": of(None, wrapped="opens what is exported in plain words"),
    "deletion": of(
        *("deletion", "asked_at due_at"), final="whoever's is, can export nothing any more"
    ),
    "device": of(
        *("devices", "target_kind platform locale discreet registered_at"),
        session_id=ROW,
        target=OPENS,
    ),
    "identity": of("identities", "issuer linked_at good_from", subject_hash=OPENS),
    "identity_nonce": of(None, hash=OPENS, expires_at=MACHINERY),
    "invitation": of(
        *("pairing", "expires_at>invitation_expires_at"),
        code_hash=OPENS,
        wrapped=OPENS,
        joiner_id=PARTNERS,
        joiner_name=PARTNERS,
    ),
    "kept_answer": of(
        None,
        key_hash=MACHINERY,
        request_hash=MACHINERY,
        status=FOLLOWS,
        sealed="an answer again that was given already",
        expires_at=MACHINERY,
    ),
    "link": of(None, hash=OPENS, kind="what was mailed to me", sealed=OPENS, expires_at=MACHINERY),
    "mail": of(
        None,
        kind="what is mailed to me",
        sealed=OPENS,
        due_at=MACHINERY,
        attempts=MACHINERY,
        expires_at=MACHINERY,
    ),
    "member": of(
        None, partner_id=PARTNERS, partner_name=PARTNERS, rang="when my partner did something"
    ),
    "nudge": of(
        *("nudges", "kind>nudges made_at>nudges held>behind_the_door looked>behind_the_door"),
        about=ROW,
        expires_at=FOLLOWS,
    ),
    "partner_nudge": of(
        *("phrases_sent", "phrase sent_at"), from_id="me; what I was sent is my partner's"
    ),
    "push": of(
        None,
        kind=FOLLOWS,
        due_at=MACHINERY,
        expires_at=MACHINERY,
        attempts=MACHINERY,
        reminders_left=MACHINERY,
    ),
    "refresh_token": of(None, hash=OPENS, session_id=ROW, generation=OPENS, expires_at=FOLLOWS),
    "schedule": of("schedules", "pack>terms cadence>terms weekday>terms version proposed_at"),
    "schedule_declined": of(
        None, schedule_id="my partner's proposal", version="of my partner's proposal"
    ),
    "schedule_hour": of(
        *("schedules", "at>my_hour zone>my_hour"),
        schedule_id=ROW,
        next_on=FOLLOWS,
        next_at=FOLLOWS,
    ),
    "schedule_signature": of("schedules", "version>signed_version", schedule_id=ROW),
    "security_event": of("security_events", "kind at", session_id=ROW),
    "sending": of(None, second=NOBODYS, used=NOBODYS, most=NOBODYS, peace_until=NOBODYS),
    "session": of(
        *("sessions", "created_at rotated_at proved_at expires_at"), spent=OPENS, spent_hash=OPENS
    ),
    "space": of("space", "mode began_at ends_at"),
}
# Fields of a section that are of no column of its own tables.
BESIDE = {
    "answers": {"pack", "version", "date", "for_both"},  # of its check-in
    "schedules": {"for_both"},  # is there a couple?
}
