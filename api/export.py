"""Writing the export: section by section, a page of rows in memory at a time.

It goes into a spool and not to the phone: a phone that reads slowly holds up nobody, least of all
a connection of the database. All sections are of one moment, since the transaction that reads
them sees the database as it was at its first statement.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, TypeAdapter
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import Select, SelectOfScalar

from api.policy import nudges as policy
from api.spool import Spool
from api.waiting import waiting
from schemas import export, exported
from schemas.accounts import ACCOUNT
from schemas.boundaries import BOUNDARIES, Boundaries, boundaries_of
from schemas.consent_pages import ConsentPast
from schemas.identities import IdentityPublic
from schemas.pairing import TOGETHER, Person
from schemas.privacy import DELETION, DeletionPublic
from schemas.space import MY_SPACE

Rows = Select[*tuple[Any, ...]] | SelectOfScalar[Any]
PAGE = 500  # rows
INSTANT = TypeAdapter(datetime)


async def written(me: Person, db: AsyncSession, now: datetime) -> Spool:
    """All of it, in the order of `Export`."""
    spool = Spool()
    spool.write(b'{"made_at":' + INSTANT.dump_json(now))
    for name, read in ONE.items():
        found = await read(me, db, now)
        spool.write(f',"{name}":'.encode() + (in_json(found) if found else b"null"))
    for name, (rows, shown) in MANY.items():
        spool.write(f',"{name}":'.encode())
        before = b"["
        async for row in read_pages(rows, me, db):
            spool.write(before + in_json(shown(me, row)))
            before = b","
        spool.write(b"]" if before == b"," else b"[]")
    spool.write(b"}")
    return spool


def in_json(shown: BaseModel) -> bytes:
    return shown.model_dump_json().encode()


async def read_pages(rows: Rows, me: Person, db: AsyncSession) -> AsyncIterator[Any]:
    """Hardly anybody has more than a page. Whoever has is read anew from a cursor in the database,
    which sends a page at a time.
    """
    first: Sequence[Any] = (await db.exec(rows.limit(PAGE + 1), params=me.scope)).all()
    if len(first) <= PAGE:
        for each in first:
            yield each
        return
    found = await db.stream(rows, me.scope, execution_options={"yield_per": PAGE})
    async for row in found:
        yield row if len(row) > 1 else row[0]


async def account(me: Person, db: AsyncSession, _: datetime) -> export.AccountExport:
    mine = (await db.exec(ACCOUNT, params=me.scope)).one()
    since = {"created_at": mine.created_at}
    return export.AccountExport.model_validate(mine.public(me.key), update=since)


async def pairing(me: Person, db: AsyncSession, _: datetime) -> export.PairingExport:
    together = (await db.exec(TOGETHER, params=me.scope)).one_or_none()
    return export.PairingExport(
        paired_on=together[0].date() if together else None,
        invitation_expires_at=(
            await db.exec(exported.MY_INVITATION, params=me.scope)
        ).one_or_none(),
    )


async def boundaries(me: Person, db: AsyncSession, _: datetime) -> Boundaries:
    only_mine = me.scope | {"partner": None}
    return boundaries_of((await db.exec(BOUNDARIES, params=only_mine)).all())


async def space(me: Person, db: AsyncSession, _: datetime) -> export.SpaceExport | None:
    taken = (await db.exec(MY_SPACE, params=me.scope)).one_or_none()
    return export.SpaceExport.model_validate(taken) if taken else None


async def deletion(me: Person, db: AsyncSession, _: datetime) -> DeletionPublic:
    return DeletionPublic.of((await db.exec(DELETION, params=me.scope)).one_or_none())


async def nudges(me: Person, db: AsyncSession, now: datetime) -> export.NudgesExport:
    """As my own door lets it in: what waits behind it I look at, or discard, where it waits."""
    return export.NudgesExport.of(policy.shown_of(me, await waiting(me, db, now), now))


Read = Callable[[Person, AsyncSession, datetime], Awaitable[BaseModel | None]]
ONE: Mapping[str, Read] = {
    each.__name__: each for each in (account, pairing, boundaries, space, deletion, nudges)
}


def as_it_is(form: type[BaseModel]) -> Callable[[Person, Any], BaseModel]:
    """For rows whose own columns say it all."""
    return lambda _, row: form.model_validate(row, from_attributes=True)


MANY: Mapping[str, tuple[Rows, Callable[[Person, Any], BaseModel]]] = {
    "sessions": (exported.MY_SESSIONS, as_it_is(export.SessionExport)),
    "identities": (exported.MY_IDENTITIES, as_it_is(IdentityPublic)),
    "security_events": (exported.MY_EVENTS, as_it_is(export.SecurityEventExport)),
    "pending_changes": (exported.MY_CHANGES, as_it_is(export.ChangeExport)),
    "devices": (exported.MY_DEVICES, as_it_is(export.DeviceExport)),
    "blocks": (exported.MY_BLOCKS, as_it_is(export.BlockExport)),
    "consents": (exported.MY_CONSENTS, as_it_is(ConsentPast)),
    "schedules": (exported.MY_SCHEDULES, export.ScheduleExport.of),
    "checkins": (exported.MY_CHECKINS, as_it_is(export.CheckinExport)),
    "answers": (exported.MY_ANSWERS, export.AnswerExport.of),
    "phrases_sent": (exported.MY_PHRASES, as_it_is(export.PhraseExport)),
}
