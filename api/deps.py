"""What a route may ask for by name.

Db         the transaction of this request
Now        its time
House      what the application was built with: keys, passwords, engine
Counted    how often it was asked; `limited(policy)` counts before anything else is done
Me         who asks
MeWriting  who asks, and nobody else writes for them (or, paired, for the two of them) meanwhile
Reader     who asks, within a couple; without one it is refused
Writer     the same, and nobody else writes for this couple meanwhile
Fresh      who asks, writing, having proved lately that it is them. For what a partner with the
           phone in hand must not get at; never for leaving, space, consent or help
"""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import String, bindparam, func
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from api import tokens
from api.crowd import Crowd
from api.errors import NotPaired, NotProved, NotSignedIn
from api.issuers import Trusted
from api.limits import Limits, Tally
from api.passwords import Passwords
from api.policy.limits import Policy, protects
from schemas.base import Locale
from schemas.data_keys import place
from schemas.database import transaction
from schemas.identities import Issuer
from schemas.mail import SEALED_FOR
from schemas.pairing import OPENING, Member, Person
from schemas.sealing import Keyring
from schemas.short import Short

FRESH_FOR = timedelta(minutes=10)
OPENED = Short(OPENING)


@dataclass(frozen=True, slots=True)
class Fittings:
    """What the application was built with."""

    engine: AsyncEngine
    clock: Callable[[], datetime]
    token_keys: Mapping[str, bytes]
    keyring: Keyring
    passwords: Passwords = field(default_factory=Passwords)
    security_contact: str | None = None
    issuers: Mapping[Issuer, Trusted] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    crowd: Crowd = field(default_factory=Crowd)
    docs: bool = False  # are /docs and the like open?

    @property
    def mail_keys(self) -> Keyring:
        """With which mail is sealed until it is sent."""
        return self.keyring.derived(SEALED_FOR)


async def read_house(request: Request) -> Fittings:
    house: Fittings = request.app.state.house
    return house


House = Annotated[Fittings, Depends(read_house)]


async def read_tally(request: Request) -> Tally:
    tally: Tally = request.state.tally
    return tally


Counted = Annotated[Tally, Depends(read_tally)]


def limited(*policies: Policy) -> Any:  # noqa: ANN401 - as FastAPI says itself
    """For `dependencies=`: counted before anything else is done. Whoever brings no good token to
    what is counted by account is turned away, and uses up nothing of anybody's.
    """

    async def count(tally: Counted) -> None:
        if {policy.subject for policy in policies} <= tally.subjects.keys():
            for policy in policies:
                await tally.add(policy)

    return Depends(count)


async def read_clock(house: House) -> datetime:
    return house.clock()


Now = Annotated[datetime, Depends(read_clock)]


async def open_transaction(house: House) -> AsyncIterator[AsyncSession]:
    """One request, one transaction. It takes a connection when it is first used."""
    async with transaction(house.engine) as db:
        yield db


# By default FastAPI ends a dependency after the response has left: a commit that fails would
# follow a 200. scope="function" ends it before, so a 2xx is always in the database.
Db = Annotated[AsyncSession, Depends(open_transaction, scope="function")]
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))]


async def read_token(
    bearer: Bearer, house: House, now: Now, request: Request
) -> AsyncIterator[tokens.Claims]:
    """For as long as they have a place in the crowd: one is needed before any connection is."""
    claims = tokens.read(house.token_keys, bearer.credentials, now) if bearer else None
    if claims is None:
        raise NotSignedIn
    urgent = protects(request.method, request.scope["path"])
    async with house.crowd.enter(claims.account_id, claims.session_id, protects=urgent):
        yield claims


Claims = Annotated[tokens.Claims, Depends(read_token, scope="function")]


async def me(claims: Claims, db: Db, now: Now, house: House) -> Person:
    """Who asks; from here on the database shows what this person may see."""
    return await opened(claims, db, now, house, lock=False)


async def me_writing(claims: Claims, db: Db, now: Now, house: House) -> Person:
    return await opened(claims, db, now, house, lock=True)


async def opened(
    claims: tokens.Claims, db: AsyncSession, now: datetime, house: Fittings, *, lock: bool
) -> Person:
    """One statement: session, account, couple, wall, keys and lock, all as they are now."""
    row = await OPENED.one_or_none(db, session=claims.session_id, now=now, lock=lock)
    if row is None or row[0] != claims.account_id:
        raise NotSignedIn
    account_id, zone, locale, couple_id, partner_id, proved_at, my_key, our_key = row
    return Person(
        id=account_id,
        session_id=claims.session_id,
        zone=zone,
        locale=Locale(locale),
        couple_id=couple_id,
        partner_id=partner_id,
        proved_at=proved_at,
        key=house.keyring.unwrap(my_key, place(account_id, None)),
        couple_key=our_key and house.keyring.unwrap(our_key, place(account_id, couple_id)),
    )


def paired(person: Person) -> Member:
    if (member := person.member) is None:
        raise NotPaired
    return member


Me = Annotated[Person, Depends(me)]
MeWriting = Annotated[Person, Depends(me_writing)]


async def fresh(person: MeWriting, now: Now) -> Person:
    if now >= person.proved_at + FRESH_FOR:
        raise NotProved
    return person


Fresh = Annotated[Person, Depends(fresh)]


async def reader(person: Me) -> Member:
    return paired(person)


async def writer(person: MeWriting) -> Member:
    return paired(person)


Reader = Annotated[Member, Depends(reader)]
Writer = Annotated[Member, Depends(writer)]

BECOME = select(func.set_config("app.account_id", bindparam("who", type_=String), True))  # noqa: FBT003


async def become(db: AsyncSession, account_id: UUID) -> None:
    """For the few routes that begin without a session: from here on, act as this account."""
    await db.exec(BECOME, params={"who": str(account_id)})
