"""virtballoond's options, its configuration file, its exit codes and its sockets."""

import re
import stat

import pytest

import harness


@pytest.fixture(autouse=True)
def needs_virtballoond(virtballoond):
    """Skips under VB_SELF_CHECK."""


def refused(*args):
    """Runs virtballoond, which must exit with 2 and say why; returns what it says."""
    done = harness.run([harness.DAEMON, *args])
    assert done.returncode == 2, done
    assert done.stderr, "no word on standard error"
    return done.stderr.decode()


@pytest.fixture
def refused_config(directory):
    """Runs a system virtballoond with a configuration that it must refuse."""
    def start(text):
        path = directory / "refused.conf"
        path.write_text(text)
        return refused("--system", "--config", path, "--socket-dir", directory)
    return start


def test_help_names_every_option():
    done = harness.run([harness.DAEMON, "--help"])
    assert done.returncode == 0
    for option in ("--system", "--session", "--config", "--socket-dir", "--upstream-dir"):
        assert option in done.stdout.decode()


@pytest.mark.parametrize("args", [["--no-such-option"], ["a-word"], ["--config"],
                                  ["--system", "--session"]])
def test_wrong_usage_exits_with_2(args):
    refused(*args)


def test_session_mode_as_root_exits_with_2():
    assert "root" in refused("--session")


def test_an_unknown_configuration_key_exits_with_2(refused_config):
    assert "no_such_key" in refused_config("[virtballoond]\nno_such_key=1\n")


@pytest.mark.parametrize("line", [
    "default_policy=maybe", "qmp=sometimes", "auth=password", "socket_mode=rw",
    "socket_mode=0999", "socket_group=no-such-group", "max_clients=-1", "max_clients=many",
    "max_clients_per_user=0"])
def test_a_wrong_configuration_value_exits_with_2(refused_config, line):
    key, value = line.split("=")
    message = refused_config(f"[virtballoond]\n{line}\n")
    assert key in message and value in message


def test_an_unknown_configuration_group_exits_with_2(refused_config):
    assert "elsewhere" in refused_config("[virtballoond]\n[elsewhere]\n")


def test_a_file_that_is_not_a_configuration_exits_with_2(refused_config):
    refused_config("this is not a key file\n")


def test_a_configuration_file_that_is_not_there_exits_with_2(directory):
    assert "absent.conf" in refused("--config", directory / "absent.conf",
                                    "--socket-dir", directory)


def test_everybody_may_connect_where_polkit_is_asked(start_virtballoond):
    daemon = start_virtballoond("")
    assert [stat.S_IMODE(path.stat().st_mode) for path in (daemon.path, daemon.path_ro)] == \
        [0o666, 0o666]
    assert daemon.virsh("uri").code == 0


def test_where_nobody_is_asked_the_sockets_are_for_root_alone(start_virtballoond):
    daemon = start_virtballoond("auth=none\n")
    assert [stat.S_IMODE(path.stat().st_mode) for path in (daemon.path, daemon.path_ro)] == \
        [0o600, 0o600]
    assert daemon.virsh("uri").code == 0


def test_socket_mode_and_group_are_obeyed(start_virtballoond):
    daemon = start_virtballoond("auth=none\nsocket_mode=0660\nsocket_group=daemon\n")
    status = daemon.path.stat()
    assert stat.S_IMODE(status.st_mode) == 0o660
    with open("/etc/group", encoding="ascii") as file:
        assert status.st_gid == int(re.search(r"^daemon:.*?:(\d+):", file.read(), re.M)[1])


def test_a_second_daemon_does_not_take_the_sockets_of_the_first(start_virtballoond):
    daemon = start_virtballoond()
    done = harness.run(daemon.argv)
    assert done.returncode > 0
    assert str(daemon.path) in done.stderr.decode()
    assert daemon.virsh("uri").code == 0
    assert daemon.virsh("uri", readonly=True).code == 0


def test_a_daemon_that_ends_takes_its_sockets_along(start_virtballoond):
    daemon = start_virtballoond()
    daemon.stop()
    assert not daemon.path.exists() and not daemon.path_ro.exists()
