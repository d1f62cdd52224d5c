# ruff: noqa: S608 - every name in these statements is of a table of ours
"""The second wall, with all code of ours out of the way: the api's role, and plain statements.

For every table it is said here which rows somebody sees, adds, changes and removes; in a town where
everything is going on, everybody tries all of it on every row there is.
"""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import astuple, dataclass
from datetime import timedelta
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import URL, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from notifications import outbox
from schemas.arrivals import Arrival
from schemas.base import Locale, new_id
from schemas.checkins import Checkin
from schemas.credentials import CredentialChange
from schemas.database import Role, open_engine
from schemas.identities import Identity, IdentityNonce, Issuer, Vouched
from schemas.links import Link, LinkKind, new_token
from schemas.mail import Letter, MailKind
from schemas.security import SecurityEvent, SecurityEventKind
from schemas.sessions import RefreshToken
from tests.builders import KEYRING, Person, Two, a_couple, a_person
from tests.catalog import column, tables
from tests.conftest import Engines
from tests.fakes import Clock


@dataclass(frozen=True)
class Rights:
    """Conditions on a row, in the words of SQL: `:me` acts, within `:couple` if there is one."""

    sees: str
    adds: str = "false"
    changes: str = "false"
    removes: str = "false"


MINE = "account_id = :me"
OURS = "couple_id = :couple"
NOW = "(couple_id is null or couple_id = :couple)"  # nothing is put into what is over
ARRIVED = f"id in (select checkin_id from checkin_arrival where {MINE})"
ASKED = f"({MINE} or {OURS}) and (schedule_id is null or {ARRIVED})"

WALL = {
    "account": Rights("id = :me", adds="id = :me", changes="id = :me"),
    "answer": Rights(
        MINE,
        adds=f"{MINE} and checkin_id in (select id from checkin where {ASKED})",
        changes=MINE,
    ),
    "block": Rights(
        MINE,
        adds=f"{MINE} and blocked_id in (select partner_id from member where {MINE})",
        removes=MINE,
    ),
    "boundary": Rights(f"{MINE} or shown_in = :couple", adds=MINE, removes=MINE),
    "checkin": Rights(
        f"{ASKED} or id in (select checkin_id from answer where {MINE})",
        adds=f"{MINE} or {OURS}",
        changes=ASKED,
    ),
    "checkin_arrival": Rights(MINE),
    "consent": Rights(MINE, adds=f"{MINE} and {NOW}"),
    "couple": Rights("id = :couple"),
    "credential_change": Rights(MINE, MINE, MINE, MINE),
    "data_key": Rights(MINE, adds=f"{MINE} and {NOW}"),
    "deletion": Rights(MINE, adds=MINE, removes=MINE),
    "device": Rights(MINE, MINE, MINE, MINE),
    "identity": Rights(MINE, adds=MINE, removes=MINE),
    "identity_nonce": Rights(MINE, adds=MINE),
    "invitation": Rights(
        f"{MINE} or joiner_id = :me", adds=f"{MINE} and joiner_id is null", removes=MINE
    ),
    "kept_answer": Rights(MINE, adds=f"{MINE} and {NOW}", changes=f"{MINE} and {NOW}"),
    "link": Rights("false", adds=f"account_id is null or {MINE}"),
    "mail": Rights("false", adds=f"account_id is null or {MINE}"),
    "member": Rights(MINE, removes=MINE),
    "nudge": Rights(MINE, changes=MINE, removes=MINE),
    "partner_nudge": Rights(f"{MINE} or from_id = :me", adds="from_id = :me"),
    "push": Rights("false"),
    "refresh_token": Rights(MINE, adds=MINE),
    "schedule": Rights(
        f"{OURS} or couple_id is null and {MINE}",
        adds=MINE,
        changes=MINE,
        removes=f"{OURS} or couple_id is null and {MINE}",
    ),
    "schedule_declined": Rights(MINE, MINE, MINE, MINE),
    "schedule_hour": Rights(MINE, MINE, MINE, MINE),
    "schedule_signature": Rights(f"{OURS} or couple_id is null and {MINE}", MINE, MINE, MINE),
    "security_event": Rights(MINE, adds=MINE),
    "sending": Rights("false"),
    "session": Rights(MINE, MINE, MINE, MINE),
    "space": Rights(f"{MINE} or {OURS} and mode = 'told'", adds=MINE, changes=MINE),
}
# What only the worker, or nobody, reads.
UNSEEN = {"link", "mail", "push", "sending"}


