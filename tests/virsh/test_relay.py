"""virsh prints the same and exits with the same code, directly and through virtballoond."""

import libvirt
import pytest

import commands


@pytest.mark.parametrize("command", commands.read("test-driver"))
def test_virsh_on_the_test_driver_prints_the_same(run_same, command):
    run_same(command, "test")


@pytest.mark.parametrize("command", commands.read("guest"))
def test_virsh_on_a_guest_prints_the_same(run_same, equipped, command):
    run_same(command, "qemu", equipped.name)


@pytest.mark.parametrize("command", commands.read("monitor"))
def test_a_raw_monitor_command_of_virsh_prints_the_same(run_same, equipped, command):
    run_same(command, "qemu", equipped.name)


@pytest.mark.parametrize("command", commands.read("devices"))
def test_a_change_of_devices_or_metadata_prints_the_same(run_same, equipped, command):
    run_same(command, "qemu", equipped.name)


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


@pytest.mark.parametrize("job", [
    lambda domain: domain.save("/no/such/directory/save"),
    lambda domain: domain.coreDump("/no/such/directory/dump"),
    lambda domain: domain.migrateToURI("qemu:///no/such"),
    lambda domain: domain.managedSave(1 << 30),
], ids=["save", "dump", "migrate", "managed save"])
def test_a_job_of_the_test_driver_that_fails_has_the_same_error(direct, through, job):
    errors = []
    for server in (direct, through):
        connection = libvirt.open(server.uri("test"))
        with pytest.raises(libvirt.libvirtError) as caught:
            job(connection.lookupByName("test"))
        errors.append(caught.value.err)
        connection.close()
    assert errors[0] == errors[1]
