"""Memory and descriptors of a process."""

import os
import socket

import pytest

from loadtests.support import footprint

STATUS = "Name:\tpython\nVmHWM:\t   20480 kB\nVmRSS:\t   10240 kB\nThreads:\t4\n"


def test_a_field_is_found_by_its_whole_name() -> None:
    assert footprint.field_kib(STATUS, "VmRSS") == 10240
    with pytest.raises(KeyError):
        footprint.field_kib(STATUS, "Vm")


def test_a_peak_can_be_forgotten() -> None:
    block = bytearray(os.urandom(1) * 64 * 1024 * 1024)
    assert footprint.read_peak_rss_kib(os.getpid()) >= 64 * 1024
    high = footprint.read_peak_rss_kib(os.getpid())
    del block
    footprint.forget_peak(os.getpid())
    assert footprint.read_peak_rss_kib(os.getpid()) < high - 32 * 1024


def test_shared_pages_make_the_proportional_size_the_smaller_one() -> None:
    assert 0 < footprint.read_pss_kib(os.getpid()) <= footprint.read_rss_kib(os.getpid()) + 1024


def test_a_socket_counts_as_a_descriptor_and_as_a_socket() -> None:
    descriptors, sockets = footprint.read_descriptors(os.getpid()), footprint.read_sockets(os.getpid())
    with socket.socket():
        assert footprint.read_descriptors(os.getpid()) == descriptors + 1
        assert footprint.read_sockets(os.getpid()) == sockets + 1
