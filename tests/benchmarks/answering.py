"""Answers a second, each released: with its locks, sealed, revealed, and the partner told.

python -m tests.benchmarks.answering --couples 1000 --rounds 5 --seconds 8
"""

from argparse import Namespace
from contextlib import AsyncExitStack
from functools import partial
from uuid import UUID

import psycopg

from tests.benchmarks.asked import Asked
from tests.benchmarks.cpu import postgres
from tests.benchmarks.figures import Section, Table
from tests.benchmarks.home import CONNECTIONS, EACH, an_api, together, twofold, wrk
from tests.benchmarks.measured import run
from tests.benchmarks.rival import answering_script
from tests.benchmarks.rivals import all_rivals
from tests.benchmarks.rounds import Contender, row, turn_by_turn
from tests.benchmarks.scripts import ANSWERING, asked_by
from tests.benchmarks.years import Size
from tests.conftest import plain
from tests.proofs.stage import Database

OURS = """{couples:,} couples with a year of use; each of two thousand people in turns answers a
question of the open check-in and releases it, in one call (`PUT .../answers`), then each the
next. Of two who do so the second has both revealed, and their partner told. It commits durably
(fsync) before it answers. {connections} connections of wrk to each process, {rounds} rounds of
{seconds} s; before each, what was answered in that check-in is taken away."""
THEIRS = """PocketBase writes the same rows in one call of its batch API, Parse Server in one batch
with a transaction: the answer, already released and in clear, what waits for the partner, and a
push. Both are made as durable: PocketBase by a hook that sets `synchronous = FULL`. Neither asks
whether the partner has released too, nor what topics they closed."""
ANEW = """
delete from answer where checkin_id = any(%(open)s);
delete from nudge where kind = 'reveal' and about = any(%(open)s)
"""


async def measure(database: Database, people: list[Asked], sizes: Namespace) -> Section:
    async with AsyncExitStack() as stack:
        folder = database.folder.parent
        apis = [await stack.enter_async_context(an_api(database)) for _ in range(EACH)]
        script = asked_by(people, ANSWERING)
        asked, server = wrk(folder, sizes.seconds), postgres(database.folder)
        anew = partial(take_away, database, [who.checkin_id for who in people])
        ours = twofold(apis, asked, script, server, anew)
        rivals = await stack.enter_async_context(all_rivals(folder, Size(couples=sizes.couples)))
        theirs = {
            each.answering.path: Contender(
                f"{each.name.split(',')[0]} {each.version}",
                together(asked, [each.url], answering_script(each)),
            )
            for each in rivals
        }
        contenders = [*ours, *theirs.values()]
        await turn_by_turn(contenders, sizes.rounds)
    heads = ["Who", "Answers a second", "Beside Twofold", "p99 of a call (ms)", "ms of a core"]
    says = [OURS.format(connections=CONNECTIONS, **vars(sizes)), THEIRS]
    table = Table(heads, [row(each, ours[0]) for each in contenders])
    return Section("answering", "Answering a check-in", says, [table])


async def take_away(database: Database, checkins: list[UUID]) -> None:
    """And whatever it told somebody."""
    async with await psycopg.AsyncConnection.connect(plain(database.url)) as db:
        for statement in ANEW.split(";"):
            await db.execute(statement, {"open": checkins})


if __name__ == "__main__":
    run(measure, couples=1000, rounds=5, seconds=8)
