"""What a call costs virtballoond in instructions and system calls; scripts/bench --counts runs it.

Unlike time, both are the same on a busy machine. Each is the difference between many calls and few.
"""

import os
import re
import signal

import pytest

import benchmark
import harness

SCENARIOS = ["tiny", "getxml", "getxml-64k", "getxml-64k-ours", "setmem-grow", "setmem",
             "setmem-refused", "domstats-one", "domstats-all", "define-64k", "define-64k-ours",
             "connect-close"]
FEW, MANY = 20, 120


def instructions(file):
    """All instructions that callgrind has counted."""
    return int(re.search(r"(?m)^totals: (\d+)", file.read_text())[1])


def system_calls(file):
    """All system calls, by name, that strace has counted."""
    lines = re.findall(r"(?m)^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?(\w+)$", file.read_text())
    return {name: int(count) for count, name in lines if name != "total"}


@pytest.mark.seconds(900)
def test_counts(second, before_second, start_virtballoond, directory):
    bench = benchmark.Bench(second, directory, before_second, before_second, count=10,
                            stream=1 << 20)
    file = directory / "counted"

    def make(scenario, calls, daemon):
        bench.measure(targets={"virtballoond": (daemon.path, daemon.process.pid)},
                      scenario=[scenario], fixed=calls, rounds=1)

    def count_instructions(scenario, calls):
        daemon = start_virtballoond(
            upstream_dir=second.path.parent,
            prefix=["valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={file}"])
        make(scenario, calls, daemon)
        daemon.stop()
        return instructions(file)

    def count_system_calls(scenario, calls):
        tracer = harness.Process(
            ["strace", "-f", "-c", "-o", file, "-p", before_second.process.pid],
            harness.RESULTS / "strace.log")
        harness.wait_for(lambda: "attached" in tracer.log.read_text())
        make(scenario, calls, before_second)
        tracer.stop(signal.SIGINT)
        tracer.log.unlink()
        return system_calls(file)

    print(f"\n{'':18}{'instructions':>12}  system calls")
    for scenario in os.environ.get("VB_BENCH_ONLY", "").split() or SCENARIOS:
        few, many = (count_instructions(scenario, calls) for calls in (FEW, MANY))
        before, after = (count_system_calls(scenario, calls) for calls in (FEW, MANY))
        calls = MANY - FEW
        each = {name: (after[name] - before.get(name, 0)) / calls for name in after}
        made = ", ".join(f"{name} {number:.2f}" for name, number in sorted(each.items())
                         if number >= 0.01)
        print(f"{scenario:18}{(many - few) / calls:12.0f}  {sum(each.values()):.2f}: {made}")
    bench.stop()
