"""Who asks: from a token alone, and then from its session as it is at this moment.

The session is read live with every request, in one statement that also raises the wall: from
there on the database shows what this person may see. Whatever one statement can read is read in
the very same one.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from api.errors import NotSignedIn
from api.fittings import Fittings
from api.tokens import Claims
from schemas.base import Locale
from schemas.data_keys import place
from schemas.database import Writing, writing
from schemas.opening import OPENING
from schemas.pairing import Member, Person
from schemas.short import Short
from schemas.talk import Row

OPENED = Short(OPENING)


@dataclass(frozen=True, slots=True)
class Asking:
    """Whoever holds a good token. Whether its session is still there nobody has asked yet."""

    claims: Claims
    house: Fittings
    now: datetime
    urgent: bool = False  # it protects somebody, and so has a place of its own

    def place(self) -> AbstractAsyncContextManager[None]:
        """In the crowd: one is needed before any connection is."""
        who = self.claims
        return self.house.crowd.enter(who.account_id, who.session_id, protects=self.urgent)

    async def open(self, db: AsyncSession, *, lock: bool) -> Person:
        """With `lock`, nobody else writes for them, or for the two of them, meanwhile."""
        session = self.claims.session_id
        row = await OPENED.one_or_none(db, session=session, now=self.now, lock=lock)
        who, _ = self._who(row)
        return who

    async def read(self, what: Short, **values: object) -> tuple[Person, Row]:
        """Who they are, and what `within_opening` reads for them."""
        scope = {"session": self.claims.session_id, "now": self.now, "lock": False}
        async with self.place():
            row = await what.alone(self.house.engine, **scope, **values)
        return self._who(row)

    @asynccontextmanager
    async def writing(
        self, what: Short, **values: object
    ) -> AsyncIterator[tuple[Writing, Person, Row]]:
        """The same, and nobody else writes for them, or for the two of them, until the block is
        left and all is kept. They are opened twice in one round trip: a statement sees the database
        as it was before it waited for the lock, and the next one as it is behind it.
        """
        scope: dict[str, object] = {"session": self.claims.session_id, "now": self.now}
        async with self.place(), writing(self.house.engine) as opened:
            await OPENED.do(opened, **scope, lock=True)
            row = await what.one_or_none(opened, **scope, lock=False, **values)
            yield opened, *self._who(row)

    def _who(self, row: Row | None) -> tuple[Person, Row]:
        if row is None or row[0] != self.claims.account_id:
            raise NotSignedIn
        account_id, zone, locale, couple_id, partner_id, proved_at, my_key, our_key = row[:WIDTH]
        keyring = self.house.keyring
        kind = Member if our_key else Person
        who = kind(
            id=account_id,
            session_id=self.claims.session_id,
            zone=zone,
            locale=Locale(locale),
            couple_id=couple_id,
            partner_id=partner_id,
            proved_at=proved_at,
            key=keyring.unwrap(my_key, place(account_id, None)),
            couple_key=our_key and keyring.unwrap(our_key, place(account_id, couple_id)),
        )
        return who, row[WIDTH:]


WIDTH = len(OPENING.selected_columns)
