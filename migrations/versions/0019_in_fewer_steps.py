"""What is asked most takes fewer steps.

Whether a release has revealed anything is told where it is bound, so that nobody has to look
before and after. And whether somebody's hour for a check-in has come is looked up for that check-in
alone: written with `exists`, PostgreSQL first read all the hours that ever came for them.
"""

from alembic import op

from migrations import wall

revision = "0019"
down_revision = "0018"

# As in 0018.
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
NONE, ONE = "bind_revealed.checkin is null", "checkin.id = bind_revealed.checkin"
BODY = """language plpgsql as $$
#variable_conflict use_column
begin
    if {none} then {all_};
    else {one};
    end if;{told}
end $$
"""


def binds(returns: str, told: str) -> None:
    op.execute("drop function bind_revealed")
    all_, one = (BINDS.format(which=which).strip() for which in ("true", ONE))
    wall.reaches_past(
        f"bind_revealed(checkin uuid, at timestamptz) returns {returns}",
        BODY.format(none=NONE, all_=all_, one=one, told=told),
    )


# As in 0009.
MINE_OR_OURS = f"account_id = (select me()) or couple_id = {wall.OURS}"
ARRIVAL = (
    "select {what} from checkin_arrival"
    " where checkin_id = checkin.id and account_id = (select me())"
)


def shows_once_arrived(arrived: str) -> None:
    op.execute(
        "alter policy ours on checkin"
        f" using (({MINE_OR_OURS}) and (schedule_id is null or {arrived}))"
    )


def upgrade() -> None:
    binds("boolean", "\n    return found;")
    shows_once_arrived(f"({ARRIVAL.format(what='true')})")


def downgrade() -> None:
    binds("void", "")
    shows_once_arrived(f"exists ({ARRIVAL.format(what='')})")
