"""Couples, their two halves, and the invitations that lead there."""

from alembic import op

from migrations import wall

revision = "0002"
down_revision = "0001"

TABLES = """
create table couple (
    id uuid not null,
    paired_at timestamptz not null,
    constraint pk_couple primary key (id)
);

create table member (
    account_id uuid not null,
    partner_id uuid not null,
    couple_id uuid not null,
    partner_name bytea not null,
    rang jsonb,
    constraint pk_member primary key (account_id),
    constraint ck_member_two_people check (account_id <> partner_id),
    constraint uq_member_account_id_couple_id unique (account_id, couple_id),
    constraint uq_member_account_id_partner_id_couple_id
        unique (account_id, partner_id, couple_id),
    constraint fk_member_other_half
        foreign key(partner_id, account_id, couple_id)
        references member (account_id, partner_id, couple_id)
        on delete cascade deferrable initially deferred,
    constraint fk_member_account_id
        foreign key(account_id)
        references account (id)
        on delete cascade,
    constraint uq_member_partner_id unique (partner_id),
    constraint fk_member_couple_id foreign key(couple_id) references couple (id)
);
create unique index uq_member_halves on member (couple_id, (account_id < partner_id));

create table data_key (
    account_id uuid not null,
    id uuid not null,
    couple_id uuid,
    wrapped bytea not null,
    constraint pk_data_key primary key (id),
    constraint fk_data_key_account_id_couple_id
        foreign key(account_id, couple_id)
        references member (account_id, couple_id)
        on delete cascade,
    constraint uq_data_key_account_id_couple_id unique nulls not distinct (account_id, couple_id),
    constraint fk_data_key_account_id
        foreign key(account_id)
        references account (id)
        on delete cascade
);
create index ix_data_key_account_id on data_key (account_id);

create table block (
    account_id uuid not null,
    id uuid not null,
    blocked_id uuid,
    name bytea not null,
    blocked_on date not null,
    constraint pk_block primary key (id),
    constraint uq_block_account_id_blocked_id unique (account_id, blocked_id),
    constraint fk_block_account_id
        foreign key(account_id)
        references account (id)
        on delete cascade,
    constraint fk_block_blocked_id
        foreign key(blocked_id)
        references account (id)
        on delete set null
);
create index ix_block_account_id on block (account_id);
create index ix_block_blocked_id on block (blocked_id);

create table invitation (
    account_id uuid not null,
    code_hash bytea not null,
    expires_at timestamptz not null,
    joiner_id uuid,
    joiner_name bytea,
    wrapped bytea not null,
    constraint ck_invitation_joiner_is_named check ((joiner_id is null) = (joiner_name is null)),
    constraint pk_invitation primary key (account_id),
    constraint fk_invitation_account_id
        foreign key(account_id)
        references account (id)
        on delete cascade,
    constraint uq_invitation_code_hash unique (code_hash),
    constraint uq_invitation_joiner_id unique (joiner_id),
    constraint fk_invitation_joiner_id
        foreign key(joiner_id)
        references account (id)
        on delete cascade
);
"""

MINE = """
create function my_couple() returns uuid language sql stable
    return (select couple_id from member where account_id = (select me()));
create function my_partner() returns uuid language sql stable
    return (select partner_id from member where account_id = (select me()));

-- By the one or by the other.
create function blocked(one uuid, other uuid) returns boolean language sql stable
    return exists (select from block where
        account_id = one and blocked_id = other or account_id = other and blocked_id = one);
revoke all on function blocked(uuid, uuid) from public;

-- Accounts first, then invitations, and each always in this order: two who pair with each other,
-- or take it back, never wait for each other.
create function lock_accounts(one uuid, other uuid) returns void language plpgsql as $$
begin
    perform from account where id in (one, other) order by id for no key update;
end $$;
revoke all on function lock_accounts(uuid, uuid) from public;
create function lock_invitations(one uuid, other uuid) returns void language plpgsql as $$
begin
    perform from invitation where account_id in (one, other) or joiner_id in (one, other)
        order by account_id for update;
end $$;
revoke all on function lock_invitations(uuid, uuid) from public;

-- Whoever no longer waits was never there: what told the inviter goes as well, however it ended,
-- before it rings if it has not. (The nudges come later, in 0011.)
create function nobody_waits() returns trigger security definer set search_path = public, pg_temp
language plpgsql as $$
begin
    if tg_op = 'DELETE' or new.joiner_id is distinct from old.joiner_id then
        delete from nudge where account_id = old.account_id and kind = 'joiner_waiting';
    end if;
    return null;
end $$;
revoke all on function nobody_waits() from public;
create trigger nobody_waits after delete or update on invitation
    for each row when (old.joiner_id is not null) execute function nobody_waits();
"""

# Whose phone may hear of what I do: mine, my partner's, and of whoever invited me.
REACHABLE = """
language sql stable as $$
    select me() union all select my_partner()
    union all select account_id from invitation where joiner_id = me()
$$
"""

