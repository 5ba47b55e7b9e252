"""Stop asking an upstream, or one of its servers, that keeps failing; try again with care."""

from plugins.circuit_breaker.plugin import CircuitBreakerPlugin

PLUGIN = CircuitBreakerPlugin
