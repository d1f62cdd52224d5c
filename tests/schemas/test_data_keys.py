"""What is sealed in the database, what it takes to read it, and how keys are changed."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy import URL, text
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from schemas.data_keys import DataKey, rewrap
from schemas.database import transaction
from schemas.sealing import Keyring, new_key
from tests.builders import KEYRING, Person, Two, a_couple
from tests.catalog import tables
from tests.conftest import Engines
from tests.fakes import Clock
from tests.processes import a_process
from tests.proofs.house import in_text

CANARY = "quokka zebu"
SEALED = {
    "account.name",
    "answer.sealed",
    "answer.shared",
    "block.name",
    "data_key.wrapped",
    "invitation.joiner_name",
    "invitation.wrapped",
    "kept_answer.sealed",
    "link.sealed",
    "mail.sealed",
    "member.partner_name",
}
# An address finds its account, and a target its phone: neither could be found sealed.
IN_CLEAR = {"email", "target"}
# Bytes that are nobody's words.
HASHES = {"consent.hash", "invitation.code_hash", "refresh_token.hash", "session.spent_hash"}


async def says(person: Person, checkin: str) -> None:
    await person.answers(checkin, mood=4, a_word=CANARY)
    await person.releases(checkin, "mood", "a_word")


async def test_all_that_is_kept_in_bytes_is_sealed_or_a_hash(db: AsyncSession) -> None:
    asked = """select table_name || '.' || column_name from information_schema.columns
        where table_schema = 'public' and data_type = 'bytea'"""
    found = {*(await (await db.connection()).execute(text(asked))).scalars()}
    assert found >= SEALED | HASHES
    assert {each for each in found - SEALED if "hash" not in each} == set()


async def test_a_dump_of_the_database_holds_no_word_of_anybody(
    app: FastAPI, db: AsyncSession, clock: Clock
) -> None:
    names = ("Quokkazebu", "Zebuquokka")
    sam, alex = [Person(name.lower(), app, clock) for name in names]
    await a_couple(db, sam, alex)
    checkin = await sam.begins()
    for person in (sam, alex):
        await says(person, checkin)
    assert (await sam.reads(checkin))["a_word"] == CANARY

    connection = await db.connection()
    for table in await tables(db):
        rows = (await connection.execute(text(f'table "{table}"'))).mappings()
        for row in rows:
            kept = [value for name, value in row.items() if name not in IN_CLEAR]
            dumped = b"".join(v if isinstance(v, bytes) else str(v).encode() for v in kept)
            for word in (CANARY, *names):
                assert word.lower().encode() not in dumped.lower(), table


OTHER_QUESTION = "other.account_id = :sam and other.question <> answer.question"
MOVED = {
    "partners answer": ("answer", "sealed = other.sealed", "other.account_id = :alex"),
    "other answer": ("answer", "sealed = other.sealed", OTHER_QUESTION),
    "other column": ("answer", "sealed = other.shared", "other.account_id = :sam"),
    "partners name": ("account", "name = other.name", "other.id = :alex"),
    "partners key": ("data_key", "wrapped = other.wrapped", "other.account_id = :alex"),
}


@pytest.mark.parametrize("moved", MOVED)
async def test_what_is_moved_to_another_row_is_not_read_there(
    couple: Two, db: AsyncSession, moved: str
) -> None:
    sam, alex = couple
    checkin = await sam.begins()
    for person in couple:
        await says(person, checkin)
    table, change, of = MOVED[moved]
    mine = "id" if table == "account" else "account_id"
    who = f"{of} and {table}.{mine} = :sam"
    update = f"update {table} set {change} from {table} other where {who}"  # noqa: S608 - see MOVED

    await (await db.connection()).execute(text(update), {"sam": sam.id, "alex": alex.id})
    await db.commit()

    answers = [await sam.get("/today"), await sam.get(f"/checkins/{checkin}/answers")]
    assert 500 in [each.status_code for each in answers]
    assert CANARY not in "".join(each.text for each in answers if each.status_code == 500)


async def test_without_its_key_nothing_of_somebody_can_be_read(
    couple: Two, db: AsyncSession
) -> None:
    sam, alex = couple
    checkin = await sam.begins()
    await says(sam, checkin)

    await db.exec(delete(DataKey).where(col(DataKey.account_id) == sam.id))
    await db.commit()

    assert (await sam.get(f"/checkins/{checkin}/answers")).status_code == 401
    assert (await alex.get("/today")).status_code == 200


async def rotated(engines: Engines, keyring: Keyring) -> int:
    done = 0
    while True:
        async with transaction(engines["owner"]) as db:
            some = await rewrap(db, keyring, 2)
        done += some
        if not some:
            return done


async def test_keys_are_changed_while_both_read_and_write_and_nothing_fails(
    couple: Two, noise: Two, app: FastAPI, engines: Engines
) -> None:
    sam, alex = couple
    checkin = await sam.begins()
    both = Keyring({"new": new_key()} | dict(KEYRING.keys))
    house = app.state.house
    app.state.house = replace(house, keyring=both)
    statuses: list[int] = []

    async def lives(person: Person, until: asyncio.Event) -> None:
        while not until.is_set():
            answer = await person.answers(checkin, mood=3, a_word=CANARY)
            statuses.extend((answer.status_code, (await person.get("/today")).status_code))

    done = asyncio.Event()
    people = asyncio.gather(*(lives(person, done) for person in (*couple, *couple)))
    wrapped = await rotated(engines, both)
    done.set()
    await people

    app.state.house = replace(house, keyring=Keyring({"new": both.keys["new"]}))
    for person in (sam, alex, *noise):
        assert (await person.get("/today")).status_code == 200
    assert (await sam.sees(f"/checkins/{checkin}/answers"))["questions"]
    app.state.house = house
    assert wrapped == 8  # of four people, and twice of two couples
    assert set(statuses) == {200}


async def test_what_is_wrapped_anew_is_left_alone(couple: Two, db: AsyncSession) -> None:
    before = {row.id: row.wrapped for row in await db.exec(select(DataKey))}
    assert await rewrap(db, KEYRING, 100) == 0
    assert {row.id: row.wrapped for row in await db.exec(select(DataKey))} == before
    assert couple


async def test_the_command_wraps_all_keys_anew_and_then_the_old_one_may_go(
    couple: Two, database: URL, app: FastAPI, tmp_path: Path
) -> None:
    sam, alex = couple
    checkin = await sam.begins()
    await says(sam, checkin)
    keys = {"new": new_key()} | dict(KEYRING.keys)
    said = in_text(keys)

    rotating = a_process("keys", "rotate", database=database, data=tmp_path, TWOFOLD_DATA_KEYS=said)
    async with rotating as process:
        assert await process.wait() == 0

    house = app.state.house
    app.state.house = replace(house, keyring=Keyring({"new": keys["new"]}))
    read = [await sam.get(f"/checkins/{checkin}/answers"), await alex.get("/today")]
    app.state.house = house
    assert CANARY in read[0].text
    assert read[1].status_code == 200
