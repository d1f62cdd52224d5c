"""What of all that waits is let in. The routes are tried in `tests/api/test_nudges.py`."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from api.policy.nudges import let_in, shown_to
from schemas.base import new_id
from schemas.boundaries import Boundaries
from schemas.consents import Purpose
from schemas.door import Recipient
from schemas.nudges import Kind, Nudge
from schemas.partner_nudges import places_in_the_day
from schemas.phrases import PhraseId
from tests.builders import NO_BOUNDARIES
from tests.fakes import NOON

MINUTE = timedelta(minutes=1)


def recipient(zone: str = "UTC", **boundaries: dict[str, Any]) -> Recipient:
    kept = {name: setting | {"shown": False} for name, setting in boundaries.items()}
    return Recipient(
        zone=zone,
        consents=frozenset({Purpose.PARTNER_NUDGES}),
        space=None,
        boundaries=Boundaries.model_validate(NO_BOUNDARIES.model_dump() | kept),
        contacts_today=0,
    )


def a_nudge(kind: Kind, at: datetime, about: UUID | None = None) -> Nudge:
    return Nudge(
        id=new_id(at),
        account_id=uuid4(),
        couple_id=uuid4(),
        kind=kind,
        about=about or uuid4(),
        made_at=at,
        expires_at=at + timedelta(days=14),
    )


def sent(*moments: datetime, phrase: PhraseId = PhraseId.THANK_YOU) -> tuple[list[Any], list[Any]]:
    """Rows and contacts, as the database would have them."""
    contacts = [(uuid4(), at) for at in moments]
    rows = [(a_nudge(Kind.PARTNER_NUDGE, at, about), phrase.value) for about, at in contacts]
    return rows, contacts


@given(
    most=st.integers(0, 20),
    minutes=st.lists(st.integers(0, 4 * 24 * 60), unique=True, max_size=60),
    dismissed=st.sets(st.integers(0, 59)),
)
def test_a_budget_is_kept_on_every_day_whatever_was_dismissed(
    most: int, minutes: list[int], dismissed: set[int]
) -> None:
    rows, contacts = sent(*(NOON + MINUTE * minute for minute in minutes))
    me = recipient("America/Denver", daily_budget={"most": most})
    everything = {nudge.id for nudge, _ in let_in(me, rows, contacts)}
    waiting = [row for place, row in enumerate(rows) if place not in dismissed]

    let = {nudge.id for nudge, _ in let_in(me, waiting, contacts)}

    assert let == everything & {nudge.id for nudge, _ in waiting}
    by_day: dict[object, int] = {}
    for nudge, _ in rows:
        if nudge.id in everything:
            day = (nudge.made_at - timedelta(hours=7)).date()
            by_day[day] = by_day.get(day, 0) + 1
    assert all(count <= most for count in by_day.values())
    assert len(everything) == sum(
        min(most, count) for count in counted(contacts, timedelta(hours=7)).values()
    )


def counted(contacts: list[tuple[UUID, datetime]], behind: timedelta) -> dict[object, int]:
    days = [(at - behind).date() for _, at in contacts]
    return {day: days.count(day) for day in days}


def test_a_contacts_place_is_counted_on_the_recipients_own_day() -> None:
    one, two, three = uuid4(), uuid4(), uuid4()
    contacts = [
        (three, datetime(2026, 3, 3, 8, tzinfo=UTC)),
        (one, datetime(2026, 3, 2, 8, tzinfo=UTC)),
        (two, datetime(2026, 3, 3, 6, tzinfo=UTC)),
    ]

    assert places_in_the_day(contacts, "America/Denver") == {one: 0, two: 1, three: 0}
    assert places_in_the_day(contacts, "UTC") == {one: 0, two: 0, three: 1}


def test_a_topic_or_kind_that_is_kept_out_still_uses_up_the_day() -> None:
    """Else the budget would grow by what is not even shown."""
    rows, contacts = sent(NOON, NOON + MINUTE)
    rows[0] = (rows[0][0], PhraseId.YOU_LOOKED_LOVELY.value)
    me = recipient(daily_budget={"most": 1}, unwanted_nudges={"kinds": ["flirt"]})

    assert [*let_in(me, rows, contacts)] == []


def test_newest_first_whatever_the_database_says() -> None:
    rows, contacts = sent(NOON, NOON + 2 * MINUTE, NOON + MINUTE)

    shown = shown_to(recipient(), rows, contacts)

    assert [each.id for each in shown.nudges] == [rows[place][0].id for place in (1, 2, 0)]
    assert not shown.behind_the_door


def test_my_own_reminder_needs_no_open_door() -> None:
    reminder = a_nudge(Kind.CHECKIN_REMINDER, NOON)
    closed = recipient(daily_budget={"most": 0})

    assert [*let_in(closed, [(reminder, None)], [])] == [(reminder, None)]
