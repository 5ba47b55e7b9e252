"""What the supervisor may ask about upgraded connections."""

from __future__ import annotations

from typing import Any

from gateway.websocket.close_codes import CloseCode, is_sendable
from gateway.websocket.connections import MOST_ROWS, Connections


class ConnectionDesk:
    """Answers messages of the control channel."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def list(self, message: dict[str, Any]) -> dict[str, Any]:
        """Those of `route`, or all; the oldest first, or those with the most waiting."""
        most, by_queue = int(message.get("most", MOST_ROWS)), message.get("order") == "queue"
        found = self._connections.table(message.get("route"), most=most, by_queue=by_queue)
        return {"count": found.number, "connections": found.rows}

    async def close(self, message: dict[str, Any]) -> dict[str, Any]:
        """End one of them, with a code and a reason. A tunnel ends without words."""
        code = int(message.get("code", CloseCode.GOING_AWAY))
        if not is_sendable(code):
            raise ValueError(f"{code} is not a close code that may be sent (RFC 6455 §7.4)")
        reason = str(message.get("reason", "closed by an administrator"))
        return {"closed": int(self._connections.close(str(message["id"]), code, reason))}
