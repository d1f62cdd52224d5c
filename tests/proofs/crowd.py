"""Many people, each with a phone and one thing that waits to ring."""

from datetime import timedelta

from fastapi import FastAPI
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from schemas.base import new_id
from schemas.nudges import Kind, Nudge, Push
from tests.builders import Person, a_person
from tests.fakes import Clock
from tests.proofs.stage import now

# Copies of one, whatever columns there are: made in the database, since there are many.
COPIES = """
with person as (
    insert into account select (jsonb_populate_record(one, jsonb_build_object(
        'id', gen_random_uuid(), 'email', 'crowd-' || n || '@example.org'))).*
    from account one, generate_series(1, :more) n where one.id = :one returning id
), phone as (
    insert into session select (jsonb_populate_record(one, jsonb_build_object(
        'id', p.id, 'account_id', p.id))).*
    from session one, person p where one.account_id = :one returning id
), device as (
    insert into device select (jsonb_populate_record(one, jsonb_build_object(
        'id', p.id, 'account_id', p.id, 'session_id', p.id, 'target', 'phone-' || p.id))).*
    from device one, phone p where one.account_id = :one returning account_id
), nudge as (
    insert into nudge select (jsonb_populate_record(one, jsonb_build_object(
        'id', gen_random_uuid(), 'account_id', p.account_id))).*
    from nudge one, device p where one.account_id = :one returning id, account_id
), push as (
    insert into push select (jsonb_populate_record(one, jsonb_build_object(
        'id', n.id, 'account_id', n.account_id))).*
    from push one, nudge n where one.account_id = :one
)
select 'phone-' || account_id, id::text from nudge
"""


async def a_crowd(db: AsyncSession, many: int) -> dict[str, str]:
    """Which tag must arrive on which phone."""
    await db.exec(text("truncate account cascade"))  # type: ignore[call-overload]
    await db.commit()
    one = await a_person(db, Person("crowd", FastAPI(), Clock(now())))
    tag = await what_waits(db, one)
    how = {"one": one.id, "more": many - 1}
    rows = await db.exec(text(COPIES), params=how)  # type: ignore[call-overload]
    due: dict[str, str] = dict(rows.all())
    await db.commit()
    return due | {one.phone: tag}


async def what_waits(db: AsyncSession, one: Person) -> str:
    at = now()
    nudge = Nudge(
        id=new_id(at),
        account_id=one.id,
        kind=Kind.PAIRED,  # which needs no consent, and asks no door
        about=None,
        couple_id=None,
        made_at=at,
        expires_at=at + timedelta(days=1),
    )
    db.add(nudge)
    await db.flush()
    of_it = nudge.model_dump(include={"id", "account_id", "kind", "expires_at"})
    db.add(Push(**of_it, due_at=at))
    await db.flush()
    return str(nudge.id)
