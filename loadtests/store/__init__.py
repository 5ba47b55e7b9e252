"""The memory store alone: how fast it is, how often it hits beside LRU, and what it takes in memory."""
