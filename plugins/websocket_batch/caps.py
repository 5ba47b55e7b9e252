"""How many connections a route has, in all and for each client. Counts outlive a reload, as the connections do."""

from collections import Counter


class Caps:
    """Counts of one route."""

    __slots__ = ("__weakref__", "_by_client", "total")

    def __init__(self) -> None:
        self.total = 0
        """Connections now."""
        self._by_client: Counter[str] = Counter()

    def admit(self, client: str, most: int | None, most_of_client: int | None) -> str | None:
        """Take a place; the name of the setting that forbids it otherwise."""
        if most is not None and self.total >= most:
            return "connections"
        if most_of_client is not None and self._by_client[client] >= most_of_client:
            return "connections_per_client"
        self.total += 1
        self._by_client[client] += 1
        return None

    def leave(self, client: str) -> None:
        """Give the place back."""
        self.total -= 1
        self._by_client[client] -= 1
        if self._by_client[client] <= 0:
            del self._by_client[client]
