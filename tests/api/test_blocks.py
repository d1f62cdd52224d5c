from typing import Any

import pytest
from fastapi import FastAPI
from sqlmodel import col, delete
from sqlmodel.ext.asyncio.session import AsyncSession

from schemas.accounts import Account
from tests.builders import Person, Two, a_person, in_bytes, nudges_of
from tests.fakes import Clock

UNKNOWN = "0000-0000-0000"
EVERYWHERE = ("/pairing", "/blocks", "/nudges", "/today", "/devices", "/sessions")


async def blocks(person: Person) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = await person.sees("/blocks")
    return shown


@pytest.mark.parametrize("who", [0, 1])
async def test_after_a_block_neither_can_type_the_others_code(
    couple: Two, db: AsyncSession, who: int
) -> None:
    """The answer is that of a code that does not exist, and nobody hears of it."""
    await couple[0].leaves(block=True)
    typist, inviter = couple[who], couple[1 - who]
    code = await inviter.invites()
    before = [await inviter.get(path) for path in EVERYWHERE]

    typed, unknown = [await typist.types(each) for each in (code, UNKNOWN)]

    assert (typed.status_code, typed.json()["type"]) == (404, "/problems/code-not-good")
    assert in_bytes(typed) == in_bytes(unknown)
    assert in_bytes(*[await inviter.get(path) for path in EVERYWHERE]) == in_bytes(*before)
    assert await nudges_of(inviter, db) == []


async def test_to_be_blocked_looks_like_being_left(couple: Two, noise: Two) -> None:
    worlds = []
    for (leaver, left), block in ((couple, True), (noise, False)):
        await leaver.leaves(block=block)
        await left.put("/consents/sharing", json={"text_version": 1, "expires_at": None})
        answers = [await left.get(path) for path in ("/pairing", "/blocks", "/devices")]
        worlds.append([*answers, await left.types(UNKNOWN)])
    here, there = worlds
    assert [each.status_code for each in here] == [each.status_code for each in there]
    assert in_bytes(here[0], here[1], here[3]) == in_bytes(there[0], there[1], there[3])


async def test_a_blocked_code_still_works_for_everybody_else(
    couple: Two, app: FastAPI, db: AsyncSession, clock: Clock
) -> None:
    sam, alex = couple
    robin = await a_person(db, Person("robin", app, clock))
    await sam.leaves(block=True)

    code = await sam.invites()
    assert (await alex.types(code)).status_code == 404
    assert (await robin.types(code)).status_code == 202
    assert (await sam.confirms()).json()["name"] == "Robin"


async def test_i_see_whom_i_blocked_as_i_knew_them_and_nobody_else_does(
    couple: Two, clock: Clock
) -> None:
    sam, alex = couple
    await alex.put(
        "/accounts/me", json={"display_name": "Sascha", "zone": "Europe/Lisbon", "locale": "en"}
    )

    await sam.leaves(block=True)
    clock.forward(days=3)

    (block,) = await blocks(sam)
    assert (block["name"], block["blocked_on"]) == ("Alex", "2026-03-02")
    assert await blocks(alex) == []


async def test_a_block_is_lifted_by_whoever_made_it(couple: Two) -> None:
    sam, alex = couple
    await sam.leaves(block=True)
    (block,) = await blocks(sam)
    assert (await alex.delete(f"/blocks/{block['id']}")).status_code == 404

    assert (await sam.delete(f"/blocks/{block['id']}")).status_code == 204
    assert (await sam.delete(f"/blocks/{block['id']}")).status_code == 404

    assert await blocks(sam) == []
    await sam.pairs_with(alex)
    await alex.leaves(block=True)  # and may be blocked anew
    assert len(await blocks(alex)) == 1


async def test_leaving_without_a_word_about_it_blocks_nobody(couple: Two) -> None:
    sam, alex = couple

    assert (await sam.post("/pairing/leave")).status_code == 204

    assert await blocks(sam) == []
    await alex.pairs_with(sam)


async def test_that_somebody_deleted_their_account_does_not_show_in_the_list(
    couple: Two, db: AsyncSession
) -> None:
    sam, alex = couple
    await sam.leaves(block=True)
    before = await blocks(sam)

    await db.exec(delete(Account).where(col(Account.id) == alex.id))
    await db.commit()

    assert await blocks(sam) == before
