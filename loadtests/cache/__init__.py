"""What the cache promises under load, shown on a real gateway: `python -m loadtests.cache`."""
