"""Which methods a path has: all of them are named where another is asked for."""

from collections import defaultdict
from collections.abc import Iterable

from starlette.routing import BaseRoute, Route, compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import answer
from api.layers import Layer

NOT_ALLOWED = {"type": "about:blank", "title": "Method Not Allowed", "status": 405}


class Paths(Layer):
    """A path that is written out is that path, and never a name in the place of a name:
    `/consents/history` is no purpose.
    """

    def __init__(self, app: ASGIApp, routes: Iterable[BaseRoute]) -> None:
        super().__init__(app)
        self.written: dict[str, set[str]] = defaultdict(set)
        for route in routes:
            if isinstance(route, Route):
                self.written[route.path] |= route.methods or set()
        forms = {path: methods for path, methods in self.written.items() if "{" in path}
        self.forms = [(compile_path(path)[0], methods) for path, methods in forms.items()]

    async def http(self, scope: Scope, receive: Receive, send: Send) -> None:
        methods = self.methods(scope["path"])
        if not methods or scope["method"] in methods:
            await self.app(scope, receive, send)
            return
        refused = NOT_ALLOWED | {"detail": NOT_ALLOWED["title"]}
        allow = {"Allow": ", ".join(sorted(methods))}
        await answer(refused, allow)(scope, receive, send)

    def methods(self, path: str) -> set[str]:
        """Empty where there is no such path."""
        if "{" not in path and path in self.written:
            return self.written[path]
        return {each for form, methods in self.forms if form.match(path) for each in methods}
