"""Many rows in one statement, which stays the same however many they are.

They come as one array for each column: PostgreSQL plans it once, and nothing is compiled anew.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import ARRAY, TableValuedAlias, bindparam, column, func, inspect
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlmodel import SQLModel, select


def given(table: type[SQLModel], *names: str) -> TableValuedAlias:
    """What the arrays hold that are bound for these columns of a table."""
    columns = [inspect(table).local_table.c[name] for name in names]
    bound = [bindparam(f"each_{one.name}", type_=ARRAY(one.type)) for one in columns]
    bare = [column(one.name, one.type) for one in columns]
    return func.unnest(*bound).table_valued(*bare, name="given").render_derived()


def insert_all(table: type[SQLModel], *order: str) -> Insert:
    """All of the rows that are given, in this order: two who insert the same ones wait for each
    other at most once.
    """
    into = inspect(table).local_table
    rows = given(table, *into.c.keys())
    ordered = select(*rows.c).order_by(*(rows.c[name] for name in order))
    return insert(into).from_select([*into.c.keys()], ordered)


def arrays(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """One for each column. There must be a row."""
    rows = [*rows]
    return {f"each_{name}": [row[name] for row in rows] for name in rows[0]}
