"""Contenders who are asked turn by turn, and what each round came to."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from statistics import median

from tests.benchmarks.cpu import Cpu
from tests.benchmarks.figures import number, spread
from tests.benchmarks.load import Load


@dataclass
class Contender:
    """Somebody to be asked, what one thing that they do costs in requests, and what it took."""

    name: str
    ask: Callable[[], Awaitable[Load]]
    calls: float = 1  # requests for one thing
    cpus: Mapping[str, Cpu] = field(default_factory=dict)  # of whom besides, by name
    prepare: Callable[[], Awaitable[None]] | None = None  # before each round, and not counted
    loads: list[Load] = field(default_factory=list)
    spent: dict[str, list[float]] = field(default_factory=dict)  # milliseconds of a core for one

    @property
    def rates(self) -> list[float]:
        """Things a second, by round."""
        return [each.rate / self.calls for each in self.loads]

    async def go(self) -> None:
        if self.prepare:
            await self.prepare()
        before = {name: cpu.seconds() for name, cpu in self.cpus.items()}
        found = await self.ask()
        if found.failed:
            msg = f"{self.name}: {found.failed} of {found.requests} failed"
            raise AssertionError(msg)
        self.loads.append(found)
        for name, cpu in self.cpus.items():
            took = (cpu.seconds() - before[name]) * 1000 * self.calls / found.requests
            self.spent.setdefault(name, []).append(took)

    def costs(self) -> str:
        """Milliseconds of a core for one, by whose."""
        return ", ".join(f"{name} {number(median(each))}" for name, each in self.spent.items())


async def turn_by_turn(contenders: list[Contender], rounds: int) -> None:
    """Each round begins with another, so that nobody always comes after the same."""
    for turn in range(rounds):
        first = turn % len(contenders)
        for each in contenders[first:] + contenders[:first]:
            await each.go()


def beside(contender: Contender, first: Contender) -> str:
    """How many times as many, round against round of the same minutes."""
    return spread([a / b for a, b in zip(contender.rates, first.rates, strict=True)])


def row(contender: Contender, first: Contender) -> list[str]:
    p99s = [each.p99 for each in contender.loads]
    return [
        contender.name,
        spread(contender.rates),
        beside(contender, first),
        spread(p99s),
        contender.costs(),
    ]
