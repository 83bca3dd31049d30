"""virtballoond killed with SIGKILL at two hundred random moments of a load."""

import pytest

import killed

KILLS = 200


@pytest.mark.seconds(1200)
def test_killed_two_hundred_times_it_takes_nothing_with_it(
        direct, start_virtballoond, start_guest):
    guests = [start_guest() for _ in range(3)]
    for guest in guests[:2]:
        assert direct.virsh("resume", guest.name).code == 0
    answered = killed.kill_repeatedly(direct, start_virtballoond(), guests, times=KILLS)
    print(f"\n{KILLS} kills, {answered} calls answered between them")
    assert answered > KILLS
