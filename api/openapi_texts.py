"""What the contract says of the whole, of its areas, and of what many operations want."""

ABOUT = """\
The backend of a couples app in which **the recipient's present setting wins, on the server**.

Everything is JSON over HTTPS under `/v1`. Every "no" is `application/problem+json` (RFC 9457):
`type` says which, the sentence is for people. Instants are RFC 3339 in UTC, time zones IANA
names, daily times `HH:MM`. What two partners see of each other has a day and no hour, but for the
end that somebody gives to space they let the other know of.

*Accepted* (202, or 201 for something that both see) never means *delivered*: what the recipient
keeps to themselves holds without a sign.

A push carries the `kind` and `id` of a nudge in its data, and the same generic line for every
kind. Android shows it in the channel `reminders`, which the app makes, with the id as its tag; on
iOS the id is its collapse id: a repeat takes the place of the first. A phone registered as
`discreet` gets data alone, and `content-available` on iOS. Several things may wait behind one ring,
and a push may be lost: `GET /v1/nudges` has all of them. A ring from a partner is good for twelve
hours, a reminder for five.

What creates something (a check-in, a schedule, a phrase that is sent) takes an `Idempotency-Key`.
Name each request with a UUID of your own, and where the answer was lost, send it again with the
same key: for 24 hours it is answered as the first time, and done once. A refusal did nothing and is
not kept. Signing up, signing in and going on with a session need no key: nobody is signed in yet
for whom an answer could be kept. Signed up again, there is one account; of sessions there are
twenty at most; a refresh token whose answer was lost is taken again.

Every answer is named in `X-Request-Id`, for whoever looks for its line in the log. `RateLimit` and
`RateLimit-Policy` say how often something may still be asked; after a 429 or a 503, `Retry-After`
says how long to wait. The `detail` of a problem and of its `errors` is English: show words of your
own, by `type`.
"""

PROOF = (
    "\n\nWants a proof of the last ten minutes that it is me: signing in, or"
    " `POST /v1/sessions/current/proof`."
)

TAGS = [
    {"name": "accounts", "description": "One person, on however many phones. Mine."},
    {"name": "sessions", "description": "The phones on which I am signed in. Mine."},
    {"name": "identities", "description": "Signing in with Apple and Google. Mine."},
    {"name": "credentials", "description": "The address and password I sign in with. Mine."},
    {"name": "security", "description": "What happened to the ways into my account. Mine."},
    {"name": "devices", "description": "Where a push reaches me. Mine."},
    {"name": "pairing", "description": "Becoming a couple, and leaving."},
    {"name": "blocks", "description": "Former partners whose codes I do not take any more. Mine."},
    {"name": "consents", "description": "What I allow, one purpose at a time. Mine."},
    {"name": "boundaries", "description": "How, when and about what I may be reached. Mine."},
    {"name": "space", "description": "Stepping back for a while. Mine."},
    {"name": "questionnaires", "description": "What is asked. For everybody."},
    {"name": "checkins", "description": "Questions that each answers alone. Reveal."},
    {"name": "answers", "description": "What each says alone, and both may read. Reveal."},
    {"name": "schedules", "description": "When check-ins open. Agreement."},
    {"name": "nudges", "description": "What waits for me, and gentle phrases. Offer."},
    {"name": "today", "description": "The home screen in one call. Mine."},
    {"name": "privacy", "description": "All that is kept of me: to take along, to delete. Mine."},
]
