"""Stores behind the memory of a worker: shared by the workers of a machine, and later by machines."""
