"""Devices, as stored, as sent and as shown."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from pydantic import StrictBool, StringConstraints
from sqlalchemy import UniqueConstraint, bindparam, func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Boolean, Field, SQLModel, col, delete, select

from schemas.base import Body, Locale, Text, new_id, words
from schemas.pairing import Person
from schemas.sessions import Session
from schemas.shapes import Mine


class TargetKind(StrEnum):
    """How FCM knows a phone: by installation id, or by the older registration token."""

    FID = "fid"
    TOKEN = "token"  # noqa: S105 - the name of a kind


class Platform(StrEnum):
    """What a push must be shaped for."""

    ANDROID = "android"
    IOS = "ios"
    WEB = "web"


# Visible ASCII: what FCM hands out, and nothing that could break a header or a log line.
Target = Annotated[Text, StringConstraints(min_length=8, max_length=1024, pattern=r"^[!-~]+$")]


class DeviceFields(SQLModel):
    """What all forms of a device share."""

    target_kind: TargetKind = Field(sa_type=words(TargetKind))
    platform: Platform = Field(sa_type=words(Platform))
    locale: Locale = Field(
        sa_type=words(Locale), description="The language of pushes to this phone."
    )
    discreet: StrictBool = Field(
        description="True: no alert is ever shown, only data reaches the app."
    )


class DeviceWrite(DeviceFields, Body):
    """Register this phone, or renew what is registered."""

    target: Target = Field(description="The installation id or token that Firebase gave the app.")


class Device(DeviceFields, Mine, table=True):
    """Where a push reaches a person. It ends with the session that registered it."""

    __table_args__ = (UniqueConstraint("target_kind", "target"),)

    id: UUID = Field(primary_key=True)
    session_id: UUID = Field(unique=True, foreign_key="session.id", ondelete="CASCADE")
    target: str = Field(repr=False)
    registered_at: datetime

    @classmethod
    def of(cls, me: Person, body: DeviceWrite, now: datetime) -> Self:
        """The row that this phone's request asks for."""
        private = {
            "id": new_id(now),
            "account_id": me.id,
            "session_id": me.session_id,
            "registered_at": now,
        }
        return cls.model_validate(body, update=private)

    def public(self, me: Person) -> "DevicePublic":
        """Without the target: whoever holds it can push to the phone."""
        here = self.session_id == me.session_id
        told = {"registered_on": self.registered_at.date(), "current": here}
        return DevicePublic.model_validate(self, update=told)


# What a phone may say anew; its id and its session stay.
RENEWED = (*DeviceWrite.model_fields, "registered_at")


class DevicePublic(DeviceFields):
    """A phone of mine."""

    id: UUID
    registered_on: date = Field(description="By the day in UTC.")
    current: bool = Field(description="Is this the phone that asks?")


DEVICES = (
    select(Device)
    .join(Session, col(Session.id) == Device.session_id)
    .where(col(Device.account_id) == bindparam("me"), col(Session.expires_at) > bindparam("now"))
    .order_by(col(Device.registered_at), col(Device.id))
)
_new = insert(Device)
# One row for a session. Statements, not rows: whoever takes a target over deletes it elsewhere.
REGISTER = _new.on_conflict_do_update(
    index_elements=["session_id"],
    set_={name: _new.excluded[name] for name in RENEWED},
).returning(Device)
FORGET = (
    delete(Device)
    .where(col(Device.account_id) == bindparam("me"), col(Device.id) == bindparam("device"))
    .returning(col(Device.id))
)
# Takes a target from whoever had it, unless that is the session that asks.
RELEASE_TARGET = select(
    func.release_target(bindparam("kind"), bindparam("target"), bindparam("session"), type_=Boolean)
)
