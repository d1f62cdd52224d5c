"""The worker's side of the mail: claim under a lease, and record. As `queue` does for pushes.

A worker that dies gives its mail back by doing nothing; one that comes back after its lease ran
out matches no row.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, bindparam, func
from sqlmodel import UTCDateTime, col, delete, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from schemas.mail import Mail, MailKind

FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=1)

# A CTE, since a plain subquery with a limit may be run more than once and claim more.
DUE = (
    select(Mail.id)
    .where(col(Mail.due_at) <= bindparam("now"))
    .order_by(col(Mail.due_at))
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
    .cte("due")
)
CLAIM = (
    update(Mail)
    .where(col(Mail.id) == DUE.c.id)
    .values(due_at=bindparam("lease"))
    .returning(*map(col, (Mail.id, Mail.kind, Mail.sealed, Mail.attempts, Mail.expires_at)))
)
LEASED = (
    select(Mail.id)
    .where(col(Mail.id) == any_(bindparam("ids", type_=ARRAY(Uuid))))
    .where(col(Mail.due_at) == bindparam("lease"))
)
# Passed over where somebody else holds the row, as with pushes: whoever deletes their account does,
# and takes it away, or another claim, and gives it back.
OURS = LEASED.with_for_update(skip_locked=True).cte("ours")
FINISH = delete(Mail).where(col(Mail.id) == OURS.c.id)
LATER = (
    func.unnest(
        bindparam("ids", type_=ARRAY(Uuid)),
        bindparam("at", type_=ARRAY(UTCDateTime)),
    )
    .table_valued("id", "at", name="later")
    .render_derived()
)
POSTPONE = (
    update(Mail)
    .where(col(Mail.id) == OURS.c.id, col(Mail.id) == LATER.c.id)
    .values(due_at=LATER.c.at, attempts=col(Mail.attempts) + 1)
)


class Due(NamedTuple):
    """A mail whose time has come."""

    id: UUID
    kind: MailKind
    sealed: bytes
    attempts: int
    expires_at: datetime

    def again_at(self, now: datetime) -> datetime | None:
        """Each time twice as long, up to an hour; None once it would come too late."""
        # Capped before it is multiplied: nobody waits 2**40 times anything.
        wait = min(FIRST_WAIT * 2 ** min(self.attempts, 10), LONGEST_WAIT)
        return now + wait if now + wait < self.expires_at else None


async def claim(db: AsyncSession, now: datetime, lease: datetime, most: int) -> list[Due]:
    """Up to `most` mails, the longest due first; other workers pass over them."""
    rows = await db.exec(CLAIM, params={"now": now, "lease": lease, "most": most})
    return [Due(*row)._replace(kind=MailKind(row[1])) for row in rows]


async def record(
    db: AsyncSession, lease: datetime, settled: Mapping[UUID, datetime | None]
) -> dict[UUID, datetime | None]:
    """Each is tried again at its time; what has none is done and gone. Returns what somebody else
    holds, to be recorded again: else it would be sent again when the lease ends.
    """
    done = [mail_id for mail_id, at in settled.items() if at is None]
    later = {mail_id: at for mail_id, at in settled.items() if at}
    await db.exec(FINISH, params={"ids": done, "lease": lease})
    postponed = {"ids": [*later], "at": [*later.values()], "lease": lease}
    await db.exec(POSTPONE, params=postponed)
    held = await db.exec(LEASED, params={"ids": [*settled], "lease": lease})
    return {mail_id: settled[mail_id] for mail_id in held}
