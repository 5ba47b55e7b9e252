"""Measurements of the gateway from outside: benchmarks, load, soak, memory and chaos.

Nothing in here runs inside the product. `docs/measuring.md` says how each tool measures and what its figures mean.
"""
