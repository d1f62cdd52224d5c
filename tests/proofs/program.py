"""What programs that prove have in common: a seed, sizes, a ground to stand on, and a verdict.

    python -m tests.proofs.races --seed 7 --rounds 200

Each prints its counts, its seed and how long it took, and ends with 1 if anything was violated.
`make test` runs the same at small size.
"""

import asyncio
import os
import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from time import perf_counter
from typing import Any

import psycopg
from fastapi import FastAPI
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import delete
from sqlmodel.ext.asyncio.session import AsyncSession

import migrations
from api.app import create_app
from schemas import embedded
from schemas.accounts import Account
from schemas.checkins import Checkin
from schemas.consents import Consent
from schemas.database import Role, open_engine
from schemas.pairing import Couple, CoupleMember
from tests.builders import fittings
from tests.conftest import ROOT, Engines, a_database, plain
from tests.fakes import NOON, Clock

MOST_SHOWN = 40


@dataclass
class Proof:
    """What was tried, by name, and what did not hold."""

    seed: int
    counts: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)

    @property
    def random(self) -> Random:
        """From its beginning, each time."""
        return Random(self.seed)

    def must(self, name: str, holds: object, what: object = "") -> None:
        """Counted under this name; what does not hold is a violation."""
        self.counts[name] += 1
        if not holds:
            self.violations.append(f"{name}: {what}")


@dataclass
class Ground:
    """A database of the program's own, the application upon it, and a loop to run both."""

    url: URL
    engines: Engines
    app: FastAPI
    clock: Clock
    loop: asyncio.Runner

    def wait(self, work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401
        return self.loop.run(work)

    async def clear(self) -> None:
        """Everybody leaves, and it is noon again."""
        self.clock.to(NOON)
        async with AsyncSession(self.engines["owner"]) as db:
            for table in (Consent, Checkin, CoupleMember, Account, Couple):
                await db.exec(delete(table))
            await db.commit()

    async def close(self) -> None:
        for engine in self.engines.values():
            await engine.dispose()


@contextmanager
def a_ground(name: str, pool_size: int = 10) -> Iterator[Ground]:
    """Migrated and empty, and gone afterwards. Durable writes are for data that is kept."""
    server = embedded.start(ROOT / ".data" / "tests")
    with psycopg.connect(plain(server), autocommit=True) as owner:
        owner.execute("alter system set fsync = off")
        owner.execute("select pg_reload_conf()")
    with a_database(server, f"proof_{name}_{os.getpid()}") as url, asyncio.Runner() as loop:
        migrations.upgrade(url)
        clock = Clock()
        engines = {
            "owner": create_async_engine(url),
            "api": open_engine(url, Role.API, pool_size),
            "worker": open_engine(url, Role.WORKER),
        }
        ground = Ground(url, engines, create_app(fittings(engines["api"], clock)), clock, loop)
        yield ground
        loop.run(ground.close())


def run(prove: Callable[..., None], **sizes: int) -> None:
    """From the command line: at full size, unless told otherwise, and then the verdict."""
    name = prove.__globals__["__spec__"].name.rsplit(".", 1)[1]
    parser = ArgumentParser(prog=f"python -m tests.proofs.{name}", description=prove.__doc__)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4)))
    for size, full in sizes.items():
        parser.add_argument(f"--{size}", type=int, default=full)
    chosen = vars(parser.parse_args())
    began, proof = perf_counter(), Proof(chosen.pop("seed"))
    with a_ground(name) as ground:
        prove(ground, proof, **chosen)
    report(name, proof, perf_counter() - began)
    sys.exit(1 if proof.violations else 0)


def report(name: str, proof: Proof, seconds: float) -> None:
    lines = [f"  {count:>9,}  {what}" for what, count in sorted(proof.counts.items())]
    found = [f"  VIOLATED  {each}" for each in proof.violations[:MOST_SHOWN]]
    verdict = f"{len(proof.violations)} violations; seed {proof.seed}; {seconds:.0f} s"
    sys.stdout.write("\n".join([f"{name}", *lines, *found, verdict, ""]))
