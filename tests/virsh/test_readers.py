"""Programs of others that read from libvirt, unmodified, see through virtballoond what they see
directly: prometheus-libvirt-exporter, and collectd's virt plugin on either socket.
"""

import itertools
import re
from types import SimpleNamespace

import pytest

import environment
import guests
import readers

# What goes up and down by itself in a guest that runs; what only goes up is compared.
UNSTEADY = re.compile(r"memory-rss |percent-virt_cpu_total |memory-last_update ")
INTERFACE = "<interface type='user'><model type='virtio'/></interface>"
EXPORTER_MEMORY = 'libvirt_domain_info_memory_usage_bytes{{domain="{0.name}",uuid="{0.uuid}"}}'
COLLECTD_MEMORY = "memory-actual_balloon value"
READERS = ["exporter", "collectd", "collectd-readonly"]


@pytest.fixture(scope="module")
def host(second):
    """A libvirtd with few guests: other tests leave one of which libvirt itself cannot tell."""
    return second


@pytest.fixture(scope="module")
def relayed(request):
    """What is compared with it: virtballoond, or libvirtd again under VB_SELF_CHECK."""
    return request.getfixturevalue("second" if environment.SELF_CHECK else "before_second")


@pytest.fixture(scope="module")
def start_guest(host, directory):
    """Starts a guest there, and lets it run until the module is done."""
    numbers = itertools.count(801)
    made = []

    def make(**options):
        made.append(guests.Guest(host, directory, next(numbers), **options))
        assert host.virsh("resume", made[-1].name).code == 0
        return made[-1]

    yield make
    for guest in made:
        host.virsh("destroy", guest.name)
        host.virsh("undefine", guest.name)


@pytest.fixture(scope="module")
def seen(host, start_guest, make_disk):
    """A guest that runs, one that is inhibited, and one with a policy in its XML."""
    made = [start_guest(devices=guests.BALLOON + make_disk() + INTERFACE, extra=extra)
            for extra in (guests.CPUS, "", guests.policy("warn"))]
    host.inhibit(made[1])
    return made


@pytest.fixture(scope="module")
def start(directory):
    """Starts a reader by its name, on a server."""
    numbers = itertools.count(1)
    started = []

    def make(name, server):
        path = directory / f"reader{next(numbers)}"
        if name == "exporter":
            reader = readers.Exporter(server.uri(), path)
        elif name == "collectd":
            reader = readers.Collectd(server.uri(), path, readers.EXTRA + readers.WRITABLE)
        else:
            reader = readers.Collectd(server.uri(readonly=True), path)
        started.append(reader)
        return reader

    yield make
    for reader in started:
        if reader.process.running():
            reader.process.stop()


@pytest.fixture(scope="module")
def reports(host, relayed, seen, start):
    """What each reader says directly, through virtballoond, and then directly again."""
    def read(server):
        running = {name: start(name, server) for name in READERS}
        values = {"exporter": running["exporter"].values()}
        for name in READERS[1:]:
            for guest in seen:
                running[name].wait_for(guest.name)
        for reader in running.values():
            reader.stop()
        return {name: (values.get(name) or reader.values(), reader.log())
                for name, reader in running.items()}

    before = read(host)
    logged = relayed.process.log.stat().st_size
    between = read(relayed)
    said = relayed.process.log.read_bytes()[logged:].decode()
    return SimpleNamespace(before=before, through=between, after=read(host), said=said)


@pytest.mark.parametrize("name", READERS)
def test_the_same_domains_have_the_same_values(reports, name):
    first, values, last = (side[name][0]
                           for side in (reports.before, reports.through, reports.after))
    assert list(values) == list(first) == list(last)
    wrong = {key: (first[key], value, last[key]) for key, value in values.items()
             if not UNSTEADY.match(key[1]) and not first[key] <= value <= last[key]}
    assert not wrong


@pytest.mark.parametrize("name", READERS)
def test_every_guest_is_there_with_its_memory(reports, seen, name):
    values, _ = reports.through[name]
    for guest in seen:
        metric = EXPORTER_MEMORY.format(guest) if name == "exporter" else COLLECTD_MEMORY
        assert values[guest.name, metric] == 64 << 20


@pytest.mark.parametrize("name", READERS)
def test_a_reader_has_nothing_to_complain_of(reports, name):
    said = reports.through[name][1]
    assert said == reports.before[name][1]
    assert "error" not in said.lower()


def test_virtballoond_says_nothing_of_readers_and_goes_on(reports, relayed):
    assert reports.said == ""
    assert relayed.process.running() and relayed.virsh("version").code == 0


def test_many_scrapes_leave_nothing_open(before_second, seen, start):
    exporter = start("exporter", before_second)
    before = before_second.idle_fds()
    values = [set(exporter.values()) for _ in range(20)]
    assert all(keys == values[0] for keys in values)
    assert before_second.idle_fds() == before


def test_collectd_sees_a_guest_that_starts_and_ends_while_it_reads(
        host, relayed, seen, start_guest, start):
    collectd = start("collectd-readonly", relayed)
    collectd.wait_for(seen[0].name)
    newcomer = start_guest()
    collectd.wait_for(newcomer.name)
    assert host.virsh("destroy", newcomer.name).code == 0
    collectd.wait_for(seen[0].name, len(collectd.rows(seen[0].name, "memory-total")) + 3)
    rows = collectd.rows(newcomer.name, "memory-total")
    collectd.wait_for(seen[0].name, len(collectd.rows(seen[0].name, "memory-total")) + 2)
    assert collectd.rows(newcomer.name, "memory-total") == rows
