"""The tables of `years` as collections of PocketBase: fields, indexes, and who may see what.

The couple stands in the account, which PocketBase has at hand with every request; so most rules
are one comparison, without a join. Three are views: `home` is the whole screen, written in SQL.
"""

from typing import Any

Fields = list[dict[str, Any]]

MINE = "user = @request.auth.id"
OURS = "couple = @request.auth.couple"
US = '@request.auth.couple != "" && couple = @request.auth.couple'
TOLD = 'mode = "told" && (ends_at = "" || ends_at > @now)'
# Read once I have answered and released the same one.
REVEALED = (
    "released = true && checkin.answers_via_checkin.user ?= @request.auth.id"
    " && checkin.answers_via_checkin.question ?= question"
    " && checkin.answers_via_checkin.released ?= true"
)
ALLOWED = (
    "@collection.consents:{0}.user ?= @request.auth.id"
    ' && @collection.consents:{0}.purpose ?= "{0}" && @collection.consents:{0}.given ?= true'
)
MAY_ANSWER = " && ".join(
    [
        *(MINE, OURS, "checkin.couple = @request.auth.couple", "checkin.closes_at > @now"),
        *(ALLOWED.format("checkins"), ALLOWED.format("sharing")),
    ]
)
MAY_TELL = f"{OURS} && user != @request.auth.id && user.couple = @request.auth.couple"

NOW = "strftime('%Y-%m-%d %H:%M:%fZ', 'now')"
ON = f"(s.ends_at = '' or s.ends_at > {NOW})"
HOME = f"""
select u.id as id, u.name as name, u.zone as zone,
 (select p.name from users p where p.couple = u.couple and p.id <> u.id) as partner,
 (select json_object('mode', s.mode, 'ends_at', s.ends_at) from spaces s
   where s.user = u.id and {ON}) as my_space,
 (select json_object('ends_at', s.ends_at) from spaces s
   where s.couple = u.couple and s.user <> u.id and s.mode = 'told' and {ON}) as partners_space,
 (select json_group_array(json_object('id', c.id, 'pack', c.pack, 'version', c.version,
   'date', c.date, 'closes_at', c.closes_at, 'answered',
   (select count(*) from answers a where a.checkin = c.id and a.user = u.id)))
   from (select * from checkins k where k.couple = u.couple and k.closes_at > {NOW}
   order by k.date desc, k.id desc limit 20) c) as checkins,
 (select json_group_array(json_object('id', n.id, 'kind', n.kind, 'about', n.about,
   'phrase', n.phrase, 'made_at', n.made_at, 'held', n.kind <> 'checkin_reminder' and exists
   (select 1 from spaces s where s.user = u.id and s.began_at <= n.made_at
     and (s.ends_at = '' or s.ends_at > n.made_at))))
   from (select * from nudges w where w.user = u.id and w.expires_at > {NOW}
   order by w.made_at desc limit 200) n) as nudges,
 (select min(h.next_at) from hours h join schedules t on t.id = h.schedule
   where h.user = u.id and json_array_length(t.signed_by) = 2) as next_reminder_at,
 (select json_group_array(y.purpose) from consents y where y.user = u.id and y.given) as consents,
 (select json_group_object(b.kind, json(b.setting)) from boundaries b
   where b.user = u.id) as boundaries
from users u
"""  # noqa: S608 - put together of words of ours

# Two that an account can be expanded by: what has to be counted or filtered.
OPEN = f"""
select (c.id || u.id) as id, u.id as user, c.id as checkin, c.pack, c.version, c.date, c.closes_at,
 (select count(*) from answers a where a.checkin = c.id and a.user = u.id) as answered
from users u join checkins c on c.couple = u.couple where c.closes_at > {NOW}
"""  # noqa: S608 - the same
WAITING = f"""
select n.id, n.user, n.kind, n.about, n.phrase, n.made_at from nudges n where n.expires_at > {NOW}
"""  # noqa: S608 - the same


def named(name: str) -> str:
    """A collection's id."""
    return "_pb_users_auth_" if name == "users" else f"pbc_{name}"


