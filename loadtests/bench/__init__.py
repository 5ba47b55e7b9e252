"""CPU per request, side by side with other proxies: `python -m loadtests.bench`.

A scenario (`scenarios.py`) says what is asked, a peer (`peers.py`) who answers; to add either is to add one value.
"""
