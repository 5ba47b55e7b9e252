"""What the supervisor may ask about upgraded connections."""

from __future__ import annotations

from typing import Any

from gateway.websocket.close_codes import CloseCode, is_sendable
from gateway.websocket.connections import Connections

MOST_ROWS = 1000
"""Connections in one answer; a list of ten thousand would be nobody's to read."""


class ConnectionDesk:
    """Answers messages of the control channel."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def list(self, message: dict[str, Any]) -> dict[str, Any]:
        """Those of `route`, or all; the oldest first, or those with the most waiting."""
        rows = self._connections.table(message.get("route"))
        if message.get("order") == "queue":
            rows.sort(key=lambda row: -sum(way["octets"] for way in row.get("queue", {}).values()))
        else:
            rows.sort(key=lambda row: -row["age"])
        return {"count": len(rows), "connections": rows[: int(message.get("most", MOST_ROWS))]}

    async def close(self, message: dict[str, Any]) -> dict[str, Any]:
        """End one of them, with a code and a reason. A tunnel ends without words."""
        code = int(message.get("code", CloseCode.GOING_AWAY))
        if not is_sendable(code):
            raise ValueError(f"{code} is not a close code that may be sent (RFC 6455 §7.4)")
        reason = str(message.get("reason", "closed by an administrator"))
        return {"closed": int(self._connections.close(str(message["id"]), code, reason))}
