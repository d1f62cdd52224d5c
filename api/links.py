"""Opening links: whoever has the token has read the mail."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from pydantic import SecretStr
from sqlmodel.ext.asyncio.session import AsyncSession

from api.errors import Refusal
from schemas.links import OPEN_LINK, LinkKind, about, hash_of


class LinkOver(Refusal):
    type = "/problems/link-over"
    status = 410
    detail = "This link was used, or is too old, or there is a newer one. Ask for another."


class Opened(NamedTuple):
    """Whose link it is, if it is an account's, and what it is about."""

    account_id: UUID | None
    about: str


async def opened(
    token: SecretStr, kind: LinkKind, db: AsyncSession, now: datetime, *, spend: bool
) -> Opened:
    """From here on we act for whoever it belongs to. Spent, it opens nothing any more."""
    secret = token.get_secret_value()
    asked = {"hash": hash_of(secret), "kind": kind, "now": now, "spend": spend}
    row = (await db.exec(OPEN_LINK, params=asked)).one_or_none()
    if row is None:
        raise LinkOver
    return Opened(row[0], about(secret, kind, row[1]))
