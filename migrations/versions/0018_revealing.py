"""What a release asks of the database is planned once, and not with each release.

A function in SQL is planned anew whenever it is called (before PostgreSQL 18 always, and since
then where its plan depends on what it is given); in PL/pgSQL its plans are kept. To bind what is
revealed took two thirds of what a release took of PostgreSQL.
"""

from alembic import op

revision = "0018"
down_revision = "0017"

# As in 0010, each way with a plan of its own.
BINDS = """
    update answer set revealed = true
    from member
    join checkin on checkin.couple_id = member.couple_id
    join answer mine on mine.checkin_id = checkin.id and mine.account_id = member.account_id
    join answer theirs on theirs.checkin_id = checkin.id
        and theirs.account_id = member.partner_id and theirs.question = mine.question
    where member.account_id = me()
        and {which}
        and mine.released and theirs.released and not (mine.revealed and theirs.revealed)
        and allows(member.account_id, 'sharing', at) and allows(member.partner_id, 'sharing', at)
        and answer.checkin_id = checkin.id and answer.question = mine.question
        and answer.account_id in (member.account_id, member.partner_id)
"""
HEAD = """
create or replace function bind_revealed(checkin uuid, at timestamptz) returns void
security definer set search_path = public, pg_temp
"""
NONE, ONE = "bind_revealed.checkin is null", "checkin.id = bind_revealed.checkin"
PLANNED_ONCE = f"""{HEAD} language plpgsql as $$
#variable_conflict use_column
begin
    if {NONE} then {BINDS.format(which="true").strip()};
    else {BINDS.format(which=ONE).strip()};
    end if;
end $$
"""
BEFORE = f"""{HEAD} language sql as $${BINDS.format(which=f"({NONE} or {ONE})")}$$"""


def upgrade() -> None:
    op.execute(PLANNED_ONCE)


def downgrade() -> None:
    op.execute(BEFORE)
