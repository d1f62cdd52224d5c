"""What an app asks of PocketBase for a home screen, and to answer."""

import json
from datetime import datetime, timedelta
from urllib.parse import urlencode

from tests.benchmarks.rival import Call


def home(me: str) -> Call:
    return Call(f"/api/collections/home/records/{me}")


def collections(me: str) -> Call:
    """The account, with all that names it and that their rules let through. Nothing is trimmed:
    `fields` makes it smaller, and slower.
    """
    expand = (
        *("couple.users_via_couple", "couple.spaces_via_couple", "hours_via_user.schedule"),
        *("consents_via_user", "boundaries_via_user", "open_via_user", "waiting_via_user"),
    )
    said = {"expand": ",".join(expand)}
    return Call(f"/api/collections/users/records/{me}?{urlencode(said)}")


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
