"""What FCM is asked to show, and until when. Pure.

firebase-admin builds and validates every message. That takes longer than to send it, so it does so
once for each of the few forms there are; what differs from phone to phone is filled in.
"""

import json
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID

from firebase_admin import messaging

from notifications.push import Push, Target
from notifications.texts import CHANNEL, REMINDER, SHOWN, UNSEEN, Manner, Text
from schemas.base import EARLIEST, Locale
from schemas.devices import Platform, TargetKind
from schemas.nudges import Kind

LARGEST = 4096  # bytes; FCM refuses more
LONGEST_TTL = timedelta(weeks=4)  # likewise
SECOND = timedelta(seconds=1)
A_BILLION = EARLIEST + 1_000_000_000 * SECOND


def encode(push: Push, now: datetime) -> bytes:
    """The body of the request. What FCM would not take in any case is a ValueError."""
    target = push.target
    seconds = whole_seconds(push.ttl)
    shape = push.kind, target.kind, target.platform, target.locale
    message = form(*shape, discreet=target.discreet) % {
        "address": json.dumps(target.value)[1:-1],
        "id": push.id,
        "ttl": seconds,
        "until": int(now.timestamp()) + seconds,
    }
    if len(message) > LARGEST:
        msg = "a message is at most 4096 bytes"
        raise ValueError(msg)
    return f'{{"message": {message}}}'.encode()


def whole_seconds(ttl: timedelta) -> int:
    """Rounded down: rather gone a moment early than ringing late."""
    seconds = min(ttl, LONGEST_TTL) // SECOND
    if seconds < 0:
        msg = "ttl must not be negative"
        raise ValueError(msg)
    return seconds


@cache
def form(
    kind: Kind, known_by: TargetKind, platform: Platform, locale: Locale, *, discreet: bool
) -> str:
    """A message as firebase-admin builds and writes it, with blanks for what differs from phone to
    phone: to build each anew costs more than to send it.
    """
    target = Target(known_by, "(address)", platform, locale, discreet)
    sample = Push(UUID(int=0), kind, target, 77_777 * SECOND)
    text = str(build(sample, A_BILLION)).replace("%", "%%")
    # The longer number first, since it ends like the other.
    blanks = {str(sample.id): "id", "1000077777": "until", "77777": "ttl", "(address)": "address"}
    for written, blank in blanks.items():
        text = text.replace(written, f"%({blank})s")
    return text


def build(push: Push, now: datetime) -> messaging.Message:
    """A kind and an id, and, unless the phone's owner wants none, one generic line."""
    target, tag = push.target, str(push.id)
    manner = UNSEEN if target.discreet else SHOWN
    text = None if target.discreet else REMINDER[target.locale]
    ttl = whole_seconds(push.ttl) * SECOND
    message = messaging.Message(
        data={"kind": push.kind.value, "id": tag},
        notification=text and messaging.Notification(text.title, text.body),
        android=for_android(tag, ttl, manner),
        apns=for_apple(tag, now + ttl, manner),
        webpush=for_web(tag, ttl, text) if target.platform is Platform.WEB else None,
    )
    if target.kind is TargetKind.FID:
        message.fid = target.value
    else:
        message.token = target.value  # afterwards, since as an argument it warns
    return message


def for_android(tag: str, ttl: timedelta, manner: Manner) -> messaging.AndroidConfig:
    """No collapse key: FCM keeps four of them for a phone, and ours are all different."""
    shown = messaging.AndroidNotification(tag=tag, channel_id=CHANNEL, visibility="private")
    return messaging.AndroidConfig(
        priority=manner.android_priority,
        ttl=ttl,
        notification=shown if manner is SHOWN else None,
    )


def for_apple(tag: str, until: datetime, manner: Manner) -> messaging.APNSConfig:
    headers = {
        "apns-collapse-id": tag,
        "apns-push-type": manner.apns_push_type,
        "apns-priority": manner.apns_priority,
        "apns-expiration": str(int(until.timestamp())),
    }
    unseen = messaging.APNSPayload(messaging.Aps(content_available=True))
    return messaging.APNSConfig(headers=headers, payload=unseen if manner is UNSEEN else None)


def for_web(tag: str, ttl: timedelta, text: Text | None) -> messaging.WebpushConfig:
    """Browsers take the words from here, since here is the tag that makes a repeat replace."""
    shown = text and messaging.WebpushNotification(text.title, text.body, tag=tag)
    return messaging.WebpushConfig(headers={"TTL": str(ttl // SECOND)}, notification=shown)
