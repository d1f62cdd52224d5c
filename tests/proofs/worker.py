"""`twofold worker`, as `python -m tests.proofs.worker LEASE RETRY BATCH [forgetful]`.

Its lease and its first wait for FCM last as many seconds as a program can wait. A forgetful one
has the queue that people write first: it deletes what it claims, and puts back what could not be
sent. It loses what it had in hand when it is killed, which the programs must notice.
"""

import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import col, delete
from sqlmodel.ext.asyncio.session import AsyncSession

from api import cli
from notifications import fcm_answers, queue, worker
from notifications.policy import Due, Later, Settled
from schemas.nudges import Kind, Nudge, Push

TAKE = (
    delete(Push)
    .where(col(Push.id) == queue.DUE.c.id, col(Nudge.id) == queue.DUE.c.id)
    .returning(
        *map(col, (Push.id, Push.account_id, Push.kind, Push.expires_at)),
        *(col(Push.attempts) + 1, col(Push.reminders_left)),
        *map(col, (Nudge.couple_id, Nudge.about, Nudge.made_at)),
    )
)
taken: dict[UUID, Due] = {}


async def take(db: AsyncSession, now: datetime, lease: datetime, most: int) -> list[Due]:
    del lease
    rows = await db.exec(TAKE, params={"now": now, "most": most})
    due = [Due(*row)._replace(kind=Kind(row[2])) for row in rows]
    taken.update({each.id: each for each in due})
    return due


async def put_back(
    db: AsyncSession, lease: datetime, settled: Mapping[UUID, Settled]
) -> dict[UUID, Settled]:
    del lease
    for push_id, later in settled.items():
        if isinstance(later, Later):
            again = {"due_at": later.at, "attempts": later.attempts}
            known = taken[push_id]._asdict()
            db.add(Push.model_validate(known | again | {"reminders_left": later.reminders_left}))
    return {}


def main() -> None:
    lease, retry, batch, *manner = sys.argv[1:]
    worker.LEASE = timedelta(seconds=float(lease))
    fcm_answers.FIRST_RETRY = timedelta(seconds=float(retry))
    worker.BATCH = int(batch)
    if manner:
        queue.claim, queue.record = take, put_back
    sys.argv[1:] = ["worker"]
    cli.main()


if __name__ == "__main__":
    main()
