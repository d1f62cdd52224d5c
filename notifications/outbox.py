"""All that the api asks of notifications, in the request's transaction: a nudge and its push, or
a mail.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Uuid, bindparam, func
from sqlmodel import String, UTCDateTime, select
from sqlmodel.ext.asyncio.session import AsyncSession

from schemas.base import new_id
from schemas.mail import Letter, Mail
from schemas.nudges import DONE_WITH, KEPT, Kind
from schemas.sealing import Keyring
from schemas.short import Short, Within

# What did not ring within this time does not ring at all: nobody comes back to a heap.
RINGS_FOR = timedelta(hours=12)
# For so long a mail is tried.
TRIED_FOR = timedelta(hours=4)

TELL = Short(
    select(
        func.tell(
            bindparam("nudge", type_=Uuid),
            bindparam("who", type_=Uuid),
            bindparam("couple", type_=Uuid),
            bindparam("kind", type_=String),
            bindparam("about", type_=Uuid),
            bindparam("now", type_=UTCDateTime),
            bindparam("ends", type_=UTCDateTime),
            bindparam("rings", type_=UTCDateTime),
        )
    )
)
NOT_WAITING = Short(DONE_WITH)


async def tell(  # noqa: PLR0913, PLR0917 - who, where, what, about what, when: none follows from another
    db: Within,
    who: UUID,
    couple_id: UUID | None,
    kind: Kind,
    now: datetime,
    about: UUID | None = None,
) -> None:
    """One thing that waits for this person, and one generic push if their door lets it through.

    Only somebody whom the one who asks may reach: else the database refuses.
    """
    told = {"who": who, "couple": couple_id, "kind": kind.value, "about": about}
    await TELL.do(db, **told, **nudged(now))


def nudged(now: datetime) -> dict[str, object]:
    """Its id, and for how long it waits and may ring."""
    return {"nudge": new_id(now), "now": now, "ends": now + KEPT, "rings": now + RINGS_FOR}


async def no_longer_waits(db: Within, who: UUID, about: UUID, *kinds: Kind) -> None:
    """What it was about is done: nothing reminds of it any more."""
    await NOT_WAITING.do(db, who=who, kinds=[kind.value for kind in kinds], about=about)


async def post(  # noqa: PLR0913 - none follows from another
    db: AsyncSession,
    letter: Letter,
    keys: Keyring,
    now: datetime,
    account_id: UUID | None = None,
    *,
    sent: bool = True,
) -> None:
    """A mail, to an address that is nobody's yet or belongs to the account that acts. One that is
    not to be sent is over at once: it takes the same statements.
    """
    until = now + TRIED_FOR if sent else now
    db.add(Mail.of(letter, keys, new_id(now), account_id, now, until))
