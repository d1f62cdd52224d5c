"""Many people with one phone and one thing that waits to ring, as of the database's own time."""

import asyncio
from datetime import timedelta

from fastapi import FastAPI
from sqlmodel import UTCDateTime, col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from schemas.base import new_id
from schemas.nudges import Kind, Nudge, Push
from tests.builders import Person, a_person
from tests.fakes import Clock
from tests.processes import ENOUGH


async def a_crowd(db: AsyncSession, many: int) -> list[Person]:
    now = (await db.exec(select(func.now(type_=UTCDateTime)))).one()
    nobody, clock = FastAPI(), Clock(now)
    people = [await a_person(db, Person(f"crowd-{n}", nobody, clock)) for n in range(many)]
    for person in people:
        nudge = Nudge(
            id=new_id(now),
            account_id=person.id,
            couple_id=None,
            kind=Kind.PAIRED,  # which needs no consent, and asks no door
            about=None,
            made_at=now,
            expires_at=now + timedelta(days=1),
        )
        db.add(nudge)
        await db.flush()
        of_it = nudge.model_dump(include={"id", "account_id", "kind", "expires_at"})
        db.add(Push(**of_it, due_at=now))
    await db.commit()
    return people


async def until_nothing_waits(db: AsyncSession) -> None:
    async with asyncio.timeout(ENOUGH):
        while (await db.exec(select(func.count(col(Push.id))))).one():
            await db.commit()
            await asyncio.sleep(0.05)
