"""Consents: a history that is only ever added to."""

from alembic import op

from migrations import wall

revision = "0005"
down_revision = "0004"

TABLES = """
create table consent (
    account_id uuid not null,
    couple_id uuid,
    purpose varchar(40) not null,
    given boolean not null,
    text_version integer not null,
    expires_at timestamptz,
    said_at timestamptz not null,
    number integer not null,
    hash bytea not null,
    constraint pk_consent primary key (account_id, number),
    constraint fk_consent_account_id
        foreign key(account_id)
        references account (id)
        on delete cascade,
    constraint fk_consent_couple_id foreign key(couple_id) references couple (id),
    constraint ck_consent_purpose check (purpose in (
        'checkins', 'sharing', 'reminders', 'partner_nudges', 'intimacy'
    ))
);
create index ix_consent_purpose on consent (account_id, purpose, number);
"""

# The same rule as `Consent.allows`, for what the database itself must decide; a test holds them
# together. Called by functions that reach past the wall, and by nothing else.
ALLOWS = """
create function allows(who uuid, what varchar, at timestamptz) returns boolean
language sql stable as $$
    select coalesce((
        select given and (expires_at is null or at < expires_at)
            and (couple_id is not distinct from (
                    select member.couple_id from member where account_id = who)
                or what in ('checkins', 'reminders'))
        from consent where account_id = who and purpose = what order by number desc limit 1
    ), false)
$$;
revoke all on function allows(uuid, varchar, timestamptz) from public;
"""


def upgrade() -> None:
    op.execute(TABLES)
    wall.mine("consent", "select, insert")
    wall.ends_with_pairing("consent")
    wall.worker("consent", "select")
    op.execute(ALLOWS)


def downgrade() -> None:
    op.execute("drop function allows")
    op.execute("drop table consent")