def to(target: str, name: str = "", most: int = 1) -> dict[str, Any]:
    """A relation; by its own name where it is not that of its target."""
    field = {"name": name or target[:-1], "type": "relation", "collectionId": named(target)}
    return field | {"maxSelect": most, "required": True, "cascadeDelete": most == 1}


def fields(kind: str, *names: str) -> Fields:
    return [{"name": name, "type": kind} for name in names]


def indexes(table: str, *columns: str, unique: str = "") -> list[str]:
    sorts = [(each, "") for each in columns] + ([(unique, "unique ")] if unique else [])
    return [
        f"create {sort}index idx_{table}_{number} on {table} ({each})"
        for number, (each, sort) in enumerate(sorts)
    ]


def table(
    name: str,
    fields: Fields,
    index: list[str],
    see: str | None,
    write: str | None = None,
    **more: str,
) -> dict[str, Any]:
    said = {"id": named(name), "name": name, "fields": fields, "indexes": index}
    rules = {"listRule": see, "viewRule": see, "createRule": write, "updateRule": None}
    return said | {"type": "base", "deleteRule": None} | rules | more


USER, COUPLE = to("users"), to("couples")
WHOSE = [USER, COUPLE]
COLLECTIONS = [
    table("couples", [], [], "id = @request.auth.couple"),
    table(
        "users",
        [*fields("text", "name", "zone"), COUPLE | {"required": False}],
        indexes("users", "couple"),
        f"id = @request.auth.id || ({US})",
        type="auth",
    ),
    table(
        "spaces",
        [*WHOSE, *fields("text", "mode"), *fields("date", "began_at", "ends_at")],
        indexes("spaces", "couple", unique="user"),
        f"{MINE} || ({OURS} && {TOLD})",
    ),
    table(
        "checkins",
        [
            COUPLE,
            *fields("text", "pack", "date"),
            *fields("number", "version"),
            *fields("date", "begun_at", "closes_at"),
        ],
        indexes("checkins", "couple, closes_at"),
        OURS,
    ),
    table(
        "answers",
        [
            *(*WHOSE, to("checkins")),
            *fields("text", "question", "value"),
            *fields("bool", "released"),
            *fields("date", "answered_at"),
        ],
        indexes("answers", unique="checkin, user, question"),
        f"{MINE} || ({OURS} && {REVEALED})",
        MAY_ANSWER,
    ),
    table(
        "nudges",
        [
            *WHOSE,
            *fields("text", "kind", "about", "phrase"),
            *fields("date", "made_at", "expires_at"),
        ],
        indexes("nudges", "user, expires_at"),
        MINE,
        MAY_TELL,
    ),
    table(
        "pushes",
        [*WHOSE, *fields("text", "kind"), *fields("date", "due_at", "expires_at")],
        indexes("pushes", "due_at"),
        None,
        MAY_TELL,
    ),
    table(
        "schedules",
        [
            *(COUPLE, to("users", "signed_by", 2)),
            *fields("text", "pack", "cadence", "weekday"),
            *fields("number", "version"),
        ],
        indexes("schedules", "couple"),
        OURS,
    ),
    table(
        "hours",
        [*WHOSE, to("schedules"), *fields("text", "at", "zone"), *fields("date", "next_at")],
        indexes("hours", "user"),
        MINE,
    ),
    table(
        "consents",
        [*WHOSE, *fields("text", "purpose"), *fields("bool", "given"), *fields("date", "said_at")],
        indexes("consents", unique="user, purpose"),
        MINE,
    ),
    table(
        "boundaries",
        [*WHOSE, *fields("text", "kind"), *fields("json", "setting"), *fields("bool", "shown")],
        indexes("boundaries", unique="user, kind"),
        f"{MINE} || ({OURS} && shown = true)",
    ),
    table("home", [], [], "id = @request.auth.id", type="view", viewQuery=HOME),
    table("open", [], [], MINE, type="view", viewQuery=OPEN),
    table("waiting", [], [], MINE, type="view", viewQuery=WAITING),
]
