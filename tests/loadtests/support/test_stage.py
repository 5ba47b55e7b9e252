"""A gateway in front of an origin, for the length of a block."""

from loadtests.support.cores import place
from loadtests.support.gateway import GatewayOptions
from loadtests.support.ports import wait_until_answers
from loadtests.support.stage import stage


def test_it_answers_within_the_block_and_nothing_is_left_after_it() -> None:
    with stage("test", GatewayOptions(), place([])) as running:
        wait_until_answers(running.port, "/json/10k")
        assert len(running.workers()) == 1
        assert running.directory.is_dir()
    assert running.gateway.process.returncode == 0
    assert running.workers() == []
    assert not running.directory.exists()
