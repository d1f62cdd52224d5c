"""Those that Twofold is compared with, side by side.

    python -m tests.benchmarks.rivals

starts each with a few couples, reads the first home screen, proves that others see nothing of it,
answers a question, and ends with 1 if anything is off.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx

from tests.benchmarks.parse_server import a_parse_server, obtainable
from tests.benchmarks.pocketbase import a_pocketbase
from tests.benchmarks.rival import Call, Rival, answer_of, as_json
from tests.benchmarks.years import Size, Years
from tests.proofs.stage import a_folder


@asynccontextmanager
async def all_rivals(folder: Path, size: Size) -> AsyncIterator[list[Rival]]:
    """Each way to ask them; Parse Server only where there is a Node to run it."""
    async with AsyncExitStack() as running:
        rivals = await running.enter_async_context(a_pocketbase(folder / "pocketbase", size))
        if obtainable():
            parse = a_parse_server(folder / "parse-server", size)
            rivals.append(await running.enter_async_context(parse))
        yield rivals


async def wrong_with(rival: Rival) -> list[str]:
    mine = await screen(rival, rival.calls, rival.headers)
    spied = await screen(rival, rival.calls, rival.stranger)
    theirs = await screen(rival, rival.strangers, rival.stranger)
    private = of_the_first(rival.years)
    shown = [*private, *of_everybody(rival.years)]
    return [
        *(f"{text} is not on the screen" for text in shown if text not in mine),
        *(f"a stranger sees {text}" for text in private if text in spied),
        *(["silent space is seen"] if rival.years.space_until in theirs else []),
        *[each async for each in wrong_answers(rival)],
    ]


async def screen(rival: Rival, calls: list[Call], headers: dict[str, str]) -> str:
    """All that came back, whatever the status."""
    answers = [await asked(rival, call, headers) for call in calls]
    for call, answer in zip(calls, answers, strict=True):
        path = call.path.partition("?")[0]
        print(f"  {answer.status_code} {len(answer.content):6} bytes  {call.method} {path}")
    return "".join(answer.text for answer in answers)


async def asked(rival: Rival, call: Call, headers: dict[str, str]) -> httpx.Response:
    async with httpx.AsyncClient(base_url=rival.url, trust_env=False, timeout=60) as phone:
        body = call.body or None
        return await phone.request(call.method, call.path, headers=as_json(headers), content=body)


def of_the_first(years: Years) -> list[str]:
    """What nobody but the first couple may see: both open check-ins, and what waits."""
    checkins = [years.named("k", 0, week) for week in (0, 1)]
    return ["Sam 0", "Alex 0", *checkins, years.named("n", 0, 0, 0)]


def of_everybody(years: Years) -> list[str]:
    return [years.space_until, "thinking_of_you", "sharing", "daily_budget"]


async def wrong_answers(rival: Rival) -> AsyncIterator[str]:
    """It is written once; a second time, or by somebody else, it is refused."""
    me, somebody = rival.writers[:2]
    body = answer_of(rival, me, f"asked of {rival.name}")
    by_somebody = answer_of(rival, me, "asked of somebody else")
    tries = [(me, body, True), (me, body, False)]
    tries += [(somebody, by_somebody, False)] if rival.guarded else []
    for writer, said, accepted in tries:
        answer = await asked(rival, Call(rival.answering.path, said), writer.headers)
        print(f"  {answer.status_code} to an answer")
        if answer.is_success != accepted:
            yield f"an answer: {answer.text}"


async def main() -> int:
    found = []
    with a_folder() as folder:
        async with all_rivals(folder, Size(couples=20)) as rivals:
            for rival in rivals:
                print(f"{rival.name} {rival.version}, {len(rival.calls)} call(s) a screen")
                found += [f"{rival.name}: {each}" for each in await wrong_with(rival)]
    print(*found, sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
