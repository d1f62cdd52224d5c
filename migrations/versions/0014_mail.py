"""Mail, the links in it, changes of how somebody signs in, and what happened to that."""

from alembic import op

from migrations import wall

revision = "0014"
down_revision = "0013"

TABLES = """
create table mail (
    id uuid not null,
    account_id uuid,
    kind varchar(40) not null,
    sealed bytea not null,
    due_at timestamptz not null,
    attempts integer not null,
    expires_at timestamptz not null,
    constraint pk_mail primary key (id),
    constraint fk_mail_account_id
        foreign key(account_id)
        references account (id)
        on delete cascade,
    constraint ck_mail_mailkind check (kind in (
        'prove_sign_up', 'known', 'reset', 'unknown', 'prove_email', 'email_change', 'deletion',
        'nothing_to_delete'
    ))
);
create index ix_mail_account_id on mail (account_id);
create index ix_mail_due_at on mail (due_at);

create table link (
    hash bytea not null,
    account_id uuid,
    kind varchar(40) not null,
    sealed bytea not null,
    expires_at timestamptz not null,
    constraint pk_link primary key (hash),
    constraint fk_link_account_id
        foreign key(account_id)
        references account (id)
        on delete cascade,
    constraint ck_link_linkkind check (kind in ('sign_up', 'reset', 'email', 'deletion'))
);
create index ix_link_account_id on link (account_id);
create index ix_link_expires_at on link (expires_at);

create table credential_change (
    account_id uuid not null,
    kind varchar(40) not null,
    asked_at timestamptz not null,
    takes_effect_at timestamptz not null,
    session_id uuid,
    password_hash varchar,
    email varchar,
    proved boolean not null,
    constraint pk_credential_change primary key (account_id, kind),
    constraint fk_credential_change_account_id
        foreign key(account_id)
        references account (id)
        on delete cascade,
    constraint ck_credential_change_credentialkind check (kind in ('password', 'email'))
);
create index ix_credential_change_email on credential_change (email);

create table security_event (
    account_id uuid not null,
    id uuid not null,
    kind varchar(40) not null,
    at timestamptz not null,
    session_id uuid,
    constraint pk_security_event primary key (id),
    constraint fk_security_event_account_id
        foreign key(account_id)
        references account (id)
        on delete cascade,
    constraint ck_security_event_securityeventkind check (kind in (
        'signed_in', 'signed_out', 'signed_out_elsewhere', 'chain_broken', 'proof_failed',
        'reset_asked', 'password_asked', 'password_stopped', 'password_changed', 'email_asked',
        'email_stopped', 'email_changed', 'identity_linked', 'identity_unlinked', 'deletion_asked',
        'deletion_stopped'
    ))
);
create index ix_security_event_account_id on security_event (account_id);
create index ix_security_event_at on security_event (at);
"""

# A change whose hour has come, done by whatever next has to do with its account: `open_session`,
# `session_of_token`, `account_by_email`, `account_by_identity` and `open_link` ask this first. So
# it is never late, with no worker either. It locks before it looks again: of two who come at once,
# one does it.
TAKE_EFFECT = """
create function take_effect(who uuid, at timestamptz) returns void language plpgsql as $$
declare change credential_change;
begin
    if not exists (
        select from credential_change where account_id = who and takes_effect_at <= at
    ) then
        return;
    end if;
    perform lock_for_writing(who);
    for change in
        select * from credential_change where account_id = who and takes_effect_at <= at
        order by takes_effect_at, kind
    loop
        begin
            delete from credential_change where account_id = who and kind = change.kind;
            if not found or not change.proved then
                continue;  -- not found: the one before has taken it along
            end if;
            update account set
                password_hash = coalesce(change.password_hash, password_hash),
                email = coalesce(change.email, email)
                where id = who and email is not null;
        exception when unique_violation then
            continue;  -- the address has become somebody else's meanwhile
        end;
        if change.kind = 'password' then
            delete from session
                where account_id = who and id is distinct from change.session_id;
        end if;
        -- What was mailed before is about an account as it was, and so is what was asked by mail.
        delete from link where account_id = who;
        with stopped as (
            delete from credential_change
                where account_id = who and kind = 'password' and session_id is null
                returning account_id
        )
        insert into security_event (id, account_id, kind, at)
            select gen_random_uuid(), account_id, 'password_stopped', change.takes_effect_at
            from stopped;
        insert into security_event (id, account_id, kind, at)
            values (gen_random_uuid(), who, change.kind || '_changed', change.takes_effect_at);
    end loop;
end $$;
revoke all on function take_effect(uuid, timestamptz) from public;
"""

# Opening a link begins with a token and nothing else. From here on the wall takes us for whose it
# is; spent, it is gone, and nobody else writes for its account until this transaction is over.
OPEN_LINK = """
language plpgsql as $$
#variable_conflict use_column
declare who uuid;
begin
    select account_id into who from link where hash = token;
    if who is not null then
        perform set_config('app.account_id', who::text, true);
        perform take_effect(who, at);
        if spend then
            perform lock_for_writing(who);
        end if;
    end if;
    if not spend then
        return query select account_id, sealed from link
            where hash = token and kind = what and expires_at > at;
    else
        return query delete from link
            where hash = token and kind = what and expires_at > at
            returning account_id, sealed;
    end if;
end $$
"""

# Of an address that nobody has shown to be theirs yet, or one's own.
NOBODYS_OR_MINE = "account_id is null or account_id = (select me())"


def upgrade() -> None:
    op.execute(TABLES)
    # The api only ever adds a mail, and never learns what became of it. The worker reads what it
    # takes to send one, and not whose it is. A link is read by way of its token alone.
    for table in ("mail", "link"):
        wall.stands(table)
        op.execute(f"grant insert on {table} to {wall.API}")
        op.execute(
            f"create policy written on {table} for insert to {wall.API}"
            f" with check ({NOBODYS_OR_MINE})"
        )
    read = "select (id, kind, sealed, due_at, attempts, expires_at)"
    wall.worker("mail", f"{read}, update (due_at, attempts), delete")
    wall.worker("link", "select (expires_at), delete")
    wall.mine("credential_change")
    wall.mine("security_event", "select, insert")
    for table in ("credential_change", "security_event"):
        wall.may_hang_on(table, "session", "session_id")
    wall.worker("security_event", "select (at), delete")
    op.execute(TAKE_EFFECT)
    wall.reaches_past(
        "open_link(token bytea, what varchar, at timestamptz, spend boolean) returns table"
        " (account_id uuid, sealed bytea)",
        OPEN_LINK,
    )


def downgrade() -> None:
    for name in ("open_link", "take_effect"):
        op.execute(f"drop function {name}")
    op.execute("drop table security_event, credential_change, link, mail")
