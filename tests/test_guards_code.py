"""Rules for the source itself, whatever is added later."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.app import AREAS

ROOT = Path(__file__).parent.parent
LONGEST_FILE, LONGEST_FUNCTION = 200, 25


def files() -> list[Path]:
    folders = ("api", "notifications", "schemas")
    found = [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]
    assert {file.parent.name for file in found} > set(folders), "else these tests test nothing"
    return found


def name(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def read(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


every_file = pytest.mark.parametrize("file", files(), ids=name)


@every_file
def test_a_file_is_read_at_one_sitting(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


@every_file
def test_a_function_is_seen_at_one_glance(file: Path) -> None:
    too_long = [
        node.name
        for node in ast.walk(read(file))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
    ]
    assert too_long == []


def called(file: Path) -> Iterator[str]:
    for node in ast.walk(read(file)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func).rsplit(".", 1)[-1]


def test_one_place_opens_transactions_and_ends_them() -> None:
    """A commit anywhere else would be half a request, and half of what somebody was promised."""
    ways = {"AsyncSession", "sessionmaker", "async_sessionmaker", "commit", "rollback"}
    found = {name(file) for file in files() if ways & {*called(file)}}
    assert found == {"schemas/database.py"}


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(read(file)):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize(
    ("package", "allowed"),
    [
        ("jwt", r"api/(identity_)?tokens\.py"),
        ("argon2", r"api/passwords\.py"),
        ("firebase_admin", r"notifications/fcm\w*\.py"),
        ("httptools", r"notifications/fcm\w*\.py"),
        ("aiosmtplib", r"notifications/smtp\.py"),
        ("psycopg", r"schemas/(connection|embedded|talk)\.py"),
    ],
)
def test_what_may_be_exchanged_one_day_has_one_place(package: str, allowed: str) -> None:
    found = [
        name(file)
        for file in files()
        if package in {module.split(".")[0] for module in imported(file)}
    ]
    assert [each for each in found if not re.fullmatch(allowed, each)] == []
    assert found


def test_the_readme_tells_every_setting_there_is() -> None:
    files = sorted((ROOT / "api").glob("settings*.py"))
    settings = "".join(file.read_text(encoding="utf-8") for file in files)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    setting = r"TWOFOLD_[A-Z_]+|GOOGLE_APPLICATION_CREDENTIALS|OTEL_[A-Z_]+"

    told = re.findall(rf"^\| `({setting})` \|", readme, re.MULTILINE)

    assert sorted(told) == sorted(set(re.findall(rf'"({setting})"', settings)))


def test_settings_are_read_in_one_place() -> None:
    readers = [name(file) for file in files() if {"getenv", "environ"} & words(file)]
    assert readers == ["api/cli.py"]  # which hands them to `Settings.from_environment`


def words(file: Path) -> set[str]:
    tree = read(file)
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return attributes | {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def test_no_area_is_left_out_of_the_import_contracts() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]

    [apart] = [each for each in contracts if each["type"] == "independence"]

    assert sorted(apart["modules"]) == sorted(area.__name__ for area in AREAS)
