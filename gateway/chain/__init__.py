"""The chain of plugins: their contract, where they are found, and how a route's chain is compiled."""
