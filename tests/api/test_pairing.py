import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from httpx import Response
from sqlalchemy import text
from sqlmodel import SQLModel, col, delete, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from schemas.base import new_id
from schemas.nudges import Kind, Nudge
from schemas.pairing import Couple, CoupleMember, Invitation
from tests.builders import Person, Two, a_person, nudges_of, pushes_of
from tests.fakes import Clock

# What each wrote and said is kept; nothing else remembers a couple.
KEPT = {"checkin", "consent", "couple"}


async def is_couple(db: AsyncSession, one: Person, other: Person) -> UUID:
    """Paired by hand, where the scene is about something else."""
    couple = Couple(id=new_id(one.clock.now), paired_at=one.clock.now)
    db.add(couple)
    await db.flush()
    for me, partner in ((one, other), (other, one)):
        db.add(CoupleMember(account_id=me.id, partner_id=partner.id, couple_id=couple.id))
    await db.commit()
    return couple.id


async def tables_that_name(known: UUID | str, db: AsyncSession) -> set[str]:
    """The tables in which this stands anywhere, in any row, in any column."""
    found = set()
    for table in SQLModel.metadata.tables:
        rows = f'select from "{table}" as each where each::text like :known limit 1'  # noqa: S608
        if (await db.exec(text(rows), params={"known": f"%{known}%"})).first() is not None:
            found.add(table)
    await db.commit()
    return found


async def waiting(db: AsyncSession) -> int:
    return (await db.exec(select(func.count()).select_from(Invitation))).one()


async def forgets(db: AsyncSession, *people: Person) -> None:
    ids = [person.id for person in people]
    await db.exec(delete(Nudge).where(col(Nudge.account_id).in_(ids)))
    await db.commit()


ROUNDS = 50
PUSHED = 0.0002  # seconds


async def at_once(nth: int, *calls: Coroutine[Any, Any, Response]) -> list[Response]:
    """On real connections of their own; each round, one of the calls has another head start."""

    async def called(place: int, call: Coroutine[Any, Any, Response]) -> Response:
        await asyncio.sleep(PUSHED * ((nth * (place + 3)) % 23))
        return await call

    return await asyncio.gather(*(called(place, call) for place, call in enumerate(calls)))


def said(answers: Iterable[Response]) -> list[int]:
    return sorted(answer.status_code for answer in answers)


async def halves(db: AsyncSession, *people: Person) -> int:
    """In how many live couples these people are, all together."""
    ids = [person.id for person in people]
    count = select(func.count()).where(col(CoupleMember.account_id).in_(ids))
    return (await db.exec(count)).one()


async def test_two_who_confirm_each_other_at_once_are_one_couple(
    alone: Two, db: AsyncSession
) -> None:
    sam, alex = alone
    for nth in range(ROUNDS):
        await alex.types(await sam.invites())
        await sam.types(await alex.invites())

        answers = await at_once(nth, sam.confirms(), alex.confirms())

        assert said(answers) == [200, 409]
        assert await halves(db, sam, alex) == 2
        assert len(await nudges_of(sam, db) + await nudges_of(alex, db)) == 1
        await sam.leaves()


async def test_two_who_leave_at_once_have_left_and_one_of_them_is_told(
    alone: Two, db: AsyncSession
) -> None:
    sam, alex = alone
    for nth in range(ROUNDS):
        await is_couple(db, sam, alex)

        answers = await at_once(nth, sam.leaves(tell=True), alex.leaves(tell=True))

        assert said(answers) == [204, 409]
        assert await halves(db, sam, alex) == 0
        told = [*await nudges_of(sam, db), *await nudges_of(alex, db)]
        assert told == [Kind.PAIRING_ENDED]
        await forgets(db, sam, alex)


async def test_a_code_typed_by_two_at_once_is_good_for_one(
    alone: Two, db: AsyncSession, app: FastAPI, clock: Clock
) -> None:
    sam, alex = alone
    pat = await a_person(db, Person("pat", app, clock))
    for nth in range(ROUNDS):
        code = await sam.invites()

        answers = await at_once(nth, alex.types(code), pat.types(code))

        assert said(answers) == [202, 404]
        joiner = (alex, pat)[answers[0].status_code == 404]
        assert (await sam.sees("/pairing"))["name"] == joiner.name.title()
        assert await nudges_of(sam, db) == [Kind.JOINER_WAITING]


async def test_a_code_typed_twice_at_once_rings_once(alone: Two, db: AsyncSession) -> None:
    sam, alex = alone
    for nth in range(ROUNDS):
        code = await sam.invites()

        answers = await at_once(nth, alex.types(code), alex.types(code))

        assert said(answers) == [202, 202]
        assert await nudges_of(sam, db) == [Kind.JOINER_WAITING]
        assert len(await pushes_of(sam, db)) == 1


async def test_the_joiner_steps_back_before_the_couple_or_not_at_all(
    alone: Two, db: AsyncSession
) -> None:
    sam, alex = alone
    for nth in range(ROUNDS):
        await alex.types(await sam.invites())

        confirmed, back = await at_once(nth, sam.confirms(), alex.steps_back())

        assert (confirmed.status_code, back.status_code) in {(200, 204), (409, 204)}
        assert await halves(db, sam, alex) == (2 if confirmed.is_success else 0)
        await sam.leaves()


async def test_the_inviter_steps_back_before_the_couple_or_not_at_all(
    alone: Two, db: AsyncSession
) -> None:
    sam, alex = alone
    for nth in range(ROUNDS):
        await alex.types(await sam.invites())

        confirmed, back = await at_once(nth, sam.confirms(), sam.steps_back())

        assert (confirmed.status_code, back.status_code) in {(200, 204), (409, 204)}
        assert await halves(db, sam, alex) == (2 if confirmed.is_success else 0)
        await sam.leaves()


