"""The demo: API, worker and a local FCM, and both partners' phones over real HTTP.

The clock is the demo's own: it begins about two weeks ago and is moved by the story, so that
what it leaves behind lies in the past, and the two accounts can be used afterwards.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from rich.columns import Columns
from rich.console import Console
from rich.panel import Panel
from sqlalchemy import URL

from api.demo_phone import PASSWORD, Phone, Unexpected
from api.demo_story import STORY, Clock, Scene, partners, sign_up, type_the_code
from api.local import Addresses, everything
from api.settings import Settings

WIDTH = 39


async def demo(stage: URL, home: URL, settings: Settings, now: datetime) -> bool:
    """True when every step went as it should. `stage` is where it plays; the two accounts that
    somebody can go on with are made in `home`.
    """
    console = Console(highlight=False)
    settings = replace(settings, fcm_credentials=None, fcm_emulator=None, smtp_url=None)
    settings = replace(settings, host="127.0.0.1")
    clock = Clock(now - timedelta(days=15))
    async with everything(stage, clock, settings, 0) as addresses:
        console.print(f"API on {addresses.api}, local FCM on {addresses.fcm}\n")
        async with two_phones(addresses, settings.maildir, clock) as scene:
            if not await play(scene, console):
                return False
    clock = Clock(now)
    async with (
        everything(home, clock, settings, 0) as addresses,
        two_phones(addresses, settings.maildir, clock) as scene,
    ):
        await ready_made(scene, console)
    return True


@asynccontextmanager
async def two_phones(addresses: Addresses, mail: Path, clock: Clock) -> AsyncIterator[Scene]:
    """Made-up people, new each time: the demo may run as often as one likes."""
    run = token_hex(3)
    async with (
        httpx.AsyncClient(base_url=addresses.api) as twofold,
        httpx.AsyncClient(base_url=addresses.fcm or "") as fcm,
    ):
        sam = Phone("Sam", "Europe/Lisbon", f"sam-{run}@example.org", twofold, fcm, mail)
        alex = Phone("Alex", "America/Denver", f"alex-{run}@example.org", twofold, fcm, mail)
        yield Scene(sam, alex, clock)


async def play(scene: Scene, console: Console) -> bool:
    for number, step in enumerate(STORY, 1):
        words = " ".join((step.__doc__ or "").split())
        console.print(f"[bold]{number:2}. {words}[/]")
        try:
            with console.status("…"):
                await step(scene)
                panels = [await screen(phone, scene.clock) for phone in scene.both]
        except (Unexpected, httpx.HTTPError) as error:
            console.print(f"[red]    Step {number} failed: {error}[/]")
            return False
        console.print(Columns(panels, padding=(0, 1)))
    return True


async def screen(phone: Phone, clock: Clock) -> Panel:
    """What somebody sees who looks at this phone now."""
    today = await phone.get("/today")
    partner, told = today["partner"], today["space"]["partner"]
    lines = [
        f"with {partner}" if partner else "alone",
        *(["I take space"] if today["space"]["mine"] else []),
        *([f"{partner} takes space, until {told['ends_at'][:10]}"] if told else []),
        *[line for each in today["checkins"] for line in await checkin_lines(phone, each)],
        *(f"waits: {each['kind']}" for each in today["nudges"]["nudges"]),
        *await push_lines(phone),
    ]
    hour = clock.now.astimezone(ZoneInfo(phone.zone))
    title = f"{phone.name}'s phone, {hour:%A %H:%M}"
    return Panel("\n".join(lines), title=title, title_align="left", width=WIDTH)


async def checkin_lines(phone: Phone, checkin: dict[str, Any]) -> list[str]:
    read = await partners(phone, checkin["id"])
    mine = f"check-in: I answered {checkin['answered']}"
    return [mine, *(f"  I read: {value}" for value in read.values())]


async def push_lines(phone: Phone) -> list[str]:
    arrived: list[Any] = (await phone.fcm.get(f"/phones/{phone.target}")).json()["log"]
    kinds = [each["message"]["data"]["kind"] for each in arrived]
    return [f"pushes: {len(kinds)}", *([f"  the last: {kinds[-1]}"] if kinds else [])]


async def ready_made(scene: Scene, console: Console) -> None:
    """Two accounts, paired, for whoever wants to go on with them."""
    # Without waiting for pushes: a worker that is being served may take them elsewhere.
    await sign_up(scene)
    await type_the_code(scene)
    await scene.sam.call("POST", "/pairing/confirm")
    sam, alex = scene.both
    console.print(
        "\n[green bold]The main job works, from signing up to leaving.[/]\n\n"
        "Go on:  [bold]make serve[/], then http://127.0.0.1:8000/docs\n"
        f"Sign in as {sam.email} or {alex.email}\n"
        f"(paired, nothing shared yet), password: {PASSWORD}\n"
    )
