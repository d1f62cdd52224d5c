"""Every operation, asked by everybody, where the thing is there and where it is not.

Who asks     nobody, with a token that ran out, from a session that was ended, of an account that is
             gone; somebody alone, of another couple, a former partner, whoever typed the code and
             waits; the partner, also while Sam takes space, told or silent; Sam
What holds   the status that the table says; no word and no id that is not theirs to know, in
             answer, header, log or push; to all but the two nothing differs by what Sam has; to
             the partner nothing by what Sam keeps to themselves; who is refused changes nothing
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response

from api.app import create_app
from tests.builders import fittings, in_bytes
from tests.operations import Operation, operations
from tests.proofs.matrix_table import OUTSIDE, WHO, expected
from tests.proofs.overheard import Log, Post, a_post, overheard
from tests.proofs.program import Ground, Proof, run
from tests.proofs.town import REPLACED, Town, a_town
from tests.proofs.walls import walls
from tests.proofs.worlds import changed, put_back

NOWHERE = "019cabd8-3800-7aaa-aaaa-aaaaaaaaaaaa"
# Who asks in which worlds. In the second of two everything must look as in the first.
ALIKE = {
    **dict.fromkeys(WHO, (("full",), ("bare",))),
    **dict.fromkeys((*OUTSIDE, "stranger", "elsewhere", "former", "invitee"), (("full", "bare"),)),
    "remembering": (("full",),),
    "partner": (("full", "open"), ("silent", "full"), ("told",), ("bare",)),
}
# Without either wall these tell a stranger of Sam.
FALLS = ("sessions_read_sessions", "devices_read_devices", "checkins_read_checkins")
CODE = re.compile(r"\w{4}-\w{4}-\w{4}(?=\")")
# What somebody may do to Sam's or Robin's, since they hold a key to it.
MEANT = {
    ("sessions_refresh", "nobody"): "a token that was replaced ends its session",
    ("sessions_refresh", "self"): "the same",
    ("accounts_sign_up", "nobody"): "Sam is told by mail, and the answer is the same",
    ("accounts_sign_up", "self"): "the same",
    ("accounts_ask_for_reset", "nobody"): "Sam is sent a link, and the answer is the same",
    ("accounts_ask_for_reset", "self"): "the same",
    ("pairing_withdraw", "invitee"): "steps back from the invitation whose code they typed",
    ("pairing_redeem", "invitee"): "types the code again that they have",
}

# Rows of one's own in which Sam's address may stand: somebody would like to have it.
WISHES = {"credential_change"}


def prove(ground: Ground, proof: Proof, every: int) -> None:
    """Three times: with both walls, and with each of them alone."""
    ground.wait(matrix(ground, proof, every))


async def matrix(ground: Ground, proof: Proof, every: int) -> None:
    async with a_post(ground) as post:
        town = await a_town(ground, post.tick)
        await post.arrived()
        for holds, engine in walls(ground).items():
            app = create_app(fittings(engine, ground.clock))
            with overheard() as log:
                asking = Asking(ground, proof, town, post, log, app, holds)
                if holds == "neither":
                    await asking.with_neither()
                else:
                    await asking.with_some(every)
            await engine.dispose()


def cells() -> Iterator[tuple[Operation, str]]:
    for operation in operations():
        for who in WHO:
            # An operation that wants no token does not ask who it is.
            old = who != "remembering" or "{checkin_id}" in operation.path
            if old and (operation.wants_a_token or who in {"nobody", "self"}):
                yield operation, who


@dataclass
class Asking:
    """One pass through the matrix."""

    ground: Ground
    proof: Proof
    town: Town
    post: Post
    log: Log
    app: FastAPI
    holds: str

    async def with_neither(self) -> None:
        """Else the switches switch nothing, or nobody looks."""
        for name in FALLS:
            [operation] = [each for each in operations() if str(each) == name]
            answer = await self.ask(operation, "stranger", there=True)
            self.must("a leak is found", self.unknown_to("stranger", answer.text), operation)

    async def with_some(self, every: int) -> None:
        for operation, who in [*cells()][::every]:
            for alike in ALIKE[who]:
                await self.in_worlds(operation, who, alike)

    async def in_worlds(self, operation: Operation, who: str, worlds: tuple[str, ...]) -> None:
        answers = [await self.cell(operation, who, world) for world in worlds]
        looks = [CODE.sub("a code", str(in_bytes(answer))) for answer in answers]
        if self.holds != "checks off":
            alike = looks.count(looks[0]) == len(looks) or (str(operation), who) in MEANT
            self.must("alike", alike, operation, who, worlds)

    def must(self, name: str, holds: object, *what: object) -> None:
        told = " ".join(map(str, what))
        self.proof.must(f"{self.holds}: {name}", holds, told)

    async def cell(self, operation: Operation, who: str, world: str) -> Response:
        owner = self.ground.engines["owner"]
        await put_back(owner, world)
        self.log.lines.clear()
        answer = await self.ask(operation, who, there=world != "bare")
        at = (operation, who, world)
        done = answer.status_code < 400
        if self.holds != "checks off":
            wanted = expected(str(operation), who, world)
            self.must("status", answer.status_code == wanted, *at, answer.status_code, wanted)
        self.overhear(answer, who, at)
        if operation.method != "get":
            await self.look_after(answer, operation, who, world)
        self.proof.counts[f"{self.holds}: {'done' if done else 'refused'}"] += 1
        return answer

    async def ask(self, operation: Operation, who: str, *, there: bool) -> Response:
        """Where the thing is not there, what names it names nothing."""
        old = {"checkin_id": self.town.sams["old"]}
        mine = {"invitee": self.town.robins, "remembering": old}.get(who, self.town.sams)
        named = {p["name"]: NOWHERE for p in operation.parameters if p["name"].endswith("_id")}
        named.pop("pack_id", None)
        places = {name: mine.get(name, value) if there else value for name, value in named.items()}
        said = self.said(operation, there=there)
        transport = ASGITransport(self.app, raise_app_exceptions=False)
        async with AsyncClient(base_url="http://api/v1", transport=transport) as phone:
            return await phone.request(
                operation.method,
                operation.url(places),
                json=said,
                headers=self.town.header(who),
                params=operation.query() if "after" not in operation.query() else None,
            )

    def said(self, operation: Operation, *, there: bool) -> object:
        """Its example, with what only the owner could name in it where that is there."""
        if not operation.body:
            return None
        sam, body = self.town.sam, operation.body["example"]
        known = {
            "email": f"{sam.name}-{sam.id}@example.org",
            "refresh_token": REPLACED.decode(),
            "code": self.town.code,
        }
        if str(operation) == "sessions_sign_in":
            known["password"] = "what somebody guesses"  # whoever knows it, is Sam
        named = {name: value for name, value in known.items() if name in body}
        return body | named if there else body

    def overhear(self, answer: Response, who: str, at: tuple[object, ...]) -> None:
        if who == "self":
            return
        leaked = self.unknown_to(who, f"{answer.text} {answer.headers}")
        self.must("answer without a canary", not leaked, *at, leaked)
        written = [each for each in self.town.words if each in "\n".join(self.log.lines)]
        self.must("log without a canary", not written, *at, written)

    def unknown_to(self, who: str, text: str) -> list[str]:
        return [
            word for word, known in self.town.words.items() if word in text and who not in known
        ]

    async def look_after(
        self, answer: Response, operation: Operation, who: str, world: str
    ) -> None:
        """What it did, and who was told of it."""
        owner, at = self.ground.engines["owner"], (operation, who, world)
        mine = f"{self.town.sam.id}|{self.town.people['inviter'].id}"
        if (str(operation), who) in MEANT:
            return
        if answer.status_code >= 400:
            did = await changed(owner, world)
            self.must("refused changes nothing", not did, *at, did)
        elif who not in {"self", "partner"}:
            did = [each for each in await changed(owner, world, mine) if each not in WISHES]
            self.must("done changes nothing of Sam's", not did, *at, did)
        await self.post.tick()
        arrived = await self.post.arrived()
        for target, message in arrived.items():
            said = message.replace(target, "")
            spoken = [each for each in self.town.words if not is_id(each) and each in said]
            self.must("push without a canary", not spoken, *at, spoken)
        rang = self.town.sam.phone in arrived
        may_ring = who in {"self", "partner"} and world not in {"told", "silent"}
        self.must("no ring from others, nor in space", may_ring or not rang, *at)


def is_id(word: str) -> bool:
    return len(word) == 36 and word.count("-") == 4


if __name__ == "__main__":
    run(prove, every=1)
