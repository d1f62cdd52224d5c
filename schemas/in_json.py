"""Rows as one JSON value, which Pydantic reads at one go."""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator
from sqlalchemy import (
    JSON,
    ColumnElement,
    ScalarSelect,
    SelectBase,
    Text,
    cast,
    func,
    literal_column,
)
from sqlmodel import SQLModel, col, select


def as_json(statement: SelectBase) -> ScalarSelect[Any]:
    """All rows of a statement as one value, so that many statements make one round trip."""
    rows = statement.subquery()
    listed = func.json_agg(rows.table_valued(), type_=JSON)
    return select(func.coalesce(listed, literal_column("'[]'::json"), type_=JSON)).scalar_subquery()


def in_one(parts: Mapping[str, ScalarSelect[Any]]) -> ColumnElement[str]:
    """One object of them all, as the text that Pydantic reads."""
    names: Iterator[ColumnElement[str]] = (literal_column(f"'{name}'") for name in parts)
    named = chain.from_iterable(zip(names, parts.values(), strict=True))
    return cast(func.json_build_object(*named), Text)


def of(row: type[SQLModel], facts: type[BaseModel]) -> Iterator[Any]:
    """The columns of a table that these facts are made of."""
    return (col(getattr(row, name)) for name in facts.model_fields if name in row.model_fields)


def from_hex(value: object) -> object:
    return bytes.fromhex(value.removeprefix("\\x")) if isinstance(value, str) else value


# As PostgreSQL writes bytes in JSON.
Octets = Annotated[bytes, BeforeValidator(from_hex)]
