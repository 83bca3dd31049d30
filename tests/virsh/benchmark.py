"""What benchmarks/bench measures on: guests, documents, a volume, and relays in front of a libvirtd.

The libvirtd is that of the other host (second.py), whose log is short.
"""

import contextlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import guests
import harness
from guests import BALLOON

BENCH = harness.DAEMON.parents[1] / "benchmarks" / "bench"
BARE = BENCH.with_name("bare")
BUFFER = 65536  # what socat reads at a time, as virtballoond does; by itself it takes 8 KiB
LARGE = 64 << 10

DISK = """\
<disk type='file' device='disk'>
  <driver name='qemu' type='qcow2' cache='none' io='native' discard='unmap'/>
  <source file='/var/lib/libvirt/images/a-directory-with-a-name/disk-number-{number:04}.qcow2'/>
  <target dev='sd{letters}' bus='scsi'/>
  <serial>serial-{number:04}</serial>
  <address type='drive' controller='0' bus='0' target='0' unit='{number}'/>
</disk>
"""
ON = guests.MDEV.replace("model='vfio-pci'>", "model='vfio-pci' ballooning='on'>")
WARN = "<memballoon model='virtio' policy='warn'/>"


def document(name, number, devices, extra="", directory=Path("/run")):
    """A domain's XML."""
    return guests.DOMAIN.format(
        name=name, uuid=f"00000000-0000-4000-8800-{number:012}", devices=devices, extra=extra,
        vnc=directory / f"{name}.vnc", doctype="")


def disks():
    """So many disks that a domain with them has 64 KiB when it is shown."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    made = [DISK.format(number=number, letters=letters[number // 26] + letters[number % 26])
            for number in range(LARGE // 380)]
    return "<controller type='scsi' index='0' model='virtio-scsi'/>" + "".join(made)


class Bench:
    """The guests and documents on a libvirtd, and the ways to it that are compared."""

    def __init__(self, host, directory, before, virtballoond, *, count, stream):
        """What is measured is virtballoond, which has done nothing yet; before defines domains."""
        self.host = host
        self.directory = Path(directory) / "bench"
        self.directory.mkdir()
        self.processes = []
        self.count = count
        self.targets = {"direct": (host.path, None),
                        "virtballoond": (virtballoond.path, virtballoond.process.pid)}
        self._before = before
        self._make_guests()
        self._make_documents()
        self._make_volume(stream)
        self._add_socat()
        path = self.directory / "bare-sock"
        self._add("bare", path, [BARE, path, self.host.path])
        if shutil.which("virtproxyd"):
            self._add_virtproxyd()

    def _do(self, server, *args):
        result = server.virsh(*args)
        assert result.code == 0, result

    def _define(self, server, name, number, devices, extra=""):
        file = self.directory / f"{name}.xml"
        file.write_text(document(name, number, devices, extra, self.directory))
        self._do(server, "define", file)

    def _make_guests(self):
        """Two that have a part of their own, and as many more as are wanted."""
        names = ["bench-running", "bench-inhibited"]
        names += [f"bench-{number}" for number in range(self.count - len(names))]
        for number, name in enumerate(names):
            self._define(self.host, name, number, BALLOON)
            self._do(self.host, "start", name, "--paused")
        self.host.inhibit(type("Guest", (), {"name": "bench-inhibited"}))

    def _make_documents(self):
        """Large domains: one that has nothing of ours, one that has, and both to be defined."""
        plain, ours = disks() + BALLOON, disks() + WARN + ON
        self._define(self.host, "bench-large", 901, plain)
        self._define(self._before, "bench-large-ours", 902, ours)
        for name in ("bench-large", "bench-large-ours"):
            size = len(self.host.virsh("dumpxml", name).out)
            assert LARGE < size < LARGE * 1.1, size
        (self.directory / "define-large.xml").write_text(document("define-large", 903, plain))
        (self.directory / "define-large-ours.xml").write_text(
            document("define-large-ours", 904, ours))

    def _make_volume(self, size):
        """A pool with a volume to transfer."""
        pool = self.directory / "pool"
        pool.mkdir()
        with open(pool / "volume", "wb") as file:
            for _ in range(size >> 20):
                file.write(bytes(range(256)) * 4096)
        self._do(self.host, "pool-create-as", "bench", "dir", "--target", pool)

    def _add(self, name, path, argv):
        process = harness.Process(argv, harness.RESULTS / f"{name}.log")
        self.processes.append(process)
        harness.wait_for(harness.Server(path).listens)
        self.targets[name] = (path, process.pid)

    def _add_socat(self):
        path = self.directory / "socat-sock"
        self._add("socat", path, ["socat", f"-b{BUFFER}", f"UNIX-LISTEN:{path},fork,backlog=1024",
                                  f"UNIX-CONNECT:{self.host.path}"])

    def _add_virtproxyd(self):
        """libvirt's own relay; for it this libvirtd is the daemon for QEMU."""
        config = self.directory / "virtproxyd.conf"
        config.write_text('auth_unix_rw = "none"\nauth_unix_ro = "none"\nmax_clients = 5000\n'
                          f'unix_sock_dir = "{self.directory}"\n')
        self._do_in_host("ln", "-s", self.host.path, "/run/libvirt/virtqemud-sock")
        self._add("virtproxyd", self.directory / "libvirt-sock",
                  [*self.host.enter, "virtproxyd", "-f", config,
                   "-p", self.directory / "virtproxyd.pid"])

    def _do_in_host(self, *args):
        done = harness.run([*self.host.enter, *args])
        assert done.returncode == 0, done

    def measure(self, targets=None, **options):
        """Runs the program with --options, and returns its measurements."""
        argv = [BENCH, "--data", self.directory, "--guests", self.count]
        for name, values in options.items():
            for value in values if isinstance(values, list) else [values]:
                argv += [f"--{name.replace('_', '-')}", value]
        for name, (path, pid) in (targets or self.targets).items():
            argv.append(f"{name}={path}" + (f",{pid}" if pid else ""))
        with subprocess.Popen(list(map(str, argv)), stdout=subprocess.PIPE, text=True) as process:
            samples = [json.loads(line) for line in process.stdout]
        assert process.returncode == 0, f"{BENCH.name}: exit status {process.returncode}"
        return samples

    def stay_on_one_processor(self):
        """All that runs in this namespace, which is libvirtd, its guests, relays and this process."""
        processor = min(os.sched_getaffinity(0))
        for task in Path("/proc").glob("[0-9]*/task/[0-9]*"):
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(int(task.name), {processor})

    def stop(self):
        """Ends the relays; the guests go with their libvirtd."""
        for process in self.processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.stop()
