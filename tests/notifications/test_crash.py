"""Workers as real processes on a real database, killed in the middle of their work."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from pathlib import Path
from uuid import UUID

from sqlalchemy import URL, text
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from schemas.nudges import Push
from tests.notifications.conftest import Phones

MANY = 4000
KILLS = 3
ENOUGH = 60.0  # seconds

# Everybody with one phone and one thing that waits to ring, as of the database's own time.
A_CROWD = """
with person as (
    insert into account (id, email, password_hash, name, zone, locale, created_at)
    select gen_random_uuid(), 'crowd-' || n, '', '', 'UTC', 'en', now()
    from generate_series(1, :many) n returning id
), phone as (
    insert into session (id, account_id, created_at, rotated_at, expires_at, proved_at, spent)
    select id, id, now(), now(), now() + interval '1 day', now(), 0 from person returning id
), device as (
    insert into device (id, account_id, session_id, target_kind, target, platform, locale,
        discreet, registered_at)
    select id, id, id, 'token', 'crowd-' || id, 'android', 'en', false, now() from phone
    returning id
), nudge as (
    insert into nudge (id, account_id, kind, made_at, expires_at, held, looked)
    select gen_random_uuid(), id, 'paired', now(), now() + interval '1 day', false, false
    from device returning id, account_id
)
insert into push (id, account_id, kind, due_at, expires_at, attempts, reminders_left)
select id, account_id, 'paired', now(), now() + interval '1 day', 0, 0 from nudge
returning id
"""
# Two minutes later, as far as leases go.
LEASES_RUN_OUT = "update push set due_at = now() where due_at > now()"


async def a_worker(database: URL, fcm: str, data: Path) -> Process:
    environment = os.environ | {
        "TWOFOLD_DATABASE_URL": database.render_as_string(hide_password=False),
        "TWOFOLD_FCM_EMULATOR": fcm,
        "TWOFOLD_DATA": str(data),
    }
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "api.cli", "worker"),
        env=environment,
        stderr=asyncio.subprocess.DEVNULL,
    )


async def log(phones: Phones) -> dict[str, list[str]]:
    """The tags that arrived, by phone."""
    return {
        target: [each["message"]["android"]["notification"]["tag"] for each in phone["log"]]
        for target, phone in (await phones.get("/phones")).json().items()
    }


async def until_more_than(number: int, phones: Phones) -> None:
    async with asyncio.timeout(ENOUGH):
        while sum(map(len, (await log(phones)).values())) <= number:
            await asyncio.sleep(0.1)


async def until_nothing_waits(db: AsyncSession) -> None:
    async with asyncio.timeout(ENOUGH):
        while await waiting(db):
            await asyncio.sleep(0.1)


async def waiting(db: AsyncSession) -> int:
    count: int = (await db.exec(select(func.count(col(Push.id))))).one()
    await db.commit()
    return count


async def test_of_workers_that_are_killed_no_ring_is_lost_and_a_repeat_replaces(
    database: URL, fcm: str, phones: Phones, db: AsyncSession, tmp_path: Path
) -> None:
    rows = await db.exec(text(A_CROWD), params={"many": MANY})  # type: ignore[call-overload]
    due: set[UUID] = set(rows.scalars())
    await db.commit()

    for kill in range(KILLS):
        workers = [await a_worker(database, fcm, tmp_path) for _ in range(2)]
        await until_more_than((kill + 1) * MANY // (4 * KILLS), phones)
        for each in workers:
            each.send_signal(signal.SIGKILL)
            await each.wait()
        assert await waiting(db), "they were killed too late to show anything"
        await db.exec(text(LEASES_RUN_OUT))  # type: ignore[call-overload]
        await db.commit()
    last = await a_worker(database, fcm, tmp_path)
    await until_nothing_waits(db)
    last.send_signal(signal.SIGTERM)

    assert await last.wait() == 0
    arrived = await log(phones)
    assert len(arrived) == MANY
    assert {tag for tags in arrived.values() for tag in tags} == set(map(str, due))
    assert all(len(set(tags)) == 1 for tags in arrived.values())
