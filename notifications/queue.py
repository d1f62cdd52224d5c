"""The worker's side of the pushes: claim under a lease, and record.

The lease is `due_at`, moved ahead: a worker that dies gives its pushes back by doing nothing.
Each claim leaves a later value than the one before it, so the value is also the fence: a worker
that comes back after its lease ran out matches no row.

An attempt counts from the claim on, whatever becomes of it: of one whose worker died nobody can
say whether it rang, and a push on which workers die would be tried for ever.
"""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Integer, String, Uuid, any_, bindparam, func
from sqlalchemy.orm import aliased
from sqlmodel import UTCDateTime, col, delete, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from notifications.policy import Done, Due, Later, Settled
from schemas.devices import Device
from schemas.nudges import Kind, Nudge, Push

# A CTE, since a plain subquery with a limit may be run more than once and claim more.
DUE = (
    select(Push.id)
    .where(col(Push.due_at) <= bindparam("now"))
    .order_by(col(Push.due_at))
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
    .cte("due")
)
_nudge = aliased(Nudge)
NEWEST = (
    select(func.max(_nudge.made_at))
    .where(col(_nudge.account_id) == Push.account_id, col(_nudge.kind) == Push.kind)
    .where(col(_nudge.couple_id).is_not_distinct_from(Push.couple_id), ~col(_nudge.held))
    .correlate(Push)
    .scalar_subquery()
)
CLAIM = (
    update(Push)
    .where(col(Push.id) == DUE.c.id, col(Nudge.id) == DUE.c.id)
    .values(due_at=bindparam("lease"), attempts=col(Push.attempts) + 1)
    .returning(
        *map(col, (Push.id, Push.account_id, Push.kind, Push.expires_at)),
        *map(col, (Push.attempts, Push.reminders_left, Nudge.couple_id, Nudge.about)),
        NEWEST,
    )
)
WAITING = select(func.count(), func.min(Push.due_at)).where(col(Push.due_at) <= bindparam("now"))
# Seconds after which what another claim held is recorded again. When one ends that outlasts them
# all nobody knows, and what it holds rings again, under its tag.
WAITS = tuple(0.02 * 2**n for n in range(8))
LEASED = (
    select(Push.id)
    .where(col(Push.id) == any_(bindparam("ids", type_=ARRAY(Uuid))))
    .where(col(Push.due_at) == bindparam("lease"))
)
# Passed over where somebody else holds the row, lest two wait for each other. Leaving takes the row
# away. A claim gives it back: where it began before ours had ended, it locks what it saw to be due,
# finds that it no longer is, leaves it alone, and holds the lock until it ends.
OURS = LEASED.with_for_update(skip_locked=True).cte("ours")
FINISH = delete(Push).where(col(Push.id) == OURS.c.id)
LATER = (
    func.unnest(
        bindparam("ids", type_=ARRAY(Uuid)),
        bindparam("at", type_=ARRAY(UTCDateTime)),
        bindparam("attempts", type_=ARRAY(Integer)),
        bindparam("left", type_=ARRAY(Integer)),
    )
    .table_valued("id", "at", "attempts", "reminders_left", name="later")
    .render_derived()
)
POSTPONE = (
    update(Push)
    .where(col(Push.id) == OURS.c.id, col(Push.id) == LATER.c.id)
    .values(due_at=LATER.c.at, attempts=LATER.c.attempts, reminders_left=LATER.c.reminders_left)
)
# By its target too: a phone that has registered anew meanwhile keeps its new one.
DEAD = (
    func.unnest(bindparam("ids", type_=ARRAY(Uuid)), bindparam("targets", type_=ARRAY(String)))
    .table_valued("id", "target", name="dead")
    .render_derived()
)
FORGET = delete(Device).where(col(Device.id) == DEAD.c.id, col(Device.target) == DEAD.c.target)


async def claim(db: AsyncSession, now: datetime, lease: datetime, most: int) -> list[Due]:
    """Up to `most` due pushes, the longest due first; other workers pass over them."""
    rows = await db.exec(CLAIM, params={"now": now, "lease": lease, "most": most})
    return [Due(*row)._replace(kind=Kind(row[2])) for row in rows]


async def waiting(db: AsyncSession, now: datetime) -> tuple[int, datetime | None]:
    """How many are due and in nobody's hands, and since when the first of them is."""
    number, since = (await db.exec(WAITING, params={"now": now})).one()
    return number, since


async def record(
    db: AsyncSession, lease: datetime, settled: Mapping[UUID, Settled]
) -> dict[UUID, Settled]:
    """Done is gone, the rest waits for another time. Returns what somebody else holds, to be
    recorded again: else it would be sent again when the lease ends.
    """
    done = [push_id for push_id, result in settled.items() if isinstance(result, Done)]
    later = {push_id: r for push_id, r in settled.items() if isinstance(r, Later)}
    recorded = 0
    if done:
        recorded += (await db.exec(FINISH, params={"ids": done, "lease": lease})).rowcount
    postponed = {
        "ids": [*later],
        "at": [each.at for each in later.values()],
        "attempts": [each.attempts for each in later.values()],
        "left": [each.reminders_left for each in later.values()],
    }
    if later:
        recorded += (await db.exec(POSTPONE, params=postponed | {"lease": lease})).rowcount
    if recorded == len(settled):
        return {}
    held = await db.exec(LEASED, params={"ids": [*settled], "lease": lease})
    return {push_id: settled[push_id] for push_id in held}


async def forget(db: AsyncSession, dead: Mapping[UUID, str]) -> None:
    """Devices that FCM no longer knows, unless they have a new target by now."""
    if dead:
        await db.exec(FORGET, params={"ids": [*dead], "targets": [*dead.values()]})
