import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import col, func, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from notifications import chores, queue, worker
from notifications.policy import MOST_ATTEMPTS, Done, Later
from notifications.push import Push as Ring
from notifications.push import Sent
from notifications.way_out import WayOut
from notifications.worker import BATCH, LEASE
from schemas.database import transaction
from schemas.devices import Device
from schemas.nudges import Kind, Push
from schemas.sessions import Session
from tests.builders import SIX, Person, Two, nudges_of, pushes_of
from tests.conftest import Engines
from tests.fakes import NOON, Clock
from tests.notifications.conftest import Phones, Worker


async def test_told_space_rings_the_partner_once(couple: Two, work: Worker, phones: Phones) -> None:
    sam, alex = couple
    await sam.takes_space("told")

    await work.tick()
    await work.tick()

    assert (await phones.rang(alex.phone), await phones.rang(sam.phone)) == (["space_began"], [])


async def test_space_that_is_over_is_not_told_of(couple: Two, work: Worker, phones: Phones) -> None:
    sam, alex = couple
    await sam.takes_space("told")
    await sam.delete("/space")

    await work.tick()

    assert await phones.rang(alex.phone) == []


async def test_what_came_into_space_never_rings(
    couple: Two, work: Worker, phones: Phones, clock: Clock, db: AsyncSession
) -> None:
    sam, alex = couple
    await alex.takes_space("silent", SIX)
    await sam.sends()

    await work.tick()
    clock.forward(hours=6)
    await work.tick()

    assert await phones.rang(alex.phone) == []
    assert await alex.sees("/nudges") == {"nudges": [], "behind_the_door": True}
    assert await pushes_of(alex, db) == []


async def test_space_that_begins_after_a_phrase_was_sent_keeps_it_from_ringing(
    couple: Two, work: Worker, phones: Phones
) -> None:
    sam, alex = couple
    await sam.sends()
    await alex.takes_space("told")

    await work.tick()

    assert await phones.rang(alex.phone) == []


async def test_three_phrases_make_one_ring(couple: Two, work: Worker, phones: Phones) -> None:
    sam, alex = couple
    for phrase in ("thank_you", "good_night", "i_noticed"):
        assert (await sam.sends(phrase)).status_code == 202

    await work.tick()

    assert await phones.rang(alex.phone) == ["partner_nudge"]
    listed = (await alex.sees("/nudges"))["nudges"]
    assert {each["phrase"] for each in listed} == {"thank_you", "good_night", "i_noticed"}


async def test_quiet_hours_hold_a_ring_until_they_end(
    couple: Two, work: Worker, phones: Phones, clock: Clock
) -> None:
    sam, alex = couple
    await alex.sets(quiet_hours={"start": "11:00", "until": "14:00", "shown": False})
    await sam.sends()

    await work.tick()
    assert await phones.rang(alex.phone) == []

    clock.forward(hours=2, minutes=7)
    await work.tick()
    assert await phones.rang(alex.phone) == ["partner_nudge"]


async def test_a_consent_that_is_withdrawn_stops_what_waits(
    couple: Two, work: Worker, phones: Phones
) -> None:
    sam, alex = couple
    await sam.sends()
    await alex.withdraws("partner_nudges")

    await work.tick()

    assert await phones.rang(alex.phone) == []


async def test_what_goes_over_an_unshown_budget_never_rings(
    couple: Two, work: Worker, phones: Phones, clock: Clock
) -> None:
    sam, alex = couple
    await alex.sets(daily_budget={"most": 1, "shown": False})
    for _ in range(3):
        assert (await sam.sends()).status_code == 202
        await work.tick()
        clock.forward(seconds=1)
    clock.forward(days=1)
    await work.tick()

    assert await phones.rang(alex.phone) == ["partner_nudge"]
    assert len((await alex.sees("/nudges"))["nudges"]) == 1


