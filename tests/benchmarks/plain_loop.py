"""What people write first: read what is due, send it with firebase-admin, delete it.

    python -m tests.benchmarks.plain_loop DATABASE_URL FCM_URL

No facts are read, nobody's space or quiet hours are asked, and what fails is lost.
"""

import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import firebase_admin
import psycopg
import uvloop
from firebase_admin import credentials, messaging

from api.house import emulators_account
from notifications.fcm_messages import build
from notifications.push import Push, Target
from schemas.base import Locale
from schemas.devices import Platform, TargetKind
from schemas.nudges import Kind

AT_ONCE = 500  # messages: more the library does not take
DUE = """
    select push.id, kind, expires_at, target_kind, target, platform, locale, discreet
    from push join device using (account_id) where due_at <= now() order by due_at
"""
DONE = "delete from push where id = any(%s)"


async def send_what_is_due(db: psycopg.AsyncConnection[Any]) -> bool:
    rows = await (await db.execute(DUE)).fetchall()
    for start in range(0, len(rows), AT_ONCE):
        some = rows[start : start + AT_ONCE]
        now = datetime.now(UTC)
        await messaging.send_each_async([message(row, now) for row in some])
        await db.execute(DONE, ([row[0] for row in some],))
    return bool(rows)


def message(row: Sequence[Any], now: datetime) -> messaging.Message:
    """The very message that the worker sends."""
    id_, kind, expires_at, known_by, value, platform, locale, discreet = row
    target = Target(TargetKind(known_by), value, Platform(platform), Locale(locale), discreet)
    return build(Push(id_, Kind(kind), target, expires_at - now), now)


async def main(database_url: str, fcm: str) -> None:
    account = await emulators_account(fcm)
    firebase_admin.initialize_app(credentials.Certificate(account))
    messaging._MessagingService.FCM_URL = f"{fcm}/v1/projects/{{0}}/messages:send"  # noqa: SLF001
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as db:
        while True:
            if not await send_what_is_due(db):
                await asyncio.sleep(0.5)


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
