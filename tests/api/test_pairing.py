import asyncio
import re
from collections.abc import Callable, Coroutine, Iterable
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from httpx import Response
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlmodel import SQLModel, col, delete, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from schemas.base import new_id
from schemas.data_keys import DataKey
from schemas.invitations import Invitation
from schemas.nudges import Kind, Nudge
from schemas.pairing import Couple, CoupleMember, name_place
from schemas.sealing import seal
from tests.builders import (
    KEYRING,
    SIX,
    Person,
    Two,
    a_person,
    in_bytes,
    nudges_of,
    pushes_of,
    run_as,
)
from tests.conftest import Engines
from tests.fakes import Clock

ALONE = {"state": "alone", "name": None, "expires_at": None, "paired_on": None}
TOMORROW = "2026-03-03T12:00:00Z"
A_CODE = re.compile("(?:[0-9A-HJKMNP-TV-Z]{4}-){2}[0-9A-HJKMNP-TV-Z]{4}")
MY_SCREENS = ("/pairing", "/nudges", "/today")

# What each wrote and said is kept; nothing else remembers a couple.
KEPT = {"checkin", "consent", "couple"}


@pytest.fixture
async def pat(app: FastAPI, db: AsyncSession, clock: Clock) -> Person:
    return await a_person(db, Person("pat", app, clock))


async def screens(person: Person) -> object:
    """All that an app could tell a person's standing by."""
    return in_bytes(*[await person.get(path) for path in MY_SCREENS])


async def is_couple(db: AsyncSession, one: Person, other: Person) -> UUID:
    """Paired by hand, where the scene is about something else."""
    couple = Couple(id=new_id(one.clock.now), paired_at=one.clock.now)
    db.add(couple)
    await db.flush()
    for me, partner in ((one, other), (other, one)):
        db.add(half(me.id, partner.id, couple.id))
    await db.flush()
    for me in (one, other):
        db.add(DataKey.of(bytes(32), KEYRING, new_id(one.clock.now), me.id, couple.id))
    await db.commit()
    return couple.id


def half(account_id: UUID, partner_id: UUID, couple_id: UUID) -> CoupleMember:
    name = seal(bytes(32), b"Somebody", name_place(couple_id, account_id))
    return CoupleMember(
        account_id=account_id, partner_id=partner_id, couple_id=couple_id, partner_name=name
    )


async def couple_of(person: Person, db: AsyncSession) -> UUID:
    mine = select(CoupleMember.couple_id).where(CoupleMember.account_id == person.id)
    return (await db.exec(mine)).one()


async def tables_that_name(db: AsyncSession, *known: object) -> set[str]:
    """The tables in which any of these stands, in any row, in any column."""
    rows = "select '{0}' where exists (select from \"{0}\" as each where each::text ~ :known)"
    every = " union all ".join(rows.format(table) for table in SQLModel.metadata.tables)
    connection = await db.connection()
    found = await connection.execute(text(every), {"known": "|".join(map(str, known))})
    return set(found.scalars())


async def halves(db: AsyncSession, *people: Person) -> int:
    """How many of these people are in a live couple."""
    ids = [person.id for person in people]
    count = select(func.count()).where(col(CoupleMember.account_id).in_(ids))
    return (await db.exec(count)).one()


async def invitations(db: AsyncSession) -> int:
    return (await db.exec(select(func.count()).select_from(Invitation))).one()


# The code.


async def test_a_code_has_60_random_bits_in_groups_that_can_be_read_aloud(alone: Two) -> None:
    sam, _ = alone

    codes = [await sam.invites() for _ in range(100)]

    assert all(A_CODE.fullmatch(code) for code in codes)
    signs = [code.replace("-", "") for code in codes]
    assert len(set(signs)) == 100
    assert len(set("".join(signs))) == 32
    # Of 32 equally likely signs, 100 draws leave out one or two at each place.
    assert all(len(set(place)) > 24 for place in zip(*signs, strict=True))


