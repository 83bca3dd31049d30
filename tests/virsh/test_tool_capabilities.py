"""virt-balloon capabilities: what QEMU binaries and the host can do.

The host is a directory of ours, by the option '--root', which is for tests and in no manual.
"""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

import harness
import tool

QEMU = "/usr/bin/qemu-system-x86_64"
NOTHING = "  no device of this host can be compatible with ballooning: only mediated devices can\n"
RECORDED = Path(__file__).parents[1] / "qemucapabilitiesdata"


@pytest.fixture
def program(directory):
    """Makes a program out of a shell script."""
    def make(script):
        path = directory / "emulator"
        path.write_text(f"#!/bin/bash\n{script}\n")
        path.chmod(0o755)
        return path

    return make


@pytest.fixture
def recorded(program):
    """Makes a program that answers as another QEMU did."""
    def make(name):
        return program(f"""exec 3<{RECORDED / name}
IFS= read -r reply <&3; printf '%s\\n' "$reply"
while read -r; do
    while IFS= read -r reply <&3; do
        printf '%s\\n' "$reply"
        [[ $reply = *'"event"'* ]] || break
    done
done""")

    return make


@pytest.fixture
def host(tmp_path):
    """Makes the files of a host."""
    def make(*files, types=()):
        for name in files:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        for parent, name, model, available in types:
            path = tmp_path / "sys/class/mdev_bus" / parent / "mdev_supported_types" / name
            path.mkdir(parents=True)
            (path / "device_api").write_text(f"{model}\n")
            (path / "available_instances").write_text(f"{available}\n")
        return tmp_path

    return make


def emulators(*args, code=0):
    """The part about binaries."""
    return tool.json_of(tool.run("--format=json", "capabilities", *args), code)["emulators"]


def host_of(root):
    """The part about the host."""
    done = tool.run("--format=json", "capabilities", "--emulator", QEMU, "--root", root)
    return tool.json_of(done)["host"]


def test_a_binary_tells_its_version_and_devices():
    (found,) = emulators("--emulator", QEMU)
    version = subprocess.run([QEMU, "--version"], capture_output=True, check=True, text=True).stdout
    assert f"version {found['version']} ({found['package']})" in version
    assert found["virtio_mem"] and found["error"] is None and found["path"] == QEMU
    assert {"type": "vfio-pci", "opt_out": True} in found["devices"]


def test_the_table_says_the_same():
    text = tool.text_of(tool.run("capabilities", "--emulator", QEMU))
    assert re.match(rf"{QEMU}: QEMU \d+\.\d+\.\d+ \(.*\), with virtio-mem\n"
                    r"  DEVICE TYPE +CAN BE OPTED OUT \(x-balloon-allowed\)\n"
                    r"  vfio-pci +yes\n", text)


def test_an_emulator_that_is_recorded_has_what_it_had(recorded):
    (found,) = emulators("--emulator", recorded("qemu-11.1-x86_64.replies"))
    devices = {one["type"]: one["opt_out"] for one in found["devices"]}
    assert found["version"].startswith("11.1.")
    assert devices["vfio-pci"] and not devices["vfio-user-pci"]


@pytest.mark.parametrize("script", ["exit 0", "echo hello; sleep 100", "yes",
                                    "printf '\\033[31m{}\\n'; sleep 100", "kill -9 $$"])
def test_what_is_no_qemu_is_said_so_and_exits_with_3(program, script):
    began = time.monotonic()
    (found,) = emulators("--emulator", program(script), code=3)
    assert found["error"] and found["devices"] == [] and time.monotonic() - began < 9


def test_one_that_is_no_qemu_does_not_hide_the_others():
    found = emulators("--emulator", "/no/such/qemu", "--emulator", QEMU, code=3)
    assert [bool(one["error"]) for one in found] == [True, False]


def test_a_binary_that_says_nothing_has_ten_seconds_and_is_ended(program, directory):
    path = program(f"echo $$ > {directory}/pid; exec sleep 100")
    began = time.monotonic()
    (found,) = emulators("--emulator", path, code=3)
    assert 9 < time.monotonic() - began < 19
    assert found["error"] == "it did not answer in time"
    assert not Path("/proc", (directory / "pid").read_text().strip()).exists()


def test_a_binary_goes_when_virt_balloon_is_ended(program, directory):
    mark = directory / "child"
    path = program(f"echo $$ > {mark}; exec sleep 100")
    with subprocess.Popen([tool.TOOL, "capabilities", "--emulator", path],
                          stdout=subprocess.PIPE) as process:
        harness.wait_for(lambda: mark.exists() and mark.read_text().endswith("\n"))
        child = Path("/proc", mark.read_text().strip())
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == -signal.SIGTERM
    harness.wait_for(lambda: not child.exists() or " Z " in (child / "stat").read_text())
    mark.unlink()


