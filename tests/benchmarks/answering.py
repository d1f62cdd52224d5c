"""Answers a second, each released: with its locks, sealed, revealed, and the partner told.

python -m tests.benchmarks.answering --couples 1000 --rounds 5 --seconds 8
"""

from argparse import Namespace
from contextlib import AsyncExitStack

from tests.benchmarks.asked import Asked
from tests.benchmarks.cpu import postgres
from tests.benchmarks.figures import Section, Table
from tests.benchmarks.home import CONNECTIONS, an_api, together, wrk
from tests.benchmarks.measured import run
from tests.benchmarks.rival import answering_script
from tests.benchmarks.rivals import all_rivals
from tests.benchmarks.rounds import Contender, row, turn_by_turn
from tests.benchmarks.scripts import ANSWERING, asked_by
from tests.benchmarks.years import Size
from tests.proofs.stage import Database

OURS = """{couples:,} couples with a year of use; each of two thousand people in turns answers a
question (`PUT .../answers`) and releases another (`POST .../answers/released`), so an answer that
is read together takes two requests, and half as many are counted here. Both commit durably (fsync)
before they answer. {connections} connections of wrk, {rounds} rounds of {seconds} s."""
THEIRS = """PocketBase writes the same rows in one call of its batch API, Parse Server in one batch
with a transaction: the answer, already released and in clear, what waits for the partner, and a
push. Both are made as durable: PocketBase by a hook that sets `synchronous = FULL`. Neither asks
whether the partner has released too, nor what topics they closed."""
REQUESTS = 2  # for an answer that may be read


async def measure(database: Database, people: list[Asked], sizes: Namespace) -> Section:
    async with AsyncExitStack() as stack:
        folder = database.folder.parent
        url, api = await stack.enter_async_context(an_api(database))
        script = asked_by(people, ANSWERING)
        asked = wrk(folder, sizes.seconds)
        cpus = {"API": api, "PostgreSQL": postgres(database.folder)}
        ours = Contender(
            "Twofold, 1 API process", together(asked, [url], script), calls=REQUESTS, cpus=cpus
        )
        rivals = await stack.enter_async_context(all_rivals(folder, Size(couples=sizes.couples)))
        theirs = {
            each.answering.path: Contender(
                f"{each.name.split(',')[0]} {each.version}",
                together(asked, [each.url], answering_script(each)),
            )
            for each in rivals
        }
        contenders = [ours, *theirs.values()]
        await turn_by_turn(contenders, sizes.rounds)
    heads = ["Who", "Answers a second", "Beside Twofold", "p99 of a call (ms)", "ms of a core"]
    says = [OURS.format(connections=CONNECTIONS, **vars(sizes)), THEIRS]
    table = Table(heads, [row(each, ours) for each in contenders])
    return Section("answering", "Answering a check-in", says, [table])


if __name__ == "__main__":
    run(measure, couples=1000, rounds=5, seconds=8)
