"""Space against a queue: what has not left stays, however much of it there is."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from notifications import batch
from schemas.base import Locale, new_id
from schemas.devices import Device, Platform, TargetKind
from schemas.nudges import Kind, Nudge, Push
from schemas.sessions import Session
from tests.builders import Person, Two
from tests.fakes import NOON
from tests.notifications.conftest import Phones, Worker

KINDS = (Kind.PARTNER_NUDGE, Kind.REVEAL, Kind.CHECKIN_OPENED, Kind.SCHEDULE_PROPOSED)
A_THOUSAND = 1000
PUSHED = {"id", "account_id", "couple_id", "kind", "expires_at"}


async def a_thousand_wait_for(person: Person, db: AsyncSession, due: datetime = NOON) -> None:
    """Everything that a partner can cause, for a person with a cupboard full of phones."""
    for number in range(A_THOUSAND // len(KINDS)):
        session = Session.begin(person.id, due)
        db.add(session)
        await db.flush()
        device = Device(
            id=new_id(due),
            account_id=person.id,
            session_id=session.id,
            target_kind=TargetKind.TOKEN,
            target=f"{person.phone}-{number}",
            platform=Platform.ANDROID,
            locale=Locale.EN,
            discreet=False,
            registered_at=due,
        )
        db.add(device)
    for kind in KINDS:
        nudge = Nudge(
            id=new_id(due),
            account_id=person.id,
            kind=kind,
            about=None,
            made_at=due,
            expires_at=due + timedelta(days=1),
            couple_id=None,
        )
        db.add(nudge)
        await db.flush()
        db.add(Push(**nudge.model_dump(include=PUSHED), due_at=due))
    await db.commit()


async def accepted(phones: Phones, person: Person) -> int:
    """How many messages FCM took for this person's phones."""
    all_phones = (await phones.get("/phones")).json()
    return sum(len(all_phones[one]["log"]) for one in all_phones if one.startswith(person.phone))


@pytest.mark.parametrize("mode", ["told", "silent"])
async def test_of_a_thousand_that_wait_none_leaves_after_space_was_taken(
    couple: Two, work: Worker, phones: Phones, db: AsyncSession, mode: str
) -> None:
    _, alex = couple
    await a_thousand_wait_for(alex, db)

    await alex.takes_space(mode)
    await work.tick()

    assert await accepted(phones, alex) == 0


async def test_without_space_all_thousand_leave(
    couple: Two, work: Worker, phones: Phones, db: AsyncSession
) -> None:
    _, alex = couple
    await a_thousand_wait_for(alex, db)

    await work.tick()

    # And one for each kind on the phone that was there before.
    assert await accepted(phones, alex) == A_THOUSAND + len(KINDS)


@pytest.mark.parametrize("mode", ["told", "silent"])
async def test_amid_a_thousand_only_what_was_in_flight_arrives_after_the_answer(
    couple: Two, work: Worker, phones: Phones, db: AsyncSession, mode: str
) -> None:
    _, alex = couple
    await a_thousand_wait_for(alex, db)
    ticking = asyncio.create_task(work.tick())
    while not await accepted(phones, alex):
        await asyncio.sleep(0)

    assert (await alex.takes_space(mode)).status_code == 200
    at_the_answer = await accepted(phones, alex)
    await ticking

    assert at_the_answer < A_THOUSAND
    assert await accepted(phones, alex) <= at_the_answer + batch.WAVE


async def test_what_came_into_space_does_not_ring_when_space_is_over(
    couple: Two, work: Worker, phones: Phones
) -> None:
    """The worker was away, or FCM wanted peace: nobody looked while space was on."""
    sam, alex = couple
    await half_an_hour_of_space(sam, alex)

    await work.tick()

    assert await phones.rang(sam.phone) == []
    assert (await sam.sees("/nudges"))["behind_the_door"]


async def half_an_hour_of_space(sam: Person, alex: Person) -> None:
    """In which Alex does what would have rung."""
    await sam.takes_space("silent")
    await alex.sends()
    await alex.begins()
    sam.clock.forward(minutes=30)
    await sam.delete("/space")


async def test_what_comes_after_space_rings_though_something_of_its_kind_waits_from_within(
    couple: Two, work: Worker, phones: Phones
) -> None:
    sam, alex = couple
    await half_an_hour_of_space(sam, alex)
    await alex.sends()
    await alex.begins("how_we_talk")

    await work.tick()

    assert sorted(await phones.rang(sam.phone)) == ["checkin_opened", "partner_nudge"]


async def test_what_came_into_an_earlier_space_does_not_ring_after_the_next(
    couple: Two, work: Worker, phones: Phones
) -> None:
    """A person's last space is one row: what the one before kept back is marked."""
    sam, alex = couple
    for _ in range(2):
        await sam.takes_space("silent")
        await alex.begins()
        sam.clock.forward(minutes=5)
        await sam.delete("/space")
        sam.clock.forward(minutes=5)

    await work.tick()

    assert await phones.rang(sam.phone) == []
