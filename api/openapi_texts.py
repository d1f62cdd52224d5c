"""What the contract says of the whole, of its areas, and of what many operations want."""

ABOUT = """\
The backend of a couples app in which **the recipient's present setting wins, on the server**.

Everything is JSON over HTTPS under `/v1`. Every "no" is `application/problem+json` (RFC 9457):
`type` says which, the sentence is for people. Instants are RFC 3339 in UTC, time zones IANA names,
daily times `HH:MM`. What two partners see of each other has a day and no hour, but for the end
that somebody gives to space they let the other know of. Such a day is the one in UTC, unless a
field says otherwise.

Ignore fields and values that you do not know: new ones may come, in lists of kinds too, and
nothing that is there goes or changes its meaning under `/v1`. A field that a body wants and that
may be null is sent as null, never left out. A list in a body is done as a whole or not at all.

*Accepted* (202, or 201 for something that both see) never means *delivered*: what the recipient
keeps to themselves holds without a sign.

A push carries the `kind` and `id` of a nudge in its data, and the same generic line for every
kind. Android shows it in the channel `reminders`, which the app makes, with the id as its tag; on
iOS the id is its collapse id: a repeat takes the place of the first. A phone registered as
`discreet` gets data alone, and `content-available` on iOS. Several things may wait behind one
ring, and a push may be lost: `GET /v1/nudges` has all of them. A ring from a partner is good for
twelve hours, a reminder for five. A nudge whose `id` is not listed is gone or behind the door:
show nothing. A ring that is shown does not wake an app in the background, and a discreet one is of
normal priority on Android.

Mail leads to pages of the app's own (universal links): `/confirm`, `/reset` and `/email`, each
with its token behind a `#`, below the address that whoever runs the server has set. Deleting an
account without the app is at `/delete-account` of the server itself.

What creates something (a check-in, a schedule, a phrase that is sent) takes an `Idempotency-Key`.
Name each request with a UUID of your own, and where the answer was lost, send it again with the
same key: for 24 hours it is answered as the first time, and done once. A refusal did nothing and
is not kept. Signing up, signing in and going on with a session need no key: nobody is signed in
yet for whom an answer could be kept. Signed up again, there is one account; of sessions there are
twenty at most; a refresh token whose answer was lost is taken again for two minutes. A token of
Apple or Google is taken once, within ten minutes: after a lost answer ask them for a new one, and
sign in. What takes something away may be sent again: a 404, or a 409 that says it is so already,
means done.

Every answer is named in `X-Request-Id`, for whoever looks for its line in the log. `RateLimit` and
`RateLimit-Policy` say how often something may still be asked; after a 429 or a 503, `Retry-After`
says how long to wait. What nobody foresaw is a 500, `/problems/broken`. The `detail` of a problem
and of its `errors` is English: show words of your own, by `type`.
"""

PROOF = (
    "\n\nWants a proof of the last ten minutes that it is me: signing in,"
    " `POST /v1/sessions/current/proof` or, where I have no password,"
    " `POST /v1/identities/{issuer}/proof`."
)

PROTECTS = "\n\nNever refused for being asked too often: it protects whoever asks."

# To the phone, by way of Firebase.
PUSH = {
    "post": {
        "operationId": "push",
        "tags": ["devices"],
        "summary": "What a push carries",
        "description": "The data of each message, all of it, as strings. See `info`.",
        "security": [],
        "requestBody": {
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["kind", "id"],
                        "properties": {
                            "kind": {"$ref": "#/components/schemas/Kind"},
                            "id": {
                                "type": "string",
                                "format": "uuid",
                                "description": "Of the nudge; the tag of what is shown.",
                            },
                        },
                    },
                    "example": {
                        "kind": "partner_nudge",
                        "id": "019cabd8-3800-792f-923f-0824128b2f33",
                    },
                }
            }
        },
        "responses": {"200": {"description": "Firebase takes the answer; we hear none."}},
    }
}

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
