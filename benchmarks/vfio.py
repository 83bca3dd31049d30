#!/usr/bin/python3
"""Prints the ratios of measurements on guests with real VFIO devices.

usage: vfio.py DIRECTORY      of vfio.json, which tests/vfio-host/benchmark.py has left there
"""

import json
import sys
from pathlib import Path

import report


def main():
    """One line for each call on each kind of guest."""
    samples = json.loads((Path(sys.argv[1]) / "vfio.json").read_text())
    print(f"{'p50 of direct':24}{'':16}{report.OURS:>14}{report.PUMP:>10}")
    for guest in dict.fromkeys(sample["guest"] for sample in samples):
        seen = report.Measurements([sample for sample in samples if sample["guest"] == guest])
        for what in seen.scenarios():
            ratios = [report.show(seen.ratio(*what, "p50", relay))
                      for relay in (report.OURS, report.PUMP)]
            print(f"{guest:24}{what[0]:16}{ratios[0]:>14}{ratios[1]:>10}")


if __name__ == "__main__":
    main()
