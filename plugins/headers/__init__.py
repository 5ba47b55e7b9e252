"""Set, add and remove fields of requests and responses, and give every request an id."""

from plugins.headers.plugin import HeadersPlugin

PLUGIN = HeadersPlugin
