"""From the command to the first answer, and the demo from an installed environment.

python -m tests.benchmarks.startup --rounds 7
"""

import asyncio
import sys
from argparse import ArgumentParser
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path
from time import perf_counter

from tests.benchmarks.figures import Section, Table, spread
from tests.processes import a_free_port, until_it_answers
from tests.proofs.stage import a_folder, start

SAYS = """The first start makes a PostgreSQL and migrates it; the second finds both. The demo signs
two people up, lives the main job with them and ends; it has a database of its own."""


async def serves(folder: Path) -> float:
    """Seconds from `twofold serve` to the first answer."""
    port = a_free_port()
    began = perf_counter()
    process = await start("api.cli", "serve", port=port, data=folder)
    await until_it_answers(f"http://127.0.0.1:{port}")
    took = perf_counter() - began
    process.terminate()
    await process.wait()
    return took


async def demonstrates() -> float:
    """Seconds that the demo takes, with all of its words."""
    began = perf_counter()
    demo = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "api.cli", "demo"), stdout=PIPE, stderr=STDOUT
    )
    said, _ = await demo.communicate()
    assert demo.returncode == 0, said.decode()
    return perf_counter() - began


async def measure(rounds: int) -> Section:
    took: dict[str, list[float]] = {"first": [], "again": [], "demo": []}
    for _ in range(rounds):
        with a_folder() as folder:
            took["first"].append(await serves(folder))
            took["again"].append(await serves(folder))
        took["demo"].append(await demonstrates())
    rows = [
        ["`twofold serve`, in an empty folder, to the first answer", spread(took["first"], " s")],
        ["`twofold serve`, again", spread(took["again"], " s")],
        ["`make demo`, installed", spread(took["demo"], " s")],
    ]
    return Section("startup", "Starting", [SAYS], [Table(["What", "Takes"], rows)])


if __name__ == "__main__":
    parser = ArgumentParser(prog="python -m tests.benchmarks.startup", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    asyncio.run(measure(parser.parse_args().rounds)).keep()
