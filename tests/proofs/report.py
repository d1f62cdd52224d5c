"""What a program prints, and how it is called."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from random import Random, randrange
from time import perf_counter


@dataclass
class Report:
    """What was done, and what did not hold."""

    seed: int
    violations: list[str] = field(default_factory=list)
    begun: float = field(default_factory=perf_counter)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)

    def say(self, what: str, number: object) -> None:
        print(f"{what:.<58} {number}", flush=True)

    def must(self, true: object, what: str) -> None:
        if not true:
            self.violations.append(what)
            print(f"  DOES NOT HOLD: {what}", flush=True)

    def end(self) -> int:
        took = perf_counter() - self.begun
        word = "does not hold" if self.violations else "holds"
        print(f"{word}; seed {self.seed}, {took:.1f} s", flush=True)
        return 1 if self.violations else 0


Proof = Callable[..., Coroutine[None, None, None]]


def run(proof: Proof, **sizes: float) -> None:
    """From the command line: each size may be given, and so may the seed of an earlier run."""
    parser = argparse.ArgumentParser(description=proof.__doc__)
    parser.add_argument("--seed", type=int, default=randrange(1_000_000))
    for name, full in sizes.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(full), default=full)
    given = vars(parser.parse_args())
    report = Report(given.pop("seed"))
    asyncio.run(proof(report, **given))
    sys.exit(report.end())
