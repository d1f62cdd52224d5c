"""Where traces go: to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names, and else nowhere."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from schemas.traces import trace_statements

PATIENCE = 5  # seconds for a batch of them; in a thread, so that nobody waits


@contextmanager
def traces(process: str, endpoint: str | None) -> Iterator[None]:
    """OTLP over HTTP; what has not left is sent at the end. A collector that is away hinders
    nobody: spans wait in line, and are dropped where the line is full.
    """
    if endpoint is None:
        yield
        return
    provider = TracerProvider(resource=Resource.create({"service.name": f"twofold-{process}"}))
    exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=PATIENCE)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    trace_statements()
    try:
        yield
    finally:
        provider.shutdown()
