"""What an app asks of PocketBase for a home screen, and to answer."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from urllib.parse import urlencode

from tests.benchmarks.rival import Call


def home(me: str) -> Call:
    return Call(f"/api/collections/home/records/{me}")


def collections(me: str) -> Iterator[Call]:
    """The account with all that is small, in one; what has to be filtered, each by itself."""
    small = ("couple.users_via_couple", "couple.spaces_via_couple", "hours_via_user.schedule")
    own = ("consents_via_user", "boundaries_via_user")
    yield asked(f"users/records/{me}", expand=",".join([*small, *own]))
    yield asked(
        "checkins/records",
        filter="closes_at > @now",
        sort="-date,-id",
        expand="answers_via_checkin",
        fields="id,pack,version,date,closes_at,expand.answers_via_checkin.user",
        perPage=20,
        skipTotal=1,
    )
    yield asked(
        "nudges/records",
        filter="expires_at > @now",
        sort="-made_at",
        fields="id,kind,about,phrase,made_at",
        perPage=200,
        skipTotal=1,
    )


def asked(path: str, **said: object) -> Call:
    return Call(f"/api/collections/{path}?{urlencode(said)}")


def answering(now: datetime) -> Call:
    """An answer that is released, what then waits for the partner, and its push: all or nothing."""
    told = {"user": "$partner", "couple": "$couple", "kind": "reveal"}
    rings = {"due_at": stored(now), "expires_at": stored(now + timedelta(hours=12))}
    waits = {"made_at": stored(now), "expires_at": stored(now + timedelta(days=14))}
    said = {
        "checkin": "$checkin",
        "question": "$question",
        "value": "A few words.",
        "released": True,
    }
    who = {"user": "$user", "couple": "$couple", "answered_at": stored(now)}
    rows = {
        "answers": who | said,
        "nudges": told | waits | {"about": "$checkin"},
        "pushes": told | rings,
    }
    writes = [
        {"method": "POST", "url": f"/api/collections/{table}/records", "body": row}
        for table, row in rows.items()
    ]
    return Call("/api/batch", json.dumps({"requests": writes}))


def stored(value: object) -> object:
    """As PocketBase writes it."""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}.{value.microsecond // 1000:03}Z"
    return json.dumps(value) if isinstance(value, dict | list) else value
