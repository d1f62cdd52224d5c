"""How requests reach the application: what is set of the server, in one place.

By itself the server waits for ever for the rest of a request, and believes whoever asks from the
same machine about whom they ask for.
"""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from api.heads import LARGEST_HEADERS, LONGEST_ADDRESS
from api.settings import Settings

# Seconds: for a request, until its last byte is here, and for silence between two.
SLOWEST_REQUEST = 20
LONGEST_SILENCE = 5


class Patient(H11Protocol):
    """Hangs up on whoever does not send all of a request, headers and body, in time."""

    slowest = SLOWEST_REQUEST
    hanging_up: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_or_not()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._wait_or_not()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._wait_or_not()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stop_waiting()

    def _wait_or_not(self) -> None:
        """More that dribbles in wins no time."""
        if self.conn.their_state not in {h11.IDLE, h11.SEND_BODY}:
            self._stop_waiting()
        elif self.hanging_up is None:
            self.hanging_up = self.loop.call_later(self.slowest, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self.hanging_up:
            self.hanging_up.cancel()
            self.hanging_up = None


def wired(settings: Settings) -> dict[str, Any]:
    """For `uvicorn.Config`."""
    return {
        "http": Patient,
        "ws": "none",
        # What is larger is refused in words (`api/heads.py`); this only bounds what is kept.
        "h11_max_incomplete_event_size": LARGEST_HEADERS + LONGEST_ADDRESS,
        "timeout_keep_alive": LONGEST_SILENCE,
        "server_header": False,
        # Paths hold ids of check-ins and nudges: the access log would say who does what, and when.
        "access_log": False,
        "proxy_headers": bool(settings.trusted_proxies),
        "forwarded_allow_ips": [str(each) for each in settings.trusted_proxies],
    }