@pytest.mark.parametrize("shown", [True, False])
async def test_with_a_budget_of_nothing_nothing_of_the_partner_rings_and_all_of_it_is_there(
    couple: Two,
    work: Worker,
    phones: Phones,
    shown: bool,  # noqa: FBT001
) -> None:
    sam, alex = couple
    await alex.sets(daily_budget={"most": 0, "shown": shown})

    await sam.begins()
    assert (await sam.schedules()).status_code == 201
    await sam.takes_space("told")
    await work.tick()

    assert await phones.rang(alex.phone) == []
    kinds = {each["kind"] for each in (await alex.sees("/nudges"))["nudges"]}
    assert kinds == {"checkin_opened", "schedule_proposed", "space_began"}


async def test_leaving_takes_along_what_waits(
    couple: Two, work: Worker, phones: Phones, db: AsyncSession
) -> None:
    sam, alex = couple
    await sam.sends()
    await alex.leaves()

    await work.tick()

    assert (await phones.rang(alex.phone), await nudges_of(alex, db)) == ([], [])


async def test_leaving_is_told_only_if_the_leaver_says_so(
    couple: Two, work: Worker, phones: Phones
) -> None:
    sam, alex = couple
    await sam.leaves(tell=True)

    await work.tick()

    assert await phones.rang(alex.phone) == ["pairing_ended"]


@pytest.mark.parametrize(
    "sets", ["told space", "silent space", "no contacts", "no consent", "quiet hours", "nothing"]
)
async def test_that_it_ended_rings_only_where_its_last_word_would_be_let_in(
    couple: Two, work: Worker, phones: Phones, sets: str
) -> None:
    sam, alex = couple
    if sets.endswith("space"):
        await alex.takes_space(sets.removesuffix(" space"))
    elif sets == "no contacts":
        await alex.sets(daily_budget={"most": 0, "shown": False})
    elif sets == "no consent":
        await alex.withdraws("partner_nudges")
    elif sets == "quiet hours":
        await alex.sets(quiet_hours={"start": "11:00", "until": "14:00", "shown": False})

    await sam.leaves(tell=True)
    await work.tick()

    assert await phones.rang(alex.phone) == (["pairing_ended"] if sets == "nothing" else [])
    assert [each["kind"] for each in (await alex.sees("/nudges"))["nudges"]] == ["pairing_ended"]


async def test_a_phrase_that_is_not_let_in_takes_no_other_along(
    couple: Two, work: Worker, phones: Phones, clock: Clock
) -> None:
    sam, alex = couple
    unwanted = {"kinds": ["thanks"], "shown": False}

    for phrases in (("thank_you", "good_night"), ("good_night", "thank_you")):
        await alex.sets(unwanted_nudges=unwanted)
        for phrase in phrases:
            assert (await sam.sends(phrase)).status_code == 202
            clock.forward(seconds=1)
        await work.tick()
        clock.forward(days=1)

    assert await phones.rang(alex.phone) == ["partner_nudge"] * 2


async def test_a_phrase_that_waits_for_the_morning_is_not_lost_with_one_that_is_unwanted_by_then(
    couple: Two, work: Worker, phones: Phones, clock: Clock
) -> None:
    sam, alex = couple
    quiet = {"start": "11:00", "until": "14:00", "shown": False}
    await alex.sets(quiet_hours=quiet)
    await sam.sends("thank_you")
    await work.tick()
    clock.forward(hours=1)
    await sam.sends("good_night")
    await work.tick()
    await alex.sets(quiet_hours=quiet, unwanted_nudges={"kinds": ["thanks"], "shown": False})

    clock.forward(hours=1, minutes=7)
    await work.tick()

    assert await phones.rang(alex.phone) == ["partner_nudge"]


async def test_what_came_into_space_does_not_ring_with_what_waited_before_it(
    couple: Two, work: Worker, phones: Phones, clock: Clock
) -> None:
    sam, alex = couple
    await alex.sets(
        quiet_hours={"start": "11:00", "until": "14:00", "shown": False},
        unwanted_nudges={"kinds": ["thanks"], "shown": False},
    )
    await sam.sends("thank_you")
    await alex.takes_space("silent")
    await sam.sends("good_night")
    await work.tick()
    await alex.delete("/space")

    clock.forward(hours=2, minutes=7)
    await work.tick()

    assert await phones.rang(alex.phone) == []


