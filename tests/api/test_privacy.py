import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from httpx import Response
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from api import export
from api.spool import IN_MEMORY, PIECE, Spool
from schemas.answers import Answer
from schemas.checkins import Checkin
from schemas.data_keys import DataKey, place
from schemas.export import Export
from schemas.pairing import Person as Asking
from schemas.questionnaires import NEWEST
from tests.builders import KEYRING, Person, Two, asking, in_bytes
from tests.catalog import contents
from tests.conftest import Engines
from tests.fakes import NOON, Clock

IN_A_WEEK = {"asked_at": "2026-03-02T12:00:00Z", "due_at": "2026-03-09T12:00:00Z"}
NOT_ASKED = {"asked_at": None, "due_at": None}


async def test_the_export_is_all_that_i_wrote_and_set(couple: Two) -> None:
    sam, alex = couple
    checkin = await alex.begins()
    await sam.answers(checkin, mood=4, a_word="a word of mine")
    await sam.releases(checkin, "mood")
    await sam.begins(for_both=False)
    await sam.signs((await alex.schedules()).json())
    await sam.sets(off_limit_topics={"topics": ["money"], "shown": False})
    await sam.withdraws("intimacy")
    await sam.sends("good_night")
    await sam.takes_space("silent")

    mine = await sam.sees("/privacy/export")

    assert mine["account"]["display_name"] == "Sam"
    assert mine["pairing"] == {"paired_on": "2026-03-02", "invitation_expires_at": None}
    assert mine["boundaries"]["off_limit_topics"] == {"topics": ["money"], "shown": False}
    assert (mine["space"]["mode"], mine["deletion"]) == ("silent", NOT_ASKED)
    assert len(mine["sessions"]) == len(mine["devices"]) == len(mine["checkins"]) == 1
    assert [(each["purpose"], each["given"]) for each in mine["consents"]][-1] == (
        "intimacy",
        False,
    )
    assert [(each["question"], each["value"], each["released"]) for each in mine["answers"]] == [
        ("a_word", "a word of mine", False),
        ("mood", 4, True),
    ]
    [schedule] = mine["schedules"]
    assert (schedule["signed_version"], schedule["proposed_at"]) == (1, None)
    assert schedule["terms"]["pack"] == "weekly_checkin"
    assert schedule["my_hour"] == {"at": "09:00", "zone": "America/Denver"}
    assert [each["phrase"] for each in mine["phrases_sent"]] == ["good_night"]


async def test_the_export_holds_nothing_that_my_partner_wrote_did_or_is_called(
    couple: Two,
) -> None:
    sam, alex = couple
    before = await sam.get("/privacy/export")
    sam.clock.forward(hours=1, minutes=7)
    checkin = await alex.begins()
    await alex.answers(checkin, mood=2, a_word="a word of alex")
    await alex.releases(checkin, "mood", "a_word")
    await alex.sets(daily_budget={"most": 17, "shown": True})
    schedule = (await alex.schedules()).json()
    await alex.takes_space("silent")
    sam.clock.to(NOON)

    after = await sam.get("/privacy/export")

    was, now = before.json(), after.json()
    assert now.pop("nudges") != was.pop("nudges")  # that a check-in was begun
    assert now == was
    for said in ("a word of alex", "Alex", str(alex.id), checkin, schedule["id"], "13:07"):
        assert said not in after.text


async def test_of_what_waits_the_export_says_the_kind_and_the_day(couple: Two) -> None:
    sam, alex = couple
    await alex.sends("you_looked_lovely")

    exported = await sam.get("/privacy/export")

    nudge = {"kind": "partner_nudge", "made_on": "2026-03-02"}
    assert exported.json()["nudges"] == {"nudges": [nudge], "behind_the_door": False}
    assert "lovely" not in exported.text


async def test_what_waits_behind_my_door_is_not_poured_into_the_export(couple: Two) -> None:
    sam, alex = couple
    await sam.takes_space("silent")
    await alex.sends()

    exported = await sam.sees("/privacy/export")

    assert exported["nudges"] == {"nudges": [], "behind_the_door": True}


async def test_terms_that_only_my_partner_signed_are_theirs(couple: Two) -> None:
    sam, alex = couple
    schedule = (await sam.schedules()).json()
    terms = {"pack": "daily_pulse", "cadence": "daily", "weekday": None}
    hour = {"at": "07:00", "zone": "Asia/Tokyo"}
    await alex.put(f"/schedules/{schedule['id']}", json=terms | hour)

    [exported] = (await sam.sees("/privacy/export"))["schedules"]

    assert (exported["terms"], exported["proposed_at"], exported["signed_version"]) == (
        *(None, None),
        1,
    )
    assert exported["my_hour"] == {"at": "20:00", "zone": "Europe/Lisbon"}


async def test_both_beginning_one_checkin_does_not_show_in_the_export_of_either(
    couple: Two,
) -> None:
    sam, alex = couple
    await sam.begins()
    before = await sam.get("/privacy/export")

    await alex.begins()

    assert (await sam.get("/privacy/export")).content == before.content


async def test_the_export_is_the_answer_itself_whole_and_not_kept(couple: Two) -> None:
    sam, _ = couple

    answer = await sam.get("/privacy/export")

    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-disposition"] == 'attachment; filename="export.json"'
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert [*answer.json()] == [*Export.model_fields] == ["made_at", *export.ONE, *export.MANY]


def later(sam: Person) -> None:
    sam.clock.forward(minutes=10)