async def test_two_who_invited_each_other_step_back_at_once(alone: Two) -> None:
    sam, alex = alone
    for nth in range(ROUNDS):
        await alex.types(await sam.invites())
        await sam.types(await alex.invites())

        answers = await at_once(nth, sam.steps_back(), alex.steps_back())

        assert said(answers) == [204, 204]
        for person in alone:
            assert (await person.sees("/pairing"))["state"] == "alone"


async def test_a_new_invitation_against_the_joiner_of_the_old_one_who_steps_back(
    alone: Two,
) -> None:
    sam, alex = alone
    for nth in range(ROUNDS):
        await alex.types(await sam.invites())

        answers = await at_once(nth, sam.put("/pairing/invitation"), alex.steps_back())

        assert said(answers) == [200, 204]
        assert (await alex.sees("/pairing"))["state"] == "alone"


async def test_a_new_invitation_against_the_code_of_the_old_one(alone: Two) -> None:
    sam, alex = alone
    for nth in range(ROUNDS):
        code = await sam.invites()

        invited, typed = await at_once(nth, sam.put("/pairing/invitation"), alex.types(code))

        assert invited.status_code == 200
        assert typed.status_code in {202, 404}
        assert (await sam.sees("/pairing"))["state"] == "inviting"


async def test_a_new_invitation_against_the_confirmation_of_the_old_one(
    alone: Two, db: AsyncSession
) -> None:
    sam, alex = alone
    for nth in range(ROUNDS):
        await alex.types(await sam.invites())

        confirmed, invited = await at_once(nth, sam.confirms(), sam.put("/pairing/invitation"))

        couple = confirmed.is_success
        assert (confirmed.status_code, invited.status_code) in {(200, 409), (200, 200), (409, 200)}
        assert await halves(db, sam, alex) == (2 if couple else 0)
        assert await waiting(db) == (0 if couple else 1)
        await sam.leaves()


async def test_of_three_who_invite_in_a_ring_two_become_a_couple(
    alone: Two, db: AsyncSession, app: FastAPI, clock: Clock
) -> None:
    sam, alex = alone
    pat = await a_person(db, Person("pat", app, clock))
    for nth in range(ROUNDS):
        codes = [await person.invites() for person in (sam, alex, pat)]
        for person, code in zip((alex, pat, sam), codes, strict=True):
            await person.types(code)

        answers = await at_once(nth, sam.confirms(), alex.confirms(), pat.confirms())

        assert said(answers) == [200, 409, 409]
        assert await halves(db, sam, alex, pat) == 2
        assert await waiting(db) == 0
        for person in (sam, alex, pat):
            await person.leaves()


async def test_a_joiner_who_types_another_code_against_the_confirmation_of_the_first(
    alone: Two, db: AsyncSession, app: FastAPI, clock: Clock
) -> None:
    sam, alex = alone
    pat = await a_person(db, Person("pat", app, clock))
    for nth in range(ROUNDS):
        await alex.types(await sam.invites())
        code = await pat.invites()

        confirmed, typed = await at_once(nth, sam.confirms(), alex.types(code))

        assert said([confirmed, typed]) in ([200, 404], [200, 409], [202, 409])
        assert await halves(db, sam, alex, pat) == (2 if confirmed.is_success else 0)
        for person in (sam, pat):
            await person.leaves()
            await person.steps_back()


WRITES: dict[str, Callable[[Person, str], Coroutine[Any, Any, Response]]] = {
    "phrase": lambda me, _: me.sends(),
    "told space": lambda me, _: me.takes_space("told"),
    "answer": lambda me, checkin: me.answers(checkin, mood=2),
    "release": lambda me, checkin: me.releases(checkin, "mood"),
    "check-in": lambda me, _: me.post("/checkins", json={"pack": "how_we_talk", "for_both": True}),
    "schedule": lambda me, _: me.schedules(),
    "shown boundary": lambda me, _: me.sets(daily_budget={"most": 1, "shown": True}),
    "consent": lambda me, _: me.allows("sharing"),
}


@pytest.mark.parametrize("write", WRITES)
async def test_whatever_one_does_while_the_other_leaves_has_left_with_them(
    write: str, alone: Two, db: AsyncSession
) -> None:
    sam, alex = alone
    for person in alone:
        await person.allows("checkins")
    for nth in range(ROUNDS):
        couple_id = await is_couple(db, sam, alex)
        for person in alone:
            await person.allows("sharing")
        checkin = await sam.begins()
        for person in alone:
            await person.answers(checkin, mood=3)
        await alex.releases(checkin, "mood")

        left, wrote = await at_once(nth, alex.leaves(), WRITES[write](sam, checkin))

        assert left.status_code == 204
        assert wrote.status_code in {200, 201, 202, 409}, wrote.text
        assert await tables_that_name(couple_id, db) == KEPT


@pytest.mark.parametrize("path", ["/pairing", "/space", "/today", "/boundaries", "/nudges/sent"])
async def test_whoever_looks_while_the_other_leaves_sees_before_or_after(
    path: str, alone: Two, db: AsyncSession
) -> None:
    sam, alex = alone
    after = await sam.get(path)
    await is_couple(db, sam, alex)
    before = await sam.get(path)
    await alex.leaves()
    for nth in range(ROUNDS):
        await is_couple(db, sam, alex)

        _, seen = await at_once(nth, alex.leaves(), sam.get(path))

        assert seen.content in {before.content, after.content}