async def test_a_dead_target_is_forgotten_and_a_busy_provider_asked_again_later(
    couple: Two, work: Worker, phones: Phones, clock: Clock, db: AsyncSession
) -> None:
    sam, alex = couple
    await phones.fail({"target": alex.phone, "mode": "unavailable", "times": 1})
    await sam.sends()

    await work.tick()
    await work.tick()
    assert await phones.rang(alex.phone) == []

    clock.forward(seconds=20)
    await phones.fail({"target": alex.phone, "mode": "unregistered"})
    await work.tick()
    targets = (await db.exec(select(Device.target).where(Device.account_id == alex.id))).all()
    assert (targets, await pushes_of(alex, db)) == ([], [])


async def test_a_phone_that_has_registered_anew_meanwhile_is_kept(
    couple: Two, engines: Engines, db: AsyncSession
) -> None:
    _, alex = couple
    device = (await db.exec(select(Device).where(Device.account_id == alex.id))).one()

    async with transaction(engines["worker"]) as late:
        await queue.forget(late, {device.id: "the target it had before"})
    assert (await db.exec(select(Device.id).where(Device.account_id == alex.id))).all()

    async with transaction(engines["worker"]) as late:
        await queue.forget(late, {device.id: device.target})
    assert not (await db.exec(select(Device.id).where(Device.account_id == alex.id))).all()


async def test_a_try_counts_though_its_worker_died(
    couple: Two, work: Worker, phones: Phones, engines: Engines, clock: Clock
) -> None:
    sam, alex = couple
    await sam.sends()
    for _ in range(MOST_ATTEMPTS):
        async with transaction(engines["worker"]) as dying:
            assert await queue.claim(dying, clock.now, clock.now + LEASE, BATCH)
        clock.forward(seconds=LEASE.total_seconds())

    await work.tick()

    assert await phones.rang(alex.phone) == []


async def test_after_three_tries_it_is_left_alone(
    couple: Two, work: Worker, phones: Phones, clock: Clock, db: AsyncSession
) -> None:
    sam, alex = couple
    await phones.fail({"mode": "lose_answer"})
    await sam.sends()

    for _ in range(5):
        await work.tick()
        clock.forward(minutes=10)

    assert await phones.rang(alex.phone) == ["partner_nudge"] * 3
    shown = (await phones.get(f"/phones/{alex.phone}")).json()["shows"]
    assert (len(shown), await pushes_of(alex, db)) == (1, [])


async def test_when_fcm_has_had_enough_nothing_leaves_for_a_minute(
    couple: Two, work: Worker, phones: Phones, clock: Clock
) -> None:
    sam, alex = couple
    await phones.fail({"mode": "quota", "times": 1})
    await sam.sends()
    await work.tick()
    await alex.sends()

    clock.forward(seconds=59)
    await work.tick()
    assert await phones.rang(sam.phone) == await phones.rang(alex.phone) == []

    clock.forward(seconds=1)
    await work.tick()
    assert await phones.rang(sam.phone) == await phones.rang(alex.phone) == ["partner_nudge"]


async def test_a_phone_that_gets_too_much_makes_nobody_else_wait(
    couple: Two, work: Worker, phones: Phones, db: AsyncSession
) -> None:
    sam, alex = couple
    await phones.fail({"target": alex.phone, "mode": "device_quota"})
    await sam.sends()
    await alex.sends()

    await work.tick()
    assert await phones.rang(sam.phone) == ["partner_nudge"]
    assert [push.attempts for push in await pushes_of(alex, db)] == [1]


