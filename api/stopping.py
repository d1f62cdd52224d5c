"""Stopping: the first signal asks, the second insists, and patience ends by itself.

What has begun is finished, nothing new is begun, and the process ends with 0. Whoever started it
would kill it in the end: before that it ends itself, and what it held comes back by its lease.
"""

import asyncio
import logging
import os
import signal

PATIENCE = 25.0  # seconds; Kubernetes kills after 30

log = logging.getLogger(__name__)


def told_to_stop() -> asyncio.Event:
    """Set by the first SIGTERM or Ctrl-C."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def told() -> None:
        if stop.is_set():
            give_up()
        log.info("stopping")
        stop.set()
        loop.call_later(PATIENCE, give_up)

    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, told)
    return stop


def give_up() -> None:
    log.warning("stopped at once")
    os._exit(1)
