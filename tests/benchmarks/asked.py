"""Couples who are asked: with keys that open what they wrote, and a year of use behind them.

Week after week for all of them, so that what one of them reads is strewn over the tables, as a year
would have strewn it.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb
from sqlmodel import SQLModel

from notifications.schedule import OPEN_FOR
from schemas import accounts
from schemas.answers import Answer
from schemas.arrivals import Arrival
from schemas.base import Locale, new_id
from schemas.boundaries import BoundaryKind, BoundaryRow
from schemas.checkins import Checkin, end_of, id_on
from schemas.data_keys import place
from schemas.nudges import KEPT, Kind, Nudge
from schemas.pairing import Member, name_place
from schemas.partner_nudges import PartnerNudge
from schemas.phrases import PhraseId
from schemas.questions import Question
from schemas.schedules import Cadence
from schemas.sealing import Keyring, new_key, seal
from schemas.space import Mode, Space
from tests.benchmarks.settlers import PACK

YEAR = 52  # weeks
# In the two weeks for which they are kept: some hundred and fifty a year.
PHRASES = 6
SPACE_EVERY = 4  # couples: in one of them, one takes space
BEGUN = 3  # questions of the check-in that is still open
VALUES: dict[str, object] = {"scale": 4, "text": "What we said, at some length, about this week."}

CHOSEN = """
select couple_id, schedule_id, id, partner_id, session_id, zone, next_on from settler
where couple_id in (
    select couple_id from pair
    where number in (select 1 + each * %(couples)s / %(asked)s
        from generate_series(0, %(asked)s - 1) as each)
)
order by number
"""
SEALED = """
update account set name = %(name)s where id = %(me)s;
update member set partner_name = %(partner)s where account_id = %(me)s;
update data_key set wrapped = %(own)s where account_id = %(me)s and couple_id is null;
update data_key set wrapped = %(ours)s where account_id = %(me)s and couple_id is not null;
update boundary set setting = '{"most": 20}' where account_id = %(me)s;
delete from checkin where couple_id = %(couple)s
"""


class Size(NamedTuple):
    """How many couples, and how many of them can be asked."""

    couples: int
    asked: int


class Asked(NamedTuple):
    """One of the people who are asked, with what a token must say."""

    account_id: UUID
    session_id: UUID
    couple_id: UUID
    checkin_id: UUID  # the one that they have begun
    in_space: bool  # is one of the two


class Couple(NamedTuple):
    """The two, their keys, and the dates of their year."""

    people: tuple[Member, Member]
    schedule_id: UUID
    next_on: date
    begun: UUID  # the check-in that is still open
    in_space: bool


def give_a_year(
    owner: psycopg.Connection, keyring: Keyring, size: Size, now: datetime, random: Random
) -> list[Asked]:
    """To so many couples, evenly from the first to the last."""
    couples = [*chosen(owner, size, now)]
    with owner.transaction():
        for couple in couples:
            for me in couple.people:
                owner.execute(SEALED, sealed(me, keyring))
        for week in range(YEAR, 0, -1):
            write_week(owner, couples, week, random)
        write_rest(owner, couples, now, random)
    return [
        Asked(me.id, me.session_id, me.couple_id, couple.begun, couple.in_space)
        for couple in couples
        for me in couple.people
    ]


def chosen(owner: psycopg.Connection, size: Size, now: datetime) -> Iterator[Couple]:
    rows = owner.execute(CHOSEN, size._asdict()).fetchall()
    for number, (one, other) in enumerate(zip(rows[::2], rows[1::2], strict=True)):
        ours = new_key()
        people = [
            Member(me, session, zone, Locale.EN, couple, partner, now, new_key(), ours)
            for couple, _, me, partner, session, zone, _ in (one, other)
        ]
        in_space = number % SPACE_EVERY == SPACE_EVERY - 1
        two, next_on = (people[0], people[1]), min(one[-1], other[-1])
        begun = id_on(next_on - timedelta(weeks=1))
        yield Couple(two, one[1], next_on, begun, in_space)


def sealed(me: Member, keyring: Keyring) -> dict[str, Any]:
    """What their names and keys are under keys that are known."""
    return {
        "me": me.id,
        "couple": me.couple_id,
        "name": seal(me.key, b"Sam", accounts.name_place(me.id)),
        "partner": seal(me.couple_key, b"Alex", name_place(me.couple_id, me.id)),
        "own": keyring.wrap(me.key, place(me.id, None)),
        "ours": keyring.wrap(me.couple_key, place(me.id, me.couple_id)),
    }


def write_week(
    owner: psycopg.Connection, couples: Sequence[Couple], week: int, random: Random
) -> None:
    """One check-in of each, so many weeks ago. The last is open, and they have only begun it."""
    checkins = [(checkin_of(couple, week), couple.people) for couple in couples]
    random.shuffle(checkins)
    write(owner, [checkin for checkin, _ in checkins])
    pairs = [(checkin, me) for checkin, people in checkins for me in people]
    write(owner, [Arrival(account_id=me.id, checkin_id=checkin.id) for checkin, me in pairs])
    write(owner, [each for pair in pairs for each in answers(*pair, is_open=week == 1)])


def checkin_of(couple: Couple, week: int) -> Checkin:
    day = couple.next_on - timedelta(weeks=week)
    begun_at = datetime.combine(day, time(12), UTC)
    return Checkin(
        id=couple.begun if week == 1 else id_on(day),
        account_id=None,
        couple_id=couple.people[0].couple_id,
        begun_by=None,
        schedule_id=couple.schedule_id,
        pack=PACK.id,
        version=PACK.version,
        date=day,
        begun_at=begun_at,
        closes_at=end_of(day, OPEN_FOR[Cadence.WEEKLY]),
    )


def answers(checkin: Checkin, me: Member, *, is_open: bool) -> Iterator[Answer]:
    for question in PACK.questions[: BEGUN if is_open else None]:
        answer = Answer.to(question.id, checkin, me, checkin.begun_at)
        answer.says(value_of(question), me.key, checkin.begun_at)
        if not is_open:
            answer.release(me)
        yield answer


def value_of(question: Question) -> object:
    return question.options[0].id if question.kind == "choice" else VALUES[question.kind]


def write_rest(
    owner: psycopg.Connection, couples: Sequence[Couple], now: datetime, random: Random
) -> None:
    """What waits for them, what they do not want, and sometimes space."""
    phrases = [
        phrase_to(me, now - KEPT * random.uniform(0.1, 0.9), random)
        for _ in range(PHRASES)
        for couple in couples
        for me in couple.people
    ]
    write(owner, phrases)
    write(owner, [nudge_of(phrase) for phrase in phrases])
    write(owner, [each for couple in couples for me in couple.people for each in limits(me)])
    write(owner, [space_of(couple.people[1], now) for couple in couples if couple.in_space])


def phrase_to(me: Member, at: datetime, random: Random) -> PartnerNudge:
    return PartnerNudge(
        id=new_id(at),
        account_id=me.id,
        couple_id=me.couple_id,
        from_id=me.partner_id,
        phrase=random.choice([*PhraseId]),
        sent_at=at,
    )


def nudge_of(phrase: PartnerNudge) -> Nudge:
    return Nudge(
        id=new_id(phrase.sent_at),
        account_id=phrase.account_id,
        couple_id=phrase.couple_id,
        kind=Kind.PARTNER_NUDGE,
        about=phrase.id,
        made_at=phrase.sent_at,
        expires_at=phrase.sent_at + KEPT,
    )


def limits(me: Member) -> Iterator[BoundaryRow]:
    """Beside a daily budget, which everybody has."""
    for kind, setting in (
        (BoundaryKind.OFF_LIMIT_TOPICS, {"topics": ["money"]}),
        (BoundaryKind.UNWANTED_NUDGES, {"kinds": ["flirt"]}),
    ):
        yield BoundaryRow(account_id=me.id, kind=kind, setting=setting, shown_in=None)


def space_of(me: Member, now: datetime) -> Space:
    return Space(
        account_id=me.id,
        couple_id=me.couple_id,
        mode=Mode.TOLD,
        began_at=now - timedelta(hours=1),
        ends_at=now + timedelta(days=30),
    )


def write(owner: psycopg.Connection, rows: Iterable[SQLModel]) -> None:
    """All of one table."""
    rows = [*rows]
    if not rows:
        return
    table, names = type(rows[0]).__tablename__, [*rows[0].model_dump()]
    into = sql.SQL("copy {} ({}) from stdin").format(
        sql.Identifier(str(table)), sql.SQL(", ").join(map(sql.Identifier, names))
    )
    with owner.cursor().copy(into) as copy:
        for row in rows:
            values = row.model_dump().values()
            copy.write_row([Jsonb(each) if isinstance(each, dict) else each for each in values])
