"""How large the tests are: sizes for every day, or with PSHARE_E2E_FULL=1 those that pshare is held to."""
import os

import pytest

from world import MiB

FULL = os.environ.get("PSHARE_E2E_FULL") == "1"
SANITIZED = os.environ.get("PSHARE_E2E_SANITIZED") == "1"


def sized(everyday, full):
    return full if FULL else everyday


LARGE_FILE = sized(48 * MiB, 2048 * MiB)
MANY_FILES = sized(1_500, 20_000)
KILLS = sized(3, 20)

plain_build_only = pytest.mark.skipif(SANITIZED, reason="a sanitizer's shadow memory is not what is measured here")