@dataclass(frozen=True)
class Town:
    """Sam was with Jo and is with Alex; Kim is with Lou; Kit typed Robin's code."""

    people: dict[str, Person]
    couples: dict[str, str | None]


@pytest.fixture
async def town(app: FastAPI, db: AsyncSession, clock: Clock, noise: Two) -> Town:
    people = {name: Person(name, app, clock) for name in ("sam", "jo", "alex", "robin", "kit")}
    sam, jo, alex, robin, kit = people.values()
    await a_couple(db, sam, jo)
    await everything_happens(sam, jo)
    await sam.leaves(block=True)
    for person in (alex, robin, kit):
        await a_person(db, person)
    await sam.pairs_with(alex)
    for purpose in ("checkins", "sharing", "partner_nudges"):
        await sam.allows(purpose)
        await alex.allows(purpose)
    await everything_happens(alex, sam)
    await kit.types(await robin.invites())
    everybody = people | {person.name: person for person in noise}
    for person in everybody.values():
        token = {"account_id": person.id, "session_id": person.session_id, "generation": 1}
        private = {"hash": person.session_id.bytes, "expires_at": clock.now}
        db.add(RefreshToken.model_validate(token | private))
        expires_at = clock.now + timedelta(minutes=10)
        vouched = Vouched(Issuer.APPLE, person.id.bytes, person.id.bytes, expires_at)
        db.add(Identity.of(vouched, person.id, clock.now, good_from=clock.now))
        db.add(IdentityNonce.of(vouched, person.id))
        asked = (person.id, person.session_id)
        db.add(CredentialChange.to_password(*asked, "", clock.now))
        db.add(SecurityEvent.of(person.id, SecurityEventKind.SIGNED_IN, clock.now, asked[1]))
        await post_a_link(db, person.id, clock)
    await post_a_link(db, None, clock)
    await a_schedule_opens(db, alex, clock)
    await db.commit()
    found = {
        name: await column(db, f"select couple_id from member where account_id = '{person.id}'")
        for name, person in everybody.items()
    }
    return Town(everybody, {name: ids[0] if ids else None for name, ids in found.items()})


async def post_a_link(db: AsyncSession, account_id: UUID | None, clock: Clock) -> None:
    token = new_token()
    letter = Letter(MailKind.RESET, "sam@example.org", Locale.EN, token)
    await outbox.post(db, letter, KEYRING, clock.now, account_id)
    db.add(Link.of(token, LinkKind.RESET, account_id, "", clock.now))


async def a_schedule_opens(db: AsyncSession, person: Person, clock: Clock) -> None:
    """For both; the hour of this one has come, and not that of the other."""
    begun = (await db.exec(select(Checkin).where(Checkin.begun_by == person.id))).one()
    private = {"id": new_id(clock.now), "schedule_id": new_id(clock.now), "begun_by": None}
    opened = Checkin(**begun.model_dump() | private)
    db.add(opened)
    await db.flush()
    db.add(Arrival(account_id=person.id, checkin_id=opened.id))


async def everything_happens(one: Person, other: Person) -> None:
    checkin = await one.begins()
    for person in (one, other):
        await person.answers(checkin, mood=4, closeness=2)
        await person.releases(checkin, "mood")
        await person.schedules(for_both=False)
        await person.sends(key=other.name)
        shown, unseen = {"most": 3, "shown": True}, {"topics": ["money"], "shown": False}
        await person.sets(daily_budget=shown, off_limit_topics=unseen)
    await other.signs((await one.schedules()).json())
    for proposer, person in ((one, other), (other, one)):
        declined = (await proposer.schedules(pack="daily_pulse")).json()["id"]
        await person.put(f"/schedules/{declined}/declined", json={"version": 1})
    await other.post("/privacy/deletion")
    await one.takes_space("told")
    await other.takes_space("silent")


async def test_every_table_says_what_of_it_somebody_may_do(db: AsyncSession) -> None:
    assert await tables(db) == sorted(WALL)


# Each statement by itself, and undone. A row that only clashes with one that is there has come
# through: with another key it would stand.
TRY_ALL = """
create or replace function try_all(statements text[]) returns boolean[] language plpgsql as $$
declare statement text; touched integer; through boolean[];
begin
    foreach statement in array statements loop
        begin
            execute statement;
            get diagnostics touched = row_count;
            raise exception using errcode = 'UNDO1', message = touched;
        exception
            when insufficient_privilege or check_violation or foreign_key_violation then
                through := through || false;
            when sqlstate 'UNDO1' then through := through || (sqlerrm = '1');
            when others then through := through || true;
        end;
    end loop;
    return through;
end $$
"""


