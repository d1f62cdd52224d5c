"""The rows of an export, one section at a time: see `export`."""

from uuid import UUID

from sqlalchemy import bindparam
from sqlmodel import and_, col, or_, select
from sqlmodel.sql.expression import Select

from schemas.answers import Answer
from schemas.blocks import Block
from schemas.checkins import Checkin
from schemas.consents import Consent
from schemas.credentials import CredentialChange
from schemas.devices import Device
from schemas.identities import Identity
from schemas.invitations import Invitation
from schemas.partner_nudges import PartnerNudge
from schemas.schedules import Hour, Schedule, Signature
from schemas.security import SecurityEvent
from schemas.sessions import Session

_me: UUID = bindparam("me")  # type: ignore[assignment]
MY_INVITATION = select(Invitation.expires_at).where(Invitation.account_id == _me)
MY_SESSIONS = select(Session).where(Session.account_id == _me).order_by(col(Session.created_at))
MY_IDENTITIES = select(Identity).where(Identity.account_id == _me).order_by(col(Identity.issuer))
MY_EVENTS = (
    select(SecurityEvent).where(SecurityEvent.account_id == _me).order_by(col(SecurityEvent.at))
)
MY_CHANGES = (
    select(CredentialChange)
    .where(CredentialChange.account_id == _me)
    .order_by(col(CredentialChange.asked_at))
)
MY_DEVICES = select(Device).where(Device.account_id == _me).order_by(col(Device.registered_at))
MY_BLOCKS = select(Block).where(Block.account_id == _me).order_by(col(Block.blocked_on))
MY_CONSENTS = select(Consent).where(Consent.account_id == _me).order_by(col(Consent.number))
MY_SCHEDULES: Select[Schedule, int | None, Hour | None] = (
    select(Schedule, Signature.version, Hour)
    .join(
        Signature,
        and_(col(Signature.schedule_id) == Schedule.id, col(Signature.account_id) == _me),
        isouter=True,
    )
    .join(
        Hour, and_(col(Hour.schedule_id) == Schedule.id, col(Hour.account_id) == _me), isouter=True
    )
    .where(
        or_(
            col(Schedule.account_id) == _me,
            col(Signature.version).is_not(None),
            col(Hour.at).is_not(None),
        )
    )
    .order_by(col(Schedule.id))
)
MY_CHECKINS = select(Checkin).where(Checkin.account_id == _me).order_by(col(Checkin.date))
MY_ANSWERS = (
    select(Answer, Checkin)
    .join(Checkin, col(Checkin.id) == Answer.checkin_id)
    .where(Answer.account_id == _me)
    .order_by(col(Checkin.date), col(Checkin.id), col(Answer.question))
)
MY_PHRASES = (
    select(PartnerNudge).where(PartnerNudge.from_id == _me).order_by(col(PartnerNudge.sent_at))
)
