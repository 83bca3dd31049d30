"""The host goes down while virtballoond is in front and a guest runs. The tests of the next start
look at what came of that.

Runs in the container that tests/front/run starts, and nowhere else.
"""

import front
from container import HERE, run, wait_for
from front import tool, virsh

CONSOLE = HERE / "console"


def test_a_guest_that_obeys_its_power_button_runs_behind_it():
    tool("front", "enable")
    run("systemctl", "enable", "virt-balloon-report.service")
    front.define("linux", memory=128, boot=(
        f"<kernel>{HERE}/image</kernel><initrd>{HERE}/button.cpio</initrd>"
        "<cmdline>quiet panic=-1</cmdline>"), devices=(
        f"<console type='file'><source path='{CONSOLE}'/><target type='virtio'/></console>"))
    virsh("start", "linux")
    wait_for(lambda: CONSOLE.exists() and "guest: ready" in CONSOLE.read_text(), 120)


def test_nothing_has_ended_it_yet():
    assert virsh("list", "--name").split() == ["linux"]
    assert "pressed" not in CONSOLE.read_text()
