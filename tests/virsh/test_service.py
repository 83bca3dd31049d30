"""virtballoond as a service: started by its first client, and told to read its file again."""

import os
import re
import signal

import pytest

import harness


def policy(daemon, guest):
    """The policy that domstats shows."""
    done = harness.run(["virsh", "-c", daemon.uri(), "domstats", "--balloon", guest.name])
    found = re.search(rb"balloon\.policy=(\w+)", done.stdout)
    assert found, done
    return found[1].decode()


@pytest.fixture
def daemon(start_virtballoond):
    return start_virtballoond("auth=none\ndefault_policy=ignore\n")


def read_again(daemon, lines, word):
    """Changes the configuration, and waits until the log says that it was read."""
    daemon.config.write_text(f"[virtballoond]\n{lines}")
    os.kill(daemon.process.pid, signal.SIGHUP)
    harness.wait_for(lambda: word in daemon.process.log.read_text())


def test_a_policy_that_is_read_again_holds_for_the_next_request(daemon, start_guest):
    guest = start_guest()
    assert policy(daemon, guest) == "ignore"
    read_again(daemon, "auth=none\ndefault_policy=warn\n", "the configuration was read again")
    assert policy(daemon, guest) == "warn"


def test_a_wrong_policy_leaves_the_old_one_in_force(daemon, start_guest):
    guest = start_guest()
    read_again(daemon, "auth=none\ndefault_policy=maybe\n", "the configuration stays as it was")
    assert policy(daemon, guest) == "ignore"


def test_the_first_client_of_a_socket_of_systemd_starts_it(direct, virtballoond, directory):
    path = directory / "activated-sock"
    server = harness.Server(path)
    process = harness.Process(
        ["systemd-socket-activate", "-l", path, "--fdname=virtballoond.socket", harness.DAEMON,
         "--system", "--config", virtballoond.config, "--upstream-dir", direct.path.parent],
        harness.RESULTS / "activated.log")
    try:
        harness.wait_for(path.exists)
        assert os.readlink(f"/proc/{process.pid}/exe").endswith("/systemd-socket-activate")
        assert server.virsh("list --all") == direct.virsh("list --all")
        assert os.readlink(f"/proc/{process.pid}/exe") == str(harness.DAEMON)
    finally:
        assert process.stop() == 0, process.log.read_text()
    assert path.exists()
    path.unlink()
