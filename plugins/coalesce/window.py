"""A stretch of a body: what the fastest reader has had and the slowest has not, or what newcomers will want."""

from __future__ import annotations

from hashlib import blake2b

PIECE_OVERHEAD = 64
"""Octets that keeping a piece costs beside its own, so that a body of single octets is not kept for nothing."""


class Window:
    """Pieces with their numbers. Those in front are dropped when nobody needs them."""

    __slots__ = ("_pieces", "digest", "end", "first", "octets", "offset")

    def __init__(self, offset: int = 0) -> None:
        self._pieces: list[bytes] = []
        self.first = 0
        """Number of the first piece kept."""
        self.end = 0
        """Number that the next piece will have."""
        self.offset = offset
        """Where in the body the first piece kept begins."""
        self.octets = 0
        """What is kept, with what keeping it costs."""
        self.digest: blake2b | None = None
        """Of all octets in front of the first piece kept, where somebody may have to compare them."""

    def __getitem__(self, number: int) -> bytes:
        return self._pieces[number - self.first]

    def push(self, piece: bytes) -> None:
        """The next piece."""
        self._pieces.append(piece)
        self.end += 1
        self.octets += len(piece) + PIECE_OVERHEAD

    def pass_by(self, size: int) -> None:
        """The next piece is one of so many octets that nobody needs kept. Nothing must be kept at the time."""
        self.end += 1
        self.first = self.end
        self.offset += size

    def drop(self, until: int) -> None:
        """Keep only pieces from that number on."""
        count = until - self.first
        if count <= 0:
            return
        size = 0
        for piece in self._pieces[:count]:
            size += len(piece)
            if self.digest is not None:
                self.digest.update(piece)
        del self._pieces[:count]
        self.first = until
        self.offset += size
        self.octets -= size + count * PIECE_OVERHEAD

    def find(self, offset: int) -> tuple[int, int]:
        """Where a reader goes on who has everything up to `offset`: number of a piece, octets of it and of those behind
        it to leave out. `offset` must not lie in front of what is kept."""
        at = self.offset
        for number in range(self.first, self.end):
            size = len(self[number])
            if offset < at + size:
                return number, offset - at
            at += size
        return self.end, offset - at

    def digest_at(self, number: int, skip: int) -> bytes | None:
        """The digest of all that lies in front of an octet; `None` where nobody keeps one."""
        if self.digest is None:
            return None
        digest = self.digest.copy()
        for kept in range(self.first, number):
            digest.update(self[kept])
        if skip:
            digest.update(self[number][:skip])
        return digest.digest()
