"""WebSocket connections that the gateway looks into: limits, compression, and batches for peers that want them."""

from plugins.websocket_batch.plugin import WebSocketBatchPlugin

PLUGIN = WebSocketBatchPlugin
