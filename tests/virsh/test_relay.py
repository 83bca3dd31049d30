"""virsh prints the same and exits with the same code, directly and through virtballoond."""

import pytest

# Every line is one run of virsh; "!" marks those that fail. The test driver starts anew with every
# connection.
TEST_DRIVER = """\
! attach-device test /dev/null
autostart test; dominfo test; autostart test --disable
! blkdeviotune test sda
capabilities
! define /dev/null
desc test --title a-title --live; desc test --title; list --all --title
destroy test; list --all; start test; list --all
domblklist test
! domcapabilities
domfsfreeze test
domfsinfo test
domhostname test
domiflist test
! dominfo no-such-domain
domname 6695eb01-f6a4-8304-79aa-97f2502e193f
! domstate 99999
domstate test --reason
domuuid test; domid test
! domxml-from-native qemu-argv /dev/null
dumpxml test
dumpxml test --inactive --security-info
emulatorpin test
freecell --all
hostname
iface-list --all; iface-dumpxml eth1; iface-mac eth1
list --all --uuid
managedsave test; list --all --managed-save; managedsave-remove test
maxvcpus test
memtune test
metadata test http://example.org/ns --key k --set '<a/>'; metadata test http://example.org/ns
net-list --all; net-info default; net-dumpxml default; net-uuid default
! no-such-command
nodedev-dumpxml computer
nodeinfo
! nodesuspend mem 60
numatune test
! nwfilter-list
pool-list --all; pool-info default-pool; pool-dumpxml default-pool; vol-list default-pool
! qemu-monitor-command test query-balloon
reboot test; list --all
schedinfo test
! secret-list
send-key test KEY_A
setvcpus test 1; vcpucount test; vcpuinfo test
snapshot-create-as test one; snapshot-list test; snapshot-dumpxml test one
snapshot-create-as test one; snapshot-revert test one; snapshot-delete test one
suspend test; domstate test; resume test; domstate test
sysinfo
undefine test; list --all
uri
version --daemon
vol-create-as default-pool v 1M; vol-info v default-pool; vol-delete v default-pool
"""

QEMU = """\
desc {guest} 'a description' --config; desc {guest} --config
domblklist {guest}
domcapabilities
domdisplay {guest}
dominfo {guest}
dommemstat {guest}
domstate {guest} --reason
domstats {guest}
domxml-to-native qemu-argv --domain {guest}
! dump {guest} /no/such/directory/dump
dumpxml {guest}
dumpxml {guest} --inactive --migratable
! guestinfo {guest}
list --all
metadata {guest} urn:example --key e --set '<a b="c"/>'; metadata {guest} urn:example
! qemu-agent-command {guest} '{{"execute":"guest-ping"}}'
resume {guest}; domstate {guest}; suspend {guest}; domstate {guest}
! shutdown no-such-guest
! start {guest}
vcpuinfo {guest}
"""


@pytest.mark.parametrize("command", TEST_DRIVER.splitlines())
def test_virsh_on_the_test_driver_prints_the_same(same, command):
    result = same(command.removeprefix("! "), driver="test")
    assert result.code == command.startswith("! "), result


@pytest.mark.parametrize("command", QEMU.splitlines())
def test_virsh_on_a_guest_prints_the_same(same, guest, command):
    result = same(command.removeprefix("! ").format(guest=guest.name))
    assert result.code == command.startswith("! "), result


@pytest.mark.parametrize("command", ["list --all", "destroy test", "setmem test 1G"])
def test_a_read_only_connection_prints_the_same(same, command):
    same(command, driver="test", readonly=True)


def test_a_read_only_connection_may_look_at_a_guest_but_not_stop_it(same, guest):
    assert same("dominfo", guest.name, readonly=True).code == 0
    refused = same("destroy", guest.name, readonly=True)
    assert b"operation forbidden: read only access prevents virDomainDestroy" in refused.err


def test_a_raw_monitor_command_prints_the_same(same, start_guest):
    other = start_guest()
    result = same("qemu-monitor-command", other.name, '{"execute":"query-balloon"}')
    assert result.out.startswith(b'{"return":{"actual":67108864}')
    assert same("qemu-monitor-command", other.name, "--hmp", "info balloon").code == 0
    assert b"custom monitor control commands issued" in same("dominfo", other.name).out
