"""What stands above a body: how much of it we read, and what every answer says."""

from starlette.types import Message, Receive, Scope, Send

from api.errors import AddressTooLong, HeadersTooLarge
from api.layers import Header, Headers, Layer

# RFC 9110 wants addresses of 8000 bytes understood; ours have a hundred.
LONGEST_ADDRESS = 8 * 1024
LARGEST_HEADERS = 16 * 1024
MOST_HEADERS = 100

# An answer is somebody's own and is data: kept by nothing on its way, shown in no frame, run by
# nothing, read by no other site, and asked for over TLS alone from now on.
ALWAYS: list[Header] = [
    (b"cache-control", b"no-store"),
    (b"strict-transport-security", b"max-age=63072000; includeSubDomains"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-embedder-policy", b"require-corp"),
]
RUN_NOTHING = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")


class HeadLimit(Layer):
    """Nothing is done for whoever sends more than anybody needs to say what they ask."""

    async def http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = scope["headers"]
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > LONGEST_ADDRESS:
            await AddressTooLong.response()(scope, receive, send)
        elif len(headers) > MOST_HEADERS or size(headers) > LARGEST_HEADERS:
            await HeadersTooLarge.response()(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def size(headers: Headers) -> int:
    return sum(len(name) + len(value) for name, value in headers)


def on_every_answer(message: Message) -> Headers:
    """With the policy for what a page may run, unless this page says another itself."""
    names = {name for name, _ in message.get("headers", [])}
    return ALWAYS if RUN_NOTHING[0] in names else [*ALWAYS, RUN_NOTHING]
