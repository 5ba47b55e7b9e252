"""The names of those who take part."""

from __future__ import annotations

import os
import socket

from gateway.sharing.members import Member, replica_of, this_worker


def test_a_member_is_a_worker_of_a_replica() -> None:
    member = Member("web-1:7", "12", b"p:")
    assert member.name == "web-1:7/12"
    assert member.channel == b"p:to:web-1:7/12"
    assert replica_of(member.name) == "web-1:7"


def test_workers_of_one_parent_are_of_one_replica() -> None:
    member = this_worker(b"p:")
    assert member.worker == str(os.getpid())
    assert member.replica.startswith(f"{socket.gethostname()}:{os.getppid()}")
    assert member.replica == this_worker(b"p:").replica
