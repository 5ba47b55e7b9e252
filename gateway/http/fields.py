"""Fields of a message: an ordered list of field lines with look-up by lower-case name (RFC 9110 §5).

What arrived is kept as it arrived: as long as nobody changes a field, `encode` returns the very octets
of the received field block, so forwarding costs nothing per field and end-to-end fields keep their
bytes and order. Framing and hop-by-hop fields are not kept here: they belong to one connection, and
the two ends of the road write their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import Any

from gateway.http.hop_by_hop import FRAMING

Entry = tuple[bytes, bytes, bytes, int, bytes]
"""Lower-case name, name as it came, value without surrounding white space, a parser's mark, the line as it came."""

TOKEN = frozenset(b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_TOKEN_OCTETS = bytes(TOKEN)
_VALUE_OCTETS = bytes(octet for octet in range(256) if octet == 9 or (octet >= 32 and octet != 127))
_NAMES_REMEMBERED = 2048


def is_token(octets: bytes) -> bool:
    """Whether `octets` are a token (RFC 9110 §5.6.2)."""
    return bool(octets) and not octets.translate(None, _TOKEN_OCTETS)


def is_field_value(octets: bytes) -> bool:
    """Whether `octets` may stand as a field value: no control octet but HTAB (RFC 9110 §5.5)."""
    return not octets.translate(None, _VALUE_OCTETS)


class LowerNames(dict[bytes, bytes]):
    """Field name as it came → lower-case name. Learns names once, and no more than it has room for."""

    def __missing__(self, name: bytes) -> bytes:
        lower = name.lower()
        if len(self) < _NAMES_REMEMBERED and len(name) <= 64:
            self[name] = lower
        return lower


lower_names = LowerNames()


_new = object.__new__


class Line:
    """A field line, checked and written once for all messages it is added to."""

    __slots__ = ("entry", "octets")

    def __init__(self, name: bytes, value: bytes) -> None:
        """Raises ValueError for what may not stand in a section, framing fields included."""
        self.entry: Entry = _entry(name, value)
        self.octets = self.entry[4] + b"\r\n"


class Wire:
    """The octets of a field section with a Content-Length line among them, shared by all that have the same."""

    __slots__ = ("block", "head", "length", "reason", "status")

    def __init__(self, block: bytes, length: int) -> None:
        self.block = block
        self.length = length
        """What the Content-Length says."""
        self.head = b""
        """A whole response head with them, for a connection that goes on behind it; empty until one is written."""
        self.status = 0
        """The status of that head."""
        self.reason: bytes | None = None
        """Its reason phrase, `None` for the usual one."""


class Fields:
    """The fields of one message.

    Names in look-ups are lower-case `bytes`; values are `bytes`. A name that occurs several times is one
    list-valued field to `get` and several lines to `values` and iteration."""

    __slots__ = ("_block", "_entries", "_index", "_wire", "notes")

    def __init__(self, pairs: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self._entries: list[Entry] = []
        self._block: bytes | None = None
        self._index: dict[bytes, bytes | list[bytes]] | None = None
        self._wire: Wire | None = None
        self.notes: dict[object, Any] | None = None
        """What was worked out from these very fields, by whoever did: shared by all messages that have the same
        octets, gone with the first change. `None` where nobody expects them to come again."""
        for name, value in pairs:
            self.add(name, value)

    @classmethod
    def received(cls, entries: list[Entry], block: bytes | None, wire: Wire | None = None) -> Fields:
        """Fields already checked by a parser; `block` is their octets on the wire, each line with its CRLF.

        `wire` is what goes on as long as nobody changes a field or the content."""
        fields = _new(cls)
        fields._entries = entries
        fields._block = block
        fields._index = None
        fields._wire = wire
        fields.notes = None
        return fields

    @staticmethod
    def unread(block: bytes, wire: Wire | None = None) -> Fields:
        """The same of fields whose lines nobody has taken apart, for a message that most likely goes on as it is: that
        is done when somebody asks for one of them. `block` must be what `encode` gave; if it is not, whoever asks first
        gets a ValueError."""
        fields = _new(_Unread)
        fields._block = block
        fields._index = None
        fields._wire = wire
        fields.notes = None
        return fields

    def again(self) -> Fields:
        """The fields of another message with the same octets: what is worked out from one of them serves all."""
        if self.notes is None:
            self.notes = {}
            self._indexed()
        fields = _new(Fields)
        fields._entries = self._entries
        fields._block = self._block
        fields._index = self._index
        fields._wire = self._wire
        fields.notes = self.notes
        return fields

    def _indexed(self) -> dict[bytes, bytes | list[bytes]]:
        entries = self._entries
        index: dict[bytes, bytes | list[bytes]] = {entry[0]: entry[2] for entry in entries}
        if len(index) != len(entries):
            index = self._indexed_lists()
        self._index = index
        return index

    def _indexed_lists(self) -> dict[bytes, bytes | list[bytes]]:
        index: dict[bytes, bytes | list[bytes]] = {}
        for lower, _, value, _, _ in self._entries:
            known = index.get(lower)
            if known is None:
                index[lower] = value
            elif isinstance(known, list):
                known.append(value)
            else:
                index[lower] = [known, value]
        return index

    def get(self, name: bytes) -> bytes | None:
        """The field's value; several lines are joined by a comma and a space (RFC 9110 §5.3)."""
        index = self._index
        if index is None:
            index = self._indexed()
        value = index.get(name)
        return b", ".join(value) if isinstance(value, list) else value

    def values(self, name: bytes) -> list[bytes]:
        """The value of each line of that name, in order; empty when there is none."""
        value = (self._index if self._index is not None else self._indexed()).get(name)
        if value is None:
            return []
        return list(value) if isinstance(value, list) else [value]

    def __contains__(self, name: bytes) -> bool:
        return name in (self._index if self._index is not None else self._indexed())

    def has_any(self, names: AbstractSet[bytes]) -> bool:
        """Whether there is a field with one of these lower-case names."""
        return not names.isdisjoint(self._index if self._index is not None else self._indexed())

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        """Name as it came and value of every field line, in order."""
        for entry in self._entries:
            yield entry[1], entry[2]

    def __len__(self) -> int:
        return len(self._entries)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Fields):
            return NotImplemented
        return [(entry[0], entry[2]) for entry in self._entries] == [(entry[0], entry[2]) for entry in other._entries]

    __hash__ = None  # type: ignore[assignment]  # mutable values have no hash

    def __repr__(self) -> str:
        return f"Fields({list(self)!r})"

    def add(self, name: bytes, value: bytes) -> None:
        """Append a field line. Raises ValueError for what may not stand there, framing fields included."""
        self.append(Line(name, value))

    def append(self, line: Line) -> None:
        """Append a field line that was made before."""
        self._entries = [*self._entries, line.entry]  # a remembered head shares its list
        if self._block is not None:
            self._block += line.octets
        if self._wire is not None:
            self._wire = Wire(self._wire.block + line.octets, self._wire.length)
        self._index = self.notes = None

    def set(self, name: bytes, value: bytes) -> None:
        """Replace every line of that name by one, in the place of the first, or append it."""
        replacement = _entry(name, value)
        lower, entries = replacement[0], self._entries
        for at, entry in enumerate(entries):
            if entry[0] == lower:
                rest = [later for later in entries[at + 1 :] if later[0] != lower]
                self._entries = [*entries[:at], replacement, *rest]
                break
        else:
            self._entries = [*entries, replacement]
        self._block = self._index = self._wire = self.notes = None

    def remove(self, name: bytes) -> bool:
        """Remove every line of that name (any case); whether there was one."""
        lower = name.lower()
        kept = [entry for entry in self._entries if entry[0] != lower]
        if len(kept) == len(self._entries):
            return False
        self._entries = kept
        self._block = self._index = self._wire = self.notes = None
        return True

    def remove_any(self, names: AbstractSet[bytes], prefixes: tuple[bytes, ...] = ()) -> bool:
        """Remove each line whose lower-case name is among `names` or begins with one of `prefixes`; whether any was."""
        if not prefixes and names.isdisjoint(self._index if self._index is not None else self._indexed()):
            return False  # the usual case, and the index serves the next look-up
        kept = [entry for entry in self._entries if entry[0] not in names and not entry[0].startswith(prefixes)]
        if len(kept) == len(self._entries):
            return False
        self._entries = kept
        self._block = self._index = self._wire = self.notes = None
        return True

    @property
    def entries(self) -> list[Entry]:
        """The entries, for readers of heads; not to be changed."""
        return self._entries

    def copy(self) -> Fields:
        """An independent copy that still knows its octets on the wire."""
        return Fields.received(self._entries, self._block, self._wire)  # changes make a new list

    def encode(self) -> bytes:
        """The field lines as on the wire, each ended by CRLF."""
        block = self._block
        if block is None:
            block = b"".join([b"%b\r\n" % entry[4] for entry in self._entries])
            self._block = block
        return block

    @property
    def wire(self) -> Wire | None:
        """What was given to `received`, as long as nobody has changed a field."""
        return self._wire

    def encode_with_length(self, length: int) -> bytes:
        """The same, with a Content-Length of `length` (RFC 9110 §8.6)."""
        wire = self._wire
        if wire is not None and wire.length == length:
            return wire.block
        return b"%bContent-Length: %d\r\n" % (self.encode(), length)


class _Unread(Fields):
    """Fields whose `_entries` are made when they are first looked for."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name != "_entries":
            raise AttributeError(name)
        assert self._block is not None, "nothing has changed before somebody looked"
        self._entries = [_taken_apart(line) for line in self._block.split(b"\r\n")[:-1]]
        return self._entries


def _taken_apart(line: bytes) -> Entry:
    """The entry of a line that was checked before. Raises ValueError for what cannot have been."""
    name, colon, value = line.partition(b":")
    if not colon:
        raise ValueError("a line without a name")
    return (lower_names[name], name, value.strip(b" \t"), 0, line)


def _entry(name: bytes, value: bytes) -> Entry:
    if not is_token(name):
        raise ValueError(f"not a field name: {name!r}")
    lower = lower_names[name]
    if lower in FRAMING:
        raise ValueError(f"{name.decode()} belongs to the connection: the gateway writes it")
    if not is_field_value(value):
        raise ValueError(f"not a field value for {name.decode()}: {value!r}")
    value = value.strip(b" \t")  # RFC 9110 §5.5: white space around it is no part of a value
    return (lower, name, value, 0, b"%b: %b" % (name, value))
