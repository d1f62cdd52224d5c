"""How often each operation asks the database, which is most of how long it takes.

OPERATIONS.md says it of every example, and this plays them. However long the body, and however
much two people have written: it is as often.
"""

import re
from collections.abc import Awaitable

import pytest
from fastapi import FastAPI
from httpx import Response
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from schemas.questionnaires import PACKS
from schemas.questions import (
    ChoiceQuestion,
    ChoicesQuestion,
    Question,
    ScaleQuestion,
    TextQuestion,
)
from tests.builders import Person, Two, a_block, a_person
from tests.conftest import ROOT
from tests.fakes import Clock
from tests.operations import Cast, Node, Operation, a_cast, operations, requested
from tests.trips import Asked, counted

DOCUMENT = (ROOT / "OPERATIONS.md").read_text(encoding="utf-8")
SECTION = DOCUMENT.partition("\n## Round trips\n")[2].partition("\n## ")[0]
ROWS = re.findall(r"^\| (\d+) \| (.+) \|$", SECTION, re.MULTILINE)
TOLD = [(name, int(trips)) for trips, names in ROWS for name in re.findall(r"`(\w+)`", names)]


each_operation = pytest.mark.parametrize("operation", operations(), ids=str)


def test_each_operation_is_told_once_and_no_other() -> None:
    assert sorted(name for name, _ in TOLD) == sorted(map(str, operations()))


@pytest.mark.usefixtures("noise")
@each_operation
async def test_an_operation_asks_as_often_as_is_told(
    operation: Operation, app: FastAPI, db: AsyncSession, clock: Clock
) -> None:
    cast = await a_cast(app, db, clock)

    asked = await played(operation, cast, await requested(operation, cast))

    assert len(asked) == dict(TOLD)[str(operation)], "\n".join(asked)


async def played(operation: Operation, cast: Cast, body: Node | None) -> Asked:
    url, query = operation.url(cast.places), operation.query()
    who = cast.asking(operation)
    return await asked_by(who.request(operation.method, url, json=body, params=query))


async def asked_by(request: Awaitable[Response]) -> Asked:
    with counted() as asked:
        answer = await request
    assert answer.is_success, answer.text
    return asked


@pytest.mark.usefixtures("noise")
@each_operation
async def test_an_operation_asks_as_often_when_much_was_written(
    operation: Operation, app: FastAPI, db: AsyncSession, clock: Clock
) -> None:
    cast = await a_cast(app, db, clock)
    body = await requested(operation, cast)
    await write_much(cast, db)

    asked = await played(operation, cast, body)

    assert len(asked) == dict(TOLD)[str(operation)], "\n".join(asked)


# What there are many of, and what of a copy is different. Ids go the same way in every table, so
# that copies hang on copies.
COPY = "md5({} || n::text)::uuid"
# Words are sealed for their place, so these have none.
SKIPPED = {"sealed": "null", "shared": "null"} | dict.fromkeys(
    ("released", "final", "revealed"), "false"
)
MUCH: dict[str, dict[str, str]] = {
    "session": {"id": COPY},
    "device": {"id": COPY, "session_id": COPY, "target": "target || n"},
    "security_event": {"id": COPY, "at": "at - make_interval(hours => n)"},
    "consent": {"number": "number + n * 1000"},
    "checkin": {"id": COPY, "date": "date - n"},
    "answer": {"checkin_id": COPY, **SKIPPED},
    "schedule": {"id": COPY},
    "schedule_signature": {"schedule_id": COPY},
    "schedule_hour": {"schedule_id": COPY},
    "partner_nudge": {"id": COPY, "sent_at": "sent_at - make_interval(days => n)"},
    "nudge": {"id": COPY, "about": COPY},
}


async def write_much(cast: Cast, db: AsyncSession) -> None:
    """Of all that anybody has, fifty more; and some whom Sam blocked."""
    for number in range(5):
        former = Person(f"former-{number}", cast.phone.app, cast.sam.clock)
        await a_block(db, cast.sam, await a_person(db, former))
    for table, different in MUCH.items():
        values = ", ".join(f"'{name}', {how.format(name)}" for name, how in different.items())
        copy = f"(jsonb_populate_record(one, jsonb_build_object({values}))).*"
        many = f"insert into {table} select {copy} from {table} one, generate_series(1, 50) n"  # noqa: S608 - of words of ours
        await db.exec(text(many))  # type: ignore[call-overload]
    await db.commit()


def fitting(question: Question) -> object:
    match question:
        case ScaleQuestion():
            return question.min
        case TextQuestion():
            return "A word."
        case ChoiceQuestion():
            return question.options[0].id
        case ChoicesQuestion():
            return [question.options[0].id]


PACK = PACKS["how_we_talk", 1]
EVERY = {each.id: fitting(each) for each in PACK.questions}
[FIRST, *_] = EVERY
ALL_BOUNDARIES = {
    "quiet_hours": {"start": "22:00", "until": "07:00", "shown": True},
    "daily_budget": {"most": 3, "shown": True},
    "off_limit_topics": {"topics": ["money"], "shown": False},
    "unwanted_nudges": {"kinds": ["flirt"], "shown": False},
}


async def test_all_answers_are_given_and_released_as_fast_as_one(couple: Two) -> None:
    sam, _ = couple
    one = await sam.begins(PACK.id)
    sam.clock.forward(days=1)
    every = await sam.begins(PACK.id)
    answer = {FIRST: EVERY[FIRST]}

    for _ in ("new", "again"):
        alone = await asked_by(sam.answers(one, **answer))
        assert len(await asked_by(sam.answers(every, **EVERY))) == len(alone)
        sam.clock.forward(hours=1)
    alone = await asked_by(sam.releases(one, FIRST))
    assert len(await asked_by(sam.releases(every, *EVERY))) == len(alone)


async def test_all_boundaries_are_set_as_fast_as_one(couple: Two) -> None:
    sam, _ = couple
    one = {"daily_budget": {"most": 3, "shown": True}}
    await sam.sets(**one)
    alone = await asked_by(sam.sets(**one))
    await sam.sets(**ALL_BOUNDARIES)

    assert len(await asked_by(sam.sets(**ALL_BOUNDARIES))) == len(alone)


async def test_whoever_borrows_the_connection_of_an_export_asks_as_often(couple: Two) -> None:
    sam, _ = couple
    await sam.sees("/privacy/export")

    for _ in range(12):  # more than there are connections, so that it comes again
        assert len(await asked_by(sam.get("/today"))) == 1