@pytest.mark.parametrize(
    "typed",
    [
        str.lower,
        lambda code: code.replace("-", ""),
        lambda code: code.replace("-", " "),
        lambda code: f"  {code}\n",
        lambda code: code.replace("-", "\u2013"),
        "\u00a0".join,
        lambda code: code.replace("0", "O").replace("1", "I"),
        lambda code: code.replace("0", "o").replace("1", "l"),
    ],
)
async def test_however_it_is_typed_it_is_the_same_code(
    typed: Callable[[str], str], alone: Two
) -> None:
    sam, alex = alone
    code = await sam.invites()
    while not {"0", "1"} <= set(code):
        code = await sam.invites()

    assert (await alex.types(typed(code))).status_code == 202


@pytest.mark.parametrize(
    "code", ["", "0123-4567-89A", "0123-4567-89AB-C", "U123-4567-89AB", "é" * 12]
)
async def test_what_cannot_be_a_code_is_not_repeated(code: str, alone: Two) -> None:
    _, alex = alone

    answer = await alex.types(code)

    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert error["pointer"] == "#/code"
    assert not code or code not in answer.text


async def test_the_code_is_nowhere_in_the_database(alone: Two, db: AsyncSession) -> None:
    sam, alex = alone
    grouped = await sam.invites()
    await alex.types(grouped)

    code = grouped.replace("-", "")
    shapes = [grouped, code, code.lower(), code.encode().hex(), grouped.encode().hex()]
    assert await tables_that_name(db, *shapes) == set()
    # The search does find what is there.
    assert await tables_that_name(db, sha256(code.encode()).hexdigest()) == {"invitation"}


async def test_every_code_that_does_not_work_gets_the_same_answer(
    alone: Two, noise: Two, pat: Person, clock: Clock, db: AsyncSession
) -> None:
    sam, alex = alone
    kim, lou = noise
    used = await kim_and_lou_again(kim, lou)
    run_out = await pat.invites()
    clock.forward(hours=24)
    replaced, taken = await sam.invites(), await sam.invites()
    await pat.types(taken)
    own = await alex.invites()

    codes = ["0000-0000-0000", used, run_out, replaced, taken, own]
    answers = [await alex.types(code) for code in codes]

    assert {answer.status_code for answer in answers} == {404}
    assert len({repr(in_bytes(answer)) for answer in answers}) == 1
    assert answers[0].json()["type"] == "/problems/code-not-good"
    assert await nudges_of(alex, db) == []


async def kim_and_lou_again(kim: Person, lou: Person) -> str:
    """The code that made them a couple."""
    await kim.leaves()
    code = await kim.invites()
    await lou.types(code)
    await kim.confirms()
    return code


async def test_a_code_is_good_once(alone: Two, pat: Person) -> None:
    sam, alex = alone
    code = await sam.invites()
    await alex.types(code)

    assert (await pat.types(code)).status_code == 404

    await sam.confirms()
    await alex.leaves()
    for person in (alex, pat):
        assert (await person.types(code)).status_code == 404


async def test_a_code_can_be_typed_for_24_hours(alone: Two, clock: Clock) -> None:
    sam, alex = alone
    code = await sam.invites()
    assert await sam.sees("/pairing") == ALONE | {"state": "inviting", "expires_at": TOMORROW}

    clock.forward(hours=24, seconds=-1)
    assert (await alex.types(code)).status_code == 202

    clock.forward(seconds=1)
    assert (await alex.types(code)).status_code == 404


async def test_whoever_typed_it_can_be_confirmed_for_24_hours_from_the_invitation(
    alone: Two, clock: Clock
) -> None:
    sam, alex = alone
    await alex.types(await sam.invites())

    clock.forward(hours=24)

    answer = await sam.confirms()
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/nobody-waits")
    assert [await sam.sees("/pairing"), await alex.sees("/pairing")] == [ALONE, ALONE]


