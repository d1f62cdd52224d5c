"""Whose code the time of a request is spent in: looked at every millisecond of a core.

python -m tests.benchmarks.shares --couples 100 --seconds 20
"""

import signal
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import process_time
from types import FrameType

import uvloop

from api import tokens
from api.app import create_app
from api.fittings import Fittings
from api.observed import Observed
from api.tokens import Claims
from schemas.database import Role, open_engine
from tests.benchmarks.asked import Asked
from tests.benchmarks.figures import Section, Table, number
from tests.benchmarks.measured import run
from tests.benchmarks.parts import Part, a_house, asking
from tests.conftest import ROOT
from tests.proofs.stage import Database, now

SAYS = """Of the time of a core in the API process, without the server that reads and writes HTTP:
which package the innermost function belongs to that is of any (Python's own counts for whoever
calls it), every millisecond for {seconds} s of each request. Milliseconds of a core above it."""
EVERY = 0.001
OURS, OTHERS = "Twofold", "the event loop, and what measures"
PACKAGES = {
    "psycopg": "the driver: psycopg",
    "psycopg_binary": "the driver: psycopg",
    "sqlalchemy": "SQLAlchemy",
    "fastapi": "FastAPI, Starlette",
    "starlette": "FastAPI, Starlette",
    "anyio": "FastAPI, Starlette",
    "pydantic": "Pydantic, SQLModel",
    "sqlmodel": "Pydantic, SQLModel",
    "cryptography": "tokens and seals: PyJWT, cryptography",
    "jwt": "tokens and seals: PyJWT, cryptography",
    "opentelemetry": "logs, metrics, traces",
    "prometheus_client": "logs, metrics, traces",
    "structlog": "logs, metrics, traces",
    "limits": "counting: limits",
    **dict.fromkeys(("api", "notifications", "schemas"), OURS),
}
ANSWER = b'{"answers": [{"question": "appreciation", "value": "For the tea."}]}'
RELEASE = b'{"questions": ["connection"]}'


async def measure(database: Database, people: list[Asked], sizes: Namespace) -> Section:
    engine = open_engine(database.url, Role.API)
    spent, seen = {}, {}
    for name, request in requests(a_house(engine), people[0]).items():
        spent[name], seen[name] = await looked_at(request, sizes.seconds)
    await engine.dispose()
    heads = ["Whose", *spent]
    all_ = ["all of it, in ms of a core", *map(number, spent.values())]
    packages = sorted(
        {*PACKAGES.values(), OTHERS}, key=lambda each: -sum(one[each] for one in seen.values())
    )
    rows = [
        [each, *(f"{one[each] / one.total():.0%}" for one in seen.values())] for each in packages
    ]
    title = "Whose code a request's time is spent in"
    return Section("shares", title, [SAYS.format(**vars(sizes))], [Table(heads, [all_, *rows])])


def requests(house: Fittings, who: Asked) -> dict[str, Part]:
    app = Observed(create_app(house))
    token = tokens.issue(house.token_keys, Claims(who.account_id, who.session_id), now())
    answers = f"/v1/checkins/{who.checkin_id}/answers"
    return {
        "the home screen": asking(app, "/v1/today", token),
        "to answer": asking(app, answers, token, "PUT", ANSWER),
        "to release": asking(app, f"{answers}/released", token, "POST", RELEASE),
    }


async def looked_at(request: Part, seconds: int) -> tuple[float, Counter[str]]:
    for _ in range(100):
        await request()
    seen: Counter[str] = Counter()
    times, began = 0, process_time()
    with looking(seen):
        while process_time() - began < seconds:
            await request()
            times += 1
    return (process_time() - began) * 1000 / times, seen


@contextmanager
def looking(seen: Counter[str]) -> Iterator[None]:
    def look(_: int, frame: FrameType | None) -> None:
        seen[whose(frame)] += 1

    before = signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, EVERY, EVERY)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def whose(frame: FrameType | None) -> str:
    while frame:
        if found := PACKAGES.get(package(frame.f_code.co_filename)):
            return found
        frame = frame.f_back
    return OTHERS


def package(file: str) -> str:
    """The folder below `site-packages`, or below this project."""
    for part in ("/site-packages/", f"{ROOT}/"):
        if part in file:
            return Path(file.rpartition(part)[2]).parts[0]
    return ""


if __name__ == "__main__":
    run(measure, uvloop.run, couples=100, seconds=20)
