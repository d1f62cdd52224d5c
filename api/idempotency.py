"""Once: what creates something may be sent again, and is done once.

The app names a request with a key of its own (`Idempotency-Key`). The answer is kept in the
transaction that did the work, or not at all: so after a crash either both are there or neither.
Sent again, the request is answered from there, and nothing is done. Two that arrive together wait
for each other at the lock which every writing request takes, and the second is the replay.

A refusal is not kept, since it did nothing: whoever tries again is asked for anew.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest, digest
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel
from sqlmodel.ext.asyncio.session import AsyncSession

from api.deps import Db, MeWriting, Now, read_tally
from api.errors import Refusal
from api.policy.limits import ONCE
from schemas.idempotency import KEPT_FOR, KeptAnswer, Key
from schemas.pairing import Person
from schemas.sealing import seal, unseal

NAME = "Idempotency-Key"
Shown = TypeVar("Shown", bound=BaseModel)


NAMED = Header(
    alias=NAME,
    description="A UUID of the app's own for this request, the same each time it is sent"
    " again. For 24 hours it is then answered as the first time, and done once.",
)


class IdempotencyKeyReused(Refusal):
    type = "/problems/idempotency-key-reused"
    status = 422
    detail = "This key named another request. Nothing was done; use a new one for each."
    pointer = f"header/{NAME}"


class Replayed(Exception):
    """Raised where a request was answered before: what follows in the route is not done."""

    def __init__(self, answer: Response) -> None:
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Keeper:
    """Keeps what this request is answered with, if it names a key."""

    db: AsyncSession
    me: Person
    expires_at: datetime
    status: int
    hashes: tuple[bytes, bytes] | None

    async def keep(self, shown: Shown, couple_id: UUID | None) -> Shown:
        """The last word of a route: what is shown now is shown again, whatever has changed. With
        a couple's id it is shown for as long as the two are one.
        """
        if self.hashes:
            key_hash, request_hash = self.hashes
            row = KeptAnswer(
                account_id=self.me.id,
                couple_id=couple_id,
                key_hash=key_hash,
                request_hash=request_hash,
                status=self.status,
                sealed=b"",
                expires_at=self.expires_at,
            )
            row.sealed = seal(self.me.key, shown.model_dump_json().encode(), row.place)
            await self.db.merge(row)
        return shown


async def once(
    request: Request,
    me: MeWriting,
    db: Db,
    now: Now,
    key: Annotated[Key | None, NAMED] = None,
) -> Keeper:
    """Raises the first answer, where there is one; else says where to keep it."""
    status = request.scope["route"].status_code
    ends = now + KEPT_FOR
    if key is None:
        return Keeper(db, me, ends, status, None)
    await (await read_tally(request)).add(ONCE)
    key_hash, request_hash = blind(me, key), blind(me, await told(request))
    before = await db.get(KeptAnswer, (me.id, key_hash))
    if before and before.stands(me.couple_id, now):
        if not compare_digest(before.request_hash, request_hash):
            raise IdempotencyKeyReused
        body = unseal(me.key, before.sealed, before.place)
        raise Replayed(Response(body, before.status, media_type="application/json"))
    return Keeper(db, me, ends, status, (key_hash, request_hash))


def blind(me: Person, text: str) -> bytes:
    # Not a plain hash: there are few phrases, and whoever has a dump could try them all.
    return digest(me.key, f"{NAME}\n{text}".encode(), "sha256")


async def told(request: Request) -> str:
    """What was asked for, in one spelling: an app may put its fields in another order next time."""
    body = json.loads(await request.body() or b"null")
    asked = [request.method, request.url.path, request.url.query, body]
    return json.dumps(asked, sort_keys=True)


Once = Annotated[Keeper, Depends(once)]


async def replayed(_: Request, replay: Replayed) -> Response:
    return replay.answer
