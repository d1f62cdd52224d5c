"""The tables of `years` as classes of Parse Server, and their rows as it writes them.

Who sees a row stands in the row. A person who writes is asked for a session, and not whether they
are a couple with whom they tell: for that Parse would need code of one's own.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from tests.benchmarks.years import Row, Size, Years

# Each table's class, and what its rows are found by.
CLASSES = {
    "couples": ("Couple", ()),
    "users": ("_User", ("couple",)),
    "spaces": ("Space", ("couple",)),
    "checkins": ("Checkin", ("couple", "closes_at")),
    "answers": ("Answer", ("checkin", "user", "question")),
    "nudges": ("Nudge", ("user", "expires_at")),
    "schedules": ("Schedule", ()),
    "hours": ("Hour", ("user",)),
    "consents": ("Consent", ("user",)),
    "boundaries": ("Boundary", ("user",)),
    "pushes": ("Push", ("due_at",)),
}
POINTERS = {"user": "_User", "couple": "Couple", "checkin": "Checkin", "schedule": "Schedule"}
OF_BOTH = {"couples", "users", "checkins", "schedules"}
KINDS = {bool: "Boolean", int: "Number", datetime: "Date", list: "Array", dict: "Object"}


def definitions(years: Years) -> Iterator[dict[str, Any]]:
    """What the classes hold, read off their first rows."""
    signed_in = {"requiresAuthentication": True}
    small = replace(years, size=Size(couples=1, checkins=1, answers=1, nudges=2))
    for table, rows in (small.tables() | {"pushes": pushes(years.now)}).items():
        yield {
            "className": CLASSES[table][0],
            "fields": {
                name: kind(name, value) for name, value in next(rows).items() if name != "id"
            },
            "classLevelPermissions": dict.fromkeys(("find", "get", "create"), signed_in),
        }


def pushes(now: datetime) -> Iterator[Row]:
    """There are none yet."""
    yield {"user": "", "couple": "", "kind": "", "due_at": now, "expires_at": now}


def kind(name: str, value: object) -> dict[str, str]:
    if name in POINTERS:
        return {"type": "Pointer", "targetClass": POINTERS[name]}
    return {"type": KINDS.get(type(value), "String")}


def fill(url: str, years: Years) -> None:
    """Straight into its tables. Everybody has a session."""
    with psycopg.connect(url, autocommit=True) as db:
        for table, rows in years.tables().items():
            copy(db, CLASSES[table][0], (written(table, row, years) for row in rows))
        copy(db, "_Session", (session(who["user"], years) for _, _, who in years.people()))
        for name, found_by in CLASSES.values():
            columns = sql.SQL(", ").join(map(sql.Identifier, found_by))
            unique = sql.SQL("unique" if name == "Answer" else "")
            if found_by:
                index = sql.SQL("create {} index on {} ({})")
                db.execute(index.format(unique, sql.Identifier(name), columns))
        db.execute("vacuum analyze")


def copy(db: psycopg.Connection[Any], name: str, rows: Iterator[Row]) -> None:
    first = next(rows)
    columns = sql.SQL(", ").join(map(sql.Identifier, first))
    into = sql.SQL("copy {} ({}) from stdin").format(sql.Identifier(name), columns)
    with db.cursor().copy(into) as copying:
        for row in chain([first], rows):
            copying.write_row([*row.values()])


def written(table: str, row: Row, years: Years) -> Row:
    said = {
        name: Jsonb(value) if isinstance(value, dict | list) else value
        for name, value in row.items()
        if name != "id"
    }
    if table == "users":
        said["username"] = row["id"]
    return base(row["id"], seen_by(table, row, years), years) | said


def base(name: str, readers: Iterable[str], years: Years) -> Row:
    """What every row has; the first who may read it may write it."""
    read = [*readers]
    dates = {"createdAt": years.now, "updatedAt": years.now}
    return {"objectId": name, "_rperm": read, "_wperm": read[:1]} | dates


def seen_by(table: str, row: Row, years: Years) -> list[str]:
    """Its owner first; then their partner, where it is of both, told, released or shown."""
    both = years.two(row["id"] if table == "couples" else row["couple"])
    mine = row["id"] if table == "users" else row.get("user", both[0])
    shared = row.get("mode") == "told" or row.get("released") or row.get("shown")
    partner = [each for each in both if each != mine]
    return [mine, *partner] if shared or table in OF_BOTH else [mine]


def session_token(user: str) -> str:
    return f"r:{user:>032}".replace(" ", "0")


def session(user: str, years: Years) -> Row:
    """As if they had signed in."""
    lasts = {"expiresAt": years.now + timedelta(days=365)}
    said = {"user": user, "sessionToken": session_token(user)}
    return base(f"t{user[1:]}", [], years) | said | lasts | {"_rperm": None, "_wperm": None}
