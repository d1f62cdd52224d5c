"""Rows as one JSON value, which Pydantic reads at one go."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from sqlalchemy import JSON, ScalarSelect, SelectBase, func, literal_column
from sqlmodel import SQLModel, col, select


def as_json(statement: SelectBase) -> ScalarSelect[Any]:
    """All rows of a statement as one value, so that many statements make one round trip."""
    rows = statement.subquery()
    listed = func.json_agg(rows.table_valued(), type_=JSON)
    return select(func.coalesce(listed, literal_column("'[]'::json"), type_=JSON)).scalar_subquery()


def of(row: type[SQLModel], facts: type[BaseModel]) -> Iterator[Any]:
    """The columns of a table that these facts are made of."""
    return (col(getattr(row, name)) for name in facts.model_fields if hasattr(row, name))
