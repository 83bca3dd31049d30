"""A second host: another libvirtd, whose files and name are its own and whose guests are too."""

import os
import signal
from pathlib import Path

import harness

OPEN = """\
auth_unix_rw = "none"
auth_unix_ro = "none"
"""
CONFIG = """\
unix_sock_dir = "{}"
host_uuid = "00000000-0000-4000-a000-000000000002"
log_outputs = "3:file:{}"
"""
# What it knows of QEMU it shares with the first one, which saves the time to ask again.
HIDE = """
hostname second
cp /etc/libvirt/qemu.conf "$1"
for dir in /run/libvirt /etc/libvirt /var/lib/libvirt /var/log/libvirt; do
    mount -t tmpfs -o mode=0755 tmpfs "$dir"
done
cp "$1/qemu.conf" /etc/libvirt
touch "$1/ready"
exec sleep infinity
"""
VDPA = """\
<interface type='vdpa'>
  <mac address='52:54:00:00:09:09'/>
  <source dev='/dev/vhost-vdpa-0'/>
  <model type='virtio'/>
  <alias name='ua-vdpa'/>
  <address type='pci' domain='0x0000' bus='0x00' slot='0x1d' function='0x0'/>
</interface>
</devices>
"""


class Host(harness.Server):
    """The second libvirtd, in a mount and UTS namespace that outlives it.

    More lines of its configuration say whom it lets in, and readonly that it may be only those who
    look.
    """

    def __init__(self, directory, lines=OPEN, readonly=False):
        super().__init__(directory / "libvirt-sock", directory / "libvirt-sock-ro")
        directory.mkdir()
        self._readonly = readonly
        config = directory / "libvirtd.conf"
        config.write_text(lines + CONFIG.format(directory, harness.RESULTS / "second.log"))
        self._holder = harness.Process(
            ["unshare", "--mount", "--uts", "--propagation", "private", "--",
             "sh", "-ec", HIDE, "sh", directory], harness.RESULTS / "second.out")
        harness.wait_for((directory / "ready").exists)
        self._run = Path(f"/proc/{self._holder.pid}/root/run/libvirt/qemu")
        self.enter = ["nsenter", "--target", self._holder.pid, "--mount", "--uts", "--"]
        self._argv = [*self.enter, "libvirtd", "-f", config, "-p", "/run/libvirt/libvirtd.pid"]
        self._start()

    def _start(self):
        self.process = harness.Process(self._argv, harness.RESULTS / "second.out")
        harness.wait_for(lambda: self.listens() and
                         self.virsh("version", readonly=self._readonly).code == 0, 60)

    def pid(self, name):
        """The process id of a guest's QEMU."""
        return int((self._run / f"{name}.pid").read_text())

    def inhibit(self, guest, memory=64):
        """Makes libvirtd believe that a guest that runs has a vDPA device, which none has here.

        It reads that at its start, from the file in which it keeps what runs. With more memory
        than the 64 MiB that the guest has, its balloon is inflated.
        """
        def add(text):
            text = text.replace("<memory unit='KiB'>65536<", f"<memory unit='KiB'>{memory * 1024}<")
            head, _, rest = text.rpartition("    </devices>\n")
            return head + VDPA + rest

        self.edit(guest, add)

    def edit(self, guest, change):
        """Changes what libvirtd believes of a guest that runs."""
        self.process.stop(signal.SIGKILL)
        status = self._run / f"{guest.name}.xml"
        status.write_text(change(status.read_text()))
        self._start()

    def stop(self):
        """Ends it and its guests."""
        guests = [int(file.read_text()) for file in self._run.glob("*.pid")
                  if file.name != "driver.pid"]
        self.process.stop()
        for pid in guests:
            os.kill(pid, signal.SIGKILL)
        self._holder.stop(signal.SIGKILL)