async def test_while_fcm_rests_checkins_open_and_nothing_is_sent(
    couple: Two, work: Worker, phones: Phones, clock: Clock, db: AsyncSession
) -> None:
    sam, alex = couple
    await phones.fail({"mode": "quota", "retry_after": 3600, "times": 1})
    await sam.schedules(pack="daily_pulse", cadence="daily", weekday=None, for_both=False)
    clock.to(datetime(2026, 3, 2, 19, 50, tzinfo=UTC))
    await sam.sends()
    stop = asyncio.Event()

    async def by_the_clock() -> datetime:
        return clock.now

    async def the_hour_comes() -> None:
        while not await is_put_off(alex, db):
            await asyncio.sleep(0.01)
        await alex.sends()
        clock.forward(minutes=10)
        while not (await sam.sees("/checkins"))["checkins"]:
            await asyncio.sleep(0.01)
        stop.set()

    async with asyncio.timeout(20):
        working = worker.work(work.engines["worker"], work.sender, by_the_clock, stop)
        await asyncio.gather(working, the_hour_comes())
    assert await phones.rang(alex.phone) == await phones.rang(sam.phone) == []


async def is_put_off(person: Person, db: AsyncSession) -> bool:
    """What FCM said is written down; until then another lane may still send."""
    longer = person.clock.now + LEASE
    put_off = select(func.count()).where(Push.account_id == person.id, col(Push.due_at) > longer)
    found = (await db.exec(put_off)).one()
    await db.rollback()
    return found > 0


async def test_a_phone_that_hangs_takes_nobody_along(
    couple: Two, work: Worker, phones: Phones, db: AsyncSession
) -> None:
    sam, alex = couple
    await phones.fail({"target": alex.phone, "mode": "drop"})
    await sam.sends()
    await alex.sends()

    await work.tick()

    assert await phones.rang(sam.phone) == ["partner_nudge"]
    assert [push.attempts for push in await pushes_of(alex, db)] == [1]


async def test_discreet_phones_show_nothing(couple: Two, work: Worker, phones: Phones) -> None:
    sam, alex = couple
    quiet = {"target_kind": "fid", "platform": "ios", "locale": "pt", "discreet": True}
    await alex.put("/devices/current", json=quiet | {"target": "fid-of-alex"})
    await sam.sends()

    await work.tick()

    phone = (await phones.get("/phones/fid-of-alex")).json()
    assert (len(phone["log"]), phone["shows"]) == (1, {})
    assert await phones.rang(alex.phone) == []


async def test_two_workers_at_once_share_the_work(couple: Two, engines: Engines) -> None:
    sam, alex = couple
    await sam.sends()
    await alex.sends()

    async with transaction(engines["worker"]) as one, transaction(engines["worker"]) as other:
        [first] = await queue.claim(one, NOON, NOON + worker.LEASE, most=1)
        rest = await queue.claim(other, NOON, NOON + worker.LEASE, most=100)

    assert rest
    assert first.id not in {push.id for push in rest}


async def test_a_worker_that_comes_back_after_its_lease_changes_nothing(
    couple: Two, engines: Engines, db: AsyncSession
) -> None:
    sam, alex = couple
    await sam.sends()
    later = NOON + timedelta(hours=1)
    for now in (NOON, later):
        async with transaction(engines["worker"]) as claiming:
            mine = await queue.claim(claiming, now, now + worker.LEASE, most=100)

    for too_late in (Done(), Later(NOON, 0, 0)):
        async with transaction(engines["worker"]) as late:
            await queue.record(
                late, NOON + worker.LEASE, dict.fromkeys([p.id for p in mine], too_late)
            )

    [push] = await pushes_of(alex, db)
    assert push.due_at == later + worker.LEASE


async def test_what_nobody_dismissed_is_swept(
    couple: Two, engines: Engines, clock: Clock, db: AsyncSession
) -> None:
    sam, alex = couple
    await sam.sends()

    clock.forward(days=15)
    await chores.sweep(engines["worker"], clock.now)

    assert await nudges_of(alex, db) == []


async def test_a_ring_that_comes_too_late_is_no_ring(
    couple: Two, work: Worker, phones: Phones, clock: Clock
) -> None:
    sam, alex = couple
    await sam.sends()

    clock.forward(hours=12)
    await work.tick()

    assert await phones.rang(alex.phone) == []


