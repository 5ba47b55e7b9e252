"""Settings for every test: how hypothesis looks for examples.

The usual profile draws the same examples in every run, so a red build stays red until it is fixed.
`HYPOTHESIS_PROFILE=thorough` looks for new ones instead, and for many more of them."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "repeatable",
    max_examples=60,
    derandomize=True,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "thorough",
    max_examples=5_000,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
