"""The settlement on which growth is measured is one that Twofold can serve."""

import os
from collections.abc import AsyncIterator
from random import Random
from typing import NamedTuple

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import col, select

import migrations
from api import tokens
from api.app import create_app
from api.tokens import Claims
from notifications.emulator import local_emulator, service_account
from notifications.fcm import open_fcm
from schemas.database import Role, open_engine, transaction
from schemas.devices import Device
from schemas.schedules import Hour
from tests.benchmarks.asked import BEGUN, PHRASES, YEAR, Asked, Size
from tests.benchmarks.settlement import settle
from tests.builders import KEYRING, TOKEN_KEYS, fittings
from tests.conftest import PATIENT, Engines, a_database
from tests.fakes import NOON, Clock
from tests.notifications.conftest import Phones, Worker

COUPLES, ASKED = 20, 5


class Town(NamedTuple):
    """The settlement, and who can be asked in it."""

    engines: Engines
    app: FastAPI
    asked: list[Asked]

    async def get(self, who: Asked, path: str) -> Response:
        token = tokens.issue(TOKEN_KEYS, Claims(who.account_id, who.session_id), NOON)
        transport = ASGITransport(self.app, raise_app_exceptions=False)
        async with AsyncClient(base_url="http://api/v1", transport=transport) as phone:
            return await phone.get(path, headers={"authorization": f"Bearer {token}"})


@pytest.fixture(scope="module")
async def town(server: URL) -> AsyncIterator[Town]:
    with a_database(server, f"settlement_{os.getpid()}") as url:
        migrations.upgrade(url)
        asked = settle(url, KEYRING, Size(COUPLES, ASKED), NOON, Random(1))
        migrations.check(url)
        engines = {
            "owner": create_async_engine(url),
            "api": open_engine(url, Role.API, limits=PATIENT),
            "worker": open_engine(url, Role.WORKER),
        }
        yield Town(engines, create_app(fittings(engines["api"], Clock())), asked)
        for engine in engines.values():
            await engine.dispose()


async def test_the_home_screen_of_everybody_who_is_asked_is_filled(town: Town) -> None:
    assert len({who.couple_id for who in town.asked}) == ASKED
    for who in town.asked:
        answer = await town.get(who, "/today")

        assert answer.status_code == 200, answer.text
        screen = answer.json()
        assert (screen["name"], screen["partner"]) == ("Sam", "Alex")
        assert screen["checkins"][0]["id"] == str(who.checkin_id)
        assert screen["checkins"][0]["answered"] == BEGUN
        assert screen["next_reminder_at"]


async def test_space_is_taken_by_some(town: Town) -> None:
    shown = [(await town.get(who, "/space")).json() for who in town.asked]

    in_space = [bool(each["mine"] or each["partner"]) for each in shown]
    assert in_space == [who.in_space for who in town.asked]
    assert {*in_space} == {True, False}


async def test_a_year_of_checkins_is_read_by_both(town: Town) -> None:
    for who in town.asked:
        first = (await town.get(who, "/checkins")).json()
        rest = (await town.get(who, f"/checkins?after={first['next']}")).json()
        checkins = [*first["checkins"], *rest["checkins"]]
        assert len(checkins) == YEAR

        oldest = await town.get(who, f"/checkins/{checkins[-1]['id']}/answers")

        questions = oldest.json()["questions"]
        assert all(each["partner"] == each["mine"]["value"] for each in questions)


async def test_what_waits_is_listed(town: Town) -> None:
    for who in town.asked:
        waiting = (await town.get(who, "/nudges")).json()
        assert 0 < len(waiting["nudges"]) <= PHRASES + 10


async def test_hours_of_the_settlement_come_and_ring(town: Town, clock: Clock) -> None:
    (who, *_) = [each for each in town.asked if not each.in_space]
    async with transaction(town.engines["owner"]) as db:
        mine = col(Hour.account_id) == who.account_id
        (come,) = (await db.exec(select(Hour.next_at).where(mine))).all()
        (phone,) = await db.exec(select(Device.target).where(Device.account_id == who.account_id))
    clock.to(come)
    async with local_emulator(clock) as url, Phones(base_url=url) as phones:
        async with open_fcm(service_account(url), url, now=clock, random=Random(1)) as sender:
            work = Worker(town.engines, sender, clock)
            await work.tick()
            clock.forward(minutes=10)
            await work.tick()

        assert "checkin_reminder" in await phones.rang(phone)
