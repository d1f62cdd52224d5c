"""All that a phone shows of us, and how loudly.

A partner may read the lock screen, and may know to the minute what they did themselves. Words
that differ from kind to kind would tell them the rest: that somebody typed an invitation's
code, that there is space. So every kind says the same words, on the same channel, with the
same sound; which it was is in the app, after unlock.
"""

from dataclasses import dataclass
from typing import Literal

from schemas.base import Locale


@dataclass(frozen=True, slots=True)
class Text:
    title: str
    body: str


REMINDER = {
    Locale.EN: Text("Twofold", "You have a reminder"),
    Locale.PT: Text("Twofold", "Tem um lembrete"),
}

# One, since its name shows in the phone's settings and under a long press on the lock screen.
CHANNEL = "reminders"


@dataclass(frozen=True, slots=True)
class Manner:
    """How a push arrives, in the words of each provider."""

    android_priority: Literal["high", "normal"]
    apns_push_type: Literal["alert", "background"]
    apns_priority: Literal["10", "5"]


SHOWN = Manner("high", "alert", "10")
# Wakes the app and shows nothing. APNs refuses `background` with any other priority than 5.
UNSEEN = Manner("normal", "background", "5")