@pytest.fixture
async def tried(engines: Engines) -> AsyncIterator[None]:
    async with engines["owner"].begin() as owner:
        await owner.execute(text(TRY_ALL))
    yield
    async with engines["owner"].begin() as owner:
        await owner.execute(text("drop function try_all"))


@pytest.mark.usefixtures("tried")
async def test_the_wall_lets_through_what_it_should_and_nothing_else(
    town: Town, db: AsyncSession, engines: Engines
) -> None:
    wrong, seen = [], set()
    for name, person in town.people.items():
        async with acting_as(person.id, engines["api"]) as api:
            for table in WALL:
                rows = await rows_and_rights(table, person, town.couples[name], db)
                for row, rights, done in await try_on(api, table, rows):
                    seen.add((table, done[0]))
                    if done != rights:
                        wrong.append(f"{name} {done} and not {rights}: {table} {row}")
    assert wrong == []
    # Of every table there was something to see, and something not to.
    possible = {(table, some) for table in WALL for some in (True, False)}
    assert seen == possible - {(table, True) for table in UNSEEN}


@asynccontextmanager
async def acting_as(person: UUID | None, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """In the api's role, as it acts for one account, and nothing of it is kept."""
    async with engine.connect() as api:
        if person:
            become = text("select set_config('app.account_id', cast(:who as text), true)")
            await api.execute(become, {"who": person})
        yield api
        await api.rollback()


Row = tuple[str, str, str, list[bool]]  # where it lies, what it says, as a literal, and the rights


async def rows_and_rights(
    table: str, person: Person, couple: str | None, db: AsyncSession
) -> list[Row]:
    """Every row there is, and what this person should be able to do with it."""
    rights = ", ".join(f"coalesce({each}, false)" for each in astuple(WALL[table]))
    row = "to_jsonb(t)::text"
    statement = f'select ctid::text, {row}, quote_literal({row}), array[{rights}] from "{table}" t'
    values = {"me": person.id, "couple": couple and UUID(couple)}
    used = {name: value for name, value in values.items() if f":{name}" in statement}
    return [tuple(each) for each in await (await db.connection()).execute(text(statement), used)]


async def try_on(
    api: AsyncConnection, table: str, rows: list[Row]
) -> list[tuple[str, list[bool], list[bool]]]:
    """Each row, what should be, and what is."""
    own = await api.execute(text(CHANGEABLE), {"table": table})
    changed = own.scalar_one_or_none()
    tries = []
    for place, _, literal, _ in rows:
        here = f"\"{table}\" where ctid = '{place}'"
        tries += [
            f"select from {here}",
            inserted(table, literal),
            f"update {here.replace(' where', f' set {changed} = {changed} where')}",
            f"delete from {here}",
        ]
    through = (await api.execute(text("select try_all(:tries)"), {"tries": tries})).scalar_one()
    parts = [through[start : start + 4] for start in range(0, len(through), 4)]
    return [(row[1], row[3], done) for row, done in zip(rows, parts, strict=True)]


def inserted(table: str, literal: str) -> str:
    return f'insert into "{table}" select * from jsonb_populate_record(null::"{table}", {literal})'


# Some column that this role may change; if there is none, the first will do to be turned away.
CHANGEABLE = """
select attname from pg_attribute where attrelid = cast(:table as regclass) and attnum > 0
order by has_column_privilege(attrelid, attnum, 'update') desc, attnum limit 1
"""


# What a row may hang on, by the name of its column. (That a check-in remembers its schedule is no
# key to anything.)
HANGS_ON = {
    "account_id": "account",
    "checkin_id": "checkin",
    "couple_id": "couple",
    "from_id": "account",
    "schedule_id": "schedule",
    "session_id": "session",
    "shown_in": "couple",
}
HAVE_SUCH = """
select relname from pg_attribute join pg_class on pg_class.oid = attrelid
where relnamespace = 'public'::regnamespace and relkind = 'r' and attname = '{column}'
and (relname, attname) <> ('checkin', 'schedule_id')
"""
# A partner's nudge is for my partner: whose row it is.
TO_MY_PARTNER = ("partner_nudge", "account_id")


@pytest.mark.usefixtures("tried")
@pytest.mark.parametrize("hangs", HANGS_ON)
async def test_nothing_of_mine_hangs_on_what_i_do_not_see(
    hangs: str, town: Town, db: AsyncSession, engines: Engines
) -> None:
    sam, parent = town.people["sam"], HANGS_ON[hangs]
    async with acting_as(sam.id, engines["api"]) as api:
        seen = [
            str(each) for each in (await api.execute(text(f"select id from {parent}"))).scalars()
        ]
        strange = {*await column(db, f"select id from {parent}")} - {*seen}
        tries = [
            each
            for table in await column(db, HAVE_SUCH.format(column=hangs))
            if (table, hangs) != TO_MY_PARTNER
            for row in await rows_and_rights(table, sam, town.couples["sam"], db)
            for each in hung_on(table, row, hangs, strange)
        ]
        assert tries, "else this test tests nothing"
        through = (await api.execute(text("select try_all(:tries)"), {"tries": tries})).scalar_one()
    assert [each for each, came in zip(tries, through, strict=True) if came] == []


def hung_on(table: str, row: Row, hangs: str, strange: set[str]) -> Iterator[str]:
    """My own row, put there anew or moved, so that it hangs on each of what is strange to me."""
    place, said, _, (_, adds, changes, _) = row
    for parent in strange:
        if adds:
            yield inserted(table, f"'{json.dumps(json.loads(said) | {hangs: parent})}'")
        if changes:
            yield f"update \"{table}\" set {hangs} = '{parent}' where ctid = '{place}'"


async def test_nobody_sees_anything(town: Town, engines: Engines) -> None:
    assert town
    async with acting_as(None, engines["api"]) as api:
        await nothing_is_there(api)


OPENED = """
select account_id from open_session(:session, now(), false)
"""


async def test_a_connection_forgets_whom_it_served(town: Town, database: URL) -> None:
    one_connection = open_engine(database, Role.API, pool_size=1)
    for person in (town.people["sam"], town.people["alex"]):
        async with one_connection.begin() as api:  # and what it did is kept
            opened = await api.execute(text(OPENED), {"session": person.session_id})
            assert opened.scalar_one() == person.id
            seen = await api.execute(text("select pg_backend_pid() from account"))
            before = seen.scalar_one()
        async with one_connection.begin() as api:
            assert (await api.execute(text("select pg_backend_pid()"))).scalar_one() == before
            await nothing_is_there(api)
    await one_connection.dispose()


async def nothing_is_there(api: AsyncConnection) -> None:
    for table in sorted({*WALL} - UNSEEN):
        assert (await api.execute(text(f'select from "{table}"'))).all() == [], table


# What runs as the owner, and for whom. Each is asked below about everybody that it is not for.
REACH_PAST = {
    "account_by_email": "whoever signs in, who has shown nothing yet: an id, for an address",
    "account_by_identity": "whoever signs in, who has shown a token: an id, for a hash",
    "asked_of_me": "a wall of its own",
    "bind_revealed": "what is revealed to me: mine, and my partner's for it",
    "found_couple": "whoever invited, for the one who typed their code",
    "invitation_of_code": "whoever holds a code",
    "last_of_them": "a trigger",
    "lock_for_writing": "the worker, before a deletion is final: it shows nothing",
    "nobody_waits": "a trigger",
    "nothing_proposed": "a trigger",
    "open_link": "whoever holds a token that came by mail",
    "open_session": "whoever holds a session's id, which only a signed token tells",
    "partner_zone": "my partner's",
    "reachable": "those to whom `tell` may speak",
    "redeem_invitation": "whoever holds a code",
    "release_target": "whoever holds a phone, and so knows its target",
    "reveal": "what is revealed to me, as `revealed_answers` says, and told to my partner",
    "revealed_answers": "my partner's, where both released the same",
    "session_of_token": "whoever holds a refresh token",
    "step_back": "my invitation, and the one that I typed",
    "tell": "my partner, and whoever invited me",
}
TELL = """
select tell(gen_random_uuid(), :who, null, 'paired', null, now(), now(), now())
"""


async def test_whatever_reaches_past_the_wall_says_for_whom(db: AsyncSession) -> None:
    reach = "select proname from pg_proc where prosecdef and pronamespace = 'public'::regnamespace"
    assert sorted(await column(db, reach)) == sorted(REACH_PAST)


async def test_what_reaches_past_the_wall_tells_nobody_of_strangers(
    town: Town, db: AsyncSession, engines: Engines
) -> None:
    sam, alex = town.people["sam"], town.people["alex"]
    answered = f"couple_id = '{town.couples['sam']}' and schedule_id is null"
    ours = await column(db, f"select id from checkin where {answered}")
    for me, near in ((sam.id, {sam.id, alex.id}), (None, set())):
        async with acting_as(me, engines["api"]) as api:
            reached = (await api.execute(text("select reachable()"))).scalars()
            assert {each for each in reached if each} == near
            revealed = text("select from checkin, revealed_answers(checkin.id, now())")
            assert len((await api.execute(revealed)).all()) == (1 if me else 0)
            for each in await column(db, "select id from checkin"):
                shown = await api.execute(
                    text("select from revealed_answers(:id, now())"), {"id": UUID(each)}
                )
                assert bool(shown.all()) == (me is not None and each in ours)


@pytest.mark.parametrize("who", ["jo", "kim", "robin"])
async def test_nobody_makes_a_strangers_phone_ring(who: str, town: Town, engines: Engines) -> None:
    for me in (town.people["sam"].id, None):
        async with acting_as(me, engines["api"]) as api:
            with pytest.raises(DBAPIError, match="not mine to tell"):
                await api.execute(text(TELL), {"who": town.people[who].id})


# What the worker may read of each table: no word that anybody wrote, nothing that opens a door.
WORKER_READS = {
    "account": {"id", "locale", "zone"},
    "answer": {"account_id", "checkin_id"},
    "block": set[str](),
    "checkin_arrival": set[str](),
    "couple": set[str](),
    "credential_change": set[str](),
    "data_key": set[str](),
    "invitation": {"expires_at"},
    "identity": set[str](),
    "identity_nonce": {"expires_at"},
    "kept_answer": {"expires_at"},
    "link": {"expires_at"},
    "mail": {"attempts", "due_at", "expires_at", "id", "kind", "sealed"},
    "refresh_token": {"expires_at"},
    "schedule_declined": set[str](),
    "security_event": {"at"},
    "session": {"expires_at", "id"},
}


async def test_the_worker_reads_no_answer_no_address_and_nothing_that_opens(
    db: AsyncSession,
) -> None:
    every = "attrelid = '{table}'::regclass and attnum > 0 and not attisdropped"
    allowed = f"and has_column_privilege('{Role.WORKER}', attrelid, attnum, 'select')"
    for table in WALL:
        columns = "select attname from pg_attribute where " + every.format(table=table)
        expected = WORKER_READS.get(table, {*await column(db, columns)})
        assert {*await column(db, f"{columns} {allowed}")} == expected, table


@pytest.mark.parametrize(
    "wanted",
    [
        *("sealed from answer", "shared from answer", "released from answer", "* from answer"),
        *("email from account", "password_hash from account", "name from account"),
        *("account_id from session", "hash from refresh_token", "code_hash from invitation"),
        *("account_id from mail", "hash from link", "sealed from link", "kind from security_event"),
        *("revealed_answers(id, now()) from checkin", "account_by_email('sam@example.org', now())"),
        *("account_id from identity", "hash from identity_nonce", "account_by_identity('', now())"),
    ],
)
async def test_the_worker_is_turned_away_from(wanted: str, engines: Engines) -> None:
    async with engines["worker"].connect() as worker:
        with pytest.raises(DBAPIError, match="permission denied"):
            await worker.execute(text(f"select {wanted}"))


WORKER_WRITES = {
    "account": "erases it, once its owner's deletion is final",
    "checkin": "opens what is due",
    "checkin_arrival": "lets each see it from their own hour on",
    "deletion": "makes it final, when its grace is over",
    "device": "forgets one that FCM no longer knows",
    "invitation": "sweeps what has run out",
    "kept_answer": "sweeps what has run out",
    "identity_nonce": "sweeps what has run out",
    "link": "sweeps what has run out",
    "mail": "is its own",
    "member": "locks it while it writes for somebody; a policy forbids the change",
    "nudge": "tells what is due, and sweeps what is over",
    "partner_nudge": "sweeps what was sent long ago",
    "push": "is its own",
    "refresh_token": "sweeps what has run out",
    "schedule_hour": "moves it on",
    "security_event": "sweeps what is long ago",
    "sending": "counts what leaves, of all",
    "session": "sweeps what has run out",
    "space": "sweeps what was over long ago",
}


@pytest.mark.parametrize("table", sorted(WALL))
async def test_the_worker_writes_no_answer_and_nobodys_choices(
    table: str, db: AsyncSession
) -> None:
    might = f"select has_any_column_privilege('{Role.WORKER}', '{table}', 'insert, update')"
    deletes = f"select has_table_privilege('{Role.WORKER}', '{table}', 'delete')"
    may = {*await column(db, might), *await column(db, deletes)}
    assert ("True" in may) == (table in WORKER_WRITES)
