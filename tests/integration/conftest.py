"""One good origin and one gateway before it, for every test that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.chromium import find_chromium
from tests.support.gateway import Gateway, before, running
from tests.support.origin import Origin
from tests.support.replies import well_behaved


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The command of a Chromium that works here; without one the tests that want it are left out, and say why."""
    return find_chromium(tmp_path_factory.mktemp("chromium"))


@pytest.fixture(scope="session")
def shared_origin() -> Iterator[Origin]:
    with Origin(well_behaved) as origin:
        yield origin


@pytest.fixture(scope="session")
def gateway(shared_origin: Origin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    settings = before(shared_origin.url) | {"limits": {"body": "off"}}
    with running(settings, tmp_path_factory.mktemp("gateway")) as gateway:
        yield gateway


@pytest.fixture
def origin(shared_origin: Origin) -> Iterator[Origin]:
    """The origin before which `gateway` stands, its record empty."""
    shared_origin.forget()
    shared_origin.release.clear()
    yield shared_origin
    shared_origin.release.set()
    assert shared_origin.violations == []
