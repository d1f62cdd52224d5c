"""What an answer of FCM means for a push. Pure.

FCM asks senders to wait after 429 as told, or a minute, and everybody together, unless it says
that it is one device that gets too much; after 500 and 503 as told, or ten seconds, with jitter;
and to send nothing again that it called wrong. What does not speak like FCM was not FCM but
something on the way, and says nothing about the push.
"""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from random import Random
from typing import NamedTuple

from pydantic import BaseModel, Field, ValidationError

from notifications.push import Gone, Outcome, Refused, Retry, Sent
from schemas.devices import TargetKind

SECOND = timedelta(seconds=1)
FIRST_RETRY = timedelta(seconds=10)
QUOTA_PAUSE = timedelta(minutes=1)
LONGEST = timedelta(hours=1)  # a server that says "in a year" is not to be believed

BAD_TOKEN = "The registration token is not a valid FCM registration token"  # noqa: S105


class Answer(NamedTuple):
    """What came back over the wire."""

    status: int
    retry_after: str | None
    body: bytes


class Violation(BaseModel):
    field: str = ""


class Exceeded(BaseModel):
    subject: str = ""
    description: str = ""


class Detail(BaseModel):
    code: str = Field(default="", alias="errorCode")
    violations: tuple[Violation, ...] = Field(default=(), alias="fieldViolations")
    exceeded: tuple[Exceeded, ...] = Field(default=(), alias="violations")


class Fault(BaseModel):
    message: str = ""
    details: tuple[Detail, ...] = ()

    def has(self, code: str) -> bool:
        return any(detail.code == code for detail in self.details)

    def blames(self, kind: TargetKind) -> bool:
        """Whether the target itself is malformed, and not the message.

        FCM has two ways of saying it: in a field violation, and, as its documentation shows,
        in nothing but the sentence.
        """
        fields = {violation.field for detail in self.details for violation in detail.violations}
        spoken = kind is TargetKind.TOKEN and self.message == BAD_TOKEN
        return spoken or f"message.{kind}" in fields

    def is_about_one_device(self) -> bool:
        """Whether a quota of this phone alone is used up, and not the project's.

        FCM's documentation knows three, in a QuotaFailure: "Message rate exceeded", "Device message
        rate exceeded" and, for topics, which we do not use, "Topic message rate exceeded". Whatever
        says it otherwise, as Google's own quotas do, is everybody's: rather wait too long.
        """
        exceeded = [each for detail in self.details for each in detail.exceeded]
        said = [f"{each.subject} {each.description}".lower() for each in exceeded]
        return bool(said) and all("device" in each for each in said)


class Reply(BaseModel):
    """As much of an answer as we act on. Empty, where it is not FCM's."""

    name: str = ""
    error: Fault | None = None


def judge(answer: Answer, kind: TargetKind, now: datetime, random: Random) -> Outcome:
    """What came of a push to a target of this kind. Any answer at all has a meaning."""
    reply = read(answer.body)
    wait = read_wait(answer.retry_after, now)
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        pause = QUOTA_PAUSE if wait is None else wait
        if reply.error and reply.error.is_about_one_device():
            return later(random, pause)
        return Retry(min(max(pause, SECOND), LONGEST), everybody=True)
    if answer.status == HTTPStatus.OK and reply.name:
        return Sent()
    if reply.error and is_gone(answer.status, reply.error, kind):
        return Gone()
    if reply.error and is_final(answer.status, reply.error):
        return Refused()
    return later(random, wait)


def needs_new_credential(answer: Answer) -> bool:
    """401 is about our credential, but for APNs' or a browser's key, which only people renew."""
    if answer.status != HTTPStatus.UNAUTHORIZED:
        return False
    error = read(answer.body).error
    return error is None or not error.has("THIRD_PARTY_AUTH_ERROR")


def later(random: Random, wait: timedelta | None = None) -> Retry:
    """At least the time asked for and ten seconds, spread, so that not all come back at once."""
    least = min(max(wait or FIRST_RETRY, FIRST_RETRY), LONGEST)
    return Retry(least * random.uniform(1, 1.5))


def read(body: bytes) -> Reply:
    try:
        return Reply.model_validate_json(body)
    except ValidationError:
        return Reply()


def read_wait(header: str | None, now: datetime) -> timedelta | None:
    """Retry-After comes in seconds or as a date; anything else says nothing."""
    if header is None:
        return None
    if re.fullmatch("[0-9]{1,9}", header):
        return timedelta(seconds=int(header))
    try:
        at = parsedate_to_datetime(header)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)) - now
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def is_gone(status: int, error: Fault, kind: TargetKind) -> bool:
    if status == HTTPStatus.NOT_FOUND:
        return error.has("UNREGISTERED")
    return status == HTTPStatus.BAD_REQUEST and error.blames(kind)


def is_final(status: int, error: Fault) -> bool:
    """SENDER_ID_MISMATCH is among these, and not among the gone.

    It is also what every phone answers when a wrong service account is deployed: for that,
    nobody's devices may be forgotten.
    """
    if status == HTTPStatus.UNAUTHORIZED:
        return error.has("THIRD_PARTY_AUTH_ERROR")
    wrong = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    return wrong and status != HTTPStatus.REQUEST_TIMEOUT
