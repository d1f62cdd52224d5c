"""Sessions, their refresh tokens, and the opening of every request."""

from alembic import op

from migrations import wall

revision = "0003"
down_revision = "0002"

TABLES = """
create table session (
    account_id uuid not null,
    id uuid not null,
    created_at timestamptz not null,
    rotated_at timestamptz not null,
    expires_at timestamptz not null,
    proved_at timestamptz not null,
    spent integer not null,
    spent_hash bytea,
    constraint pk_session primary key (id),
    constraint fk_session_account_id
        foreign key(account_id)
        references account (id)
        on delete cascade
);
create index ix_session_account_id on session (account_id);
create index ix_session_expires_at on session (expires_at);

create table refresh_token (
    account_id uuid not null,
    hash bytea not null,
    session_id uuid not null,
    generation integer not null,
    expires_at timestamptz not null,
    constraint pk_refresh_token primary key (hash),
    constraint fk_refresh_token_account_id
        foreign key(account_id)
        references account (id)
        on delete cascade,
    constraint fk_refresh_token_session_id
        foreign key(session_id)
        references session (id)
        on delete cascade
);
create index ix_refresh_token_expires_at on refresh_token (expires_at);
create index ix_refresh_token_account_id on refresh_token (account_id);
create index ix_refresh_token_session_id on refresh_token (session_id);
"""

# A couple has two writers at most, so this lock costs nothing, and no route has to think about
# races. Whoever is alone locks their account. Leaving and pairing may happen while we wait.
LOCK_FOR_WRITING = """
create function lock_for_writing(who uuid) returns void
security definer set search_path = public, pg_temp language plpgsql as $$
declare couple_before uuid; couple_now uuid;
begin
    loop
        select couple_id into couple_before from member where account_id = who;
        if couple_before is null then
            perform from account where id = who for no key update;
        else
            perform from couple where id = couple_before for no key update;
        end if;
        select couple_id into couple_now from member where account_id = who;
        exit when couple_now is not distinct from couple_before;
    end loop;
end $$;
revoke all on function lock_for_writing(uuid) from public;
"""

# Who asks, and from here on *as* whom: one round trip. No live session: nobody, and no row.
OPEN_SESSION = """
language plpgsql as $$
#variable_conflict use_column
declare who uuid;
begin
    select s.account_id into who from session s
        where s.id = open_session.id and s.expires_at > at;
    if who is null then
        return;
    end if;
    perform set_config('app.account_id', who::text, true);
    perform take_effect(who, at);  -- see 0014: it may end this session
    if lock then
        perform lock_for_writing(who);
        -- What ended while we waited for the lock has ended.
        if not exists (select from session s where s.id = open_session.id) then
            return;
        end if;
    end if;
    return query
        select a.id, a.zone, a.locale, m.couple_id, m.partner_id, s.proved_at,
            mine.wrapped, ours.wrapped
        from account a join session s on s.id = open_session.id
        left join member m on m.account_id = a.id
        join data_key mine on mine.account_id = a.id and mine.couple_id is null
        left join data_key ours on ours.account_id = a.id and ours.couple_id = m.couple_id
        where a.id = who;
end $$
"""

# Refreshing begins with a token and nothing else. From here on the wall takes us for its owner;
# the session's row is locked, so that two who refresh at once come one after the other.
SESSION_OF = """
language plpgsql as $$
declare found_id uuid; who uuid;
begin
    perform take_effect(t.account_id, at) from refresh_token t where t.hash = token;
    select s.id, s.account_id into found_id, who from session s
        join refresh_token t on t.session_id = s.id
        where t.hash = token for no key update of s;
    perform set_config('app.account_id', coalesce(who::text, ''), true);
    return found_id;
end $$
"""


def upgrade() -> None:
    op.execute(TABLES)
    wall.mine("session")
    wall.mine("refresh_token", "select, insert")
    wall.hangs_on("refresh_token", "session", "session_id")
    # Which have run out: no push goes to them, and they are swept with all that hangs on them.
    wall.worker("session", "select (id, expires_at), delete")
    wall.worker("refresh_token", "select (expires_at), delete")
    op.execute(LOCK_FOR_WRITING)
    wall.reaches_past(
        "open_session(id uuid, at timestamptz, lock boolean) returns table"
        " (account_id uuid, zone varchar, locale varchar, couple_id uuid, partner_id uuid,"
        " proved_at timestamptz, my_key bytea, our_key bytea)",
        OPEN_SESSION,
    )
    wall.reaches_past("session_of_token(token bytea, at timestamptz) returns uuid", SESSION_OF)


def downgrade() -> None:
    for name in ("session_of_token", "open_session", "lock_for_writing"):
        op.execute(f"drop function {name}")
    op.execute("drop table refresh_token, session")
