#!/usr/bin/python3
"""Makes ratios, and a verdict on the bars, of the measurements of benchmarks/bench.

usage: report.py DIRECTORY      of bench.json; report.json and bench.svg are left there

Each ratio is of two measurements of one round; what is shown is the median of all rounds.
"""

import json
import sys
from pathlib import Path
from statistics import median

import plot

OURS, PUMP, PROXY, BARE = "virtballoond", "socat", "virtproxyd", "bare"
RELAYS = [OURS, PUMP, PROXY, BARE]
PLACES = ["", ", one CPU"]  # as they are scheduled, and all kept on one processor


class Measurements:
    """All samples, by what was measured."""

    def __init__(self, samples):
        self._samples = {}
        for sample in samples:
            key = (sample["scenario"], sample["connections"], sample["target"])
            sample["rate"] = sample["count"] / sample["seconds"]
            if "cpu" in sample and sample["count"]:
                sample["cpu"] *= 1e6 / sample["count"]
            self._samples.setdefault(key, {})[sample["round"]] = sample

    def scenarios(self):
        """What was measured directly, in order."""
        return [key[:2] for key in self._samples if key[2] == "direct"]

    def values(self, scenario, connections, target, field):
        """The values of a field, by round."""
        rounds = self._samples.get((scenario, connections, target), {})
        return {number: sample[field] for number, sample in rounds.items() if field in sample}

    def median(self, *what):
        """Their median, or None."""
        values = self.values(*what)
        return median(values.values()) if values else None

    def compare(self, scenario, connections, field, one, other, how):
        """The median over the rounds of what comes of the values of two targets, or None."""
        first = self.values(scenario, connections, one, field)
        second = self.values(scenario, connections, other, field)
        both = [how(first[number], second[number]) for number in first if number in second]
        return median(both) if both else None

    def ratio(self, scenario, connections, field, one, other="direct"):
        """How much the first is of the second."""
        return self.compare(scenario, connections, field, one, other, lambda a, b: a / b)

    def added(self, scenario, target):
        """Microseconds that a relay adds to a call on the only connection."""
        return self.compare(scenario, 1, "p50", target, "direct", lambda a, b: a - b)


def find_bars(seen):
    """(what, value, limit, whether the limit is the least, the bare relay's value) of each bar."""
    bars = []

    def most(what, value, limit, bare=None):
        bars.append((what, value, limit, False, bare))

    def least(what, value, limit, bare=None):
        bars.append((what, value, limit, True, bare))

    for place in PLACES:
        for call in ("tiny" + place, "getinfo" + place):
            most(f"{call}: added p50, us, not above socat's", seen.added(call, OURS),
                 seen.added(call, PUMP), seen.added(call, BARE))
            most(f"{call}: added p50, us", seen.added(call, OURS), 25, seen.added(call, BARE))
    least("32 connections: calls/s of socat's", seen.ratio("getinfo", 32, "rate", OURS, PUMP), 1,
          seen.ratio("getinfo", 32, "rate", BARE, PUMP))
    least("32 connections: calls/s of direct", seen.ratio("getinfo", 32, "rate", OURS), 0.9,
          seen.ratio("getinfo", 32, "rate", BARE))
    least("32 connections: calls/s of virtproxyd's",
          seen.ratio("getinfo", 32, "rate", OURS, PROXY), 2)
    for place in PLACES:
        for scenario, what, limit in [("setmem-refused", "setmem refused", 1),
                                      ("setmem-grow", "setmem allowed by the XML", 1.35),
                                      ("setmem", "the same by the messages, too", 1.35)]:
            most(f"{what}{place}: p50 of direct",
                 seen.ratio(scenario + place, 1, "p50", OURS), limit)
    most("64 KiB of XML: p50 of socat's", seen.ratio("getxml-64k", 1, "p50", OURS, PUMP), 1.1)
    most("64 KiB of XML with ours: p50 of socat's",
         seen.ratio("getxml-64k-ours", 1, "p50", OURS, PUMP), 1.3)
    most("statistics of all guests: p50 of direct", seen.ratio("domstats-all", 1, "p50", OURS), 1.2)
    for way in ("download", "upload"):
        least(f"{way}: bytes/s of socat's", seen.ratio(way, 1, "rate", OURS, PUMP), 0.95)
    most("idle: wake-ups", seen.median("wake-ups", 0, OURS, "count"), 0)
    most("idle with 32 connections: wake-ups", seen.median("wake-ups", 32, OURS, "count"), 0)
    most("just started: RSS, bytes", seen.median("rss-started", 0, OURS, "count"), 8 << 20)
    most("idle after all this: RSS, bytes", seen.median("rss", 0, OURS, "count"), 8 << 20)
    most("idle connection: bytes of memory", seen.median("memory", 1, OURS, "rate"), 8 << 10)
    for place in PLACES:
        most(f"processor time of a relayed call{place}, us",
             seen.median("cpu" + place, 1, OURS, "cpu"), 15,
             seen.median("cpu" + place, 1, BARE, "cpu"))
    most("the same with 32 connections, us", seen.median("getinfo", 32, OURS, "cpu"), 15,
         seen.median("getinfo", 32, BARE, "cpu"))
    return [bar for bar in bars if bar[1] is not None and bar[2] is not None]


