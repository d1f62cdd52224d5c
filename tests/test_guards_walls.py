"""The code asks by itself whose everything is, also where the database would let it see more.

All of it, in both directions: `tests/proofs/matrix.py`.
"""

from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from sqlmodel.ext.asyncio.session import AsyncSession

from api.app import create_app
from tests.builders import Person, SignedIn, Two, fittings
from tests.conftest import Engines
from tests.fakes import Clock
from tests.operations import Cast, a_cast


@pytest.fixture
async def unwalled(
    app: FastAPI, db: AsyncSession, clock: Clock, noise: Two, engines: Engines
) -> AsyncIterator[tuple[Cast, Person]]:
    """Sam and Alex, and Kim of another couple, whom the database now shows everything."""
    cast = await a_cast(app, db, clock)
    kim = Person("kim", create_app(fittings(engines["owner"], clock)), clock)
    assert isinstance(noise[0].auth, SignedIn)
    kim.auth = noise[0].auth
    async with kim:
        yield cast, kim


async def test_a_checkin_of_others_is_not_found(unwalled: tuple[Cast, Person]) -> None:
    cast, kim = unwalled
    there = cast.places["checkin_id"]

    assert (await kim.get(f"/checkins/{there}/answers")).status_code == 404
    assert (await kim.releases(there, "mood")).status_code == 404
    assert there not in str(await kim.sees("/checkins"))


async def test_a_schedule_of_others_is_not_found(unwalled: tuple[Cast, Person]) -> None:
    cast, kim = unwalled
    there = cast.places["schedule_id"]

    assert (await kim.delete(f"/schedules/{there}/signature")).status_code == 404
    assert there not in str(await kim.sees("/schedules"))


async def test_a_boundary_that_is_not_shown_is_not_seen(unwalled: tuple[Cast, Person]) -> None:
    cast, kim = unwalled
    await cast.alex.sets(daily_budget={"most": 17, "shown": False})
    assert isinstance(cast.sam.auth, SignedIn)
    kim.auth = cast.sam.auth

    assert (await kim.sees("/boundaries"))["partner"]["daily_budget"] is None