# For the door alone: the partner's day begins at the partner's midnight.
PARTNER_ZONE = """
language sql stable as $$ select zone from account where id = my_partner() $$
"""

# Whose code this is, as long as it is good, and for me; and the key under which to leave them a
# name.
INVITATION_OF_CODE = """
language sql stable as $$
    select account_id, wrapped from invitation
        where code_hash = hash and expires_at > at and account_id <> me()
        and not blocked(me(), account_id)
$$
"""

# No row, for a code that is unknown, used, run out, one's own, or of somebody whom I blocked or who
# blocked me: they are all one. Typed again, it still waits, and is not `anew`. Whoever waited on
# another code waits there no longer.
REDEEM = """
language plpgsql as $$
begin
    select account_id into inviter from invitation where code_hash = hash;
    perform lock_accounts(me(), inviter);
    perform lock_invitations(me(), inviter);
    select joiner_id is null into anew from invitation
        where code_hash = hash and expires_at > at and account_id <> me()
        and coalesce(joiner_id, me()) = me()
        and not blocked(me(), inviter);
    if not found or exists (select from member where account_id in (me(), inviter)) then
        return;
    end if;
    delete from invitation where joiner_id = me() and code_hash <> hash;
    update invitation set joiner_id = me(), joiner_name = name where code_hash = hash;
    return next;
end $$
"""

# My own invitation, with whoever waits on it, and the one that I typed.
STEP_BACK = """
language plpgsql as $$
begin
    perform lock_invitations(me(), me());
    delete from invitation where account_id = me() or joiner_id = me();
end $$
"""

# The inviter confirms this joiner. False: that one does not wait. Both halves at once, each with
# the key of what they will share, and no invitation of either left.
FOUND_COUPLE = """
language plpgsql as $$
begin
    perform lock_accounts(me(), joiner);
    perform lock_invitations(me(), joiner);
    perform from invitation where account_id = me() and joiner_id = joiner and expires_at > at;
    if not found or exists (select from member where account_id in (me(), joiner)) then
        return false;
    end if;
    insert into couple (id, paired_at) values (found_couple.id, at);
    insert into member (account_id, partner_id, couple_id, partner_name) values
        (me(), joiner, found_couple.id, names[1]), (joiner, me(), found_couple.id, names[2]);
    insert into data_key (id, account_id, couple_id, wrapped) values
        (ids[1], me(), found_couple.id, keys[1]), (ids[2], joiner, found_couple.id, keys[2]);
    delete from invitation where account_id in (me(), joiner) or joiner_id in (me(), joiner);
    return true;
end $$
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(MINE)
    wall.mine("member", "select, delete")
    wall.stands("couple")
    op.execute(f"grant select on couple to {wall.API}")
    wall.shows("couple", "mine", f"id = {wall.OURS}")
    # Added and never changed: what is sealed under a key goes with it.
    wall.mine("data_key", "select, insert")
    wall.ends_with_pairing("data_key")
    # Whoever is blocked was one's partner at that moment: nobody finds out by trying.
    wall.mine("block", "select, insert, delete")
    op.execute(
        f"create policy my_partner on block as restrictive for insert to {wall.API}"
        " with check (blocked_id = (select my_partner()))"
    )
    wall.mine("invitation", "select, insert, delete")
    # Nobody is made to have typed a code: only `redeem_invitation` says so.
    op.execute(
        f"create policy nobody_yet on invitation as restrictive for insert to {wall.API}"
        " with check (joiner_id is null)"
    )
    # Whoever typed a code sees that it waits.
    wall.shows("invitation", "joined", "joiner_id = (select me())")
    # Locked by the worker while it writes for somebody, so that leaving waits; never changed.
    wall.worker("member", "select, update", changes="false")
    wall.reaches_past("reachable() returns setof uuid", REACHABLE)
    wall.reaches_past("partner_zone() returns varchar", PARTNER_ZONE)
    wall.reaches_past(
        "invitation_of_code(hash bytea, at timestamptz)"
        " returns table (inviter uuid, wrapped bytea)",
        INVITATION_OF_CODE,
    )
    wall.reaches_past(
        "redeem_invitation(hash bytea, at timestamptz, name bytea)"
        " returns table (inviter uuid, anew boolean)",
        REDEEM,
    )
    wall.reaches_past("step_back() returns void", STEP_BACK)
    wall.reaches_past(
        "found_couple(id uuid, at timestamptz, joiner uuid, ids uuid[], keys bytea[],"
        " names bytea[]) returns boolean",
        FOUND_COUPLE,
    )


def downgrade() -> None:
    for name in (
        *(
            "found_couple",
            "step_back",
            "redeem_invitation",
            "invitation_of_code",
            "blocked",
            "lock_invitations",
            "lock_accounts",
        ),
        *("partner_zone", "reachable"),
    ):
        op.execute(f"drop function {name}")
    # Takes along the two functions and the policy that read them, and the trigger.
    op.execute("drop table block, data_key, invitation, member, couple cascade")
    op.execute("drop function nobody_waits")
