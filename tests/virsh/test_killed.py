"""virtballoond killed with SIGKILL while it works: it is the only one that is gone."""

import killed


def test_killed_at_random_moments_it_takes_nothing_with_it(
        direct, start_virtballoond, start_guest):
    """Two hundred moments are in tests/stress."""
    guests = [start_guest() for _ in range(2)]
    assert direct.virsh("resume", guests[0].name).code == 0
    assert killed.kill_repeatedly(direct, start_virtballoond(), guests, times=10) > 0
