import json
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.fcm_messages import build, encode
from notifications.push import Push, Target
from schemas.base import EARLIEST, Locale
from schemas.devices import Platform, TargetKind
from schemas.nudges import Kind
from tests.fakes import NOON
from tests.notifications.local_fcm import ID, PHONE, TOKEN, push

TAG = str(ID)


def message(push: Push) -> Any:  # noqa: ANN401
    return json.loads(encode(push, NOON))["message"]


def test_a_message_is_a_kind_an_id_and_one_generic_line() -> None:
    assert message(push()) == {
        "token": PHONE,
        "data": {"kind": "reveal", "id": TAG},
        "notification": {"title": "Twofold", "body": "You have a reminder"},
        "android": {
            "priority": "high",
            "ttl": "7200s",
            "notification": {"tag": TAG, "channel_id": "reminders", "visibility": "PRIVATE"},
        },
        "apns": {
            "headers": {
                "apns-collapse-id": TAG,
                "apns-push-type": "alert",
                "apns-priority": "10",
                "apns-expiration": "1772460000",  # 14:00
            }
        },
    }


@pytest.mark.parametrize("platform", Platform)
@pytest.mark.parametrize("kind", Kind)
def test_a_discreet_message_has_no_notification_anywhere(platform: Platform, kind: Kind) -> None:
    target = Target(TargetKind.FID, "installation", platform, Locale.EN, discreet=True)

    said = message(Push(ID, kind, target, timedelta(hours=2)))

    assert "notification" not in json.dumps(said)
    assert said["fid"] == "installation"
    assert said["data"] == {"kind": kind.value, "id": TAG}
    assert said["android"] == {"priority": "normal", "ttl": "7200s"}
    assert said["apns"]["headers"]["apns-push-type"] == "background"
    assert said["apns"]["headers"]["apns-priority"] == "5"
    assert said["apns"]["payload"] == {"aps": {"content-available": 1}}


def test_a_browser_is_told_how_long_and_what_a_repeat_replaces() -> None:
    assert message(push(platform=Platform.WEB, locale=Locale.PT))["webpush"] == {
        "headers": {"TTL": "7200"},
        "notification": {"title": "Twofold", "body": "Tem um lembrete", "tag": TAG},
    }


@pytest.mark.parametrize(
    ("left", "seconds"),
    [
        (timedelta(0), 0),
        (timedelta(seconds=59, milliseconds=999), 59),
        (timedelta(days=365), 2_419_200),  # FCM takes four weeks at most
    ],
)
def test_no_phone_rings_after_the_window(left: timedelta, seconds: int) -> None:
    target = Target(TargetKind.FID, "installation", Platform.WEB, Locale.EN, discreet=False)

    said = message(Push(ID, Kind.REVEAL, target, left))

    assert said["android"]["ttl"] == f"{seconds}s"
    assert said["webpush"]["headers"]["TTL"] == str(seconds)
    expiration = int(said["apns"]["headers"]["apns-expiration"])
    assert expiration == int(NOON.timestamp()) + seconds


def test_no_message_comes_near_4096_bytes_and_none_has_more_than_kind_and_id() -> None:
    everything = product(Kind, TargetKind, Platform, Locale, [True, False])
    for kind, known_by, platform, locale, discreet in everything:
        target = Target(known_by, "t" * 512, platform, locale, discreet)

        body = encode(Push(ID, kind, target, timedelta(hours=2)), NOON)

        assert len(body) < 2048
        assert json.loads(body)["message"]["data"] == {"kind": kind.value, "id": TAG}
        assert body.count(b'"data"') == 1


def test_a_longer_message_or_one_after_its_time_is_not_made() -> None:
    largest = 4096 - len(json.dumps(message(push(value="x")), sort_keys=True)) + 1
    encode(push(value="x" * largest), NOON)

    with pytest.raises(ValueError, match="4096 bytes"):
        encode(push(value="x" * (largest + 1)), NOON)
    with pytest.raises(ValueError, match="ttl must not be negative"):
        encode(Push(ID, Kind.REVEAL, TOKEN, -timedelta(microseconds=1)), NOON)


@given(
    kind=st.sampled_from(Kind),
    target=st.builds(
        Target,
        st.sampled_from(TargetKind),
        st.text(min_size=1, max_size=200) | st.sampled_from(["77777", "(address)", '%s"\\']),
        st.sampled_from(Platform),
        st.sampled_from(Locale),
        discreet=st.booleans(),
    ),
    ttl=st.timedeltas(timedelta(0), timedelta(weeks=6)),
    now=st.datetimes(EARLIEST.replace(tzinfo=None), timezones=st.just(UTC)),
    id_=st.uuids(),
)
def test_what_is_filled_in_is_to_the_byte_what_firebase_admin_would_write(
    kind: Kind, target: Target, ttl: timedelta, now: datetime, id_: UUID
) -> None:
    push = Push(id_, kind, target, ttl)

    assert encode(push, now) == f'{{"message": {build(push, now)}}}'.encode()
