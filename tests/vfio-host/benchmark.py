"""What benchmarks/bench measures in the nested host: guests with a real VFIO device, and others.

Everything is slow here, and all of it alike: only ratios say something.

usage: benchmark.py [SCENARIO...]      leaves vfio.json in the work directory; scripts/bench runs it
"""

import contextlib
import json
import pathlib
import subprocess
import sys

import host

BENCH = host.BUILD / "benchmarks/bench"
DIRECTORY = pathlib.Path("/run/vfio-host/benchmark")
LIBVIRT = pathlib.Path("/run/libvirt/libvirt-sock")
BUFFER = 65536  # what socat reads at a time, as virtballoond does; by itself it takes 8 KiB

# What is measured on which guests. The program knows them by their names.
READ = {"getxml": "bench-running", "domstats-one": "bench-running"}
ALLOWED = {**READ, "setmem": "bench-running"}
REFUSED = {**READ, "setmem-refused": "bench-inhibited"}
CASES = {"no device": ALLOWED, "PCI": REFUSED, "mdev": REFUSED, "mdev, ballooning='on'": ALLOWED}


@contextlib.contextmanager
def devices_of(case):
    """Devices, as XML, for as many guests as a case has."""
    with host.mdevs(2) as names:
        yield {
            "no device": [""],
            "PCI": [host.hostdev_xml(address) for address in host.spare_devices()[1:3]],
            "mdev": [host.mdev_xml(name) for name in names],
            "mdev, ballooning='on'": [host.mdev_xml(names[0], ballooning="on")],
        }[case]


@contextlib.contextmanager
def targets(daemon):
    """The ways to libvirtd that are compared, as the program wants them. One is a pump of bytes."""
    pump = DIRECTORY / "socat-sock"
    with subprocess.Popen(["socat", f"-b{BUFFER}", f"UNIX-LISTEN:{pump},fork,backlog=1024",
                           f"UNIX-CONNECT:{LIBVIRT}"]) as process:
        try:
            host.wait_until(pump.is_socket, 60, "socat's socket")
            yield [f"direct={LIBVIRT}", f"virtballoond={daemon.socket},{daemon.process.pid}",
                   f"socat={pump},{process.pid}"]
        finally:
            process.terminate()


def measure(daemon, cases=tuple(CASES), only=(), **options):
    """The measurements of these cases through that virtballoond and beside it; only of some
    scenarios, if any are named, and with --options of the program."""
    samples = []
    argv = [BENCH, "--data", DIRECTORY, *(f"--{name}={value}" for name, value in options.items())]
    DIRECTORY.mkdir(exist_ok=True)
    for case in cases:
        wanted = {scenario: guest for scenario, guest in CASES[case].items()
                  if not only or scenario in only}
        if not wanted:
            continue
        chosen = [f"--scenario={scenario}" for scenario in wanted]
        with targets(daemon) as ways, devices_of(case) as devices, host.guests() as define:
            for name, device in zip(sorted(set(wanted.values())), devices):
                host.start(define(name, uri=daemon.uri, devices=[device]))
            done = subprocess.run([*argv, *chosen, *ways], stdout=subprocess.PIPE, text=True,
                                  check=True)
        samples += [{"guest": case, **json.loads(line)} for line in done.stdout.splitlines()]
    return samples


def main():
    """Measures as long as it takes, on a libvirtd that does not log what it says to QEMU."""
    subprocess.run(["virt-admin", "daemon-log-filters", "--filters", "4:*"], check=True)
    daemon = host.Virtballoond(DIRECTORY / "virtballoond")
    try:
        samples = measure(daemon, only=sys.argv[1:], rounds=7, msec=1000)
    finally:
        daemon.stop()
    (host.WORK / "vfio.json").write_text(json.dumps(samples, indent=0))


if __name__ == "__main__":
    main()
