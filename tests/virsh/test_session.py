"""virtballoond --session, for an ordinary user: it starts libvirt's session daemon by itself."""

import stat


def test_the_first_client_has_libvirtd_started(session):
    assert not session.upstream.path.exists()
    listed = session.as_user(session, "list --all")
    assert (listed.code, listed.err) == (0, b"")
    assert session.upstream.path.exists()


def test_virsh_prints_the_same_directly_and_through(session):
    assert session.as_user(session, "uri").code == 0
    for command in ("uri", "list --all", "dominfo no-such-guest", "capabilities", "domcapabilities",
                    "setmem no-such-guest 1G"):
        direct = session.as_user(session.upstream, command)
        assert session.as_user(session, command) == direct


def test_the_socket_belongs_to_the_user_alone(session):
    status = session.path.stat()
    assert status.st_uid == session.user
    assert stat.S_IMODE(status.st_mode) & 0o077 == 0
    assert not session.path.with_name("virtballoond-sock-ro").exists()


def test_virtballoond_and_libvirtd_run_as_the_user(session):
    assert session.as_user(session, "uri").code == 0
    for pid in (session.process.pid, int(session.pid_file.read_text())):
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            assert f"Uid:\t{session.user}\t{session.user}" in file.read()
