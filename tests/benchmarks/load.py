"""Load from wrk (Debian: apt-get install wrk), whose answers it counts and times itself."""

import asyncio
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

# Told at the end as one line of JSON: microseconds, and whatever was no 2xx.
DONE = """
function done(summary, latency, requests)
  io.write(string.format('\\n{"requests": %d, "microseconds": %d, "p50": %d, "p99": %d,'
    .. ' "failed": %d}', summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), summary.errors.status + summary.errors.connect
    + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What a few seconds of it came to."""

    rate: float  # requests a second
    requests: int
    p50: float  # milliseconds
    p99: float  # milliseconds
    failed: int


async def load(url: str, script: str, folder: Path, *, connections: int, seconds: float) -> Load:
    """As many requests as these connections can make, one after the other on each.

    `script` is Lua for wrk and says what is asked (`wrk.headers`, `request`). Whole seconds.
    """
    program = shutil.which("wrk")
    if program is None:
        sys.exit("the load comes from wrk: apt-get install wrk")
    lua = folder / f"{uuid4()}.lua"  # several may run at once
    lua.write_text(script + DONE)
    ran = await asyncio.create_subprocess_exec(
        *(program, "-t1", f"-c{connections}", f"-d{round(seconds)}s", "--timeout", "10s"),
        *("-s", str(lua), url),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await ran.communicate()
    found = json.loads(said.decode().splitlines()[-1])
    return Load(
        requests=found["requests"],
        rate=found["requests"] / found["microseconds"] * 1e6,
        p50=found["p50"] / 1000,
        p99=found["p99"] / 1000,
        failed=found["failed"],
    )
