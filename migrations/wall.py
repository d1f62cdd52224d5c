"""The words in which migrations build the second wall: who may touch which rows at all.

Two roles own nothing: `twofold_api` acts as one account (`app.account_id`), `twofold_worker` as
nobody. Where the api must reach past a person's own rows, it calls a function that runs as the
owner (`reaches_past`) and does one thing. Used by migrations that have run: add, never change.
"""

from alembic import op

# Which couple I am in. Written out in each policy: as a function it would be worked out apart from
# the statement that asks, which takes ten times as long.
OURS = "(select couple_id from member where account_id = (select me()))"
API, WORKER = "twofold_api", "twofold_worker"
ALL = "select, insert, update, delete"


def stands(table: str) -> None:
    """Nobody sees a row of this table, until a policy lets them."""
    op.execute(f"alter table {table} enable row level security")


def mine(table: str, rights: str = ALL) -> None:
    """The account that the row belongs to, and nobody else."""
    stands(table)
    op.execute(f"grant {rights} on {table} to {API}")
    # (select ...) makes it an initplan: worked out once, not once per row.
    owner = "account_id = (select me())"
    op.execute(f"create policy mine on {table} to {API} using ({owner}) with check ({owner})")


def shows(table: str, policy: str, to_whom: str) -> None:
    """Rows that somebody else may read as well."""
    op.execute(f"create policy {policy} on {table} for select to {API} using ({to_whom})")


def ends_with_pairing(table: str, column: str = "couple_id") -> None:
    """No row may be put into a couple that is not its writer's own."""
    op.execute(
        f"create policy own_couple on {table} as restrictive to {API} using (true)"
        f" with check ({column} is null or {column} = {OURS})"
    )


def hangs_on(table: str, parent: str, column: str) -> None:
    """No row may hang on one that its writer does not see. Keys alone do not ask whose it is: a
    refresh token of mine for somebody else's session would open it.
    """
    op.execute(
        f"create policy seen_{parent} on {table} as restrictive to {API} using (true)"
        f" with check (exists (select from {parent} where {parent}.id = {table}.{column}))"
    )


def may_hang_on(table: str, parent: str, column: str) -> None:
    """The same, where it need not hang on any."""
    op.execute(
        f"create policy seen_{parent} on {table} as restrictive to {API} using (true) with check"
        f" ({column} is null or exists (select from {parent} where {parent}.id = {table}.{column}))"
    )


def worker(table: str, rights: str, changes: str = "true") -> None:
    """What the worker may do with every row; `changes` is what a row it writes must satisfy."""
    op.execute(f"grant {rights} on {table} to {WORKER}")
    op.execute(f"create policy worker on {table} to {WORKER} using (true) with check ({changes})")


def reaches_past(signature: str, definition: str) -> None:
    """A function that runs as the owner, past the wall, and that the api alone may call."""
    op.execute(
        f"create function {signature} security definer set search_path = public, pg_temp"
        f" {definition}"
    )
    name = signature.split(" returns ", maxsplit=1)[0]
    arguments = name[name.index("(") + 1 : -1]
    types = ", ".join(each.strip().split(" ", 1)[1] for each in arguments.split(",") if each)
    called = f"{name[: name.index('(')]}({types})"
    op.execute(f"revoke all on function {called} from public")
    op.execute(f"grant execute on function {called} to {API}")