async def test_in_the_last_second_somebody_can_still_be_confirmed(alone: Two, clock: Clock) -> None:
    sam, alex = alone
    await alex.types(await sam.invites())

    clock.forward(hours=24, seconds=-1)

    assert (await sam.confirms()).status_code == 200


async def test_one_invitation_waits_at_a_time(alone: Two, db: AsyncSession) -> None:
    sam, alex = alone
    first = await sam.invites()
    await alex.types(first)
    before = await invitations(db)

    second = await sam.invites()

    assert await invitations(db) == before == 1
    assert (await sam.confirms()).status_code == 409
    assert await alex.sees("/pairing") == ALONE
    assert (await alex.types(first)).status_code == 404
    assert (await alex.types(second)).status_code == 202


# Between the code and the couple.


async def test_the_inviter_sees_who_it_is_and_the_joiner_sees_no_name(alone: Two) -> None:
    sam, alex = alone

    typed = await alex.types(await sam.invites())

    waiting = ALONE | {"expires_at": TOMORROW}
    assert typed.json() == await alex.sees("/pairing") == waiting | {"state": "joining"}
    assert await sam.sees("/pairing") == waiting | {"state": "confirming", "name": "Alex"}
    for path in MY_SCREENS:
        assert "Sam" not in (await alex.get(path)).text


async def test_that_somebody_waits_rings_once_and_names_nobody(
    alone: Two, db: AsyncSession
) -> None:
    sam, alex = alone
    code = await sam.invites()
    await alex.types(code)
    [rang] = await pushes_of(sam, db)
    await db.delete(rang)
    await db.commit()
    before = await sam.get("/nudges")

    again = await alex.types(code)

    assert (again.status_code, again.json()["state"]) == (202, "joining")
    assert (await sam.get("/nudges")).content == before.content
    assert await pushes_of(sam, db) == []
    [waits] = before.json()["nudges"]
    assert waits | {"id": None} == {
        "id": None,
        "kind": "joiner_waiting",
        "about": None,
        "phrase": None,
        "made_on": "2026-03-02",
    }
    assert (await sam.confirms()).status_code == 200


async def test_a_joiner_who_steps_back_was_never_there(alone: Two, db: AsyncSession) -> None:
    sam, alex = alone
    before = [await screens(person) for person in alone]
    await alex.types(await sam.invites())

    assert (await alex.steps_back()).status_code == 204

    assert [await screens(person) for person in alone] == before
    assert await pushes_of(sam, db) == await pushes_of(alex, db) == []


async def test_an_inviter_who_steps_back_tells_nobody(alone: Two, db: AsyncSession) -> None:
    sam, alex = alone
    before = [await screens(person) for person in alone]
    code = await sam.invites()
    await alex.types(code)

    assert (await sam.steps_back()).status_code == 204

    assert [await screens(person) for person in alone] == before
    assert await pushes_of(sam, db) == await pushes_of(alex, db) == []
    assert (await alex.types(code)).status_code == 404


async def test_to_step_back_from_nothing_changes_nothing(couple: Two) -> None:
    sam, alex = couple
    before = [await screens(person) for person in couple]

    assert (await sam.steps_back()).status_code == 204

    assert [await screens(person) for person in (sam, alex)] == before


async def test_a_joiner_who_types_another_code_leaves_no_trace_with_the_first(
    alone: Two, pat: Person, db: AsyncSession
) -> None:
    sam, alex = alone
    before = await screens(sam)
    first, second = await sam.invites(), await pat.invites()
    await alex.types(first)

    assert (await alex.types(second)).status_code == 202

    assert await screens(sam) == before
    assert await pushes_of(sam, db) == []
    assert (await sam.confirms()).status_code == 409
    assert (await pat.confirms()).json()["name"] == "Alex"


async def test_a_joiner_who_mistypes_another_code_keeps_their_place(alone: Two) -> None:
    sam, alex = alone
    await alex.types(await sam.invites())

    await alex.types("0000-0000-0000")

    assert (await sam.confirms()).json()["name"] == "Alex"


