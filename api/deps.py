"""What a route may ask for by name.

Db         the transaction of this request
Now        its time
House      what the application was built with: keys, passwords, engine
Counted    how often it was asked; `limited(policy)` counts before anything else is done
Comes      whoever holds a good token, before anybody looked for their session. For what is done in
           one statement or in one transaction of their own: with it they take their place
Asks       the same, in their place of the crowd for as long as the request takes
Me         who asks
MeWriting  who asks, and nobody else writes for them (or, paired, for the two of them) meanwhile
Reader     who asks, within a couple; without one it is refused
Writer     the same, and nobody else writes for this couple meanwhile
Fresh      who asks, writing, having proved lately that it is them. For what a partner with the
           phone in hand must not get at; never for leaving, space, consent or help
"""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from sqlalchemy import String, bindparam, func
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from api.asking import Asking
from api.errors import NotPaired, NotProved, NotSignedIn
from api.fittings import Fittings
from api.limits import Tally
from api.policy.limits import Policy, protects
from api.tokens import Claims
from schemas.database import transaction
from schemas.pairing import Member, Person

FRESH_FOR = timedelta(minutes=10)


async def read_house(request: Request) -> Fittings:
    return house_of(request)


def house_of(request: Request) -> Fittings:
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


# What follows asks the request itself for what is needed before it, rather than FastAPI: every
# dependency of a dependency is looked at anew with each request.


def time_of(request: Request) -> datetime:
    """One for all of a request. First asked for when all of the body is here, and not when it began
    to come: else whoever sends slowly would have sent before a space that has begun meanwhile.
    """
    state: dict[str, Any] = request.scope["state"]
    if "now" not in state:
        state["now"] = house_of(request).clock()
    now: datetime = state["now"]
    return now


async def read_clock(request: Request) -> datetime:
    return time_of(request)


Now = Annotated[datetime, Depends(read_clock)]


async def open_transaction(request: Request) -> AsyncIterator[AsyncSession]:
    """One request, one transaction. It takes a connection when it is first used."""
    async with transaction(house_of(request).engine) as db:
        yield db


# By default FastAPI ends a dependency after the response has left: a commit that fails would
# follow a 200. scope="function" ends it before, so a 2xx is always in the database.
Db = Annotated[AsyncSession, Depends(open_transaction, scope="function")]


class Bearer(HTTPBearer):
    """Whoever holds a token, as the contract names it; the entrance has read it already."""

    async def __call__(self, request: Request) -> Asking:  # type: ignore[override]
        claims: Claims | None = request.scope["state"]["claims"]
        if claims is None:
            raise NotSignedIn
        urgent = protects(request.method, request.scope["path"])
        return Asking(claims, house_of(request), time_of(request), urgent=urgent)


Comes = Annotated[Asking, Depends(Bearer(scheme_name=HTTPBearer.__name__))]


async def read_asking(comes: Comes) -> AsyncIterator[Asking]:
    async with comes.place():
        yield comes


Asks = Annotated[Asking, Depends(read_asking, scope="function")]


async def me(asks: Asks, db: Db) -> Person:
    """Who asks; from here on the database shows what this person may see."""
    return await asks.open(db, lock=False)


async def me_writing(asks: Asks, db: Db) -> Person:
    return await asks.open(db, lock=True)


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
