"""People for whom something is due, with all that a verdict looks at: copies of one couple."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from fastapi import FastAPI
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel, select
from sqlmodel.ext.asyncio.session import AsyncSession

from schemas.base import new_id
from schemas.boundaries import BoundaryKind, BoundaryRow
from schemas.nudges import Kind, Nudge, Push
from schemas.pairing import Couple
from schemas.partner_nudges import PartnerNudge
from schemas.phrases import PhraseId
from schemas.space import Mode, Space
from tests.builders import Person, Two, a_couple
from tests.fakes import Clock

# In this order: each refers to those before it.
TABLES = (
    *("account", "couple", "member", "session", "device", "consent", "boundary", "space"),
    *("partner_nudge", "nudge", "push"),
)
ROWS = "select to_jsonb({table})::text from {table}"
COPIES = """insert into {table}
    select (jsonb_populate_record(null::{table}, {row}::jsonb)).*
    from {table} one, generate_series(1, %(more)s) n
"""
A_DAY = timedelta(days=1)
AN_ID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


async def due_people(url: URL, now: datetime) -> None:
    """One of each couple has a reminder waiting, the other a phrase. Nobody's door is closed."""
    engine, clock, nobody = create_async_engine(url), Clock(now), FastAPI()
    async with AsyncSession(engine) as db:
        two = await a_couple(db, Person("sam", nobody, clock), Person("alex", nobody, clock))
        couple_id = (await db.exec(select(Couple.id))).one()
        for row in what_they_set(two, couple_id, now):
            db.add(row)
        for row in what_waits(two, couple_id, now):
            db.add(row)
            await db.flush()
        await db.commit()
    await engine.dispose()


def what_they_set(two: Two, couple_id: UUID, now: datetime) -> Iterator[SQLModel]:
    """Quiet hours are not now, space is over, and a budget is not used up."""
    far = (now + A_DAY / 3).strftime("%H:00"), (now + A_DAY * 2 / 3).strftime("%H:00")
    settings: dict[BoundaryKind, dict[str, Any]] = {
        BoundaryKind.QUIET_HOURS: {"start": far[0], "until": far[1]},
        BoundaryKind.DAILY_BUDGET: {"most": 5},
    }
    for person in two:
        for kind, setting in settings.items():
            shown = couple_id if kind is BoundaryKind.DAILY_BUDGET else None
            yield BoundaryRow(account_id=person.id, kind=kind, setting=setting, shown_in=shown)
    yield Space(
        account_id=two[0].id,
        couple_id=couple_id,
        mode=Mode.TOLD,
        began_at=now - 3 * A_DAY,
        ends_at=now - 2 * A_DAY,
    )


def what_waits(two: Two, couple_id: UUID, now: datetime) -> Iterator[SQLModel]:
    sam, alex = two
    phrase = PartnerNudge(
        id=new_id(now),
        account_id=alex.id,
        from_id=sam.id,
        couple_id=couple_id,
        phrase=PhraseId.THANK_YOU,
        sent_at=now,
    )
    yield phrase
    yield from one_thing(sam.id, Kind.CHECKIN_REMINDER, couple_id, None, now)
    yield from one_thing(alex.id, Kind.PARTNER_NUDGE, couple_id, phrase.id, now)


def one_thing(
    account_id: UUID, kind: Kind, couple_id: UUID, about: UUID | None, now: datetime
) -> Iterator[SQLModel]:
    whose: dict[str, Any] = {"account_id": account_id, "couple_id": couple_id, "kind": kind}
    whose["id"] = new_id(now)
    yield Nudge(**whose, about=about, made_at=now, expires_at=now + A_DAY)
    left = 1 if kind is Kind.CHECKIN_REMINDER else 0
    yield Push(**whose, due_at=now, expires_at=now + A_DAY, reminders_left=left)


async def multiply(db: psycopg.AsyncConnection[Any], couples: int) -> None:
    """Made in the database, since there are many: each id of the two becomes one of its own. What
    is to be due stands in `waits`; nothing is yet.
    """
    ids: set[str] = set()
    for table in TABLES:
        rows = await (await db.execute(ROWS.format(table=table))).fetchall()
        ids |= {each for [row] in rows for each in AN_ID.findall(row)}
    for table in TABLES:
        await db.execute(copies(table, ids), {"more": couples - 1})
    await db.execute("create table waits as table push")
    await db.execute("truncate push")
    await db.execute("vacuum analyze")


def copies(table: str, ids: set[str]) -> str:
    row = "to_jsonb(one)::text"
    for each in sorted(ids):
        row = f"replace({row}, '{each}', md5('{each}' || n)::uuid::text)"
    return COPIES.format(table=table, row=row)
