"""Try again what failed and may be tried again, elsewhere and within bounds; do not wait for a server that is late."""

from plugins.retry.plugin import RetryPlugin

PLUGIN = RetryPlugin