def test_a_binary_is_run_without_a_shell_and_without_descriptors(program, directory):
    odd = directory / "a;touch $(pwned) 'b"
    odd.symlink_to(program(f"ls -l /proc/$$/fd > {directory}/fds"))
    emulators("--emulator", odd, code=3)
    numbers = re.findall(r" (\d+) -> (\S+)", (directory / "fds").read_text())
    script = {number for number, target in numbers if target.endswith("emulator")}
    assert {number for number, _ in numbers} - script == {"0", "1", "2"}
    odd.unlink()


def test_without_a_name_those_of_libvirt_are_asked(direct, through):
    listed = re.findall("<emulator>(.*)</emulator>", direct.virsh("capabilities").out.decode())
    for server in (direct, through):
        found = tool.json_of(tool.ask(server, "--format=json", "capabilities"))["emulators"]
        assert [one["path"] for one in found] == list(dict.fromkeys(listed))
        assert QEMU in listed and not any(one["error"] for one in found)


def test_without_libvirt_the_usual_one_is_asked():
    environment = dict(os.environ, LIBVIRT_DEFAULT_URI="qemu+unix:///system?socket=/run/no/socket")
    done = tool.run("--format=json", "capabilities", env=environment)
    assert [one["path"] for one in tool.json_of(done)["emulators"]] == [QEMU]


def test_a_libvirt_that_is_named_must_be_there():
    done = tool.run("-c", "qemu+unix:///system?socket=/run/no/socket", "capabilities")
    assert tool.complaint(done, 3)


def test_a_libvirt_on_another_host_exits_with_2(direct, program):
    way = program("exec virt-ssh-helper qemu:///system")
    uri = f"qemu+ext://elsewhere/system?command={way}"
    assert tool.text_of(tool.run("-c", uri, "status"))
    assert tool.complaint(tool.run("-c", uri, "capabilities"), 2) == \
        "capabilities are those of this host, and libvirt is on another one"


def test_an_argument_exits_with_2():
    assert tool.complaint(tool.run("capabilities", QEMU), 2)


def test_a_host_with_nothing(host):
    assert host_of(host()) == {"vfio": False, "iommufd": False, "iommu_groups": 0,
                               "mediated_device_types": [], "compatible": False}
    text = tool.text_of(tool.run("capabilities", "--emulator", QEMU, "--root", host()))
    assert text.endswith("This host: VFIO no, iommufd no, 0 IOMMU groups\n" + NOTHING)


def test_a_host_with_assigned_devices_only(host):
    root = host("dev/vfio/vfio", "dev/iommu", "sys/kernel/iommu_groups/0/x",
                "sys/kernel/iommu_groups/17/x")
    assert host_of(root) == {"vfio": True, "iommufd": True, "iommu_groups": 2,
                             "mediated_device_types": [], "compatible": False}
    text = tool.text_of(tool.run("capabilities", "--emulator", QEMU, "--root", root))
    assert text.endswith("This host: VFIO yes, iommufd yes, 2 IOMMU groups\n" + NOTHING)


def test_a_host_with_mediated_devices(host):
    root = host("dev/vfio/vfio", "sys/kernel/iommu_groups/0/x", types=[
        ("0000:07:00.0", "vendor-b", "vfio-pci", 4), ("0000:07:00.0", "vendor-a", "vfio-pci", 0),
        ("matrix", "vfio_ap-passthrough", "vfio-ap", 65536), ("other", "odd", "vfio-odd", 1)])
    found = host_of(root)
    assert [(one["type"], one["compatible"]) for one in found["mediated_device_types"]] == [
        ("vendor-a", True), ("vendor-b", True), ("vfio_ap-passthrough", True), ("odd", False)]
    assert found["mediated_device_types"][1] == {
        "parent": "0000:07:00.0", "type": "vendor-b", "model": "vfio-pci", "available": "4",
        "compatible": True}
    assert found["compatible"]
    text = tool.text_of(tool.run("capabilities", "--emulator", QEMU, "--root", root))
    assert text.endswith("""\
This host: VFIO yes, iommufd no, 1 IOMMU group
  PARENT        MEDIATED DEVICE TYPE  MODEL     AVAILABLE  CAN BE COMPATIBLE
  0000:07:00.0  vendor-a              vfio-pci  0          yes
  0000:07:00.0  vendor-b              vfio-pci  4          yes
  matrix        vfio_ap-passthrough   vfio-ap   65536      yes
  other         odd                   vfio-odd  1          no
  mediated devices that do not pin guest memory can be compatible with ballooning
""")


def test_mediated_devices_of_another_model_alone_are_no_hope(host):
    assert not host_of(host(types=[("other", "odd", "vfio-odd", 1)]))["compatible"]