async def test_whoever_pairs_leaves_no_trace_with_others_whose_code_they_typed(
    alone: Two, pat: Person, db: AsyncSession
) -> None:
    sam, alex = alone
    before = await screens(pat)
    await alex.types(await pat.invites())

    await alex.pairs_with(sam)

    assert await screens(pat) == before
    assert await pushes_of(pat, db) == []
    assert await invitations(db) == 0


async def test_of_an_invitation_and_a_typed_code_the_nearer_one_shows(
    alone: Two, pat: Person
) -> None:
    sam, alex = alone
    mine = await alex.invites()
    await alex.types(await sam.invites())
    assert (await alex.sees("/pairing"))["state"] == "joining"

    await pat.types(mine)

    assert await alex.sees("/pairing") == ALONE | {
        "state": "confirming",
        "name": "Pat",
        "expires_at": TOMORROW,
    }


async def test_an_invitation_is_nobodys_to_change(alone: Two, engines: Engines) -> None:
    sam, alex = alone
    await alex.types(await sam.invites())

    for person, change in (
        (alex, "update invitation set account_id = joiner_id"),
        (sam, "update invitation set expires_at = 'infinity'"),
    ):
        with pytest.raises(ProgrammingError, match="permission denied"):
            await run_as(engines["api"], person, change)
    await run_as(engines["api"], alex, "delete from invitation")
    assert (await sam.sees("/pairing"))["state"] == "confirming"


# The couple.


async def test_confirmed_the_two_are_a_couple_for_both(alone: Two, db: AsyncSession) -> None:
    sam, alex = alone
    await alex.types(await sam.invites())

    confirmed = await sam.confirms()

    paired = ALONE | {"state": "paired", "paired_on": "2026-03-02"}
    assert confirmed.json() == await sam.sees("/pairing") == paired | {"name": "Alex"}
    assert await alex.sees("/pairing") == paired | {"name": "Sam"}
    assert (await nudges_of(sam, db), await nudges_of(alex, db)) == ([], [Kind.PAIRED])
    assert [push.kind for push in await pushes_of(alex, db)] == [Kind.PAIRED]
    assert await invitations(db) == 0


async def test_nobody_is_confirmed_who_does_not_wait(alone: Two) -> None:
    sam, _ = alone
    await sam.invites()

    answer = await sam.confirms()

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/nobody-waits")


async def test_a_joiner_cannot_confirm_themselves(alone: Two) -> None:
    sam, alex = alone
    await alex.types(await sam.invites())

    assert (await alex.confirms()).status_code == 409
    assert (await alex.sees("/pairing"))["state"] == "joining"


async def test_whoever_has_a_partner_leaves_first(couple: Two, pat: Person) -> None:
    sam, _ = couple
    code = await pat.invites()

    for answer in (
        await sam.put("/pairing/invitation"),
        await sam.types(code),
        await sam.confirms(),
    ):
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/already-paired")


SAM, ALEX, PAT, QUIN = (UUID(int=number) for number in range(1, 5))
ONE, TWO = UUID(int=11), UUID(int=12)
IMPOSSIBLE = {
    "a half alone": [(SAM, ALEX, ONE)],
    "with oneself": [(SAM, SAM, ONE)],
    "two who mean different couples": [(SAM, ALEX, ONE), (ALEX, SAM, TWO)],
    "two partners": [(SAM, ALEX, ONE), (SAM, PAT, ONE), (ALEX, SAM, ONE), (PAT, SAM, ONE)],
    "two couples": [(SAM, ALEX, ONE), (ALEX, SAM, ONE), (SAM, PAT, TWO), (PAT, SAM, TWO)],
    "the same couple twice": [(SAM, ALEX, ONE), (ALEX, SAM, ONE), (SAM, ALEX, TWO)],
    "a third who holds on": [(SAM, ALEX, ONE), (ALEX, SAM, ONE), (PAT, SAM, ONE)],
    "a ring": [(SAM, ALEX, ONE), (ALEX, PAT, ONE), (PAT, SAM, ONE)],
    "four": [(SAM, ALEX, ONE), (ALEX, SAM, ONE), (PAT, QUIN, ONE), (QUIN, PAT, ONE)],
    "somebody who is nobody": [(SAM, UUID(int=99), ONE), (UUID(int=99), SAM, ONE)],
}


