#!/usr/bin/python3
"""Counts single tests over all runners and prints "N passed, N failed" as the last line.

A test that was skipped did not show anything, so it counts as failed, and so does a program that
ended without having run a test and a result file that is not there.
"""

import argparse
import json
import re
import sys
import xml.etree.ElementTree

TAP_LINE = re.compile(r"^\s*(not )?ok \d+(?: (.*))?$")


def count_tap(path):
    """Yields (name, passed) for each TAP line of a meson test log."""
    with open(path, encoding="utf-8") as log:
        for line in log:
            program = json.loads(line)
            seen = 0
            clean = program["returncode"] == 0
            for output in program.get("stdout", "").splitlines():
                match = TAP_LINE.match(output)
                if match:
                    seen += 1
                    text = match.group(2) or ""
                    passed = not match.group(1) and "# SKIP" not in text.upper()
                    clean = clean or not passed
                    yield f"{program['name']}: {text}", passed
            if seen == 0 or not clean:
                yield f"{program['name']}: exit status {program['returncode']}", False


def count_junit(path):
    for case in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
        bad = any(case.find(tag) is not None for tag in ("failure", "error", "skipped"))
        yield f"{case.get('classname')}: {case.get('name')}", not bad


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--unit", nargs="*", default=[], help="meson test logs")
    parser.add_argument("--repeat", nargs="*", default=[],
                        help="meson test logs of the same tests: only failures count")
    parser.add_argument("--junit", nargs="*", default=[], help="JUnit XML files")
    args = parser.parse_args()

    passed, failed = 0, []
    sources = [(path, count_tap, True) for path in args.unit]
    sources += [(path, count_tap, False) for path in args.repeat]
    sources += [(path, count_junit, True) for path in args.junit]
    for path, count, counts in sources:
        before = passed + len(failed)
        seen = 0
        try:
            for name, good in count(path):
                seen += 1
                if not good:
                    failed.append(name)
                elif counts:
                    passed += 1
        except (OSError, ValueError, xml.etree.ElementTree.ParseError) as error:
            failed.append(f"{path}: {error}")
        if seen == 0 and passed + len(failed) == before:
            failed.append(f"{path}: no test ran")

    for name in failed:
        print(f"FAILED {name}")
    print(f"{passed} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
