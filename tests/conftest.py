"""What all tests share: how hypothesis works here.

No example has a deadline, because a busy machine is no fault; `make soak` tries fifty times as many.
"""

import os

from hypothesis import settings

settings.register_profile("gatepost", deadline=None, max_examples=5000 if "GATEPOST_SOAK" in os.environ else 100)
settings.load_profile("gatepost")