async def test_export_and_deletion_want_a_fresh_proof(couple: Two, db: AsyncSession) -> None:
    sam, _ = couple
    later(sam)
    before = await contents(db)

    refused = [await sam.get("/privacy/export"), await sam.post("/privacy/deletion")]

    for answer in refused:
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/not-proved")
    assert await contents(db) == before


MANY = 4000


def a_lifetime(me: Asking, now: datetime) -> Iterator[tuple[Checkin, Answer]]:
    for n in range(MANY):
        checkin = Checkin.of(me, NEWEST["daily_pulse"], now, for_both=False)
        checkin.date -= timedelta(days=n)
        said = Answer.to("a_word", checkin, me, now)
        said.says("long " * 200, me.key, now)
        yield checkin, said


async def test_a_lifetime_of_answers_is_exported_page_by_page_and_sealed_on_disk(
    couple: Two, db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    sam, _ = couple
    keys = select(DataKey).where(DataKey.account_id == sam.id, col(DataKey.couple_id).is_(None))
    wrapped = (await db.exec(keys)).one().wrapped
    me = replace(asking(), id=sam.id, key=KEYRING.unwrap(wrapped, place(sam.id, None)))
    for rows in zip(*a_lifetime(me, sam.clock.now), strict=True):
        db.add_all(rows)
        await db.flush()
    await db.commit()
    spools: list[Spool] = []
    longest: list[int] = []
    on_disk: list[bytes] = []

    class Watched(Spool):
        def put(self) -> None:
            spools.append(self)
            longest.append(len(self.piece))
            super().put()
            self.file.seek(0)
            on_disk.append(self.file.read())

    monkeypatch.setattr(export, "Spool", Watched)
    answer = await sam.get("/privacy/export")

    assert len(answer.json()["answers"]) == MANY
    assert len({*spools}) == 1
    assert len(on_disk[-1]) > len(answer.content) > 3 * IN_MEMORY
    assert max(longest) < 2 * PIECE
    assert b"long long" not in on_disk[-1]


async def test_everything_in_an_export_is_of_one_moment_and_nobody_waits_for_it(
    couple: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    sam, alex = couple
    checkin = await sam.begins()
    before = await sam.sees("/privacy/export")
    read_nudges, happened = export.ONE["nudges"], []

    async def read_while_much_happens(*asked: Any) -> Any:  # noqa: ANN401
        happened.append(await sam.answers(checkin, mood=1))
        happened.append(await sam.allows("reminders"))
        happened.append(await alex.leaves())
        return await read_nudges(*asked)

    monkeypatch.setitem(export.ONE, "nudges", read_while_much_happens)
    exported = await sam.sees("/privacy/export")

    assert [each.status_code for each in happened] == [200, 200, 204]
    assert exported == before


async def test_a_slow_reader_holds_no_connection(couple: Two, engines: Engines) -> None:
    sam, _ = couple
    pool = engines["api"].pool

    async with sam.stream("GET", "/privacy/export") as answer:
        assert answer.status_code == 200
        assert pool.checkedout() == 0  # type: ignore[attr-defined]


async def test_deletion_begins_with_a_week_that_only_its_owner_sees(couple: Two) -> None:
    sam, alex = couple
    before = await everything_alex_sees(alex)

    asked = await sam.post("/privacy/deletion")

    assert (asked.status_code, asked.json()) == (202, IN_A_WEEK)
    assert await sam.sees("/privacy/deletion") == IN_A_WEEK
    assert await alex.sees("/privacy/deletion") == NOT_ASKED
    assert in_bytes(*await everything_alex_sees(alex)) == in_bytes(*before)


async def everything_alex_sees(alex: Person) -> list[Response]:
    return [
        *[await alex.get(path) for path in ("/pairing", "/today", "/nudges", "/checkins")],
        *[await alex.get(path) for path in ("/space", "/schedules", "/boundaries")],
        await alex.get("/privacy/export"),
    ]


async def test_asked_again_it_is_not_put_off(couple: Two, clock: Clock) -> None:
    sam, _ = couple
    await sam.post("/privacy/deletion")
    clock.forward(minutes=5)

    again = await sam.post("/privacy/deletion")

    assert (again.status_code, again.json()) == (202, IN_A_WEEK)


async def test_it_is_taken_back_without_a_proof_as_often_as_somebody_likes(
    couple: Two, db: AsyncSession, clock: Clock
) -> None:
    sam, _ = couple
    before = await contents(db)
    await sam.post("/privacy/deletion")
    clock.forward(days=6)

    for _ in range(2):
        assert (await sam.delete("/privacy/deletion")).status_code == 204

    assert await sam.sees("/privacy/deletion") == NOT_ASKED
    after = await contents(db)
    assert (len(after.pop("security_event")), len(before.pop("security_event"))) == (2, 0)
    assert after == before


async def test_nobody_takes_back_what_another_asked_for(couple: Two) -> None:
    sam, alex = couple
    await sam.post("/privacy/deletion")

    assert (await alex.delete("/privacy/deletion")).status_code == 204

    assert await sam.sees("/privacy/deletion") == IN_A_WEEK


async def test_two_taps_ask_once(couple: Two) -> None:
    sam, _ = couple

    answers = await asyncio.gather(*(sam.post("/privacy/deletion") for _ in range(4)))

    assert [(each.status_code, each.json()) for each in answers] == [(202, IN_A_WEEK)] * 4
