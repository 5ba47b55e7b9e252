"""Errors of the admin application, as RFC 9457 has them."""

import json
from http import HTTPStatus
from typing import Any

from aiohttp import web


def problem(status: int, detail: str, **more: Any) -> web.Response:
    """An error as `application/problem+json`; `more` are members of its own."""
    body = {"title": HTTPStatus(status).phrase, "status": int(status), "detail": detail, **more}
    return web.Response(text=json.dumps(body), status=status, content_type="application/problem+json")
