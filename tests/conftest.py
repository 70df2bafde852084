"""Profiles of hypothesis: how many examples, and which seed.

ci        the same examples every time
dev       new examples every time
thorough  many, for a night or after a change to a law
"""

import os

from hypothesis import HealthCheck, settings

usual = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("ci", max_examples=24, derandomize=True, **usual)
settings.register_profile("dev", max_examples=24, **usual)
settings.register_profile("thorough", max_examples=1000, **usual)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))
