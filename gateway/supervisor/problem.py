"""Errors of the admin application, as RFC 9457 has them."""

import json
from typing import Any

from aiohttp import web

from gateway.http.phrases import phrase


def problem(status: int, detail: str, **more: Any) -> web.Response:
    """An error as `application/problem+json`; `more` are members of its own."""
    body = {"title": phrase(status), "status": int(status), "detail": detail, **more}
    return web.Response(text=json.dumps(body), status=status, content_type="application/problem+json")
