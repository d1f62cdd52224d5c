import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.base import Locale, new_id
from schemas.boundaries import (
    Boundaries,
    BoundariesWrite,
    BoundaryKind,
    QuietHours,
    boundaries_of,
    rows_of,
)
from schemas.pairing import Person
from schemas.phrases import PHRASES, PhraseId
from tests.builders import NO_BOUNDARIES, asking
from tests.fakes import NOON

LISBON, DENVER = "Europe/Lisbon", "America/Denver"
LORD_HOWE, APIA = "Australia/Lord_Howe", "Pacific/Apia"


def quiet(start: str, until: str) -> QuietHours:
    return QuietHours.model_validate({"shown": False, "start": start, "until": until})


def local(text: str, zone: str, fold: int = 0) -> datetime:
    """What the clock on the wall shows; the second time around, where it shows it twice."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)


NIGHT, DAY = ("22:00", "07:00"), ("09:00", "17:30")


@pytest.mark.parametrize("zone", [LISBON, DENVER, LORD_HOWE, APIA, "UTC", "Asia/Kathmandu"])
@pytest.mark.parametrize(
    ("hours", "at", "ends"),
    [
        (NIGHT, "2026-03-02 21:59:59", None),
        (NIGHT, "2026-03-02 22:00", "2026-03-03 07:00"),
        (NIGHT, "2026-03-03 00:00", "2026-03-03 07:00"),
        (NIGHT, "2026-03-03 06:59:59.999999", "2026-03-03 07:00"),
        (NIGHT, "2026-03-03 07:00", None),
        (DAY, "2026-03-02 08:59:59", None),
        (DAY, "2026-03-02 09:00", "2026-03-02 17:30"),
        (DAY, "2026-03-02 17:29:59", "2026-03-02 17:30"),
        (DAY, "2026-03-02 17:30", None),
        (("00:00", "23:59"), "2026-03-02 00:00", "2026-03-02 23:59"),
        (("00:00", "23:59"), "2026-03-02 23:59:30", None),
        (("23:59", "00:00"), "2026-03-02 23:59:30", "2026-03-03 00:00"),
        (("23:59", "00:00"), "2026-03-02 00:00", None),
        (("07:01", "07:00"), "2026-03-02 12:00", "2026-03-03 07:00"),
        (("07:01", "07:00"), "2026-03-02 07:00:30", None),
    ],
)
def test_it_is_quiet_by_the_clock_on_the_wall_from_the_first_minute_to_the_last(
    zone: str, hours: tuple[str, str], at: str, ends: str | None
) -> None:
    over = quiet(*hours).over_at(local(at, zone).astimezone(UTC), zone)

    assert over == (ends and local(ends, zone))


@pytest.mark.parametrize(
    ("zone", "hours", "at", "ends"),
    [
        # Lisbon, 29 March: 01:00 becomes 02:00. The night is an hour shorter.
        (LISBON, NIGHT, "2026-03-29T00:59Z", "2026-03-29T06:00Z"),
        (LISBON, NIGHT, "2026-03-29T05:59Z", "2026-03-29T06:00Z"),
        (LISBON, NIGHT, "2026-03-29T06:00Z", None),
        # Half past one is left out: it is read with the clock of before, and lasts until then.
        (LISBON, ("22:00", "01:30"), "2026-03-29T00:59Z", "2026-03-29T01:30Z"),
        (LISBON, ("22:00", "01:30"), "2026-03-29T01:30Z", None),
        # And what would begin in it does not begin later than the clock shows.
        (LISBON, ("01:30", "02:15"), "2026-03-29T01:00Z", "2026-03-29T01:15Z"),
        (LISBON, ("01:30", "02:15"), "2026-03-29T01:15Z", None),
        # Lisbon, 25 October: 02:00 becomes 01:00. Half past one comes twice.
        (LISBON, NIGHT, "2026-10-25T06:59Z", "2026-10-25T07:00Z"),
        (LISBON, ("22:00", "01:30"), "2026-10-25T00:29Z", "2026-10-25T01:30Z"),
        (LISBON, ("22:00", "01:30"), "2026-10-25T00:45Z", "2026-10-25T01:30Z"),
        (LISBON, ("22:00", "01:30"), "2026-10-25T01:30Z", None),
        (LISBON, ("01:30", "05:00"), "2026-10-25T00:29Z", None),
        (LISBON, ("01:30", "05:00"), "2026-10-25T00:30Z", "2026-10-25T05:00Z"),
        # Denver, 8 March: 02:00 becomes 03:00; 1 November: 02:00 becomes 01:00.
        (DENVER, NIGHT, "2026-03-08T12:59Z", "2026-03-08T13:00Z"),
        (DENVER, ("21:00", "02:30"), "2026-03-08T09:15Z", "2026-03-08T09:30Z"),
        (DENVER, NIGHT, "2026-11-01T13:59Z", "2026-11-01T14:00Z"),
        (DENVER, ("21:00", "01:15"), "2026-11-01T08:14Z", "2026-11-01T08:15Z"),
        # Lord Howe moves by half an hour: 4 October, 02:00 becomes 02:30; 5 April, 01:30 twice.
        (LORD_HOWE, NIGHT, "2026-10-03T19:59Z", "2026-10-03T20:00Z"),
        (LORD_HOWE, ("22:00", "02:15"), "2026-10-03T15:29Z", "2026-10-03T15:45Z"),
        (LORD_HOWE, NIGHT, "2026-04-04T20:29Z", "2026-04-04T20:30Z"),
        (LORD_HOWE, ("22:00", "01:45"), "2026-04-04T15:14Z", "2026-04-04T15:15Z"),
        # Samoa had no 30 December 2011: after the night of the 29th came the morning of the 31st.
        (APIA, NIGHT, "2011-12-30T07:59Z", None),
        (APIA, NIGHT, "2011-12-30T08:00Z", "2011-12-30T17:00Z"),
        (APIA, NIGHT, "2011-12-30T10:30Z", "2011-12-30T17:00Z"),
        (APIA, NIGHT, "2011-12-30T16:59Z", "2011-12-30T17:00Z"),
        (APIA, NIGHT, "2011-12-30T17:00Z", None),
        (APIA, NIGHT, "2011-12-31T08:00Z", "2011-12-31T17:00Z"),
    ],
)
def test_when_clocks_change_the_quiet_is_never_shorter_than_the_clock_says(
    zone: str, hours: tuple[str, str], at: str, ends: str | None
) -> None:
    over = quiet(*hours).over_at(datetime.fromisoformat(at), zone)

    assert over == (ends and datetime.fromisoformat(ends))


MINUTES = st.builds(time, st.integers(0, 23), st.integers(0, 59))
ZONES = st.sampled_from(
    [LISBON, DENVER, LORD_HOWE, APIA, "Africa/Casablanca", "America/Havana", "Asia/Tehran"]
)
# Half of the moments are drawn near a change, which else would hardly ever come up.
SOME_DAYS = st.sampled_from(
    ["2026-03-08", "2026-03-29", "2026-04-05", "2026-10-04", "2026-10-25", "2026-11-01"]
)
MOMENTS = st.builds(
    lambda day, minutes: datetime.fromisoformat(f"{day}T00:00Z") + timedelta(minutes=minutes),
    SOME_DAYS | st.dates(NOON.date(), NOON.date() + timedelta(days=700)).map(str),
    st.integers(min_value=-1440, max_value=2880),
)


def between(start: time, shown: time, until: time) -> bool:
    if start < until:
        return start <= shown < until
    return shown >= start or shown < until


@settings(max_examples=500)
@given(start=MINUTES, until=MINUTES, zone=ZONES, now=MOMENTS)
def test_whenever_the_clock_shows_a_time_between_it_is_quiet(
    start: time, until: time, zone: str, now: datetime
) -> None:
    assume(start != until)
    hours = QuietHours(shown=True, start=start, until=until)
    here = now.astimezone(ZoneInfo(zone))

    over = hours.over_at(now, zone)

    if between(start, here.time(), until):
        assert over is not None
        assert now < over <= now + timedelta(hours=26)
    changes = {(here + timedelta(hours=hours)).utcoffset() for hours in (-26, 0, 26)}
    if len(changes) == 1:
        assert (over is not None) == between(start, here.time(), until)
        assert over is None or over.astimezone(ZoneInfo(zone)).time() == until


def test_the_same_hour_twice_is_neither_always_nor_never() -> None:
    with pytest.raises(ValidationError) as refused:
        quiet("22:00", "22:00")

    [error] = refused.value.errors()
    assert (error["loc"], "must differ from start" in error["msg"]) == (("until",), True)


@pytest.mark.parametrize(
    "at",
    ["24:00", "7:00", "07:00:00", "07:00Z", "seven", "", 420, None, "\u0660\u0667:\u0660\u0660"],
)
def test_a_daily_time_is_hours_and_minutes(at: object) -> None:
    for named in ("start", "until"):
        with pytest.raises(ValidationError):
            QuietHours.model_validate(
                {"shown": True, "start": "22:00", "until": "23:00"} | {named: at}
            )


def test_there_is_a_place_for_every_kind_and_a_kind_for_every_place() -> None:
    assert [*Boundaries.model_fields] == [*BoundaryKind]
    assert dict.fromkeys(BoundaryKind) == NO_BOUNDARIES.model_dump()


EVERYTHING = {
    "quiet_hours": {"shown": True, "start": "22:00", "until": "07:00"},
    "daily_budget": {"shown": False, "most": 0},
    "off_limit_topics": {"shown": True, "topics": ["money", "past"]},
    "unwanted_nudges": {"shown": False, "kinds": []},
}


def somebody(*, paired: bool) -> Person:
    couple_id, partner_id = (new_id(NOON), new_id(NOON)) if paired else (None, None)
    return asking(LISBON, couple_id=couple_id, partner_id=partner_id)


def test_what_is_stored_is_what_was_said() -> None:
    me = somebody(paired=True)
    said = BoundariesWrite.model_validate(EVERYTHING)

    rows = rows_of(me, said)

    assert boundaries_of(rows).model_dump(mode="json") == EVERYTHING
    assert {row.account_id for row in rows} == {me.id}
    # That it is shown is one fact in one place, which ends with the couple.
    assert [row.shown_in for row in rows] == [me.couple_id, None, me.couple_id, None]
    assert all("shown" not in row.setting for row in rows)


def test_without_a_couple_nothing_is_shown() -> None:
    rows = rows_of(somebody(paired=False), BoundariesWrite.model_validate(EVERYTHING))

    assert {row.shown_in for row in rows} == {None}


@pytest.mark.parametrize("kind", BoundaryKind)
def test_none_is_dropped_by_being_forgotten(kind: BoundaryKind) -> None:
    with pytest.raises(ValidationError):
        BoundariesWrite.model_validate({k: v for k, v in EVERYTHING.items() if k != kind})


def test_what_is_named_twice_is_stored_once_and_in_order() -> None:
    twice = EVERYTHING | {"off_limit_topics": {"shown": True, "topics": ["past", "money", "past"]}}

    said = BoundariesWrite.model_validate(twice)

    assert said.off_limit_topics is not None
    assert said.off_limit_topics.topics == ["money", "past"]


@pytest.mark.parametrize("phrase_id", PhraseId)
def test_no_phrase_asks_presses_or_names_a_time(phrase_id: PhraseId) -> None:
    pressing = re.compile(
        r"\?|\d|\b(now|today|tonight|tomorrow|soon|must|should|need you|why|when|where|answer me"
        r"|agora|hoje|amanhã|já|deves|porque|quando|onde|responde)\b",
        re.IGNORECASE,
    )

    said = PHRASES[phrase_id].text

    assert said.keys() == set(Locale)
    assert said[Locale.EN] != said[Locale.PT]
    for text in said.values():
        assert not pressing.search(text)
        assert text[0].isupper()
        assert text.endswith(".")
