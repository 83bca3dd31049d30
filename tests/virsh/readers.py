"""Programs of others that read from libvirt, as Debian has them, and the values that they give."""

import contextlib
import re
import socket
import urllib.error
import urllib.request

import harness

EXTRA = ("cpu_util disk_allocation disk_capacity disk_physical domain_state job_stats_background"
         " memory perf vcpu vcpupin")
WRITABLE = " disk_err"  # with which collectd does not open its connection read-only
INTERVAL = 0.5

COLLECTD_CONF = """\
Hostname "host"
FQDNLookup false
BaseDir "{directory}"
PIDFile "{directory}/pid"
TypesDB "/usr/share/collectd/types.db"
Interval {interval}
LoadPlugin logfile
LoadPlugin csv
LoadPlugin virt
<Plugin logfile>
  File stdout
  LogLevel info
  Timestamp false
  PrintSeverity true
</Plugin>
<Plugin csv>
  DataDir "{directory}/values"
</Plugin>
<Plugin virt>
  Connection "{uri}"
  RefreshInterval 1
  ExtraStats "{extra}"
  HostnameFormat name
</Plugin>
"""


class Exporter:
    """prometheus-libvirt-exporter, which connects anew for each scrape."""

    def __init__(self, uri, directory):
        directory.mkdir()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{probe.getsockname()[1]}"
        self.process = harness.Process(
            ["prometheus-libvirt-exporter", "--libvirt.uri", uri,
             "--web.listen-address", self.address], directory / "log")
        harness.wait_for(self.listens)

    def listens(self):
        """Whether it does; asked without a scrape."""
        assert self.process.running(), self.log()
        with contextlib.suppress(ConnectionRefusedError):
            host, port = self.address.split(":")
            socket.create_connection((host, int(port))).close()
            return True
        return False

    def values(self):
        """A scrape: (domain, metric and other labels) -> value."""
        with urllib.request.urlopen(f"http://{self.address}/metrics", timeout=30) as page:
            lines = page.read().decode().splitlines()
        found = {}
        for line in lines:
            if line.startswith("libvirt_"):  # the others are about the exporter itself
                sample, value = line.rsplit(" ", 1)
                domain = re.search(r'[{,]domain="([^"]*)"', sample)
                found[domain and domain[1], sample] = float(value)
        return found

    def stop(self):
        """Ends it; it knows no other way than by the signal."""
        self.process.stop()

    def log(self):
        """What it says on its own account."""
        return self.process.log.read_text()


class Collectd:
    """collectd with its plugin virt, which keeps one connection."""

    def __init__(self, uri, directory, extra=EXTRA):
        directory.mkdir()
        self.directory = directory
        config = directory / "collectd.conf"
        config.write_text(COLLECTD_CONF.format(uri=uri, directory=directory, extra=extra,
                                               interval=INTERVAL))
        self.process = harness.Process(["collectd", "-f", "-C", config], directory / "log")

    def rows(self, domain, metric):
        """What it has written of one value, oldest first."""
        files = sorted(self.directory.glob(f"values/{domain}/virt/{metric}-????-??-??"))
        return [line for file in files for line in file.read_text().splitlines()[1:]]

    def wait_for(self, domain, count=3):
        """Waits for a number of readings of a running domain; all but the last are complete."""
        def seen():
            assert self.process.running(), self.log()
            return len(self.rows(domain, "memory-total")) >= count
        harness.wait_for(seen, 60)

    def values(self):
        """The last reading: (domain, file) -> value, where a file may have several."""
        found = {}
        for file in sorted(self.directory.glob("values/*/virt/*")):
            head, *rows = file.read_text().splitlines()
            metric = re.sub(r"-\d{4}-\d\d-\d\d$", "", file.name)
            domain = file.parent.parent.name
            for name, value in list(zip(head.split(","), rows[-1].split(",")))[1:]:
                found[domain, f"{metric} {name}"] = float(value)
        return found

    def stop(self):
        """Ends it, so that all is written; anything but a clean exit is a failure."""
        assert self.process.stop() == 0, self.log()

    def log(self):
        """What it says, without times, and without that the machine is slow."""
        said = re.sub(r"(?m)^\[\d{4}-[^]]*\] ", "", self.process.log.read_text())
        return re.sub(r"(?m)^.* seconds, which is above its read interval .*\n", "", said)
