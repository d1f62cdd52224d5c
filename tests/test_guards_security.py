"""SECURITY.md promises nothing that is not shown, and hides nothing that is."""

import re
from typing import NamedTuple

import pytest

from tests.conftest import ROOT
from tests.test_guards_code import read

DOCUMENT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
STATES = {"met", "not met", "deployment", "n/a"}
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
HEADING = re.compile(r"(\w+\.md): (.+)")


class Requirement(NamedTuple):
    """One line of the table."""

    number: str
    level: str
    words: str
    state: str
    where: str
    shown_by: str


def requirements() -> list[Requirement]:
    lines = re.findall(r"^\| (\d.*) \|$", DOCUMENT, re.MULTILINE)
    return [Requirement(*(part.strip() for part in line.split(" | "))) for line in lines]


def there(file: str, name: str) -> bool:
    """Whether this test is written in that file."""
    path = ROOT / file
    return path.exists() and any(getattr(node, "name", "") == name for node in read(path).body)


def shown(requirement: Requirement) -> bool:
    proofs = requirement.shown_by.strip("`")
    if tests := TEST.findall(requirement.shown_by):
        return all(there(*test) for test in tests)
    if heading := HEADING.fullmatch(proofs):
        document, title = heading.groups()
        return f"\n## {title}\n" in (ROOT / document).read_text(encoding="utf-8")
    return proofs == "make check"


def test_each_requirement_stands_there_once_and_in_order() -> None:
    numbers = [tuple(map(int, each.number.split("."))) for each in requirements()]
    assert numbers == sorted(set(numbers))
    assert all(len(number) == 3 for number in numbers)
    assert len(numbers) > 150, "else the table is read wrongly"


@pytest.mark.parametrize("requirement", requirements(), ids=lambda each: each.number)
def test_what_is_met_is_shown_and_what_is_shown_is_met(requirement: Requirement) -> None:
    assert requirement.state in STATES
    assert requirement.level in {"1", "2", "3"}
    assert requirement.where != "-"
    if requirement.state == "met":
        assert shown(requirement)
    elif requirement.state == "not met" and requirement.shown_by != "-":
        assert not shown(requirement), "it is there by now: say that it is met"
    else:
        assert requirement.shown_by == "-"


def test_what_stops_an_attacker_is_shown() -> None:
    threats = DOCUMENT.partition("## Who might attack")[2].partition("## Ways in")[0]
    tests = TEST.findall(threats)
    assert len(tests) > 15
    assert [test for test in tests if not there(*test)] == []
