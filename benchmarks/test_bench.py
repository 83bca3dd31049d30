"""The whole benchmark; scripts/bench runs it. Its measurements go to bench.json."""

import json
import os

import pytest

import benchmark
import harness

QUICK = "VB_BENCH_QUICK" in os.environ
GUESTS, STREAM = (10, 64 << 20) if QUICK else (50, 256 << 20)
SIZES = ({"rounds": 3, "msec": 100, "events": 1000, "idle": 200, "idle_seconds": 5, "calls": 5000}
         if QUICK else
         {"rounds": 7, "msec": 300, "events": 4000, "idle": 1000, "idle_seconds": 60,
          "calls": 15000})


@pytest.mark.seconds(1200)
def test_measure(second, before_second, start_virtballoond, directory):
    bench = benchmark.Bench(second, directory, before_second,
                            start_virtballoond(upstream_dir=second.path.parent),
                            count=GUESTS, stream=STREAM)
    only = os.environ.get("VB_BENCH_ONLY", "").split()
    try:
        samples = bench.measure(**SIZES, scenario=only)
    finally:
        bench.stop()
    (harness.RESULTS / "bench.json").write_text(json.dumps(samples, indent=0))
