"""What processes have spent of a core, by the kernel's count (Linux)."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cpu:
    """Of whichever processes these are at the moment."""

    pids: Callable[[], list[int]]

    def seconds(self) -> float:
        return sum(map(spent, self.pids()))


def spent(pid: int) -> float:
    """By the process and by its children that have ended."""
    try:
        said = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(map(int, said.rsplit(")", 1)[1].split()[11:15])) / TICKS


def children(pid: int) -> list[int]:
    return [*map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


def postgres(folder: Path) -> Cpu:
    """A server and all of its backends."""
    first = int((folder / "postmaster.pid").read_text().split("\n", 1)[0])
    return Cpu(lambda: [first, *children(first)])
