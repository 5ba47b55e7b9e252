"""The demonstration: an origin, the gateway before it, a client, and a view of what happens between them.

Four processes, so that nobody measures through somebody else's work: the origin, the gateway (a real `slipstream run`),
the client, and the one a person looks at, which starts the other three and stops them."""
