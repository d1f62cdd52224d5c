"""What was measured, as it is kept and shown."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Self

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of words under their heads."""

    heads: list[str]
    rows: list[list[str]]


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a plot: a value for each place on the axis."""

    name: str
    x: list[float]
    y: list[float]


@dataclass(frozen=True, slots=True)
class Plot:
    """Drawn into `results/<name>.png`."""

    name: str
    title: str
    x: str
    y: str
    curves: list[Curve]
    log_x: bool = False
    log_y: bool = False


@dataclass(slots=True)
class Section:
    """What one program found: a part of BENCHMARKS.md."""

    name: str  # of the program: `make bench-<name>`
    title: str
    says: list[str] = field(default_factory=list)  # paragraphs, before the tables
    tables: list[Table] = field(default_factory=list)
    plots: list[Plot] = field(default_factory=list)
    measured: str = ""  # when, what and on what

    def keep(self) -> None:
        """Shown to whoever runs the program, and kept for the document: not what was measured with
        sizes of one's own, unless `KEEP` is set.
        """
        sys.stdout.write("\n".join([*self.says, *map(markdown, self.tables), ""]))
        if len(sys.argv) > 1 and "KEEP" not in os.environ:
            return
        today = datetime.now(UTC).date()
        self.measured = f"Measured on {today}, at {commit()}, on {os.cpu_count()} cores."
        text = json.dumps(asdict(self), indent=1, ensure_ascii=False)
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{self.name}.json").write_text(text + "\n")

    @classmethod
    def kept(cls, name: str) -> Self:
        """As it was found last."""
        said = json.loads((RESULTS / f"{name}.json").read_text())
        said["tables"] = [Table(**each) for each in said["tables"]]
        for plot in said["plots"]:
            plot["curves"] = [Curve(**each) for each in plot["curves"]]
        said["plots"] = [Plot(**each) for each in said["plots"]]
        return cls(**said)


def commit() -> str:
    told = ["git", "describe", "--always", "--dirty"]
    return subprocess.run(told, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603 - words of ours


def markdown(table: Table) -> str:
    line = "|" + "---|" * len(table.heads)
    rows = ["| " + " | ".join(each) + " |" for each in (table.heads, *table.rows)]
    return "\n".join([rows[0], line, *rows[1:]])


def spread(found: Sequence[float], unit: str = "") -> str:
    """The median of the rounds, with the least and the most."""
    least, middle, most = min(found), median(found), max(found)
    return f"{number(middle)}{unit} ({number(least)}-{number(most)})"


def number(value: float) -> str:
    """With three figures that count."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"
