"""Devices that stay: one twin gets them directly, the other one through virtballoond."""

import pytest

import commands
import twin

DEVICES = {
    "rng": (commands.DATA / "rng.xml").read_text(),
    "interface": "<interface type='user'><mac address='52:54:00:00:09:03'/></interface>",
    "disk": "<disk type='file' device='disk'><source file='/dev/zero'/>"
            "<target dev='vdc' bus='virtio'/></disk>",
    "watchdog": "<watchdog model='i6300esb' action='none'/>",
    "hub": "<hub type='usb'/>",
    "redirected device": "<redirdev bus='usb' type='spicevmc'/>",
    "sound": "<sound model='ich6'/>",
    "controller": "<controller type='scsi' model='virtio-scsi' index='3'/>",
    "serial port": "<serial type='null'><target port='1'/></serial>",
    "vsock": "<vsock><cid auto='yes'/></vsock>",
    "TPM": "<tpm model='tpm-tis'><backend type='emulator'/></tpm>",
}
ALIAS = "<rng model='virtio'><backend model='random'>/dev/urandom</backend>" \
    "<alias name='ua-rng'/></rng>"


@pytest.fixture(scope="module")
def twins(direct, through, start_guest):
    """The twins of all these tests; what is plugged in stays."""
    return twin.Twins(direct, through, start_guest)


@pytest.mark.parametrize("xml", DEVICES.values(), ids=DEVICES.keys())
def test_a_device_is_plugged_in_as_directly(twins, directory, xml):
    file = directory / "device.xml"
    file.write_text(xml)
    twins.same("attach-device", "{guest}", file)
    twins.same("dumpxml", "{guest}")
    twins.same("attach-device", "{guest}", file, "--persistent")
    twins.same("dumpxml", "{guest}", "--inactive")


@pytest.mark.parametrize("command", ["detach-device", "detach-device-alias"])
def test_a_device_that_the_guest_does_not_let_go_stays_as_directly(twins, directory, command):
    file = directory / "device.xml"
    file.write_text(ALIAS)
    twins.same("attach-device", "{guest}", file)
    twins.same(command, "{guest}", "ua-rng" if command.endswith("alias") else file)
    twins.same("dumpxml", "{guest}")


def test_a_disk_is_resized_and_copied_as_directly(twins):
    for command in ("blockresize {guest} vdc 1M", "blockcopy {guest} vdc /no/such/directory/x",
                    "blockjob {guest} vdc", "blockpull {guest} vdc"):
        twins.same(*command.split())
