"""The benchmark works: everything is measured once, for a moment; scripts/bench takes its time."""

import pytest

import benchmark


@pytest.mark.seconds(180)
def test_every_scenario_is_measured_for_every_target(
        second, before_second, start_virtballoond, directory):
    bench = benchmark.Bench(second, directory, before_second,
                            start_virtballoond(upstream_dir=second.path.parent),
                            count=3, stream=4 << 20)
    try:
        samples = bench.measure(rounds=1, msec=200, events=40, idle=20, idle_seconds=1, calls=50)
    finally:
        bench.stop()
    measured = {}
    for sample in samples:
        measured.setdefault(sample["target"], set()).add(
            (sample["scenario"], sample["connections"]))
        assert sample["count"] > 0 or sample["scenario"] in ("wake-ups", "memory"), sample
    only_ours = {("wake-ups", 0), ("wake-ups", 32), ("memory", 1), ("rss-started", 0), ("rss", 0)}
    assert measured["virtballoond"] - measured["direct"] == only_ours
    assert measured["virtballoond"] - measured["socat"] == only_ours
    assert measured["bare"] == measured["socat"]
    assert len(measured["direct"]) == 21
