"""Nothing is kept of anybody that the export, the deletion and PRIVACY.md do not know."""

from typing import Any

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from schemas.export import Export
from schemas.retention import TABLES
from tests.catalog import column, tables
from tests.columns import BESIDE, COLUMNS, EVERYWHERE
from tests.privacy_document import DOCUMENT, as_tables

EVERY_COLUMN = """
select relname || '.' || attname from pg_attribute join pg_class on pg_class.oid = attrelid
where relkind = 'r' and relnamespace = 'public'::regnamespace and relname <> 'alembic_version'
and attnum > 0 and not attisdropped
"""


async def unknown(db: AsyncSession) -> list[str]:
    """Columns of which nobody has said whether they are exported."""
    known = {
        f"{table}.{name}"
        for table, columns in COLUMNS.items()
        for name in {*columns.exported, *columns.kept_back, *EVERYWHERE}
    }
    return sorted({*await column(db, EVERY_COLUMN)} - known)


async def test_every_column_is_exported_or_says_why_not(db: AsyncSession) -> None:
    assert await unknown(db) == []


async def test_nothing_is_said_of_what_is_not_there(db: AsyncSession) -> None:
    said = {
        f"{table}.{name}"
        for table, columns in COLUMNS.items()
        for name in {*columns.exported, *columns.kept_back}
    }
    assert said - {*await column(db, EVERY_COLUMN)} == set()


async def test_every_table_says_what_it_keeps_of_whom_how_long_and_why(db: AsyncSession) -> None:
    assert [*TABLES] == [*COLUMNS] == await tables(db)


async def test_a_table_that_nobody_thought_about_is_found(db: AsyncSession) -> None:
    await (await db.connection()).execute(text("create table diary (id uuid, confession text)"))

    assert await unknown(db) == ["diary.confession", "diary.id"]
    assert "diary" in {*await tables(db)} - {*TABLES}
    await db.rollback()


def section(name: str) -> dict[str, Any]:
    """The fields of a section, as the contract has them."""
    schema = Export.model_json_schema()
    said = schema["properties"][name]
    forms = [said, said.get("items", {}), *said.get("anyOf", [])]
    [reference] = [form["$ref"] for form in forms if "$ref" in form]
    fields: dict[str, Any] = schema["$defs"][reference.rsplit("/", 1)[1]]["properties"]
    return fields


def test_what_is_said_to_be_exported_is_all_that_the_export_can_hold() -> None:
    claimed = {name: set(fields) for name, fields in BESIDE.items()}
    for columns in COLUMNS.values():
        for fields in columns.exported.values():
            claimed.setdefault(str(columns.section), set()).update(fields)

    there = {name: set(section(name)) for name in Export.model_fields if name != "made_at"}
    assert claimed == there


def test_the_document_says_what_the_code_says() -> None:
    written = DOCUMENT.read_text(encoding="utf-8")
    assert as_tables() in written, "write it anew with `python -m tests.privacy_document`"
