from datetime import datetime, timedelta
from itertools import product
from uuid import UUID

import pytest
from sqlalchemy import DateTime, Uuid, literal
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from schemas.space import Mode, Space, came_into_my_space
from tests.builders import Two
from tests.fakes import NOON

HOUR = timedelta(hours=1)
BEGUN = [NOON - 3 * HOUR, NOON - 2 * HOUR, NOON - HOUR, NOON]


@pytest.mark.parametrize("mode", Mode)
async def test_the_database_keeps_back_exactly_what_came_during_space(
    couple: Two, db: AsyncSession, mode: Mode
) -> None:
    sam, alex = couple
    assert (await sam.takes_space(mode)).is_success
    space = (await db.exec(select(Space).where(Space.account_id == sam.id))).one()
    space.began_at = NOON - 2 * HOUR

    found = set()
    for ends_at, begun_at, begun_by in product(
        [None, NOON - HOUR, NOON, NOON + HOUR], BEGUN, [sam.id, alex.id, None]
    ):
        space.ends_at = ends_at
        await db.flush()
        theirs = begun_by == alex.id
        expected = theirs and space.covers(NOON) and space.came_during(begun_at)
        assert await kept_back(sam.id, begun_by, begun_at, db) == expected
        found.add(expected)
    assert found == {True, False}


async def kept_back(me: UUID, by: UUID | None, at: datetime, db: AsyncSession) -> bool:
    asked = came_into_my_space(literal(by, Uuid), literal(at, DateTime(timezone=True)))
    return bool((await db.exec(select(asked), params={"me": me, "now": NOON})).one())
