"""Nudges, what partners sent each other, and the pushes still to be made."""

from alembic import op

from migrations import wall

revision = "0011"
down_revision = "0010"

TABLES = """
create table nudge (
    account_id uuid not null,
    id uuid not null,
    couple_id uuid,
    kind varchar(40) not null,
    about uuid,
    made_at timestamptz not null,
    expires_at timestamptz not null,
    held boolean not null,
    looked boolean not null,
    constraint pk_nudge primary key (id),
    constraint fk_nudge_account_id_couple_id
        foreign key(account_id, couple_id)
        references member (account_id, couple_id)
        on delete cascade,
    constraint uq_nudge_account_id_kind_about unique (account_id, kind, about),
    constraint fk_nudge_account_id
        foreign key(account_id)
        references account (id)
        on delete cascade,
    constraint ck_nudge_kind check (kind in (
        'checkin_reminder', 'checkin_opened', 'reveal', 'partner_nudge',
        'schedule_proposed', 'space_began', 'joiner_waiting', 'paired', 'pairing_ended'
    ))
);
create index ix_nudge_expires_at on nudge (expires_at);
create index ix_nudge_about on nudge (about);

create table partner_nudge (
    account_id uuid not null,
    couple_id uuid not null,
    from_id uuid not null,
    id uuid not null,
    phrase varchar(40) not null,
    sent_at timestamptz not null,
    constraint pk_partner_nudge primary key (id),
    constraint fk_partner_nudge_account_id_couple_id
        foreign key(account_id, couple_id)
        references member (account_id, couple_id)
        on delete cascade,
    constraint fk_partner_nudge_sender
        foreign key(from_id, couple_id)
        references member (account_id, couple_id)
        on delete cascade,
    constraint ck_partner_nudge_phraseid check (phrase in (
        'thinking_of_you', 'good_night', 'thank_you', 'i_noticed',
        'here_if_you_want_to_talk', 'tea_together', 'good_luck_today', 'no_need_to_answer',
        'you_looked_lovely'
    ))
);
create index ix_partner_nudge_account_id on partner_nudge (account_id);
create index ix_partner_nudge_couple_id on partner_nudge (couple_id);
create index ix_partner_nudge_sent_at on partner_nudge (sent_at);

create table push (
    id uuid not null,
    account_id uuid not null,
    couple_id uuid,
    kind varchar(40) not null,
    due_at timestamptz not null,
    expires_at timestamptz not null,
    attempts integer not null,
    reminders_left integer not null,
    constraint pk_push primary key (id),
    constraint fk_push_id foreign key(id) references nudge (id) on delete cascade,
    constraint uq_push_account_id_kind_couple_id
        unique nulls not distinct (account_id, kind, couple_id),
    constraint fk_push_account_id
        foreign key(account_id)
        references account (id)
        on delete cascade,
    constraint ck_push_kind check (kind in (
        'checkin_reminder', 'checkin_opened', 'reveal', 'partner_nudge',
        'schedule_proposed', 'space_began', 'joiner_waiting', 'paired', 'pairing_ended'
    ))
);
create index ix_push_due_at on push (due_at);
"""

# A schedule that is gone is no longer proposed: nothing waits for a word about it, or rings.
NOTHING_PROPOSED = """
create function nothing_proposed() returns trigger
security definer set search_path = public, pg_temp
language plpgsql as $$
begin
    delete from nudge where kind = 'schedule_proposed' and about = old.id;
    return null;
end $$;
revoke all on function nothing_proposed() from public;
create trigger nothing_proposed after delete on schedule
    for each row execute function nothing_proposed();
"""

# Whoever takes space and ends it, or proposes and withdraws, again and again, does not make a
# phone ring each time: what is not a phrase, which has a budget, rings once in six hours.
MAY_RING = """
create function may_ring(who uuid, what varchar, at timestamptz) returns boolean
language plpgsql as $$
begin
    if what = 'pairing_ended' then
        -- As its last word goes out, the pairing is still there, and with it what the one it is
        -- for has set. A moment later nobody could ask.
        return allows(who, 'partner_nudges', at)
            and not exists (select from space
                where account_id = who and (ends_at is null or ends_at > at))
            and not exists (select from boundary
                where account_id = who and kind = 'daily_budget' and setting->>'most' = '0');
    end if;
    if what not in ('checkin_opened', 'schedule_proposed', 'space_began') then
        return true;
    end if;
    update member set rang = coalesce(rang, '{}') || jsonb_build_object(what, at)
        where account_id = who
        and coalesce((rang->>what)::timestamptz, '-infinity') <= at - interval '6 hours';
    return found;
end $$;
revoke all on function may_ring(uuid, varchar, timestamptz) from public;
"""

# A nudge and its push. About something, it is told once; about nothing, anew. A push of this
# kind that still waits is enough: three thanks make one ring. It is asked about at once, since this
# one may be let in where the one before was not, and it is good for as long as the newest.
TELL = """
language plpgsql as $$
begin
    if not exists (select from reachable() as somebody where somebody = who) then
        raise insufficient_privilege using message = 'not mine to tell';
    end if;
    delete from nudge where thing is null and account_id = who and kind = what and about is null;
    insert into nudge (id, account_id, couple_id, kind, about, made_at, expires_at, held, looked)
        values (tell.id, who, couple, what, thing, at, ends, false, false)
        on conflict (account_id, kind, about) do nothing;
    if found and may_ring(who, what, at) then
        insert into push
            (id, account_id, couple_id, kind, due_at, expires_at, attempts, reminders_left)
            values (tell.id, who, couple, what, at, rings, 0, 0)
            on conflict (account_id, kind, couple_id) do update
            set due_at = excluded.due_at, expires_at = excluded.expires_at
            -- What is in a worker's hands, for two minutes at most, is left alone, also by a clock
            -- that is behind the worker's.
            where push.due_at > excluded.due_at + interval '3 minutes';
    end if;
end $$
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(NOTHING_PROPOSED)
    op.execute(MAY_RING)
    wall.mine("nudge", "select, update, delete")
    wall.worker("nudge", "select, insert, delete")
    wall.stands("partner_nudge")
    op.execute(f"grant select, insert on partner_nudge to {wall.API}")
    wall.shows("partner_nudge", "received", "account_id = (select me())")
    sent = f"from_id = (select me()) and couple_id = {wall.OURS}"
    op.execute(
        f"create policy sent on partner_nudge to {wall.API} using ({sent}) with check ({sent})"
    )
    wall.worker("partner_nudge", "select")
    # The api only ever adds a push, through `tell`, and never learns what became of it.
    wall.stands("push")
    wall.worker("push", wall.ALL)
    wall.reaches_past(
        "tell(id uuid, who uuid, couple uuid, what varchar, thing uuid,"
        " at timestamptz, ends timestamptz, rings timestamptz) returns void",
        TELL,
    )


def downgrade() -> None:
    op.execute("drop trigger nothing_proposed on schedule")
    for name in ("tell", "may_ring", "nothing_proposed"):
        op.execute(f"drop function {name}")
    op.execute("drop table push, partner_nudge, nudge")
