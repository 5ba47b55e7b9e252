"""Messages that wait, as tests write them."""

from plugins.websocket_batch.formats import Item


def item(opcode: int, payload: bytes, priority: int = 0, key: object = None) -> Item:
    """One of them."""
    return (opcode, payload, priority, key)
