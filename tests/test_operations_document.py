"""OPERATIONS.md says what is so, and what it tells somebody to do does what it says."""

import re
from importlib import import_module
from uuid import UUID

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import bindparam, text
from sqlmodel.ext.asyncio.session import AsyncSession

from api import observed  # noqa: F401 - registers what is counted
from notifications import worker  # noqa: F401 - likewise
from schemas.database import LIMITS as LIMITS_OF
from schemas.database import Limits, Role
from tests.builders import Two
from tests.conftest import ROOT

DOCUMENT = (ROOT / "OPERATIONS.md").read_text(encoding="utf-8")
LIMITS = re.findall(r"\| `([\w.]+)\.([A-Z_]+)` = ([\d.]+) \|$", DOCUMENT, re.MULTILINE)


@pytest.mark.parametrize(("module", "name", "value"), LIMITS)
def test_a_limit_is_what_the_document_says(module: str, name: str, value: str) -> None:
    assert getattr(import_module(module), name) == float(value)


def test_every_limit_that_is_told_is_compared() -> None:
    assert len(LIMITS) == DOCUMENT.count("` = ")


@pytest.mark.parametrize("name", Limits._fields)
def test_the_database_is_waited_for_as_the_document_says(name: str) -> None:
    api, sending = [getattr(LIMITS_OF[role], name) for role in (Role.API, Role.WORKER)]
    [line] = [each for each in DOCUMENT.splitlines() if each.endswith(f"LIMITS`: {name} |")]
    assert f"| API {api} s, worker {sending} s |" in line


def test_every_metric_is_in_the_document_and_no_other() -> None:
    told = set(re.findall(r"^\| `(twofold_\w+)", DOCUMENT, re.MULTILINE))
    # Counters end in _total where they are read.
    counted = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in REGISTRY.collect()
        if family.name.startswith("twofold_")
    }
    assert told == counted


async def ids(db: AsyncSession, table: str, column: str) -> set[UUID]:
    rows = await db.exec(text(f"select {column} from {table}"))  # type: ignore[call-overload] # noqa: S608
    return set(rows.scalars())


# As the dump has them, all of which Sam undid since. Kim has no password, and no other way in.
BEFORE = """
insert into deletion values ('{sam}', now(), now(), false);
insert into credential_change (account_id, kind, asked_at, takes_effect_at, password_hash, proved)
    values ('{sam}', 'password', now(), now(), 'of a partner''s', true);
update account set email = null, password_hash = null where id = '{kim}';
insert into identity (account_id, issuer, subject_hash, linked_at, good_from)
    values ('{sam}', 'apple', 'one', now(), now()), ('{kim}', 'apple', 'another', now(), now());
"""


async def test_a_restore_that_is_worked_on_brings_back_nobody_and_no_couple(
    couple: Two, noise: Two, db: AsyncSession
) -> None:
    """Alex deleted their account after the dump."""
    sam, alex = couple
    await alex.sends()
    for statement in BEFORE.format(sam=sam.id, kim=noise[0].id).strip().split(";\n"):
        await db.exec(text(statement.rstrip(";")))  # type: ignore[call-overload]
    assert alex.id in await ids(db, "push", "account_id") | await ids(db, "member", "account_id")

    [script] = re.findall(r"```sql\n(create temporary.*?)```", DOCUMENT, re.DOTALL)
    made, copied, rest = re.split(r"(\\copy alive .*\n)", script)
    assert copied
    await db.exec(text(made))  # type: ignore[call-overload]
    alive = [{"id": each.id} for each in (sam, *noise)]
    await db.exec(text("insert into alive values (:id)").bindparams(bindparam("id")), params=alive)  # type: ignore[call-overload]
    for statement in re.sub("--.*", "", rest).split(";"):
        if statement.strip():
            await db.exec(text(statement))  # type: ignore[call-overload]

    assert await ids(db, "account", "id") == {each.id for each in (sam, *noise)}
    assert await ids(db, "identity", "account_id") == {noise[0].id}
    gone = ("member", "session", "consent", "push", "device", "space", "partner_nudge", "mail")
    for table in (*gone, "link", "deletion", "credential_change"):
        assert await ids(db, table, "account_id") == set(), table
    await db.exec(text("drop table alive"))  # type: ignore[call-overload]
    await db.commit()
    assert (await sam.get("/today")).status_code == 401
