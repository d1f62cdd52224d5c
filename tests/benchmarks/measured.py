"""From the command line: a settlement whose people are all asked, and what that came to."""

import asyncio
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Coroutine
from random import Random

from tests.benchmarks.asked import Asked, Size
from tests.benchmarks.figures import Section
from tests.benchmarks.settlement import a_roomy_database, settle
from tests.builders import KEYRING
from tests.proofs.stage import Database, now

Work = Coroutine[None, None, Section]
Measure = Callable[[Database, list[Asked], Namespace], Work]


def run(measure: Measure, how: Callable[[Work], Section] = asyncio.run, **sizes: int) -> None:
    """Each size may be given; `couples` is one of them."""
    module = measure.__globals__
    parser = ArgumentParser(
        prog=f"python -m {module['__spec__'].name}", description=module["__doc__"]
    )
    for name, full in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=full)
    given = parser.parse_args()
    with a_roomy_database() as database:
        everybody = Size(given.couples, given.couples)
        people = settle(database.url, KEYRING, everybody, now(), Random(1))
        how(measure(database, people, given)).keep()
