"""What may light up a phone, and when.

  api ── outbox.tell ──► nudge + push ──► queue.claim ──► judge ──► send ──► phone
         (same transaction)               (under a lease)   │ asks the door
  schedule ── plan ────► nudge + push                       ▼
                                  queue.record ◄── Done: gone · Later: another time

A nudge is what waits for a person; a push is its ring, and gone once it is settled. Nothing is
cancelled from afar: what changed since is read when the time comes, in the transaction that
claims. PostgreSQL is the queue; any number of workers share it, and with it one pace: that
transaction also takes from what may leave in this second.

  api ── outbox.post ──► mail ──► mail_queue.claim ──► letters.written ──► carrier ──► mailbox

Mail goes the same way beside it, and no push waits for a mail server.
"""
