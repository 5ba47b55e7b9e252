"""A paced client of our own, for what wrk cannot do: a given rate, a mix of requests, and clients that misbehave."""
