"""One person asks hundreds of things at once; nobody else has to notice."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from httpx import AsyncClient, Response
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.crowd import AT_ONCE, AT_ONCE_TO_PROTECT, IN_LINE, Crowd
from api.errors import Busy, TooManyRequests
from api.settings import Settings
from api.wire import wired
from notifications.emulator_socket import serve
from tests.builders import Person, SignedIn, Two
from tests.conftest import Engines

RUSH = 600
HELD = "select from couple for update"


@pytest.fixture
async def served(app: FastAPI, tmp_path: Path) -> AsyncIterator[str]:
    settings = Settings.from_environment({"TWOFOLD_DATA": str(tmp_path)})
    async with serve(app, **wired(settings)) as url:
        yield url


def phone_of(person: Person, url: str) -> AsyncClient:
    """On a real connection, or as many as it likes."""
    many = httpx.Limits(max_connections=RUSH)
    assert isinstance(person.auth, SignedIn)
    return AsyncClient(
        base_url=f"{url}/v1", auth=person.auth, limits=many, timeout=60, trust_env=False
    )


async def test_a_rush_of_one_person_keeps_the_other_neither_from_space_nor_from_leaving(
    served: str, couple: Two, engines: Engines
) -> None:
    sam, alex = couple
    silent = {"mode": "silent", "ends_at": None}
    boundaries = dict.fromkeys(
        ("quiet_hours", "daily_budget", "off_limit_topics", "unwanted_nudges")
    )
    async with (
        phone_of(sam, served) as rushing,
        phone_of(alex, served) as phone,
        engines["owner"].connect() as owner,
    ):
        await owner.execute(text(HELD))
        rush = [
            asyncio.create_task(rushing.put(path, json=body))
            for path, body in (("/boundaries", boundaries), ("/space", silent)) * (RUSH // 2)
        ]
        # Whoever is not turned away waits for the couple's row, and holds a connection.
        busiest = await until_most_are_done(rush, engines)
        taking = asyncio.create_task(phone.put("/space", json=silent))
        await owner.rollback()
        space, left = await taking, await phone.post("/pairing/leave")
        said = Counter([(await each).status_code for each in rush])

    assert 0 < busiest <= AT_ONCE + AT_ONCE_TO_PROTECT
    assert (space.status_code, left.status_code) == (200, 204)
    # Busy: those before them waited for the row, for longer than anybody waits in line.
    assert said[503] > RUSH * 0.8
    assert said.keys() <= {200, 404, 409, 503}


async def until_most_are_done(rush: list[asyncio.Task[Response]], engines: Engines) -> int:
    """The most connections that were in use meanwhile."""
    pool: Any = engines["api"].sync_engine.pool
    in_line, busiest = AT_ONCE + AT_ONCE_TO_PROTECT + 2 * IN_LINE, 0
    async with asyncio.timeout(50):
        while sum(each.done() for each in rush) < RUSH - in_line:
            busiest = max(busiest, pool.checkedout())
            await asyncio.sleep(0.01)
    return busiest


async def held(owner: AsyncConnection) -> None:
    await owner.execute(text(HELD))


async def test_whoever_is_turned_away_is_told_to_come_again_soon(
    app: FastAPI, couple: Two, engines: Engines
) -> None:
    sam, _ = couple
    house = app.state.house
    app.state.house = replace(house, crowd=Crowd(in_line=0))
    async with engines["owner"].connect() as owner:
        await held(owner)
        rush = [asyncio.create_task(sam.moves_to("UTC")) for _ in range(AT_ONCE + 1)]
        done, _ = await asyncio.wait(rush, return_when=asyncio.FIRST_COMPLETED)
        reading = await sam.get("/today")
        await owner.rollback()
    answers = await asyncio.gather(*rush)
    app.state.house = house

    for answer in (reading, *[each.result() for each in done]):
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
        assert answer.json()["type"] == "/problems/too-many-requests"
    assert sorted(each.status_code for each in answers) == [200] * AT_ONCE + [429]


async def a_place(crowd: Crowd, account: object, session: object, left: asyncio.Event) -> None:
    async with crowd.enter(account, session, protects=False):  # type: ignore[arg-type]
        await left.wait()


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_session_that_was_stolen_is_no_line_that_its_owner_has_to_join() -> None:
    crowd, account, stolen, owner = Crowd(), uuid4(), uuid4(), uuid4()
    still, out = asyncio.Event(), asyncio.Event()
    thieves = [
        asyncio.create_task(a_place(crowd, account, stolen, still))
        for _ in range(AT_ONCE + IN_LINE + 5)
    ]
    await settled()
    owners = asyncio.create_task(a_place(crowd, account, owner, out))
    await settled()

    refused = [each for each in thieves if each.done()]
    assert len(refused) == 5
    assert all(isinstance(each.exception(), TooManyRequests) for each in refused)
    assert not owners.done()  # behind those who are inside, and before those in line
    out.set()
    thieves[0].cancel()
    await settled()
    assert owners.done()
    still.set()
    await asyncio.gather(*thieves, return_exceptions=True)


async def test_whoever_stands_in_line_behind_those_who_wait_hears_of_it_soon() -> None:
    crowd, account, out = Crowd(patience=0.01), uuid4(), asyncio.Event()
    inside = [asyncio.create_task(a_place(crowd, account, uuid4(), out)) for _ in range(AT_ONCE)]
    await settled()

    with pytest.raises(Busy):
        await a_place(crowd, account, uuid4(), out)

    out.set()
    await asyncio.gather(*inside)
    assert crowd.lines == {}


async def test_one_of_each_person_exports_and_two_of_all() -> None:
    crowd, out = Crowd(patience=0.01), asyncio.Event()

    async def exports(account: UUID) -> None:
        async with crowd.enter_to_export(account):
            await out.wait()

    sam, alex, kim = (uuid4() for _ in range(3))
    inside = asyncio.create_task(exports(sam))
    await settled()
    with pytest.raises(Busy):
        await exports(sam)
    others = asyncio.create_task(exports(alex))
    await settled()
    with pytest.raises(Busy):
        await exports(kim)

    out.set()
    await asyncio.gather(inside, others)
    assert crowd.lines == {}


async def test_nothing_is_kept_of_whoever_has_gone() -> None:
    crowd, out = Crowd(), asyncio.Event()
    people = [asyncio.create_task(a_place(crowd, uuid4(), uuid4(), out)) for _ in range(9)]
    await settled()
    assert len(crowd.lines) == 18
    people[0].cancel()
    out.set()
    await asyncio.gather(*people, return_exceptions=True)

    assert crowd.lines == {}
