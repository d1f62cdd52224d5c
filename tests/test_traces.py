"""Traces as a collector receives them, from real processes."""

import gzip
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from httpx import AsyncClient
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from sqlalchemy import URL
from sqlmodel import UTCDateTime, func, select
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api import tokens
from api.tokens import Claims
from notifications.emulator import local_emulator
from notifications.emulator_socket import serve
from tests.builders import KEYRING, TOKEN_KEYS, Person, a_person
from tests.crowd import a_crowd, until_nothing_waits
from tests.fakes import Clock
from tests.processes import a_free_port, a_process, until_it_answers
from tests.test_guards_logs import CANARY, SIGN_UP, is_mistaken, says_everything

CALLER = "ab" * 16  # the trace of whoever asks


class Collector:
    """Takes OTLP over HTTP and keeps it."""

    def __init__(self) -> None:
        self.received: list[bytes] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        zipped = request.headers.get("content-encoding") == "gzip"
        self.received.append(gzip.decompress(body) if zipped else body)
        await Response(media_type="application/x-protobuf")(scope, receive, send)

    def spans(self) -> Iterator[Span]:
        for body in self.received:
            for process in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in process.scope_spans:
                    yield from scope.spans


@asynccontextmanager
async def traced(
    command: str, collector: Collector, database: URL, data: Path, **settings: str
) -> AsyncIterator[None]:
    """What it has to tell has been told when the block is left."""
    async with (
        serve(collector) as endpoint,
        a_process(
            command,
            database=database,
            data=data,
            OTEL_EXPORTER_OTLP_ENDPOINT=endpoint,
            **settings,
        ) as process,
    ):
        yield
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0


# So that somebody who is in the database of the tests can be told apart by another process.
KEYS = {
    "TWOFOLD_TOKEN_KEYS": ",".join(f"{name}:{key.hex()}" for name, key in TOKEN_KEYS.items()),
    "TWOFOLD_DATA_KEYS": ",".join(f"{name}:{key.hex()}" for name, key in KEYRING.keys.items()),
}


async def test_of_requests_a_trace_shows_what_was_done_and_nothing_of_what_was_said(
    database: URL, db: AsyncSession, tmp_path: Path
) -> None:
    now = (await db.exec(select(func.now(type_=UTCDateTime)))).one()
    sam = await a_person(db, Person(CANARY, FastAPI(), Clock(now)))
    collector, port = Collector(), a_free_port()
    url = f"http://127.0.0.1:{port}"
    async with (
        traced("serve", collector, database, tmp_path, TWOFOLD_PORT=str(port), **KEYS),
        AsyncClient(base_url=f"{url}/v1", trust_env=False) as phone,
    ):
        await until_it_answers(f"{url}/healthz")
        token = tokens.issue(TOKEN_KEYS, Claims(sam.id, sam.session_id), now)
        phone.headers["authorization"] = f"Bearer {token}"
        await says_everything(phone)
        assert (await phone.post("/accounts", json=SIGN_UP)).status_code == 202
        phone.headers["traceparent"] = f"00-{CALLER}-{'cd' * 8}-01"
        await is_mistaken(phone)

    spans = [*collector.spans()]
    assert {"accounts_sign_up", "answers_answer", "none", "insert", "select"} <= {
        span.name for span in spans
    }
    assert any(span.trace_id.hex() == CALLER for span in spans)
    inserts = [span for span in spans if span.name == "insert"]
    parents = {span.span_id for span in spans}
    assert all(span.parent_span_id in parents for span in inserts)
    assert CANARY.encode() not in b"".join(collector.received)


async def test_of_pushes_a_trace_shows_that_they_were_made_and_not_for_whom(
    database: URL, db: AsyncSession, clock: Clock, tmp_path: Path
) -> None:
    collector = Collector()
    async with local_emulator(clock) as fcm:
        people = await a_crowd(db, 3)
        secrets = [secret for each in people for secret in (each.phone, str(each.id), each.name)]
        settings = {"TWOFOLD_FCM_EMULATOR": fcm}
        async with traced("worker", collector, database, tmp_path, **settings):
            await until_nothing_waits(db)

    names = [span.name for span in collector.spans()]
    assert {"tick", "plan", "claim", "send", "record"} <= {*names}
    assert names.count("fcm") == len(people)
    told = b"".join(collector.received)
    assert not any(secret.encode() in told for secret in secrets)


async def test_nobody_is_traced_where_there_is_no_collector() -> None:
    from opentelemetry import trace  # noqa: PLC0415 - what this process has of it

    with trace.get_tracer("twofold").start_as_current_span("anything") as span:
        assert not span.is_recording()
