"""The phones behind the local FCM: what each of them got, and what it shows."""

from collections import defaultdict
from datetime import datetime
from html import escape
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field, model_validator

Headers = dict[str, str]


class Tagged(BaseModel):
    """A notification of one platform."""

    tag: str | None = None


class Android(BaseModel):
    ttl: Annotated[str, Field(pattern=r"^\d+(\.\d+)?s$")] | None = None
    notification: Tagged = Tagged()


class Apple(BaseModel):
    headers: Headers = {}


class Web(BaseModel):
    headers: Headers = {}
    notification: Tagged = Tagged()


class Message(BaseModel, extra="forbid"):
    """As much of FCM's message as we send or look at."""

    token: str | None = None
    fid: str | None = None
    topic: str | None = None
    condition: str | None = None
    data: dict[str, str] = {}
    notification: dict[str, str] | None = None
    android: Android = Android()
    apns: Apple = Apple()
    webpush: Web = Web()
    fcm_options: Headers = {}

    @model_validator(mode="after")
    def has_one_target(self) -> Self:
        if len(self.targets) != 1:
            msg = "Recipient of the message is not set, or not one."
            raise ValueError(msg)
        return self

    @property
    def targets(self) -> list[str]:
        given = (self.token, self.fid, self.topic, self.condition)
        return [target for target in given if target]

    @property
    def collapse_key(self) -> str | None:
        """A repeat with the same one replaces what is shown."""
        apple = self.apns.headers.get("apns-collapse-id")
        return self.android.notification.tag or apple or self.webpush.notification.tag


class Request(BaseModel, extra="forbid"):
    message: Message
    validate_only: bool = False


class Arrival(BaseModel):
    """One accepted message, word for word."""

    name: str
    at: datetime
    message: dict[str, Any]


class Shown(BaseModel):
    """What somebody who looks at the phone can read."""

    at: datetime
    title: str
    body: str


class Phone(BaseModel):
    shows: dict[str, Shown] = {}  # by collapse key
    log: list[Arrival] = []  # every message, also the unseen and the repeated


class Phones:
    """Everything that arrived, by target."""

    def __init__(self) -> None:
        self.all: defaultdict[str, Phone] = defaultdict(Phone)

    def deliver(self, arrival: Arrival, message: Message) -> None:
        phone = self.all[message.targets[0]]
        phone.log.append(arrival)
        if message.notification is not None:
            key = message.collapse_key or arrival.name
            title, body = (message.notification.get(part, "") for part in ("title", "body"))
            phone.shows[key] = Shown(at=arrival.at, title=title, body=body)

    def page(self) -> str:
        """For people: each phone, what it shows and how much it got."""
        phones = "".join(section(target, phone) for target, phone in self.all.items())
        title = "<!doctype html><meta charset=utf-8><title>Phones</title><h1>Phones</h1>"
        return title + (phones or "<p>Nothing has arrived yet.</p>")


def section(target: str, phone: Phone) -> str:
    shows = "".join(
        f"<li>{shown.at:%H:%M:%S} <b>{escape(shown.title)}</b> {escape(shown.body)}</li>"
        for shown in phone.shows.values()
    )
    log = "".join(
        f"<li>{arrival.at:%H:%M:%S} {escape(str(arrival.message.get('data', {})))}</li>"
        for arrival in phone.log
    )
    return f"<h2>{escape(target)}</h2><ul>{shows}</ul><p>Everything it got:</p><ol>{log}</ol>"
