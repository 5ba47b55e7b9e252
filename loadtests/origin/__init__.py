"""An origin to test against that is never the bottleneck: `python -m loadtests.origin --port 8000`.

The answers it gives are listed in `routes.py`.
"""
