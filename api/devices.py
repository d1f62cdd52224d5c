"""Devices: where a push reaches me. Shape: mine.

A phone is a session with a push target. Signed out, it is forgotten, and nothing rings there
any more. A target belongs to one person: on a tablet that two share it rings for whoever is
signed in.
"""

from uuid import UUID

from api.areas import area
from api.deps import Db, Me, MeWriting, Now
from api.errors import NotFound, NotSignedIn, documented
from schemas.devices import (
    DEVICES,
    FORGET,
    REGISTER,
    RELEASE_TARGET,
    Device,
    DevicePublic,
    DeviceWrite,
)
from schemas.sessions import HELD_SESSION

router = area("/devices", NotSignedIn)


@router.get("", summary="List my phones")
async def read_devices(me: Me, db: Db, now: Now) -> list[DevicePublic]:
    """All on which I am signed in and that asked for pushes. Only I see them."""
    rows = await db.exec(DEVICES, params={**me.scope, "now": now})
    return [device.public(me) for device in rows]


@router.put("/current", summary="Register or renew this phone")
async def register_device(body: DeviceWrite, me: MeWriting, db: Db, now: Now) -> DevicePublic:
    """To be sent at every start of the app. A target that was somebody else's is no longer."""
    held = await db.exec(HELD_SESSION, params={"session": me.session_id})
    if held.one_or_none() is None:
        raise NotSignedIn
    release = {"kind": body.target_kind, "target": body.target, "session": me.session_id}
    await db.exec(RELEASE_TARGET, params=release)
    row = Device.of(me, body, now).model_dump()
    device: Device = (await db.exec(REGISTER, params=row)).scalar_one()
    return device.public(me)


@router.delete(
    "/{device_id}", status_code=204, summary="Forget a phone", responses=documented(NotFound)
)
async def forget_device(device_id: UUID, me: MeWriting, db: Db) -> None:
    """No push reaches it from now on; it stays signed in."""
    forgotten = await db.exec(FORGET, params={**me.scope, "device": device_id})
    if forgotten.one_or_none() is None:
        raise NotFound