SUNDAY = datetime(2026, 3, 8, tzinfo=UTC)


async def both_agree(couple: Two) -> None:
    sam, alex = couple
    made = await sam.schedules()
    assert (await alex.signs(made.json())).json()["in_force"]


async def test_each_is_reminded_at_their_own_hour(
    couple: Two, work: Worker, phones: Phones, clock: Clock
) -> None:
    sam, alex = couple
    await both_agree(couple)
    await work.tick()
    before = await phones.rang(alex.phone)

    # 09:00 in Denver, where clocks went forward that morning; 20:00 in Lisbon.
    clock.to(SUNDAY + timedelta(hours=15, minutes=8))
    await work.tick()
    assert await phones.rang(alex.phone) == [*before, "checkin_reminder"]
    assert "checkin_reminder" not in await phones.rang(sam.phone)

    clock.to(SUNDAY + timedelta(hours=20, minutes=8))
    await work.tick()
    assert "checkin_reminder" in await phones.rang(sam.phone)
    [mine], [theirs] = [(await each.sees("/checkins"))["checkins"] for each in couple]
    assert mine == theirs


async def test_a_schedule_that_one_alone_has_signed_opens_nothing(
    couple: Two, work: Worker, clock: Clock
) -> None:
    sam, _ = couple
    await sam.schedules()

    clock.to(SUNDAY + timedelta(hours=20, minutes=8))
    await work.tick()

    assert (await sam.sees("/checkins"))["checkins"] == []


async def test_after_one_more_reminder_there_is_silence(
    couple: Two, work: Worker, phones: Phones, clock: Clock
) -> None:
    sam, _ = couple
    await both_agree(couple)
    clock.to(SUNDAY + timedelta(hours=20))

    for _ in range(20):
        await work.tick()
        clock.forward(minutes=30)

    assert (await phones.rang(sam.phone)).count("checkin_reminder") == 2
    assert len((await phones.get(f"/phones/{sam.phone}")).json()["shows"]) == 1


async def test_who_has_answered_is_not_reminded(
    couple: Two, work: Worker, phones: Phones, clock: Clock
) -> None:
    sam, _ = couple
    await both_agree(couple)
    clock.to(SUNDAY + timedelta(hours=20))
    await work.tick()
    [checkin] = (await sam.sees("/checkins"))["checkins"]
    assert (await sam.answers(checkin["id"], connection=4)).status_code == 200

    clock.to(SUNDAY + timedelta(hours=20, minutes=8))
    await work.tick()

    assert "checkin_reminder" not in await phones.rang(sam.phone)


async def test_who_answers_after_the_first_reminder_gets_no_second(
    couple: Two, work: Worker, phones: Phones, clock: Clock
) -> None:
    sam, _ = couple
    await both_agree(couple)
    clock.to(SUNDAY + timedelta(hours=20, minutes=8))
    await work.tick()
    [checkin] = (await sam.sees("/checkins"))["checkins"]
    await sam.answers(checkin["id"], connection=4)

    clock.forward(hours=4)
    await work.tick()

    assert (await phones.rang(sam.phone)).count("checkin_reminder") == 1


async def test_a_checkin_opens_for_both_but_does_not_reach_who_takes_space(
    couple: Two, work: Worker, phones: Phones, clock: Clock
) -> None:
    _, alex = couple
    await both_agree(couple)
    await alex.takes_space("silent")

    clock.to(SUNDAY + timedelta(hours=20, minutes=8))
    await work.tick()
    await alex.delete("/space")
    clock.forward(hours=1)
    await work.tick()

    assert "checkin_reminder" not in await phones.rang(alex.phone)
    assert len((await alex.sees("/checkins"))["checkins"]) == 1


