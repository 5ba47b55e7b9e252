"""A short soak with the origin in the place of the gateway."""

import os

from loadtests.traffic.soaking import Soak


async def test_what_is_answered_otherwise_than_it_must_is_counted(origin_port: int) -> None:
    said: list[str] = []
    soak = Soak(origin_port, os.getpid(), said.append)
    await soak.run(0.5, capacity_seconds=0.1)
    assert len(said) == 1
    assert soak.client.answered > 0
    assert soak.probes == 1
    assert soak.faults_played > 0
    # an origin by itself resets where a gateway would answer 502
    assert "upstream reset: '' instead of 502" in soak.wrong
    assert not [wrong for wrong in soak.wrong if wrong.startswith("probe")]
