"""BENCHMARKS.md and its plots, from what was measured last: `make bench-document`."""

import matplotlib as mpl

from tests.benchmarks.figures import RESULTS, Plot, Section, markdown
from tests.conftest import ROOT

mpl.use("agg")  # into files alone

import matplotlib.pyplot as plt

ORDER = (
    *("home", "parts", "answering", "shares", "entering", "nudges", "sweep", "growth", "startup"),
    "herd",
)
HEAD = """# Benchmarks

Measured by programs that anybody can run: `make bench`, or each with the command that stands with
it. What is compared ran turn by turn, in the same minutes, on the same machine. Timings differ from
machine to machine and from hour to hour; ratios less. A figure is the median of the rounds, with
the least and the most of them behind it, and so is a ratio, of the rounds' own. Sections ran at
different hours and commits: where they meet, a part may come out larger than its whole. On
2026-11-29 the machine was some three times as slow as on 2026-11-22, for everybody: the ceiling of
the home screen reached 4,815 then. So compare within a section, and sections of one day.
"""


def draw(plot: Plot) -> None:
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for curve in plot.curves:
        axes.plot(curve.x, curve.y, marker="o" if len(curve.x) < 30 else "", label=curve.name)
    axes.set(title=plot.title, xlabel=plot.x, ylabel=plot.y)
    axes.set_xscale("log" if plot.log_x else "linear")
    axes.set_yscale("log" if plot.log_y else "linear")
    if not plot.log_y:
        axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(RESULTS / f"{plot.name}.png", dpi=110)
    plt.close(figure)


def told(section: Section) -> str:
    pictures = [
        f"![{plot.title}]({RESULTS.relative_to(ROOT)}/{plot.name}.png)" for plot in section.plots
    ]
    parts = [
        f"## {section.title}",
        f"`make bench-{section.name}`",
        *section.says,
        *filter(None, [section.measured]),
        *map(markdown, section.tables),
        *pictures,
    ]
    return "\n\n".join(parts) + "\n"


def main() -> None:
    sections = [Section.kept(name) for name in ORDER if (RESULTS / f"{name}.json").exists()]
    for section in sections:
        for plot in section.plots:
            draw(plot)
    (ROOT / "BENCHMARKS.md").write_text("\n".join([HEAD, *map(told, sections)]))


if __name__ == "__main__":
    main()
