"""All requests of the tables. Each is sent to one shared gateway, whole and byte by byte."""

from __future__ import annotations

from tests.conformance import requests_framing, requests_heads, requests_odd, requests_semantics
from tests.conformance.request_case import Case

CASES: tuple[Case, ...] = requests_framing.CASES + requests_heads.CASES + requests_semantics.CASES + requests_odd.CASES
