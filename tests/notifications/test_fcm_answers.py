import json
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.fcm_answers import BAD_TOKEN, Answer, judge, needs_new_credential
from notifications.push import Gone, Outcome, Refused, Retry, Sent
from schemas.devices import TargetKind
from tests.fakes import NOON

FID, TOKEN = TargetKind.FID, TargetKind.TOKEN

FCM = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"
APNS = {"@type": "type.googleapis.com/google.firebase.fcm.v1.ApnsError", "statusCode": 403}


def body(message: str = "", *details: dict[str, Any]) -> bytes:
    return json.dumps({"error": {"code": 0, "message": message, "details": details}}).encode()


def code(word: str) -> dict[str, Any]:
    return {"@type": FCM, "errorCode": word}


def field(name: str) -> dict[str, Any]:
    return {"@type": BAD_REQUEST, "fieldViolations": [{"field": name, "description": "no"}]}


def outcome(status: int, body: bytes, kind: TargetKind = TOKEN, wait: str | None = None) -> Outcome:
    return judge(Answer(status, wait, body), kind, NOON, Random(1))


INVALID = code("INVALID_ARGUMENT")


@pytest.mark.parametrize(
    ("status", "error", "kind", "expected"),
    [
        (404, body("", code("UNREGISTERED")), TOKEN, Gone()),
        (404, body("", code("UNREGISTERED")), FID, Gone()),
        (400, body(BAD_TOKEN, INVALID), TOKEN, Gone()),
        (400, body("", INVALID, field("message.token")), TOKEN, Gone()),
        # The same words about a target that they cannot be about.
        (400, body(BAD_TOKEN, INVALID), FID, Refused()),
        (400, body("", INVALID, field("message.token")), FID, Refused()),
        # It is the message that is wrong, and every phone would be forgotten for it.
        (400, body("", INVALID, field("message.data[0].value")), TOKEN, Refused()),
        (400, body("Request contains an invalid argument."), TOKEN, Refused()),
        # It is the project that is wrong, or this deployment's service account.
        (404, body("Requested entity was not found."), TOKEN, Refused()),
        (403, body("SenderId mismatch", code("SENDER_ID_MISMATCH")), TOKEN, Refused()),
        (403, body("The caller does not have permission"), TOKEN, Refused()),
        (401, body("", code("THIRD_PARTY_AUTH_ERROR"), APNS), TOKEN, Refused()),
        (400, body("", code("UNREGISTERED")), TOKEN, Refused()),
    ],
)
def test_only_what_is_said_of_the_target_itself_forgets_it(
    status: int, error: bytes, kind: TargetKind, expected: Outcome
) -> None:
    assert outcome(status, error, kind) == expected


def test_sent_is_a_name_and_a_200() -> None:
    name = b'{"name": "projects/p/messages/1"}'

    assert outcome(200, name) == Sent()
    assert isinstance(outcome(202, name), Retry)


@pytest.mark.parametrize("status", [200, 204, 302, 400, 403, 404, 502])
@pytest.mark.parametrize(
    "rubbish",
    [b"", b"<html>", b"null", b"[]", b"\xff", b'{"name": 5}', b'{"error": "no"}', b"[" * 100_000],
)
def test_what_does_not_speak_like_fcm_says_nothing_about_the_push(
    status: int, rubbish: bytes
) -> None:
    assert isinstance(outcome(status, rubbish), Retry)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 60),
        ("7", 7),
        ("0", 1),
        ("Mon, 02 Mar 2026 12:05:00 GMT", 300),
        ("Mon, 02 Mar 2026 12:05:00 -0000", 300),
        ("Mon, 02 Mar 2026 11:00:00 GMT", 1),
        ("soon", 60),
        ("-5", 60),
        ("²", 60),
        ("99999999", 3600),
        ("9" * 5000, 60),
    ],
)
def test_after_429_everybody_waits_as_long_as_told_within_reason(
    header: str | None, seconds: int
) -> None:
    wait = timedelta(seconds=seconds)

    assert outcome(429, b"<html>", wait=header) == Retry(wait, everybody=True)


# Google's own words for the project's quota, which name no quota of FCM's.
OF_THE_PROJECT = {
    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    "reason": "RATE_LIMIT_EXCEEDED",
    "metadata": {"quota_limit": "SendsPerMinutePerProject"},
}


def exceeded(*words: str) -> dict[str, Any]:
    failure = "type.googleapis.com/google.rpc.QuotaFailure"
    violations = [{"subject": "", "description": each} for each in words]
    return {"@type": failure, "violations": violations}


DEVICE = "Device message rate exceeded."


@pytest.mark.parametrize(
    ("details", "everybody"),
    [
        ([exceeded(DEVICE)], False),
        ([code("QUOTA_EXCEEDED"), exceeded(DEVICE)], False),
        ([exceeded(DEVICE, "Message rate exceeded.")], True),
        ([exceeded("Message rate exceeded.")], True),
        ([exceeded()], True),
        ([code("QUOTA_EXCEEDED")], True),
        ([OF_THE_PROJECT], True),
    ],
)
def test_a_quota_of_one_device_is_nobody_elses(details: list[Any], everybody: bool) -> None:  # noqa: FBT001
    answered = outcome(429, body("Quota exceeded.", *details))

    assert isinstance(answered, Retry)
    assert answered.everybody == everybody
    assert answered.after >= timedelta(minutes=1)


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
@pytest.mark.parametrize(
    ("header", "least"), [(None, 10), ("3", 10), ("120", 120), ("99999999", 3600)]
)
def test_after_a_failure_one_push_waits_ten_seconds_or_as_told_and_not_all_the_same(
    status: int, header: str | None, least: int
) -> None:
    random = Random(1)
    answer = Answer(status, header, body("", code("INTERNAL")))

    waits = {judge(answer, TOKEN, NOON, random) for _ in range(20)}

    assert len(waits) == 20
    for retry in waits:
        assert isinstance(retry, Retry)
        assert timedelta(seconds=least) <= retry.after <= timedelta(seconds=least * 1.5)
        assert not retry.everybody


def test_only_our_own_credential_is_worth_renewing() -> None:
    assert needs_new_credential(Answer(401, None, body("Request had invalid credentials.")))
    assert needs_new_credential(Answer(401, None, b"<html>"))
    assert not needs_new_credential(Answer(401, None, body("", code("THIRD_PARTY_AUTH_ERROR"))))
    assert not needs_new_credential(Answer(403, None, body("", code("SENDER_ID_MISMATCH"))))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(
                ["error", "name", "details", "message", "errorCode", "fieldViolations"]
            ),
            inner,
        )
    ),
)


@given(
    st.integers(100, 999),
    st.none() | st.text() | st.datetimes().map(lambda at: at.strftime("%a, %d %b %Y %T +9959")),
    st.binary() | JSON.map(lambda value: json.dumps(value).encode()),
    st.sampled_from(TargetKind),
)
def test_any_answer_at_all_has_an_outcome(
    status: int, header: str | None, anything: bytes, kind: TargetKind
) -> None:
    result = outcome(status, anything, kind, header)

    assert isinstance(result, Sent | Gone | Refused | Retry)
    if isinstance(result, Retry):
        assert timedelta(seconds=1) <= result.after <= timedelta(hours=1.5)
