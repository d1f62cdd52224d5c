"""Accounts, the two roles, and who the wall takes somebody for."""

from alembic import op

from migrations import wall

revision = "0001"
down_revision = None

TABLES = """
create table account (
    zone varchar(64) not null,
    locale varchar(40) not null,
    id uuid not null,
    email varchar,
    password_hash varchar,
    name bytea not null,
    created_at timestamptz not null,
    constraint pk_account primary key (id),
    constraint ck_account_locale check (locale in ('en', 'pt')),
    constraint uq_account_email unique (email),
    constraint ck_account_address_with_password
        check ((email is null) = (password_hash is null))
);
"""

ROLES = """
do $$
declare name text;
begin
    foreach name in array array['twofold_api', 'twofold_worker'] loop
        if to_regrole(name) is null then
            begin
                execute format('create role %I nologin', name);
            exception when duplicate_object or unique_violation then
                null;  -- another database of this server is being migrated at this moment
            end;
            if not (select rolsuper from pg_roles where rolname = current_user) then
                -- So that one login can do everything where somebody has just the one.
                execute format('grant %I to current_user', name);
            end if;
        end if;
    end loop;
end $$;
revoke create on schema public from public;
"""

# nullif: once a transaction has set it, the setting is '' in those that follow, not null.
ME = """
create function me() returns uuid language sql stable
    return nullif(current_setting('app.account_id', true), '')::uuid;
"""

# Signing in begins with an address and nothing else. Who it belongs to is not told further. A
# change whose hour has come comes first: `take_effect` stands in 0014.
ACCOUNT_BY_EMAIL = """
language plpgsql as $$
declare who uuid;
begin
    for who in
        select id from account where email = address
        union select account_id from credential_change where email = address
    loop
        perform take_effect(who, at);
    end loop;
    return (select id from account where email = address);
end $$
"""


def upgrade() -> None:
    op.execute(ROLES)
    op.execute(TABLES)
    op.execute(ME)
    # Both look at their start whether the database is as far as they are.
    op.execute(f"grant select on alembic_version to {wall.API}, {wall.WORKER}")
    wall.stands("account")
    op.execute(f"grant select, insert, update on account to {wall.API}")
    op.execute(
        f"create policy mine on account to {wall.API}"
        " using (id = (select me())) with check (id = (select me()))"
    )
    op.execute(f"grant select (id, zone, locale) on account to {wall.WORKER}")
    op.execute(f"create policy worker on account for select to {wall.WORKER} using (true)")
    wall.reaches_past(
        "account_by_email(address varchar, at timestamptz) returns uuid", ACCOUNT_BY_EMAIL
    )


def downgrade() -> None:
    op.execute("drop function account_by_email")
    op.execute("drop table account")
    op.execute("drop function me")
    op.execute(f"revoke select on alembic_version from {wall.API}, {wall.WORKER}")
    # The roles stay: they belong to the server, and other databases may know them.
