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

# What is said of one call at a time is said of these again, with everything on one processor: the
# scheduler leaves who sleeps and wakes up where it was, which is chance, and to wake another
# processor takes longer than to relay a call.
ONE_PROCESSOR = ["tiny", "getinfo", "setmem", "setmem-grow", "setmem-refused", "cpu"]


@pytest.mark.seconds(1200)
def test_measure(second, before_second, start_virtballoond, directory):
    bench = benchmark.Bench(second, directory, before_second,
                            start_virtballoond(upstream_dir=second.path.parent),
                            count=GUESTS, stream=STREAM)
    only = os.environ.get("VB_BENCH_ONLY", "").split()
    try:
        samples = bench.measure(**SIZES, scenario=only)
        again = [name for name in ONE_PROCESSOR if not only or name in only]
        if again:
            bench.stay_on_one_processor()
            for sample in bench.measure(**SIZES, most=1, scenario=again):
                samples.append(sample | {"scenario": sample["scenario"] + ", one CPU"})
    finally:
        bench.stop()
    (harness.RESULTS / "bench.json").write_text(json.dumps(samples, indent=0))
