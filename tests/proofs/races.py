"""Two phones of a couple, on every two writes at once: nothing breaks, nobody waits in vain.

The writes are those of the contract: one that is added later races with all others.
"""

import asyncio
from collections.abc import Coroutine
from itertools import combinations_with_replacement
from typing import Any
from uuid import UUID

from httpx import AsyncClient, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from tests.builders import Person, another_phone
from tests.operations import Operation, a_cast, operations
from tests.proofs.invariants import broken
from tests.proofs.program import Ground, Proof, run
from tests.proofs.worlds import keep, put_back

SCENE = "races"
WRITES = [each for each in operations() if each.method != "get" and each.wants_a_token]
# After these a phone may be signed out, and then it is told so.
ENDS_SESSIONS = {"sessions_end_sessions", "sessions_end_session"}
Hand = tuple[AsyncClient, dict[str, str]]  # a phone, and what stands in its paths


def prove(ground: Ground, proof: Proof, rounds: int, pairs: int) -> None:
    """Every two writes, `rounds` times from the same beginning, in a shuffled order."""
    ground.wait(race(ground, proof, rounds, pairs))


async def race(ground: Ground, proof: Proof, rounds: int, pairs: int) -> None:
    sam, alex, tablet = await a_scene(ground)
    every = [*combinations_with_replacement(WRITES, 2)]
    random = proof.random
    random.shuffle(every)
    proof.counts["pairs of writes"] = len(every[:pairs])
    for one, other in every[:pairs]:
        for number in range(rounds):
            await put_back(ground.engines["owner"], SCENE)
            # In turn: the two of them, the other way round, two phones of one person.
            hands = [(sam, alex), (alex, sam), (sam, tablet)][number % 3]
            asked = [(hands[0], one), (hands[1], other)]
            # One of a thousand beginnings: who is a little later, and by how much.
            random.shuffle(asked)
            await both(asked, random.random() / 200, proof)
            found = await broken(ground.engines["owner"])
            proof.must("rounds", not found, f"{one} and {other}: {found}")


async def a_scene(ground: Ground) -> tuple[Hand, Hand, Hand]:
    """Sam with a phone and a tablet, and Alex; a check-in, a schedule and nudges between them."""
    async with AsyncSession(ground.engines["owner"], expire_on_commit=False) as db:
        cast = await a_cast(ground.app, db, ground.clock)
        tablet = await another_phone(db, cast.sam, ground.app)
    await cast.sam.takes_space("silent")
    await keep(ground.engines["owner"], SCENE)
    mine = cast.places
    theirs = mine | await places(cast.alex)
    return (cast.sam, mine), (cast.alex, theirs), (tablet, mine | session(tablet.session_id))


async def places(person: Person) -> dict[str, str]:
    """What stands in the paths of one person alone."""
    [nudge, *_] = (await person.sees("/nudges"))["nudges"]
    [device] = await person.sees("/devices")
    return {"nudge_id": nudge["id"], "device_id": device["id"]} | session(person.session_id)


def session(session_id: UUID) -> dict[str, str]:
    return {"session_id": str(session_id)}


async def both(asked: list[tuple[Hand, Operation]], pause: float, proof: Proof) -> None:
    first, second = (ask(hand, operation) for hand, operation in asked)
    answers = await asyncio.gather(first, later(pause, second))
    ends = any(str(operation) in ENDS_SESSIONS for _, operation in asked)
    for (_, operation), answer in zip(asked, answers, strict=True):
        status = answer.status_code
        fine = status < 500 and (ends or status != 401)
        proof.must("writes", fine, f"{[str(each) for _, each in asked]}: {operation} {answer.text}")
        proof.counts[f"answered {status}"] += 1


async def later(pause: float, work: Coroutine[Any, Any, Response]) -> Response:
    await asyncio.sleep(pause)
    return await work


async def ask(hand: Hand, operation: Operation) -> Response:
    phone, places = hand
    body = operation.body["example"] if operation.body else None
    return await phone.request(operation.method, operation.url(places), json=body)


if __name__ == "__main__":
    run(prove, rounds=200, pairs=10**6)
