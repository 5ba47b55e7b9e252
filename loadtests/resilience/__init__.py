"""What the measurements of circuits and retries share: an origin with moods, a crowd of clients, a gateway."""
