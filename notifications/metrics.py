"""What an operator sees of the pushes: how many wait, since when, and what comes of them.

Nobody's in particular: no label says to whom, from whom or of what kind.
"""

from prometheus_client import Counter, Gauge

VERDICTS = Counter("twofold_push_verdicts", "What was decided as a push came due.", ["verdict"])
OUTCOMES = Counter("twofold_push_outcomes", "What FCM answered, message by message.", ["outcome"])
WAITING = Gauge("twofold_pushes_waiting", "Pushes that are due and not claimed.")
OLDEST = Gauge("twofold_pushes_oldest_seconds", "For how long the first of them has been due.")
PEACE = Gauge("twofold_push_peace_seconds", "For how long FCM still wants to hear nothing.")
TICKED = Gauge(
    "twofold_worker_ticked_timestamp_seconds", "When this worker last ended a tick well."
)
