"""virtballoond with clients of all kinds for VB_SOAK_SECONDS: no wrong answer, no growth."""

import os

import pytest

import soak

SECONDS = int(os.environ.get("VB_SOAK_SECONDS", 120))
ROUND = 60


@pytest.mark.seconds(SECONDS * 2 + 600)
def test_every_answer_is_the_right_one_and_nothing_grows(second, start_virtballoond, directory):
    soak.hold(second, start_virtballoond(upstream_dir=second.path.parent), directory, SECONDS,
              max(2, SECONDS // ROUND))
