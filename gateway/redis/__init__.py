"""Redis, as everything in a worker uses it: one client, with a breaker in front, that never makes a request wait."""
