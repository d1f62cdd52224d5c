"""What forms of data share: strict bodies, bounded types, ids, words."""

import os
import re
from datetime import UTC, date, datetime, time
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StrictInt,
    WithJsonSchema,
)
from sqlalchemy import Enum
from sqlmodel import SQLModel

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
# Without the two that are no place: what they mean differs from one server to the next.
ZONES = frozenset(available_timezones() - {"localtime", "Factory"})


def written(form: str) -> BeforeValidator:
    """A bare number is nobody's date: Pydantic would take it for seconds, or milliseconds."""

    def check(value: object) -> object:
        fits = isinstance(value, str) and re.fullmatch(form, value, re.ASCII)
        if fits or isinstance(value, date):
            return value
        msg = "must be written as in RFC 3339"
        raise ValueError(msg)

    return BeforeValidator(check)


Day = Annotated[date, written(r"\d{4}-\d\d-\d\d")]


def in_utc(at: datetime) -> datetime:
    # Compared before it is converted: year 1 at +14:00 has no UTC to be converted to.
    if not EARLIEST <= at < LATEST:
        msg = "must lie between 1970 and 2100"
        raise ValueError(msg)
    return at.astimezone(UTC)


# Sent in any zone, kept and shown in UTC: an answer looks the same before and after storage.
Moment = Annotated[AwareDatetime, written(r"\d{4}-\d\d-\d\d[Tt ].+"), AfterValidator(in_utc)]


def without_a_fraction(value: object) -> object:
    """JSON has one kind of number: to its schema 12.0 is an integer, and phones may write it so."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[StrictInt, BeforeValidator(without_a_fraction)]


# PostgreSQL stores neither U+0000 nor half of a surrogate pair. Pydantic refuses the latter only
# where it measures the text, and not before a validator has seen it.
UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    if UNSTORABLE.search(text):
        msg = "must be valid Unicode, without U+0000"
        raise ValueError(msg)
    return text


Text = Annotated[str, AfterValidator(storable)]


def known_zone(name: str) -> str:
    if name not in ZONES:
        msg = "must be an IANA time zone name"
        raise ValueError(msg)
    return name


Zone = Annotated[str, Field(max_length=64), AfterValidator(known_zone)]


HOURS_AND_MINUTES = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d", re.ASCII)


def on_the_minute(value: object) -> object:
    """Hours and minutes alone: an offset or a second in a daily time is somebody's mistake."""
    if isinstance(value, time) or (isinstance(value, str) and HOURS_AND_MINUTES.fullmatch(value)):
        return value
    msg = "must be a local time such as 20:00"
    raise ValueError(msg)


def as_hours_and_minutes(value: time) -> str:
    return value.strftime("%H:%M")


LocalTime = Annotated[
    time,
    BeforeValidator(on_the_minute),
    PlainSerializer(as_hours_and_minutes),
    WithJsonSchema({"type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d$"}),
]


def instant(on: date, at: time, zone: str) -> datetime:
    """The moment at which the clocks of `zone` show this, in UTC.

    RFC 5545: an hour that happens twice means the first; one that is left out is read with the
    offset before the gap, and so comes later. Both are what fold=0 means in `zoneinfo`.
    """
    return datetime.combine(on, at, ZoneInfo(zone)).astimezone(UTC)


# Kept for a while: many have the same quiet hours, and are asked for them at the same hour.
@lru_cache(maxsize=4096)
def readings(on: date, at: time, zone: str) -> frozenset[datetime]:
    """All that this may mean: two instants for an hour that is left out or that happens twice."""
    return frozenset(instant(on, at.replace(fold=fold), zone) for fold in (0, 1))


def local_date(at: datetime, zone: str) -> date:
    return at.astimezone(ZoneInfo(zone)).date()


def date_exists(on: date, zone: str) -> bool:
    """Who moves across the date line may leave one out: Samoa had no 30 December 2011, nor its
    noon.
    """
    return local_date(instant(on, time(12), zone), zone) == on


class Locale(StrEnum):
    """The languages in which Twofold speaks."""

    EN = "en"
    PT = "pt"


# Rows, as far as they decide anything, are read by the hundred. SQLModel takes three times as long
# to read one; a type checker sees it all the same, since tables are made of them.
if TYPE_CHECKING:
    Fact = SQLModel
else:

    class Fact(BaseModel):
        model_config = ConfigDict(from_attributes=True)


# Not `Body(SQLModel, extra="forbid")`: SQLModel drops class keywords in silence.
class Body(BaseModel, extra="forbid"):
    """A request body: unknown fields are refused, so a typo never passes for a choice."""


def words(kind: type[StrEnum]) -> Enum:
    """A checked text column with the words of `kind`; SQLModel by itself stores their names."""
    return Enum(
        kind,
        native_enum=False,
        length=40,  # a longer word needs no migration
        create_constraint=True,
        name=kind.__name__.lower(),
        values_callable=lambda members: [member.value for member in members],
    )


def new_id(now: datetime) -> UUID:
    """A UUIDv7 that tells the day and nothing finer.

    RFC 9562 lets the timestamp be altered. With milliseconds in it, an id that a partner sees
    would tell when its author was awake; with the day, rows still lie together in an index.
    """
    milliseconds = (now - EARLIEST).days * 86_400_000
    random = int.from_bytes(os.urandom(10))
    version, variant = 7 << 76, 2 << 62
    low = random & ~(0xF << 76) & ~(3 << 62)
    return UUID(int=milliseconds << 80 | low | version | variant)
