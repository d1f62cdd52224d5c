"""Many rows in one statement."""

from datetime import UTC, date, datetime
from uuid import UUID

from sqlmodel import select

from schemas.bulk import arrays, given
from schemas.checkins import Checkin
from schemas.database import transaction
from tests.conftest import Engines

NAMES = ("id", "couple_id", "pack", "version", "date", "closes_at", "begun_by")
GIVEN = select(*given(Checkin, *NAMES).c)


async def test_rows_arrive_as_they_were_given_whatever_is_in_them(engines: Engines) -> None:
    words = ["null", "", " ", 'a "quoted", {braced} and \\escaped word', "NULL", "às vezes ✓"]
    rows = [
        {
            "id": UUID(int=number),
            "couple_id": UUID(int=2**128 - 1) if number % 2 else None,
            "pack": word,
            "version": [-(2**31), -1, 0, 2**15, 2**31 - 1, 7][number],
            "date": date(1970 + 20 * number, 2, 28),
            "closes_at": datetime(2026, 11, 22, 20, 0, 0, number, tzinfo=UTC),
            "begun_by": None,
        }
        for number, word in enumerate(words)
    ]

    async with transaction(engines["worker"]) as db:
        found = (await db.exec(GIVEN, params=arrays(rows))).all()

    assert [tuple(row) for row in found] == [tuple(row.values()) for row in rows]