async def test_space_leaves_me_the_reminder_that_is_mine_alone(
    couple: Two, work: Worker, phones: Phones, clock: Clock
) -> None:
    """Of the same moment as one for both, whichever was made first."""
    sam, alex = couple
    hour = {"at": "20:00", "zone": "Europe/Lisbon"}
    terms = {"pack": "daily_pulse", "cadence": "daily", "weekday": None}
    for for_both in (True, False, True):
        schedule = (await sam.schedules(**terms | hour, for_both=for_both)).json()
        if for_both:
            await alex.signs(schedule, **hour)
    await alex.schedules(**terms | hour, for_both=False)
    await alex.takes_space("silent")

    clock.to(datetime(2026, 3, 2, 20, 10, tzinfo=UTC))
    await work.tick()

    assert await phones.rang(alex.phone) == ["checkin_reminder"]
    assert await phones.rang(sam.phone) == ["checkin_reminder"] * 2


async def test_a_worker_that_was_away_opens_the_checkin_and_rings_nobody_at_night(
    couple: Two, work: Worker, phones: Phones, clock: Clock
) -> None:
    sam, _ = couple
    await both_agree(couple)

    clock.to(SUNDAY + timedelta(hours=23))
    await work.tick()

    assert "checkin_reminder" not in await phones.rang(sam.phone)
    assert len((await sam.sees("/checkins"))["checkins"]) == 1


async def test_reminders_need_a_yes_to_reminders(
    couple: Two, work: Worker, phones: Phones, clock: Clock
) -> None:
    sam, _ = couple
    await both_agree(couple)
    await sam.withdraws("reminders")

    clock.to(SUNDAY + timedelta(hours=20, minutes=8))
    await work.tick()

    assert "checkin_reminder" not in await phones.rang(sam.phone)


async def test_a_push_that_was_leased_comes_back_by_itself(
    couple: Two, work: Worker, phones: Phones, clock: Clock, db: AsyncSession
) -> None:
    sam, alex = couple
    await sam.sends()
    lost = update(Push).where(col(Push.kind) == Kind.PARTNER_NUDGE)
    await db.exec(lost.values(due_at=clock.now + worker.LEASE))
    await db.commit()

    await work.tick()
    assert await phones.rang(alex.phone) == []

    clock.forward(minutes=2)
    await work.tick()
    assert await phones.rang(alex.phone) == ["partner_nudge"]


async def test_a_phone_whose_session_has_run_out_rings_no_more_and_is_swept(
    couple: Two, work: Worker, phones: Phones, clock: Clock, db: AsyncSession
) -> None:
    sam, alex = couple
    over = update(Session).where(col(Session.id) == alex.session_id)
    await db.exec(over.values(expires_at=clock.now))
    await db.commit()
    await sam.sends()

    await work.tick()
    assert await phones.rang(alex.phone) == []

    await chores.sweep(work.engines["worker"], clock.now)
    assert not (await db.exec(select(Device.id).where(Device.account_id == alex.id))).all()


async def test_a_partner_who_keeps_looking_does_not_learn_my_hour(
    couple: Two, work: Worker, clock: Clock
) -> None:
    sam, alex = couple
    await both_agree(couple)

    clock.to(SUNDAY + timedelta(hours=15, minutes=8))
    await work.tick()

    [checkin] = (await alex.sees("/checkins"))["checkins"]
    hidden = await sam.get(f"/checkins/{checkin['id']}/answers")
    assert (await sam.sees("/checkins"))["checkins"] == (await sam.sees("/today"))["checkins"] == []
    assert hidden.content == (await sam.get(f"/checkins/{sam.id}/answers")).content

    clock.to(SUNDAY + timedelta(hours=20, minutes=8))
    await work.tick()
    assert (await sam.sees("/checkins"))["checkins"] == [checkin]


DAILY = {"pack": "daily_pulse", "cadence": "daily", "weekday": None, "zone": "UTC"}


async def evenings(couple: Two, alex_at: str) -> dict[str, Any]:
    """Agreed at noon: Sam's hour of that day is over, and Alex's is still to come."""
    sam, alex = couple
    made = (await sam.schedules(**DAILY, at="11:00")).json()
    assert (await alex.signs(made, at=alex_at, zone="UTC")).json()["in_force"]
    schedule: dict[str, Any] = made
    return schedule


Step = Callable[[Person, dict[str, Any]], Awaitable[object]]


