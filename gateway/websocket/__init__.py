"""The same road for upgraded connections."""
