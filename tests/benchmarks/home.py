"""Home screens a second, beside the ceiling and beside those whom people would otherwise take.

python -m tests.benchmarks.home --couples 1000 --rounds 5 --seconds 8
"""

import asyncio
import sys
from argparse import Namespace
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx

from api import tokens
from api.tokens import Claims
from tests.benchmarks.asked import Asked
from tests.benchmarks.cpu import Cpu, postgres
from tests.benchmarks.figures import Section, Table
from tests.benchmarks.load import Load, load
from tests.benchmarks.measured import run
from tests.benchmarks.rival import screens_script
from tests.benchmarks.rivals import all_rivals
from tests.benchmarks.rounds import Contender, row, turn_by_turn
from tests.benchmarks.scripts import HOME, asked_by
from tests.benchmarks.years import Size
from tests.builders import TOKEN_KEYS
from tests.conftest import plain
from tests.processes import a_free_port, answering
from tests.proofs import house
from tests.proofs.stage import Database, now

SCREEN = """One home screen of {size:,} bytes, of couples with a year of use ({couples:,} of them,
{everybody:,} people in turns), on {connections} connections of wrk to each process, {rounds} rounds
of {seconds} s."""
CEILING = """The ceiling is one FastAPI route on the same server, with the same settings, that sends
the same bytes after one raw psycopg query and asks nobody who they are
(`tests/benchmarks/ceiling.py`). Twofold verifies a token, counts whoever asks, reads session and
couple live, unseals two names, passes two walls and writes a line of log. The second row is how
far that could go: the same bare route reads a token, asks Twofold's one statement for whoever
brings it, and sends what PostgreSQL says, unseen."""
RIVALS = """The rivals' screens show the same (`tests/benchmarks/years.py`), with access rules on,
without code of one's own; their words lie in clear. PocketBase uses every core, Parse Server one
process."""
CONNECTIONS = 8
EACH = 2  # API processes, where there are several
Anew = Callable[[], Awaitable[None]]


async def measure(database: Database, people: list[Asked], sizes: Namespace) -> Section:
    async with AsyncExitStack() as stack:
        folder = database.folder.parent
        apis = [await stack.enter_async_context(an_api(database)) for _ in range(EACH)]
        script = asked_by(people, HOME)
        screen = await screen_of(apis[0][0], people[0])
        file = folder / "screen.json"
        file.write_text(screen)
        bare, cpu = await stack.enter_async_context(a_ceiling(database, file))
        raw, its = await stack.enter_async_context(a_ceiling(database))
        server = postgres(database.folder)
        asked = wrk(folder, sizes.seconds)
        first = Contender("the ceiling", lambda: asked(bare, script), cpus={"process": cpu})
        second = Contender(
            "the same route, with our token and statement",
            lambda: asked(raw, script),
            cpus={"process": its, "PostgreSQL": server},
        )
        ours = twofold(apis, asked, script, server)
        rivals = await stack.enter_async_context(all_rivals(folder, Size(couples=sizes.couples)))
        theirs = [
            Contender(
                f"{each.name} {each.version}",
                together(asked, [each.url], screens_script(each)),
                calls=len(each.calls),
            )
            for each in rivals
        ]
        everybody = [first, second, *ours, *theirs]
        await turn_by_turn(everybody, sizes.rounds)
    return told(everybody, len(screen), sizes)


def twofold(
    apis: list[tuple[str, Cpu]], ask: "Ask", script: str, server: Cpu, prepare: Anew | None = None
) -> list[Contender]:
    """Asked in one process, and in all of them."""
    return [
        Contender(
            f"Twofold, {count} API process{'es' * (count > 1)}",
            together(ask, [url for url, _ in apis[:count]], script),
            cpus={f"API {n}": cpu for n, (_, cpu) in enumerate(apis[:count], 1)}
            | {"PostgreSQL": server},
            prepare=prepare,
        )
        for count in (1, len(apis))
    ]


@asynccontextmanager
async def an_api(database: Database, **settings: object) -> AsyncIterator[tuple[str, Cpu]]:
    """One process, as in production, and what it spends."""
    port = a_free_port()
    url = f"http://127.0.0.1:{port}"
    process = await house.serve(database, int(port), None, **settings)
    async with answering(process, url):
        yield url, Cpu(lambda: [process.pid])


@asynccontextmanager
async def a_ceiling(database: Database, *files: Path) -> AsyncIterator[tuple[str, Cpu]]:
    port = a_free_port()
    url = f"http://127.0.0.1:{port}"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.benchmarks.ceiling"),
        *(str(port), plain(database.url), *map(str, files)),
    )
    async with answering(process, url):
        yield url, Cpu(lambda: [process.pid])


async def screen_of(url: str, who: Asked) -> str:
    token = tokens.issue(TOKEN_KEYS, Claims(who.account_id, who.session_id), now())
    async with httpx.AsyncClient(base_url=url, trust_env=False) as phone:
        answer = await phone.get("/v1/today", headers={"authorization": f"Bearer {token}"})
    return answer.raise_for_status().text


Ask = Callable[[str, str], Awaitable[Load]]


def wrk(folder: Path, seconds: int) -> Ask:
    async def ask(url: str, script: str) -> Load:
        return await load(url, script, folder, connections=CONNECTIONS, seconds=seconds)

    return ask


def together(ask: Ask, urls: list[str], script: str) -> Callable[[], Awaitable[Load]]:
    """All of them at the same time, and their sum; the p99 of the slowest."""

    async def asked() -> Load:
        loads = await asyncio.gather(*(ask(url, script) for url in urls))
        return Load(
            rate=sum(each.rate for each in loads),
            requests=sum(each.requests for each in loads),
            p50=max(each.p50 for each in loads),
            p99=max(each.p99 for each in loads),
            failed=sum(each.failed for each in loads),
        )

    return asked


def told(contenders: list[Contender], size: int, sizes: Namespace) -> Section:
    first = contenders[0]
    heads = ["Who", "Screens a second", "Beside the ceiling", "p99 (ms)", "ms of a core for one"]
    says = [
        SCREEN.format(
            size=size, everybody=2 * sizes.couples, connections=CONNECTIONS, **vars(sizes)
        ),
        CEILING,
        RIVALS,
    ]
    return Section(
        "home", "The home screen", says, [Table(heads, [row(each, first) for each in contenders])]
    )


if __name__ == "__main__":
    run(measure, couples=1000, rounds=5, seconds=8)
