"""Signing in, which takes its time on purpose, and refreshing, which every phone does all day.

python -m tests.benchmarks.entering --couples 200 --rounds 5 --seconds 8
"""

import json
from argparse import Namespace
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import httpx
import psycopg

from tests.benchmarks.asked import Asked
from tests.benchmarks.cpu import postgres
from tests.benchmarks.figures import Section, Table, spread
from tests.benchmarks.home import CONNECTIONS, Ask, an_api, together, wrk
from tests.benchmarks.load import Load
from tests.benchmarks.measured import run
from tests.benchmarks.rounds import Contender, turn_by_turn
from tests.builders import PASSWORD
from tests.conftest import plain
from tests.proofs.stage import Database

SAYS = """One API process, {connections} connections of wrk, {rounds} rounds of {seconds} s. Each
request comes from an address of its own, since an address may not sign in or refresh as often. A
password takes Argon2id with 46 MiB, as OWASP asks, on every core but one: that is what signing in
costs, and what bounds it. A refresh token is replaced each time it is used, and the old one is
known as spent."""
# What somebody signs in with, in turns; or the token that was answered before. With one thread,
# `response` and `request` share what they know.
ENTERING = """
local bodies, turn = {%(bodies)s}, 0
local function asked(path, body)
    turn = turn + 1
    local digits = {turn / 65536 %% 256, turn / 256 %% 256, turn %% 256}
    local address = string.format("10.%%d.%%d.%%d", unpack(digits))
    local head = {["content-type"] = "application/json", ["x-forwarded-for"] = address}
    return wrk.format("POST", path, head, body)
end
"""
SIGNING_IN = """
request = function() return asked("/v1/sessions", bodies[turn %% #bodies + 1]) end
"""
REFRESHING = """
request = function() return asked("/v1/sessions/refresh", table.remove(bodies, 1)) end
response = function(status, headers, body)
    local token = string.match(body, '"refresh_token":"([^"]+)"')
    table.insert(bodies, '{"refresh_token": "' .. token .. '"}')
end
"""
MANY = 2 * CONNECTIONS
EMAILS = "select email from account where id = any(%s)"


async def measure(database: Database, people: list[Asked], sizes: Namespace) -> Section:
    async with AsyncExitStack() as stack:
        url, api = await stack.enter_async_context(an_api(database, trusted_proxies="127.0.0.1"))
        asked = wrk(database.folder.parent, sizes.seconds)
        cpus = {"API": api, "PostgreSQL": postgres(database.folder)}
        credentials = [
            {"email": email, "password": PASSWORD} for email in emails_of(database, people)
        ]
        signing_in = together(asked, [url], script(SIGNING_IN, credentials))
        phones = Refreshing(asked, url, credentials)
        contenders = [
            Contender("signing in", signing_in, cpus=cpus),
            Contender("refreshing", phones.go_on, cpus=cpus, prepare=phones.sign_in),
        ]
        await turn_by_turn(contenders, sizes.rounds)
    heads = ["What", "A second", "p99 (ms)", "ms of a core for one"]
    rows = [
        [each.name, spread(each.rates), spread([one.p99 for one in each.loads]), each.costs()]
        for each in contenders
    ]
    says = [SAYS.format(connections=CONNECTIONS, **vars(sizes))]
    return Section("entering", "Signing in and refreshing", says, [Table(heads, rows)])


def emails_of(database: Database, people: list[Asked]) -> list[str]:
    with psycopg.connect(plain(database.url)) as owner:
        rows = owner.execute(EMAILS, ([each.account_id for each in people],)).fetchall()
    return [email for (email,) in rows]


def script(what: str, bodies: list[dict[str, str]]) -> str:
    said = ", ".join(f"'{json.dumps(each)}'" for each in bodies)
    return (ENTERING + what) % {"bodies": said}


@dataclass
class Refreshing:
    """People who have just signed in: two for each connection, so that none waits for another."""

    ask: Ask
    url: str
    credentials: list[dict[str, str]]
    tokens: list[dict[str, str]] = field(default_factory=list)

    async def sign_in(self) -> None:
        async with httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=30) as phone:
            answers = [
                await phone.post("/v1/sessions", json=each, headers=elsewhere(number))
                for number, each in enumerate(self.credentials[:MANY])
            ]
        self.tokens = [{"refresh_token": each.json()["refresh_token"]} for each in answers]
        self.credentials = self.credentials[MANY:] + self.credentials[:MANY]

    async def go_on(self) -> Load:
        return await self.ask(self.url, script(REFRESHING, self.tokens))


def elsewhere(number: int) -> dict[str, str]:
    """Each from an address of its own, as the proxy says in front of us."""
    return {"x-forwarded-for": f"192.0.2.{number}"}


if __name__ == "__main__":
    run(measure, couples=200, rounds=5, seconds=8)