def is_met(value, limit, least):
    """Whether a value is what the bar asks for."""
    return value >= limit if least else value <= limit


def show(value, form="{:.2f}"):
    """A number, or that there is none."""
    return "-" if value is None else form.format(value)


def print_figures(seen):
    """One line for each thing that was measured."""
    relays = [relay for relay in RELAYS
              if any(seen.values(*what, relay, "rate") for what in seen.scenarios())]
    print(f"{'':30}{'direct':^30}", *(f"{relay:^34}" for relay in relays))
    print(f"{'':25}conns    p50 us    p99 us   per s ",
          *(f"{'p50':>8}{'p99':>8}{'per s':>8}{'CPU us':>9} " for _ in relays))
    for what in seen.scenarios():
        # What is counted by the byte has no latency, and is shown by the MiB.
        unit = 1 if seen.values(*what, "direct", "p50") or what[0] == "event-flood" else 1 << 20
        rate = seen.median(*what, "direct", "rate")
        line = (f"{what[0]:24}{what[1]:6}{show(seen.median(*what, 'direct', 'p50'), '{:.0f}'):>10}"
                f"{show(seen.median(*what, 'direct', 'p99'), '{:.0f}'):>10}{rate / unit:9.0f} ")
        for relay in relays:
            cpu = seen.median(*what, relay, "cpu")
            line += (f"{show(seen.ratio(*what, 'p50', relay)):>9}"
                     f"{show(seen.ratio(*what, 'p99', relay)):>8}"
                     f"{show(seen.ratio(*what, 'rate', relay)):>8}"
                     f"{show(cpu and cpu * unit, '{:.1f}'):>9} ")
        print(line)


def main():
    """Prints all, and leaves it to be read by programs."""
    directory = Path(sys.argv[1])
    seen = Measurements(json.loads((directory / "bench.json").read_text()))
    print_figures(seen)
    print()
    bars = find_bars(seen)
    for what, value, limit, least, bare in bars:
        print(f"{'met   ' if is_met(value, limit, least) else 'MISSED'}  {what:54}"
              f"{value:12.2f}  {'at least' if least else 'at most '} {limit:.2f}"
              + (f"  (bare: {bare:.2f})" if bare is not None else ""))
    figures = {f"{scenario} {connections}": {
        relay: seen.ratio(scenario, connections, field, relay) for relay in RELAYS}
        for scenario, connections in seen.scenarios()
        for field in ["p50" if seen.values(scenario, connections, "direct", "p50") else "rate"]}
    report = {"bars": [{"what": what, "value": value, "limit": limit, "least": least,
                        "bare": bare, "met": is_met(value, limit, least)}
                       for what, value, limit, least, bare in bars], "figures": figures}
    (directory / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    (directory / "bench.svg").write_text(plot.draw(report))
    return 0 if all(bar["met"] for bar in report["bars"]) else 1


if __name__ == "__main__":
    sys.exit(main())