async def keeps(_: Person, __: dict[str, Any]) -> None:
    """An hour that was passed over by signing after it."""


async def moves(sam: Person, schedule: dict[str, Any]) -> None:
    """To an hour of this day that is over, and so past this day's."""
    assert (await sam.signs(schedule, at="00:01", zone="UTC")).status_code == 200


async def flies(sam: Person, schedule: dict[str, Any]) -> None:
    """To where it is tomorrow already."""
    assert (await sam.signs(schedule, at="00:01", zone="Pacific/Kiritimati")).status_code == 200


async def steps_out(sam: Person, schedule: dict[str, Any]) -> None:
    """And is out when looking; the partner's signature stands."""
    await moves(sam, schedule)
    assert (await sam.delete(f"/schedules/{schedule['id']}/signature")).status_code == 204


@pytest.mark.parametrize("step", [keeps, moves, flies, steps_out])
@pytest.mark.parametrize("silent", [True, False])
async def test_a_day_whose_hour_i_passed_over_tells_nothing_of_my_partners(
    couple: Two,
    work: Worker,
    clock: Clock,
    step: Step,
    silent: bool,  # noqa: FBT001
) -> None:
    """Neither when it opens, nor ever after: by whether it opened at all."""
    sam, alex = couple
    schedule = await evenings(couple, alex_at="18:35")
    if silent:
        await alex.takes_space("silent")
    for _ in range(30):
        await moves(sam, schedule) if step is steps_out else None
        await work.tick()
        await step(sam, schedule)
        assert NOON.date().isoformat() not in await days(sam)
        clock.forward(hours=1)
    [theirs] = [
        each for each in (await alex.sees("/checkins"))["checkins"] if each["date"] == "2026-03-02"
    ]
    hidden = await sam.get(f"/checkins/{theirs['id']}/answers")
    assert hidden.content == (await sam.get(f"/checkins/{sam.id}/answers")).content


@pytest.mark.parametrize("step", [moves, flies, steps_out])
async def test_what_my_hour_has_brought_stays_whatever_i_do_with_my_hour(
    couple: Two, work: Worker, clock: Clock, step: Step
) -> None:
    sam, _ = couple
    schedule = await evenings(couple, alex_at="18:35")
    clock.to(NOON + timedelta(hours=23))
    await work.tick()
    before = await days(sam)

    await step(sam, schedule)
    await work.tick()

    assert before == {"2026-03-03"} == await days(sam)


async def days(person: Person) -> set[str]:
    shown = [(await person.sees(path))["checkins"] for path in ("/checkins", "/today")]
    return {each["date"] for listed in shown for each in listed}


async def test_a_phrase_by_a_clock_that_is_behind_cuts_no_lease_short(
    couple: Two, engines: Engines, clock: Clock
) -> None:
    """It arrives while the first is on its way, and would make it due again at once."""
    sam, alex = couple
    await alex.sets(daily_budget={"most": 1, "shown": False})
    rang = []

    class Firebase:
        async def send(self, ring: Ring, _: asyncio.Event) -> Sent:
            rang.append(ring.id)
            clock.forward(milliseconds=-5)
            assert (await sam.sends()).status_code == 202
            clock.forward(milliseconds=5)
            return Sent()

    await sam.sends()
    for _ in range(3):
        clock.forward(seconds=1)
        await worker.tick(engines["worker"], WayOut(Firebase()), clock.now)

    assert len(rang) == 1


async def test_whoever_is_leaving_is_not_looked_for_again_at_once(
    couple: Two, engines: Engines, clock: Clock
) -> None:
    sam, alex = couple
    made = await sam.schedules(weekday=None, cadence="daily", at="20:00", zone="UTC")
    await alex.signs(made.json(), at="20:00", zone="UTC")
    clock.forward(days=1)

    async with engines["owner"].begin() as leaving:
        await leaving.execute(text("select from member for update"))
        assert await worker.plan_due(engines["worker"], clock.now) == 0
    assert await worker.plan_due(engines["worker"], clock.now) == 2
