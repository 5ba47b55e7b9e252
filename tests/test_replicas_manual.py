"""What the manual of several gateways says must be true."""

from __future__ import annotations

import re
from pathlib import Path

from gateway.chain.registry import settings_of
from gateway.config import load_text
from gateway.figures.registry import Figures
from gateway.sharing import acknowledging, leases, members, owed, purge_log
from gateway.sharing.figures import LeaseFigures, PurgeFigures

MANUAL = (Path(__file__).parents[1] / "docs" / "replicas.md").read_text()


def test_its_example_is_a_configuration() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", MANUAL, re.DOTALL)
    (route,) = load_text(example, settings_of, environ={}).routes
    assert [use.name for use in route.plugins] == ["rate_limit", "cache", "coalesce", "circuit_breaker"]


def test_every_figure_is_there_and_is_counted() -> None:
    said = set(re.findall(r"`(sharing_[a-z_]+)", MANUAL))
    names: set[str] = set()
    figures = Figures(Figures.in_memory().row, lambda layout: names.add(layout.family))
    LeaseFigures(figures)
    PurgeFigures(figures)
    assert said == names


def test_its_numbers_are_those_of_the_code() -> None:
    for number, unit in (
        (f"{leases.LEASE_SECONDS:g}", "seconds and is renewed"),
        (f"{leases.LONGEST_SECONDS:g}", "seconds at most"),
        (f"{leases.WAIT_SECONDS:g}", "seconds, than"),
        (f"{members.FORGOTTEN_SECONDS:g}", "seconds and have not answered"),
        (f"{purge_log.MOST_ENTRIES:,}", "purges or"),
        (f"{purge_log.MOST_OCTETS // 2**20}", "MiB"),
        (f"{owed.MOST_NAMES:,}", "names that wait"),
    ):
        assert f"{number} {unit}" in MANUAL, (number, unit)
    assert acknowledging.WAIT_SECONDS == 1
    assert owed.REMEMBERED_SECONDS == 600
