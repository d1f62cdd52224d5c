"""Mail into a folder, for whoever tries Twofold out: no mail server is needed, and none is asked.

What lies there opens accounts: the folder is its owner's alone.
"""

import asyncio
import logging
from email.message import EmailMessage
from mailbox import Error, Maildir
from pathlib import Path

from notifications.carriers import Delivered, NotNow, Outcome

log = logging.getLogger(__name__)


class Folder:
    """A maildir; most programs that read mail can read it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def carry(self, message: EmailMessage, to: str) -> Outcome:  # noqa: ARG002
        try:
            await asyncio.to_thread(self.put, message)
        except (OSError, Error) as error:
            log.warning("mail: %s", type(error).__name__)
            return NotNow()
        return Delivered()

    def put(self, message: EmailMessage) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Not by `Maildir` itself: where two make it at once, one of them fails.
        for folder in ("", "tmp", "new", "cur"):
            (self.path / folder).mkdir(mode=0o700, exist_ok=True)
        Maildir(self.path, create=False).add(message)
