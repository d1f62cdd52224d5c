"""The contract as a page to try it on, for whoever develops. Closed where people are served.

Its files come with a package: the page asks nobody else's server for anything.
"""

from pathlib import Path

import fastapi_standalone_docs
from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

from api.heads import RUN_NOTHING

FILES = Path(fastapi_standalone_docs.__file__).parent / "static"
# Swagger's page has a script and styles within itself.
OWN = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
)


def open_docs(app: FastAPI) -> None:
    """`/docs`, from the contract that this application answers at `openapi_url`."""
    contract = app.openapi_url or ""

    async def read_docs() -> HTMLResponse:
        page = get_swagger_ui_html(
            openapi_url=contract,
            title=app.title,
            swagger_js_url="/docs/swagger/swagger-ui-bundle.js",
            swagger_css_url="/docs/swagger/swagger-ui.css",
            swagger_favicon_url="/docs/fastapi/favicon.png",
        )
        page.headers[RUN_NOTHING[0].decode()] = OWN
        return page

    app.add_api_route("/docs", read_docs, include_in_schema=False)
    app.mount("/docs", StaticFiles(directory=FILES))
