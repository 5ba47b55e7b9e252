"""A name server on loopback whose records a test changes as it likes."""

from __future__ import annotations

import socket
import threading
from typing import Self

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

PATIENCE = 0.1


class NameServer:
    """Answers over UDP. Use it as a context manager."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], list[str]] = {}
        """Values by name and type: `("app.test", "A")`. A name without any does not exist."""
        self.ttl = 60
        self.is_silent = False
        self.asked = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(PATIENCE)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def address(self) -> str:
        """As `dns_servers` has it."""
        return f"127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join(5)
        self._socket.close()

    def _serve(self) -> None:
        while not self._is_over.is_set():
            try:
                wire, peer = self._socket.recvfrom(4096)
            except TimeoutError:
                continue
            self.asked += 1
            if not self.is_silent:
                self._socket.sendto(self._answer(dns.message.from_wire(wire)).to_wire(), peer)

    def _answer(self, query: dns.message.Message) -> dns.message.Message:
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA
        question = query.question[0]
        name = question.name.to_text().rstrip(".")
        if not any(known == name for known, _ in self.records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
            return answer
        values = self.records.get((name, dns.rdatatype.to_text(question.rdtype)), [])
        if values:
            answer.answer.append(dns.rrset.from_text(question.name, self.ttl, "IN", question.rdtype, *values))
        return answer
