"""Settings of all tests."""

from hypothesis import HealthCheck, settings

# Other work on the machine must not fail a test: no deadline an example, no limit on slow input.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("default")
