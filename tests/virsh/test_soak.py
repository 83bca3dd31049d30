"""Clients of all kinds at the same time, for a moment; scripts/soak has them for half an hour."""

import soak


def test_for_a_moment_every_answer_is_the_right_one_and_nothing_grows(
        second, start_virtballoond, directory):
    soak.hold(second, start_virtballoond(upstream_dir=second.path.parent), directory, seconds=20,
              rounds=2)
