"""What holds in the database at every moment, whoever did what at the same time."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

# Each finds what breaks it.
INVARIANTS = {
    "whoever has a partner is that one's partner": """
        select account_id from member m where not exists (select from member o
            where (o.account_id, o.partner_id, o.couple_id)
                = (m.partner_id, m.account_id, m.couple_id))""",
    "a couple is two": "select couple_id from member group by 1 having count(*) <> 2",
    "each has one couple at most": "select account_id from member group by 1 having count(*) > 1",
    "whoever is paired neither invites nor waits": """
        select i.account_id from invitation i join member m
            on m.account_id in (i.account_id, i.joiner_id)""",
    "both of a couple hold its key, and nobody else": """
        select d.id from data_key d where couple_id is not null and not exists (
            select from member m where (m.account_id, m.couple_id) = (d.account_id, d.couple_id))
        union all select m.couple_id from member m left join data_key d
            on (m.account_id, m.couple_id) = (d.account_id, d.couple_id) where d.id is null""",
    "nothing waits for somebody from a pairing that is over": """
        select id from nudge n where couple_id is not null and not exists (
            select from member m
            where (m.account_id, m.couple_id) = (n.account_id, n.couple_id))""",
    "a push is its nudge's": """
        select p.id from push p left join nudge n
            on (n.id, n.account_id, n.kind) = (p.id, p.account_id, p.kind) where n.id is null""",
    "one thing is told once": """
        select account_id from nudge group by account_id, kind, about having count(*) > 1""",
    "what is told as read together was released by both": """
        select n.id from nudge n where kind = 'reveal' and not exists (
            select from answer a join answer b using (checkin_id, question)
            where a.checkin_id = n.about and a.account_id < b.account_id
            and a.final and b.final)""",
    "a schedule is signed by somebody": """
        select id from schedule s where not exists (select from schedule_signature g
            where (g.schedule_id, g.version) = (s.id, s.version))""",
    "ten schedules at most": """
        select account_id from schedule group by 1 having count(*) > 10""",
    "twenty phrases a day at most": """
        select a.id from partner_nudge a join partner_nudge b on a.from_id = b.from_id
            and b.sent_at > a.sent_at - interval '1 day' and b.sent_at <= a.sent_at
        group by 1 having count(*) > 20""",
    "a history of consents has no gap": """
        select account_id from consent group by 1 having max(number) <> count(*)""",
    "no refresh token is ahead of its chain": """
        select t.session_id from refresh_token t join session s on s.id = t.session_id
        where t.generation > s.spent + 1""",
}
ASKED = " union all ".join(
    f"select $${name}$$ where exists ({broken})" for name, broken in INVARIANTS.items()
)


async def broken(owner: AsyncEngine) -> list[str]:
    """The names of those that do not hold."""
    async with owner.connect() as connection:
        return [str(name) for name in (await connection.execute(text(ASKED))).scalars()]
