"""Reporting: where somebody who found a hole turns to (RFC 9116)."""

from datetime import timedelta

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse

from api.deps import House, Now
from api.errors import NotFound

GOOD_FOR = timedelta(days=180)  # RFC 9116 asks for less than a year

router = APIRouter(tags=["reporting"], include_in_schema=False)


@router.get("/.well-known/security.txt")
async def read_contact(house: House, now: Now) -> Response:
    """Not found, where whoever runs this has named nobody."""
    if house.security_contact is None:
        raise NotFound
    # The day and no hour: nothing here depends on when it is asked.
    expires = (now + GOOD_FOR).strftime("%Y-%m-%dT00:00:00Z")
    lines = (f"Contact: {house.security_contact}", f"Expires: {expires}", "Preferred-Languages: en")
    return PlainTextResponse("\n".join(lines) + "\n")
