"""Where every request comes in: who asks is told from the token alone, and counted.

Before a route is looked for, a body read or the database asked. A token that is signed says
whose count it is and no more; whether its session is still there is asked later.
"""

from fastapi.security.utils import get_authorization_scheme_param
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from api import tokens
from api.errors import Busy, NotSignedIn, TooManyRequests
from api.fittings import Fittings
from api.layers import Layer, with_headers
from api.limits import Tally
from api.policy.limits import ANYBODY, SIGNED_IN, Subject, counted_at_once, neighbourhood, protects
from api.tokens import Claims


class Entrance(Layer):
    """Whoever is signed in is counted by account, and everybody else by address."""

    async def http(self, scope: Scope, receive: Receive, send: Send) -> None:
        house: Fittings = scope["app"].state.house
        claims = claims_of(scope, house)
        tally = Tally(house.limits, subjects(scope, claims))
        scope.setdefault("state", {}).update(claims=claims, tally=tally)

        async def send_counted(message: Message) -> None:
            await send(with_headers(message, tally.headers()))

        try:
            if counted_at_once(scope["method"], scope["path"]):
                await tally.add(SIGNED_IN if Subject.ACCOUNT in tally.subjects else ANYBODY)
        except (TooManyRequests, Busy) as refusal:
            await refusal.response()(scope, receive, send_counted)
            return
        await self.app(scope, receive, send_counted)


class TokenFirst(Layer):
    """What protects somebody is not counted, and so nothing of it is read for whoever has no good
    token: what costs nothing keeps nobody waiting.
    """

    async def http(self, scope: Scope, receive: Receive, send: Send) -> None:
        tally: Tally = scope["state"]["tally"]
        if Subject.ACCOUNT not in tally.subjects and protects(scope["method"], scope["path"]):
            await NotSignedIn.response()(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def claims_of(scope: Scope, house: Fittings) -> Claims | None:
    """As the token says, if it is a good one at this moment."""
    scheme, token = get_authorization_scheme_param(Headers(scope=scope).get("authorization"))
    good = scheme.lower() == "bearer"
    return tokens.read(house.token_keys, token, house.clock()) if good else None


def subjects(scope: Scope, claims: Claims | None) -> dict[Subject, str]:
    """As far as one can tell. The address is used for this alone, and kept nowhere."""
    host, _ = scope.get("client") or ("nowhere", 0)
    found = {Subject.ADDRESS: neighbourhood(host)}
    if claims:
        found[Subject.ACCOUNT] = str(claims.account_id)
        found[Subject.SESSION] = str(claims.session_id)
    return found
