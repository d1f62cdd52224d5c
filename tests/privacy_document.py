"""`python -m tests.privacy_document` writes the tables of PRIVACY.md anew, from the code."""

import re
from pathlib import Path

from schemas.retention import TABLES
from tests.columns import COLUMNS

DOCUMENT = Path(__file__).parent.parent / "PRIVACY.md"
BETWEEN = re.compile(
    r"(?<=<!-- written by tests/privacy_document.py -->\n).*(?=<!-- end -->)", re.DOTALL
)


def as_tables() -> str:
    """What is kept; and of each column, where in the export it stands or why it does not."""
    kept = [
        f"| `{name}` | {each.what} | {each.whose} | {each.how_long} | {each.why} | {gone(name)} |"
        for name, each in TABLES.items()
    ]
    columns = [f"| `{name}` | {exported(name)} | {kept_back(name)} |" for name in COLUMNS]
    return "\n".join(
        [
            *("| table | what | whose | how long | why | when its account is deleted |", rule(6)),
            *kept,
            *("", "| table | in the export | not in it, because |", rule(3)),
            *(*columns, ""),
        ]
    )


def rule(width: int) -> str:
    return "|" + "---|" * width


def gone(name: str) -> str:
    why = TABLES[name].outlives
    return f"stays: {why}" if why else "gone, by cascade"


def exported(name: str) -> str:
    columns = COLUMNS[name]
    return f"`{columns.section}`: {', '.join(columns.exported)}" if columns.section else "-"


def kept_back(name: str) -> str:
    reasons: dict[str, list[str]] = {}
    for each, why in COLUMNS[name].kept_back.items():
        reasons.setdefault(why, []).append(each)
    return "; ".join(f"{', '.join(each)}: {why}" for why, each in reasons.items()) or "-"


def main() -> None:
    written = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(BETWEEN.sub(lambda _: as_tables(), written), encoding="utf-8")


if __name__ == "__main__":
    main()
