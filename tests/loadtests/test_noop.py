"""Plugins that do nothing."""

from typing import cast

import pytest

from gateway.api import Request, Response, Runtime
from gateway.chain.registry import find
from loadtests.bench.peers import CHAIN_PLUGINS
from loadtests.noop import Noop, NoopSettings


@pytest.mark.parametrize("name", CHAIN_PLUGINS)
async def test_request_and_response_pass_untouched(name: str) -> None:
    request, response = cast(Request, object()), cast(Response, object())
    seen: list[Request] = []

    async def inner(asked: Request) -> Response:
        seen.append(asked)
        return response

    plugin = find(name)(NoopSettings(), cast(Runtime, None))
    assert await plugin.wrap(inner)(request) is response
    assert seen == [request]


def test_each_link_is_a_class_of_its_own() -> None:
    classes = [find(name) for name in CHAIN_PLUGINS]
    assert len(set(classes)) == 5
    assert all(issubclass(found, Noop) for found in classes)
