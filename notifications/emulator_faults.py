"""How the local FCM fails when it is told to, in the words of the real one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, NamedTuple

from fastapi.responses import JSONResponse
from pydantic import Field, ValidationError

from schemas.base import Body

FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"
QUOTA_FAILURE = "type.googleapis.com/google.rpc.QuotaFailure"


class Mode(StrEnum):
    UNREGISTERED = "unregistered"
    INVALID_ARGUMENT = "invalid_argument"
    SENDER_MISMATCH = "sender_mismatch"
    QUOTA = "quota"  # the project's
    DEVICE_QUOTA = "device_quota"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"
    UNAUTHORIZED = "unauthorized"
    LOSE_ANSWER = "lose_answer"  # accept, remember, and say 503
    LOSE_LINE = "lose_line"  # accept, remember, and hang up
    STALL = "stall"  # accept after some seconds
    DROP = "drop"  # hang up
    RUBBISH = "rubbish"  # 200, and no JSON
    TOKEN_DOWN = "token_down"  # noqa: S105 - the token endpoint; whatever the target


class Rule(Body):
    """One way to fail, for one target or for all, so many times or until told otherwise."""

    mode: Mode
    target: str | None = None
    times: Annotated[int, Field(ge=1)] | None = None
    retry_after: int | str | None = None  # a header, for quota and unavailable
    seconds: Annotated[float, Field(gt=0)] = 3600  # for stall


@dataclass(slots=True)
class Faults:
    """The rules in force; the first that fits is followed."""

    rules: list[Rule] = field(default_factory=list)

    def for_push(self, target: str) -> Rule | None:
        return self.follow(
            rule
            for rule in self.rules
            if rule.mode is not Mode.TOKEN_DOWN and rule.target in {None, target}
        )

    def for_token(self) -> Rule | None:
        return self.follow(rule for rule in self.rules if rule.mode is Mode.TOKEN_DOWN)

    def follow(self, fitting: Iterable[Rule]) -> Rule | None:
        rule = next(iter(fitting), None)
        if rule is not None and rule.times is not None:
            rule.times -= 1
            if not rule.times:
                self.rules.remove(rule)
        return rule


class Refusal(NamedTuple):
    """A Google API error. `reason` is FCM's own word for it, where FCM has one; `exceeded` the
    quota that is used up.
    """

    code: int
    status: str
    message: str
    reason: str | None = None
    exceeded: str | None = None

    def answer(
        self, retry_after: int | str | None = None, details: Iterable[Mapping[str, Any]] = ()
    ) -> JSONResponse:
        own: list[Mapping[str, Any]] = []
        if self.reason:
            own.append({"@type": FCM_ERROR, "errorCode": self.reason})
        if self.exceeded:
            violation = {"subject": "", "description": self.exceeded}
            own.append({"@type": QUOTA_FAILURE, "violations": [violation]})
        error = {"code": self.code, "message": self.message, "status": self.status}
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        body = {"error": error | {"details": [*own, *details]}}
        return JSONResponse(body, self.code, headers)


UNAUTHENTICATED = Refusal(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
FORBIDDEN = Refusal(403, "PERMISSION_DENIED", "The caller does not have permission")
INVALID = Refusal(400, "INVALID_ARGUMENT", "Request contains an invalid argument.")
UNAVAILABLE = Refusal(503, "UNAVAILABLE", "The service is currently unavailable.", "UNAVAILABLE")

REFUSALS = {
    Mode.UNREGISTERED: Refusal(404, "NOT_FOUND", "Requested entity was not found.", "UNREGISTERED"),
    Mode.INVALID_ARGUMENT: Refusal(
        400,
        "INVALID_ARGUMENT",
        "The registration token is not a valid FCM registration token",
        "INVALID_ARGUMENT",
    ),
    Mode.SENDER_MISMATCH: Refusal(
        403, "PERMISSION_DENIED", "SenderId mismatch", "SENDER_ID_MISMATCH"
    ),
    Mode.QUOTA: Refusal(
        429,
        "RESOURCE_EXHAUSTED",
        "Quota exceeded for quota metric.",
        "QUOTA_EXCEEDED",
        "Message rate exceeded.",
    ),
    Mode.DEVICE_QUOTA: Refusal(
        429,
        "RESOURCE_EXHAUSTED",
        "Resource has been exhausted (e.g. check quota).",
        "QUOTA_EXCEEDED",
        "Device message rate exceeded.",
    ),
    Mode.UNAVAILABLE: UNAVAILABLE,
    Mode.LOSE_ANSWER: UNAVAILABLE,
    Mode.INTERNAL: Refusal(500, "INTERNAL", "Internal error encountered.", "INTERNAL"),
    Mode.UNAUTHORIZED: UNAUTHENTICATED,
}


def misshapen(error: ValidationError) -> JSONResponse:
    """A message that FCM cannot read, with the fields it stumbles over."""
    violations = [
        {"field": ".".join(map(str, each["loc"])), "description": each["msg"]}
        for each in error.errors()
    ]
    return INVALID.answer(details=[{"@type": BAD_REQUEST, "fieldViolations": violations}])