@pytest.mark.parametrize("rows", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
async def test_the_database_itself_knows_no_couple_but_of_two(
    rows: list[tuple[UUID, UUID, UUID]], app: FastAPI, db: AsyncSession, clock: Clock
) -> None:
    await these_four(app, db, clock)
    for account_id, partner_id, couple_id in rows:
        db.add(half(account_id, partner_id, couple_id))

    with pytest.raises(IntegrityError):
        await db.commit()
    await db.rollback()


async def these_four(app: FastAPI, db: AsyncSession, clock: Clock) -> None:
    for account_id in (SAM, ALEX, PAT, QUIN):
        person = Person("somebody", app, clock)
        person.id = account_id
        await a_person(db, person)
    db.add_all(Couple(id=couple_id, paired_at=clock.now) for couple_id in (ONE, TWO))
    await db.commit()


async def test_two_couples_of_two_are_what_it_knows(
    app: FastAPI, db: AsyncSession, clock: Clock
) -> None:
    await these_four(app, db, clock)
    for one, other, couple_id in ((SAM, ALEX, ONE), (QUIN, PAT, TWO)):
        db.add(half(one, other, couple_id))
        db.add(half(other, one, couple_id))

    await db.commit()


@pytest.mark.parametrize(
    "statement",
    [
        "update member set partner_id = partner_id",
        "insert into member (account_id, partner_id, couple_id) values (me(), me(), me())",
        "insert into couple (id, paired_at) values (me(), now())",
        "update couple set paired_at = now()",
        "delete from couple",
    ],
)
async def test_no_mistake_in_a_route_can_make_or_change_a_couple(
    statement: str, couple: Two, engines: Engines
) -> None:
    sam, _ = couple

    with pytest.raises(ProgrammingError, match="permission denied"):
        await run_as(engines["api"], sam, statement)


# Leaving.


@pytest.mark.parametrize("said", [None, {}, {"tell": False}])
async def test_leaving_is_alone_at_once_and_silent(
    said: object, couple: Two, db: AsyncSession
) -> None:
    sam, alex = couple

    answer = await sam.post("/pairing/leave", json=said)

    assert (answer.status_code, answer.content) == (204, b"")
    assert [await person.sees("/pairing") for person in couple] == [ALONE, ALONE]
    assert await nudges_of(alex, db) == await nudges_of(sam, db) == []
    assert await pushes_of(alex, db) == await pushes_of(sam, db) == []


async def test_leaving_told_says_once_that_something_changed_and_nothing_else(
    couple: Two, db: AsyncSession
) -> None:
    sam, alex = couple
    await alex.sends()
    await sam.sends()

    await sam.leaves(tell=True)

    assert await nudges_of(sam, db) == []
    assert len(await pushes_of(alex, db)) == 1
    [told] = (await alex.sees("/nudges"))["nudges"]
    assert told | {"id": None} == {
        "id": None,
        "kind": "pairing_ended",
        "about": None,
        "phrase": None,
        "made_on": "2026-03-02",
    }


async def test_whoever_has_no_partner_cannot_leave(alone: Two) -> None:
    sam, _ = alone

    answer = await sam.leaves()

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/not-paired")


async def everything_between(sam: Person, alex: Person) -> dict[str, str]:
    """All that two can have going on. The ids by which Sam knows of it."""
    answered = await sam.begins()
    for person in (sam, alex):
        await person.answers(answered, mood=4)
        await person.releases(answered, "mood")
    open_one = await alex.begins("how_we_talk")
    schedule = (await alex.schedules()).json()
    await sam.signs(schedule)
    for person in (sam, alex):
        await person.sends(key="once")
        await person.sets(daily_budget={"most": 5, "shown": True})
    [nudge, *_] = (await sam.sees("/nudges"))["nudges"]
    await alex.takes_space("told", SIX)
    await sam.takes_space("silent")
    return {
        "answered": answered,
        "checkin": open_one,
        "schedule": schedule["id"],
        "nudge": nudge["id"],
    }


async def test_whatever_hung_on_the_pairing_is_gone_from_the_database(
    couple: Two, db: AsyncSession
) -> None:
    sam, alex = couple
    await everything_between(sam, alex)
    couple_id = await couple_of(sam, db)
    hung = {"boundary", "data_key", "member", "nudge", "partner_nudge", "push", "schedule"}
    assert await tables_that_name(db, couple_id) == KEPT | hung | {
        "kept_answer",
        "schedule_hour",
        "schedule_signature",
        "space",
    }

    await sam.leaves()

    assert await tables_that_name(db, couple_id) == KEPT | {"kept_answer"}
    for person in couple:
        assert await pushes_of(person, db) == []
        own = {"account", "answer", "boundary", "consent", "data_key", "device", "session"}
        assert await tables_that_name(db, person.id) <= own | {"checkin", "kept_answer"}


async def test_nothing_revives_when_the_same_two_pair_again(couple: Two, db: AsyncSession) -> None:
    sam, alex = couple
    known = await everything_between(sam, alex)
    await sam.leaves()

    await alex.pairs_with(sam)

    assert await alex.sees("/space") == {"mine": None, "partner": None}
    for person in couple:
        assert (await person.sees("/boundaries"))["mine"]["daily_budget"]["shown"] is False
        assert set((await person.sees("/boundaries"))["partner"].values()) == {None}
        for path in ("/schedules", "/nudges/sent"):
            assert await person.sees(path) == []
        given = [each["purpose"] for each in await person.sees("/consents") if each["given"]]
        assert given == ["checkins", "reminders"]
        assert (await person.reads(known["answered"]))["mood"] is None
        assert (await person.releases(known["answered"], "mood")).status_code == 409
    assert (await nudges_of(alex, db), await nudges_of(sam, db)) == ([], [Kind.PAIRED])
    for person in couple:
        await person.allows("sharing")
    assert (await sam.reads(known["answered"]))["mood"] is None


async def test_each_keeps_what_they_wrote_and_nothing_of_the_other(couple: Two) -> None:
    sam, alex = couple
    checkin = await sam.begins()
    for person, mood in ((sam, 4), (alex, 2)):
        await person.answers(checkin, mood=mood)
        await person.releases(checkin, "mood")
    assert (await sam.reads(checkin))["mood"] == 2

    await alex.leaves()

    for person, mood in ((sam, 4), (alex, 2)):
        asked = (await person.sees(f"/checkins/{checkin}/answers"))["questions"][0]
        assert (asked["mine"]["value"], asked["partner"]) == (mood, None)


# One request for each operation there is: its method, its path, its body.
WEEKLY = {"pack": "weekly_checkin", "cadence": "weekly", "weekday": "sunday"}
MY_HOUR = {"at": "20:00", "zone": "Europe/Lisbon"}
ASKED: dict[str, tuple[str, str, object]] = {
    "accounts_read_account": ("GET", "/accounts/me", None),
    "pairing_read_pairing": ("GET", "/pairing", None),
    "pairing_confirm": ("POST", "/pairing/confirm", None),
    "pairing_redeem": ("POST", "/pairing/redeem", {"code": "0000-0000-0000"}),
    "consents_read_consents": ("GET", "/consents", None),
    "consents_give": ("PUT", "/consents/sharing", {"text_version": 1, "expires_at": None}),
    "consents_withdraw": ("DELETE", "/consents/sharing", None),
    "boundaries_read_boundaries": ("GET", "/boundaries", None),
    "boundaries_set_boundaries": (
        "PUT",
        "/boundaries",
        dict.fromkeys(("quiet_hours", "off_limit_topics", "unwanted_nudges"))
        | {"daily_budget": {"most": 1, "shown": True}},
    ),
    "space_read_space": ("GET", "/space", None),
    "space_take_space": ("PUT", "/space", {"mode": "told", "ends_at": None}),
    "space_end_space": ("DELETE", "/space", None),
    "checkins_read_checkins": ("GET", "/checkins", None),
    "checkins_begin": ("POST", "/checkins", {"pack": "daily_pulse", "for_both": True}),
    "answers_read_checkin": ("GET", "/checkins/{checkin}/answers", None),
    "answers_answer": (
        "PUT",
        "/checkins/{checkin}/answers",
        {"answers": [{"question": "mood", "value": 1}]},
    ),
    "answers_release": ("POST", "/checkins/{checkin}/answers/released", {"questions": ["mood"]}),
    "answers_withdraw_release": ("DELETE", "/checkins/{checkin}/answers/released/mood", None),
    "schedules_read_schedules": ("GET", "/schedules", None),
    "schedules_make": ("POST", "/schedules", WEEKLY | MY_HOUR | {"for_both": True}),
    "schedules_change": ("PUT", "/schedules/{schedule}", WEEKLY | MY_HOUR),
    "schedules_agree": ("PUT", "/schedules/{schedule}/signature", MY_HOUR | {"version": 1}),
    "schedules_withdraw": ("DELETE", "/schedules/{schedule}/signature", None),
    "schedules_decline": ("PUT", "/schedules/{schedule}/declined", {"version": 1}),
    "nudges_read_nudges": ("GET", "/nudges", None),
    "nudges_look": ("POST", "/nudges/behind-the-door/look", None),
    "nudges_discard": ("DELETE", "/nudges/behind-the-door", None),
    "nudges_read_sent": ("GET", "/nudges/sent", None),
    "nudges_send": ("POST", "/nudges/sent", {"phrase": "thank_you"}),
    "nudges_dismiss": ("DELETE", "/nudges/{nudge}", None),
    "today_read_today": ("GET", "/today", None),
    # The last ones, since they change where somebody stands.
    "pairing_leave": ("POST", "/pairing/leave", {"tell": True}),
    "pairing_invite": ("PUT", "/pairing/invitation", None),
    "pairing_withdraw": ("DELETE", "/pairing/invitation", None),
}
# The same for everybody, or about oneself and one's own phones.
OTHERS = {
    *("accounts_sign_up", "accounts_change_account", "consents_read_history"),
    *("sessions_sign_in", "sessions_refresh", "sessions_read_sessions"),
    *("sessions_end_session", "sessions_end_sessions", "sessions_prove_again"),
    *("accounts_confirm", "accounts_ask_for_reset", "accounts_reset", "security_read_security"),
    *("credentials_read_pending", "credentials_stop", "credentials_change_password"),
    *("credentials_change_email", "credentials_confirm_email"),
    *("identities_read_identities", "identities_sign_up", "identities_sign_in"),
    *("identities_prove", "identities_link", "identities_unlink"),
    *("privacy_export", "privacy_read_deletion", "blocks_read_blocks", "blocks_lift"),
    *("privacy_ask_for_deletion", "privacy_take_deletion_back"),
    *("devices_read_devices", "devices_register_device", "devices_forget_device"),
    *("questionnaires_read_questionnaires", "questionnaires_read_questionnaire"),
    *("questionnaires_read_version", "nudges_read_phrases"),
}


def test_every_operation_is_asked_below_or_is_not_about_a_partner(app: FastAPI) -> None:
    operations = {
        operation["operationId"]
        for path in app.openapi()["paths"].values()
        for operation in path.values()
    }

    assert operations == ASKED.keys() | OTHERS


@pytest.mark.parametrize("left", ["sam", "alex"])
async def test_whoever_was_left_and_whoever_left_meet_what_somebody_never_paired_meets(
    left: str, couple: Two, app: FastAPI, db: AsyncSession, clock: Clock
) -> None:
    sam, alex = couple
    known = await everything_between(sam, alex)
    await (alex if left == "sam" else sam).leaves()
    never = await a_person(db, Person("sam", app, clock))
    for purpose in ("checkins", "reminders"):
        await never.allows(purpose)
    await never.sets(daily_budget={"most": 5, "shown": False})
    # What both answered is Sam's own, and read by nobody else.
    await forget_answers(sam, db)

    answers = [await everything_asked(person, known) for person in (sam, never)]

    assert answers[0] == answers[1]


async def forget_answers(person: Person, db: AsyncSession) -> None:
    mine = text("delete from answer where account_id = :me")
    await (await db.connection()).execute(mine, {"me": person.id})
    await db.commit()


async def everything_asked(person: Person, known: dict[str, str]) -> dict[str, object]:
    answers: dict[str, object] = {}
    for name, (method, path, body) in ASKED.items():
        answer = await person.request(method, path.format(**known), json=body)
        [(status, headers, content)] = in_bytes(answer)
        assert status < 500, name
        answers[name] = (status, headers, A_CODE.sub("code", content.decode()))
    return answers


# Races: each on two connections or more, with another head start in every round.

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
        await db.exec(delete(Nudge).where(col(Nudge.account_id).in_([sam.id, alex.id])))
        await db.commit()


async def test_a_code_typed_by_two_at_once_is_good_for_one(
    alone: Two, pat: Person, db: AsyncSession
) -> None:
    sam, alex = alone
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
        assert await invitations(db) == (0 if couple else 1)
        await sam.leaves()


async def test_of_three_who_invite_in_a_ring_two_become_a_couple(
    alone: Two, pat: Person, db: AsyncSession
) -> None:
    sam, alex = alone
    for nth in range(ROUNDS):
        codes = [await person.invites() for person in (sam, alex, pat)]
        for person, code in zip((alex, pat, sam), codes, strict=True):
            await person.types(code)

        answers = await at_once(nth, sam.confirms(), alex.confirms(), pat.confirms())

        assert said(answers) == [200, 409, 409]
        assert await halves(db, sam, alex, pat) == 2
        assert await invitations(db) == 0
        for person in (sam, alex, pat):
            await person.leaves()


async def test_a_joiner_who_types_another_code_against_the_confirmation_of_the_first(
    alone: Two, pat: Person, db: AsyncSession
) -> None:
    sam, alex = alone
    for nth in range(ROUNDS):
        await alex.types(await sam.invites())
        code = await pat.invites()

        confirmed, typed = await at_once(nth, sam.confirms(), alex.types(code))

        assert said([confirmed, typed]) in ([200, 404], [200, 409], [202, 409])
        assert await halves(db, sam, alex, pat) == (2 if confirmed.is_success else 0)
        for person in (sam, pat):
            await person.leaves()
            await person.steps_back()


Write = Callable[[Person, str], Coroutine[Any, Any, Response]]
WRITES: dict[str, Write] = {
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
    couples, statuses = [], set()
    for nth in range(ROUNDS):
        couples.append(await is_couple(db, sam, alex))
        checkin = await one_release_from_a_reveal(sam, alex) if write == "release" else "none"
        if write == "answer":
            checkin = await alex.begins()

        left, wrote = await at_once(nth, alex.leaves(), WRITES[write](sam, checkin))

        assert left.status_code == 204
        statuses.add(wrote.status_code)
    assert statuses <= {200, 201, 202, 404, 409}
    assert await tables_that_name(db, *couples) <= KEPT
    assert await pushes_of(sam, db) == await pushes_of(alex, db) == []


async def one_release_from_a_reveal(sam: Person, alex: Person) -> str:
    checkin = await sam.begins()
    for person in (sam, alex):
        await person.allows("sharing")
        await person.answers(checkin, mood=3)
    await alex.releases(checkin, "mood")
    return checkin


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
