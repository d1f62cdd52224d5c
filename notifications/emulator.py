"""A local FCM: accepts, remembers and fails on demand, and speaks the HTTP v1 wire format.

For tests, the demo and development: everything between the outbox and a lock screen runs over
real sockets, and nothing leaves the machine. What is told and asked about it has no key.
"""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import ValidationError
from starlette.requests import ClientDisconnect

from notifications import emulator_account, emulator_phones
from notifications.emulator_account import PROJECT, service_account
from notifications.emulator_faults import (
    FORBIDDEN,
    INVALID,
    REFUSALS,
    UNAUTHENTICATED,
    Faults,
    Mode,
    Rule,
    misshapen,
)
from notifications.emulator_phones import Arrival, Message, Phone, Phones
from notifications.emulator_socket import hang_up, serve

__all__ = ["create_emulator", "local_emulator", "service_account"]

LARGEST = 4096
TOKEN_LIVES = timedelta(hours=1)

router = APIRouter()


@dataclass(slots=True)
class Emulator:
    """All that the routes share."""

    now: Callable[[], datetime]
    faults: Faults = field(default_factory=Faults)
    phones: Phones = field(default_factory=Phones)
    tokens: dict[str, datetime] = field(default_factory=dict)  # and when each is over
    accepted: int = 0
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    def accept(self, message: Message, raw: dict[str, Any]) -> Response:
        self.accepted += 1
        name = f"projects/{PROJECT}/messages/{self.accepted}"
        self.phones.deliver(Arrival(name=name, at=self.now(), message=raw), message)
        return JSONResponse({"name": name})


def emulator(request: Request) -> Emulator:
    state: Emulator = request.app.state.emulator
    return state


Fcm = Annotated[Emulator, Depends(emulator)]


def create_emulator(now: Callable[[], datetime]) -> FastAPI:
    """A local FCM whose phones are empty and which fails at nothing."""
    # A path holds a target; whoever traces the whole in one process traces this as well.
    app = FastAPI(openapi_url=None, telemetry={"tracing": False, "metrics": False, "logs": False})
    app.state.emulator = Emulator(now)
    app.include_router(router)
    return app


@router.get("/service-account")
async def read_account(request: Request) -> dict[str, str]:
    """For a worker in another process."""
    return service_account(str(request.base_url).rstrip("/"))


@router.post("/token")
async def sign_in(request: Request, fcm: Fcm) -> Response:
    """OAuth 2.0 with a signed assertion (RFC 7523)."""
    if fcm.faults.for_token():
        return JSONResponse({"error": "temporarily_unavailable"}, 503)
    try:
        form = parse_qs((await request.body()).decode(errors="replace"))
    except ClientDisconnect:  # who asked died
        return Response()
    grant_type, assertion = (form.get(name, [""])[0] for name in ("grant_type", "assertion"))
    if grant_type != emulator_account.GRANT_TYPE:
        return JSONResponse({"error": "unsupported_grant_type"}, 400)
    if not emulator_account.is_ours(assertion):
        return JSONResponse({"error": "invalid_grant"}, 400)
    token = f"ya29.{secrets.token_urlsafe(32)}"
    fcm.tokens[token] = fcm.now() + TOKEN_LIVES
    lives = int(TOKEN_LIVES.total_seconds())
    return JSONResponse({"access_token": token, "expires_in": lives, "token_type": "Bearer"})


@router.post("/v1/projects/{project}/messages:send")
async def send(project: str, request: Request, fcm: Fcm) -> Response:
    """Who asks, for what, and is it well formed? Only then may it fail on demand."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or fcm.tokens.get(token, fcm.now()) <= fcm.now():
        return UNAUTHENTICATED.answer()
    if project != PROJECT:
        return FORBIDDEN.answer()
    try:
        body = await request.body()
    except ClientDisconnect:  # its sender died
        return Response()
    try:
        message = emulator_phones.Request.model_validate_json(body).message
    except ValidationError as error:
        return misshapen(error)
    raw = json.loads(body)["message"]
    if size(raw) > LARGEST:
        return INVALID.answer()
    rule = fcm.faults.for_push(message.targets[0])
    return await fail(rule, request, message, raw) if rule else fcm.accept(message, raw)


def size(raw: dict[str, Any]) -> int:
    """What counts as payload: everything but the address."""
    payload = {name: part for name, part in raw.items() if name not in {"token", "fid"}}
    return len(json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode())


async def fail(rule: Rule, request: Request, message: Message, raw: dict[str, Any]) -> Response:
    fcm = emulator(request)
    if rule.mode in {Mode.LOSE_ANSWER, Mode.LOSE_LINE}:
        fcm.accept(message, raw)
    match rule.mode:
        case Mode.DROP | Mode.LOSE_LINE:
            await hang_up(request)
            return Response()
        case Mode.RUBBISH:
            return Response("<p>Welcome to this hotel's network!", media_type="text/html")
        case Mode.STALL:
            with suppress(TimeoutError):
                await asyncio.wait_for(fcm.closing.wait(), rule.seconds)
            return fcm.accept(message, raw)
    if rule.mode is Mode.INVALID_ARGUMENT and message.token is None:
        return INVALID.answer()  # of an installation id FCM does not say this
    return REFUSALS[rule.mode].answer(rule.retry_after)


@router.get("/")
async def read_page(fcm: Fcm) -> HTMLResponse:
    return HTMLResponse(fcm.phones.page())


@router.get("/phones")
async def read_phones(fcm: Fcm) -> dict[str, Phone]:
    return fcm.phones.all


@router.get("/phones/{target:path}")
async def read_phone(target: str, fcm: Fcm) -> Phone:
    """One that nothing has reached is empty: the emulator knows no phones beforehand."""
    return fcm.phones.all.get(target, Phone())


@router.delete("/phones", status_code=204)
async def forget_phones(fcm: Fcm) -> None:
    fcm.phones.all.clear()


@router.get("/faults")
async def read_faults(fcm: Fcm) -> list[Rule]:
    """Those that are still in force."""
    return fcm.faults.rules


@router.put("/faults", status_code=204)
async def put_faults(rules: list[Rule], fcm: Fcm) -> None:
    fcm.faults.rules = rules


@router.delete("/faults", status_code=204)
async def clear_faults(fcm: Fcm) -> None:
    fcm.faults.rules = []


@asynccontextmanager
async def local_emulator(now: Callable[[], datetime], port: int = 0) -> AsyncIterator[str]:
    """Serves an emulator from the running loop, on loopback alone, and yields its base URL."""
    app = create_emulator(now)
    async with serve(app, port) as base_url:
        try:
            yield base_url
        finally:
            app.state.emulator.closing.set()
