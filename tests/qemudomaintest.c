/*
 * qemudomaintest.c: every verdict on 'setmem', monitor commands and attachments, as tables
 *
 * A case is a guest (one or two documents), a request, what libvirt and QEMU answer when they are
 * asked, and the verdict.  The driver answers what is asked and nothing else: a question that the
 * case does not list fails it, and so does one that is listed and not asked.  Texts are written
 * out where the wording matters, because the wording is what a user gets.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <string.h>

#include "qemu_domain.h"
#include "qemu_message.h"
#include "testinhibitors.h"
#include "vberror.h"

#define UUID_GUEST "6f3b0a52-2f3b-4a0e-9a3e-5c2f6f1d7a01"
#define UUID_A "4b20d080-1b54-4048-85b3-a6a62d165c01"
#define UUID_B "83c32df7-d52e-4ec1-9668-1f3c7e4df107"
#define GIB 1048576ULL
#define HALF 524288ULL

/* Pieces of documents */

#define ALIAS(name) "<alias name='" name "'/>"
#define PCI_SOURCE(bus) "<source><address domain='0x0000' bus='0x" bus "' slot='0x00' " \
    "function='0x0'/></source>"
#define PCI(name, bus) "<hostdev mode='subsystem' type='pci' managed='yes'>" \
    "<driver name='vfio'/>" PCI_SOURCE(bus) ALIAS(name) "</hostdev>"
#define MDEV(name, model, uuid) "<hostdev mode='subsystem' type='mdev' managed='no' model='" \
    model "'><source><address uuid='" uuid "'/></source>" ALIAS(name) "</hostdev>"
#define VIRTIO_MEM(name, requested, current) "<memory model='virtio-mem'><target>" \
    "<size unit='KiB'>1048576</size><node>0</node><block unit='KiB'>2048</block>" \
    "<requested unit='KiB'>" requested "</requested><current unit='KiB'>" current "</current>" \
    "</target>" name "</memory>"
#define DIMM(size) "<memory model='dimm'><target><size unit='KiB'>" size "</size><node>0</node>" \
    "</target><alias name='dimm0'/></memory>"
#define NVDIMM(size) "<memory model='nvdimm'><source><path>/tmp/nvdimm</path></source><target>" \
    "<size unit='KiB'>" size "</size><node>0</node></target><alias name='nvdimm0'/></memory>"
#define VDPA_NET "<interface type='vdpa'><source dev='/dev/vhost-vdpa-0'/><alias name='net1'/>" \
    "</interface>"
#define NVME_DISK "<disk type='nvme' device='disk'><driver name='qemu' type='raw'/>" \
    "<source type='pci' managed='yes' namespace='1'>" \
    "<address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></source>" \
    "<target dev='vdb' bus='virtio'/><alias name='virtio-disk1'/></disk>"

#define QEMU_NAMESPACE " xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'"
#define PROPERTY(property, type, value) \
    "<qemu:property name='" property "' type='" type "' value='" value "'/>"
#define OVERRIDE_DEVICE(name, properties) \
    "<qemu:device alias='" name "'><qemu:frontend>" properties "</qemu:frontend></qemu:device>"
#define OVERRIDE(devices) "<qemu:override" QEMU_NAMESPACE ">" devices "</qemu:override>"
#define OPT_OUT(name) OVERRIDE_DEVICE(name, PROPERTY("x-balloon-allowed", "bool", "true"))
#define COMMAND_LINE "<qemu:commandline" QEMU_NAMESPACE "><qemu:arg value='-device'/>" \
    "<qemu:arg value='something'/></qemu:commandline>"

/* Pieces of QMP */

#define LIST(path) "{\"execute\":\"qom-list\",\"arguments\":{\"path\":\"" path "\"}}"
#define GET(path, property) "{\"execute\":\"qom-get\",\"arguments\":{\"path\":\"" path "\"," \
    "\"property\":\"" property "\"}}"
#define PERIPHERAL "/machine/peripheral"
#define ANONYMOUS "/machine/peripheral-anon"
#define ALLOWED(name) GET(PERIPHERAL "/" name, "x-balloon-allowed")
#define SYSFSDEV(name) GET(PERIPHERAL "/" name, "sysfsdev")
#define CHILD(name, type) ",{\"name\":\"" name "\",\"type\":\"child<" type ">\"}"
#define CHILDREN(children) "{\"return\":[{\"name\":\"type\",\"type\":\"string\"}" children "]," \
    "\"id\":\"libvirt-412\"}"
#define RETURN(value) "{\"return\":" value ",\"id\":\"libvirt-413\"}"
#define QMP_ERROR(class, desc) "{\"id\":\"libvirt-414\",\"error\":{\"class\":\"" class "\"," \
    "\"desc\":\"" desc "\"}}"
#define NOBODY CHILDREN("")
#define NO_DEVICES { LIST(PERIPHERAL), NOBODY }, { LIST(ANONYMOUS), NOBODY }
#define QUERY(name) "{\"execute\":\"" name "\"}"
#define BLOCK_NODES "{\"execute\":\"query-named-block-nodes\",\"arguments\":{\"flat\":true}}"
#define INFO_NETWORK "{\"execute\":\"human-monitor-command\",\"arguments\":" \
    "{\"command-line\":\"info network\"}}"
#define SNAPSHOT_ON { QUERY("query-migrate-capabilities"), \
    RETURN("[{\"state\":true,\"capability\":\"background-snapshot\"}]") }
#define MIGRATION(members) { QUERY("query-migrate"), RETURN("{" members "}") }
#define ACTIVE MIGRATION("\"status\":\"active\",\"ram\":{\"total\":268967936}")

typedef struct {
    const char *file;        /* in qemudomaindata/, without .xml; or composed of the rest: */
    const char *name;        /* NULL: 'guest' */
    bool inactive;
    unsigned long long memory;  /* KiB, 0: 1 GiB */
    unsigned long long current; /* KiB, 0: as memory */
    const char *devices;     /* children of <devices> */
    const char *more;        /* children of <domain> */
    const char *memballoon;  /* NULL: model virtio */
    const char *policy;      /* NULL: none */
} testGuest;

typedef struct {
    const char *command;
    const char *answer;
} testMonitorAnswer;

typedef enum {
    TEST_PERSISTENT_NOT_ASKED,
    TEST_PERSISTENT_YES,
    TEST_PERSISTENT_NO,
} testPersistent;

typedef enum {
    TEST_SET_MEMORY,
    TEST_MONITOR_COMMAND,
    TEST_ATTACH,
} testRequest;

typedef struct {
    const char *sentence;

    /* The request and the settings: by default 512 MiB, flags 0, as shipped. */
    testRequest request;
    qemuMonitorRawCommand command; /* of MONITOR_COMMAND */
    const char *device;            /* of ATTACH; NULL: one that cannot be read */
    unsigned long long memory;
    unsigned int flags;
    vbDomainBalloonPolicy defaultPolicy; /* DEFAULT: BLOCK, as shipped */
    qemuDomainQmpMode qmp;

    /* What is answered, all of which must be asked. */
    const testGuest *live;
    const testGuest *inactive;
    testPersistent persistent;
    const char *const *messages;
    const testMonitorAnswer *monitor; /* up to one without a command */
    const char *network;
    bool isHostdev; /* that network */

    /* The verdict. */
    qemuDomainAction action;
    int code;
    const char *text;       /* of REFUSE: in full; NULL where only its beginning is checked */
    const char *fragment;   /* stands in the text or, of PASS, in the log line */
    const char *notThere;   /* does not stand in either */
    const char *log;        /* in full; NULL where only 'logged' is checked */
    bool logged;
    qemuDomainBalloonState state;
    const char *inhibitors; /* as testFormatInhibitors() has it; NULL: none */
    unsigned int rounds;    /* of questions; 0: not checked */
    const char *plan;       /* as testFormatPlan() has it; NULL: the request passes as it came */
} testCase;

#define GUEST &(const testGuest)
#define MONITOR (const testMonitorAnswer[])
#define NOT_TAINTED ((const char *const []){ NULL })
#define TAINTED ((const char *const []){ \
    "tainted: high privileges", "tainted: custom monitor control commands issued", NULL })

#define PASSES .action = QEMU_DOMAIN_VERDICT_PASS
#define AVAILABLE PASSES, .state = QEMU_DOMAIN_BALLOON_AVAILABLE
#define REFUSES .action = QEMU_DOMAIN_VERDICT_REFUSE, .code = VIR_ERR_OPERATION_INVALID, \
    .logged = true, .state = QEMU_DOMAIN_BALLOON_INHIBITED
#define WARNS .action = QEMU_DOMAIN_VERDICT_PASS, .logged = true, \
    .state = QEMU_DOMAIN_BALLOON_INHIBITED
/* Not the log: one case of its own has that. */
#define UNREADABLE .action = QEMU_DOMAIN_VERDICT_REFUSE, .code = VIR_ERR_INTERNAL_ERROR

#define LIVE VIR_DOMAIN_MEM_LIVE
#define CONFIG VIR_DOMAIN_MEM_CONFIG
#define MAXIMUM VIR_DOMAIN_MEM_MAXIMUM

/* One mdev, opted out, and what QEMU says of it. */
#define OPTED_OUT_MDEV GUEST{ .devices = MDEV("ua-vgpu", "vfio-pci", UUID_A), \
        .more = OVERRIDE(OPT_OUT("ua-vgpu")) }
#define OPTED_OUT_MDEV_SAYS(reply) MONITOR{ \
        { LIST(PERIPHERAL), CHILDREN(CHILD("ua-vgpu", "vfio-pci")) }, \
        { LIST(ANONYMOUS), NOBODY }, \
        { ALLOWED("ua-vgpu"), reply }, \
        { NULL, NULL } }
/* A guest that nothing but the command line tells of. */
#define COMMAND_LINE_GUEST GUEST{ .more = COMMAND_LINE }
#define ONE_PERIPHERAL(name, type) \
    { LIST(PERIPHERAL), CHILDREN(CHILD(name, type)) }, { LIST(ANONYMOUS), NOBODY }
#define PCI_GUEST GUEST{ .devices = PCI("hostdev0", "07") }
#define PCI_INHIBITOR "vfio-pci hostdev0 0000:07:00.0 xml"
#define MEM_GUEST(size, plugged, memories) GUEST{ .memory = size, .current = plugged, \
        .devices = PCI("hostdev0", "07") memories }

static const testCase testCases[] = {
    /* What a definition proves */
    { "a guest without anything special is let pass", .memory = HALF, .flags = LIVE,
      .live = GUEST{}, .messages = NOT_TAINTED, .rounds = 2,
      AVAILABLE },
    { "an assigned PCI device refuses the shrink and is named", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .file = "pci-live" }, .rounds = 1,
      REFUSES, .inhibitors = PCI_INHIBITOR,
      .text = "cannot reduce memory of domain 'guest' to 524288 KiB: ballooning is inhibited by "
              "assigned PCI device 'hostdev0' (0000:07:00.0): the guest would lose 524288 KiB and "
              "the host would gain nothing; detach the device, or lower <memory> of the domain and "
              "start it again",
      .log = "domain 'guest': refused to reduce memory to 524288 KiB: ballooning is inhibited by "
             "assigned PCI device 'hostdev0' (0000:07:00.0)" },
    { "an assigned PCI device with iommufd refuses as well", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .devices = "<hostdev mode='subsystem' type='pci'><driver iommufd='yes'/>"
                                PCI_SOURCE("07") ALIAS("hostdev0") "</hostdev>" },
      REFUSES, .inhibitors = PCI_INHIBITOR },
    { "an assigned PCI device without a driver element refuses", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .devices = "<hostdev mode='subsystem' type='pci' managed='no'>"
                                PCI_SOURCE("07") ALIAS("hostdev0") "</hostdev>" },
      REFUSES, .inhibitors = PCI_INHIBITOR },
    { "an assigned PCI device of the xen driver is no inhibitor", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .devices = "<hostdev mode='subsystem' type='pci'><driver name='xen'/>"
                                PCI_SOURCE("07") ALIAS("hostdev0") "</hostdev>" },
      .messages = NOT_TAINTED, AVAILABLE },
    { "an assigned PCI device without an alias is named by its address", .memory = HALF,
      .flags = LIVE,
      .live = GUEST{ .devices = "<hostdev mode='subsystem' type='pci'>" PCI_SOURCE("07")
                                "</hostdev>" },
      REFUSES, .inhibitors = "vfio-pci - 0000:07:00.0 xml",
      .text = "cannot reduce memory of domain 'guest' to 524288 KiB: ballooning is inhibited by "
              "assigned PCI device (0000:07:00.0): the guest would lose 524288 KiB and the host "
              "would gain nothing; detach the device, or lower <memory> of the domain and start it "
              "again" },
    { "a PCI device in another PCI domain has its whole address", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .devices = "<hostdev mode='subsystem' type='pci'><source><address "
                                "domain='0x10de' bus='0xfa' slot='0x1f' function='0x7'/></source>"
                                ALIAS("hostdev0") "</hostdev>" },
      REFUSES, .inhibitors = "vfio-pci hostdev0 10de:fa:1f.7 xml" },
    { "a mediated device refuses and the way to opt it out is told", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .devices = MDEV("hostdev0", "vfio-pci", UUID_A) }, .rounds = 1,
      REFUSES, .inhibitors = "vfio-mdev hostdev0 " UUID_A " xml",
      .text = "cannot reduce memory of domain 'guest' to 524288 KiB: ballooning is inhibited by "
              "mediated device 'hostdev0' (4b20d080-1b54-4048-85b3-a6a62d165c01): the guest would "
              "lose 524288 KiB and the host would gain nothing; detach the device, or lower "
              "<memory> of the domain and start it again, or, if the device does not pin guest "
              "memory, override its property 'x-balloon-allowed' and start it again" },
    { "a mediated device of model vfio-ccw is no inhibitor", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .devices = MDEV("hostdev0", "vfio-ccw", UUID_A) }, .messages = NOT_TAINTED,
      AVAILABLE },
    { "a mediated device of model vfio-ap is no inhibitor", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .devices = MDEV("hostdev0", "vfio-ap", UUID_A) }, .messages = NOT_TAINTED,
      AVAILABLE },
    { "a mediated device of a model nobody knows yet refuses", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .devices = MDEV("hostdev0", "vfio-next", UUID_A) },
      REFUSES, .inhibitors = "vfio-mdev hostdev0 " UUID_A " xml" },
    { "a SCSI hostdev is no inhibitor", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .devices = "<hostdev mode='subsystem' type='scsi'><source><adapter "
                                "name='scsi_host0'/><address bus='0' target='0' unit='0'/></source>"
                                ALIAS("hostdev0") "</hostdev>" },
      .messages = NOT_TAINTED, AVAILABLE },
    { "a SCSI host hostdev is no inhibitor", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .devices = "<hostdev mode='subsystem' type='scsi_host'><source "
                                "protocol='vhost' wwpn='naa.5123456789abcde0'/>"
                                ALIAS("hostdev0") "</hostdev>" },
      .messages = NOT_TAINTED, AVAILABLE },
    { "a USB hostdev is no inhibitor", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .devices = "<hostdev mode='subsystem' type='usb'><source><vendor "
                                "id='0x1234'/><product id='0xbeef'/></source>"
                                ALIAS("hostdev0") "</hostdev>" },
      .messages = NOT_TAINTED, AVAILABLE },
    { "a hostdev of mode capabilities is no inhibitor", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .devices = "<hostdev mode='capabilities' type='misc'><source>"
                                "<char>/dev/input/event3</char></source></hostdev>" },
      .messages = NOT_TAINTED, AVAILABLE },
    { "an interface of type hostdev refuses and is known as an interface", .memory = HALF,
      .flags = LIVE, .live = GUEST{ .file = "interface-hostdev-live" },
      REFUSES, .inhibitors = "vfio-pci hostdev0 0000:3b:02.4 xml interface",
      .text = "cannot reduce memory of domain 'guest' to 524288 KiB: ballooning is inhibited by "
              "assigned PCI device 'hostdev0' (0000:3b:02.4): the guest would lose 524288 KiB and "
              "the host would gain nothing; detach the device, or lower <memory> of the domain and "
              "start it again" },
    { "an interface of type network that is no hostdev is no inhibitor", .memory = HALF,
      .flags = LIVE,
      .live = GUEST{ .devices = "<interface type='network'><source network='default' "
                                "bridge='virbr0'/><alias name='net0'/></interface>" },
      .messages = NOT_TAINTED, AVAILABLE },
    { "an interface of type bridge is no inhibitor", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .devices = "<interface type='bridge'><source bridge='br0'/>"
                                "<alias name='net0'/></interface>" },
      .messages = NOT_TAINTED, AVAILABLE },
    { "an interface of type vdpa refuses", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .devices = VDPA_NET },
      REFUSES, .inhibitors = "vhost-vdpa net1 /dev/vhost-vdpa-0 xml",
      .text = "cannot reduce memory of domain 'guest' to 524288 KiB: ballooning is inhibited by "
              "vDPA device 'net1' (/dev/vhost-vdpa-0): the guest would lose 524288 KiB and the "
              "host would gain nothing; detach the device, or lower <memory> of the domain and "
              "start it again" },
    { "a hostdev of type vdpa refuses", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .devices = "<hostdev mode='subsystem' type='vdpa'><source "
                                "dev='/dev/vhost-vdpa-1'/>" ALIAS("hostdev0") "</hostdev>" },
      REFUSES, .inhibitors = "vhost-vdpa hostdev0 /dev/vhost-vdpa-1 xml" },
    { "a disk of type nvme refuses", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .devices = NVME_DISK },
      REFUSES, .inhibitors = "nvme virtio-disk1 0000:01:00.0 xml",
      .text = "cannot reduce memory of domain 'guest' to 524288 KiB: ballooning is inhibited by "
              "userspace NVMe disk 'virtio-disk1' (0000:01:00.0): the guest would lose 524288 KiB "
              "and the host would gain nothing; detach the device, or lower <memory> of the domain "
              "and start it again" },
    { "an nvme disk below an overlay refuses as well", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .file = "nvme-backing-chain-live" },
      REFUSES, .inhibitors = "nvme virtio-disk0 0000:01:00.0 xml" },
    { "a disk of type vhostvdpa refuses", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .devices = "<disk type='vhostvdpa' device='disk'><source "
                                "dev='/dev/vhost-vdpa-2'/><target dev='vdc' bus='virtio'/>"
                                "<alias name='virtio-disk2'/></disk>" },
      REFUSES, .inhibitors = "blkio virtio-disk2 /dev/vhost-vdpa-2 xml",
      .fragment = "libblkio disk 'virtio-disk2' (/dev/vhost-vdpa-2): the guest would lose" },
    { "a plain disk that is called nvme is no inhibitor", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .devices = "<disk type='file' device='disk'><source file='/nvme'/>"
                                "<target dev='nvme0n1' bus='nvme'/><alias name='nvme'/></disk>" },
      .messages = NOT_TAINTED, AVAILABLE },
    { "launch security sev refuses and only a restart is advised", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .file = "sev-live" }, REFUSES, .inhibitors = "sev - - xml",
      .text = "cannot reduce memory of domain 'guest' to 524288 KiB: ballooning is inhibited by "
              "launch security 'sev': the guest would lose 524288 KiB and the host would gain "
              "nothing; lower <memory> of the domain and start it again" },
    { "launch security s390-pv refuses", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .more = "<launchSecurity type='s390-pv'/>" },
      REFUSES, .inhibitors = "s390-pv - - xml",
      .text = "cannot reduce memory of domain 'guest' to 524288 KiB: ballooning is inhibited by "
              "launch security 's390-pv': the guest would lose 524288 KiB and the host would gain "
              "nothing; lower <memory> of the domain and start it again" },
    { "launch security sev-snp is no inhibitor", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .more = "<launchSecurity type='sev-snp'><policy>0x30000</policy>"
                             "</launchSecurity>" },
      .messages = NOT_TAINTED, AVAILABLE },
    { "launch security tdx is no inhibitor", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .more = "<launchSecurity type='tdx'/>" },
      .messages = NOT_TAINTED, AVAILABLE },
    { "launch security of a type nobody knows yet is no inhibitor", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .more = "<launchSecurity type='cca'/>" },
      .messages = NOT_TAINTED, AVAILABLE },
    { "free page reporting alone is no inhibitor", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .memballoon = "<memballoon model='virtio' freePageReporting='on'/>" },
      .messages = NOT_TAINTED, AVAILABLE },
    { "a virtual IOMMU does not lift the inhibit", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .devices = PCI("hostdev0", "07") "<iommu model='intel'><driver "
                                "caching_mode='on'/></iommu>" },
      REFUSES, .inhibitors = PCI_INHIBITOR },

    /* Locked memory: surfaced, never refused */
    { "locked memory passes and the log says that the host gains nothing", .memory = HALF,
      .flags = LIVE,
      .live = GUEST{ .more = "<memoryBacking><locked/></memoryBacking>" }, .messages = NOT_TAINTED,
      PASSES, .state = QEMU_DOMAIN_BALLOON_INEFFECTIVE, .inhibitors = "locked-memory - - xml",
      .logged = true,
      .log = "domain 'guest': memory is reduced to 524288 KiB, but the host gains nothing from it "
             "because of locked memory" },
    { "locked memory passes although the domain says block", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .more = "<memoryBacking><locked/></memoryBacking>", .policy = "block" },
      .messages = NOT_TAINTED, .logged = true,
      PASSES, .state = QEMU_DOMAIN_BALLOON_INEFFECTIVE, .inhibitors = "locked-memory - - xml" },
    { "locked memory is logged under warn too", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .more = "<memoryBacking><locked/></memoryBacking>", .policy = "warn" },
      .messages = NOT_TAINTED, .logged = true,
      PASSES, .state = QEMU_DOMAIN_BALLOON_INEFFECTIVE, .inhibitors = "locked-memory - - xml" },
    { "locked memory is not logged under ignore", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .more = "<memoryBacking><locked/></memoryBacking>", .policy = "ignore" },
      .rounds = 1, PASSES },
    { "huge pages pass and the log says that the host gains nothing", .memory = HALF,
      .flags = LIVE, .live = GUEST{ .more = "<memoryBacking><hugepages/><locked/></memoryBacking>",
                                    .policy = "block" },
      .messages = NOT_TAINTED, PASSES, .state = QEMU_DOMAIN_BALLOON_INEFFECTIVE,
      .inhibitors = "locked-memory - - xml, huge-pages - - xml", .logged = true,
      .log = "domain 'guest': memory is reduced to 524288 KiB, but the host gains nothing from it "
             "because of locked memory and huge pages" },
    { "locked memory beside a PCI device is not what inhibits", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .more = "<memoryBacking><locked/></memoryBacking>",
                     .devices = PCI("hostdev0", "07") },
      REFUSES, .inhibitors = PCI_INHIBITOR, .notThere = "locked memory" },
    { "locked memory does not keep QEMU from being asked", .memory = HALF, .flags = LIVE,
      .qmp = QEMU_DOMAIN_QMP_ALWAYS,
      .live = GUEST{ .more = "<memoryBacking><locked/></memoryBacking>" },
      .monitor = MONITOR{ ONE_PERIPHERAL("vu0", "vfio-user-pci"), { NULL, NULL } },
      REFUSES, .inhibitors = "vfio-user vu0 - qmp" },

    /* Several devices */
    { "two PCI devices are both named and advised on in the plural", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .devices = PCI("hostdev0", "07") PCI("hostdev1", "08") },
      REFUSES, .inhibitors = PCI_INHIBITOR ", vfio-pci hostdev1 0000:08:00.0 xml",
      .text = "cannot reduce memory of domain 'guest' to 524288 KiB: ballooning is inhibited by "
              "assigned PCI device 'hostdev0' (0000:07:00.0) and assigned PCI device 'hostdev1' "
              "(0000:08:00.0): the guest would lose 524288 KiB and the host would gain nothing; "
              "detach the devices, or lower <memory> of the domain and start it again" },
    { "two mediated devices are advised on in the plural", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .devices = MDEV("hostdev0", "vfio-pci", UUID_A)
                                MDEV("hostdev1", "vfio-pci", UUID_B) },
      REFUSES,
      .inhibitors = "vfio-mdev hostdev0 " UUID_A " xml, vfio-mdev hostdev1 " UUID_B " xml",
      .text = "cannot reduce memory of domain 'guest' to 524288 KiB: ballooning is inhibited by "
              "mediated device 'hostdev0' (4b20d080-1b54-4048-85b3-a6a62d165c01) and mediated "
              "device 'hostdev1' (83c32df7-d52e-4ec1-9668-1f3c7e4df107): the guest would lose "
              "524288 KiB and the host would gain nothing; detach the devices, or lower "
              "<memory> of the domain and start it again, or, if the devices do not pin guest "
              "memory, override their property 'x-balloon-allowed' and start it again" },
    { "a mediated device beside a PCI device cannot be opted out to any effect", .memory = HALF,
      .flags = LIVE,
      .live = GUEST{ .devices = MDEV("hostdev0", "vfio-pci", UUID_A) PCI("hostdev1", "08") },
      REFUSES,
      .inhibitors = "vfio-mdev hostdev0 " UUID_A " xml, vfio-pci hostdev1 0000:08:00.0 xml",
      .text = "cannot reduce memory of domain 'guest' to 524288 KiB: ballooning is inhibited by "
              "mediated device 'hostdev0' (4b20d080-1b54-4048-85b3-a6a62d165c01) and assigned PCI "
              "device 'hostdev1' (0000:08:00.0): the guest would lose 524288 KiB and the host "
              "would gain nothing; detach the devices, or lower <memory> of the domain and start "
              "it again" },
    { "a PCI device beside sev is not advised to be detached", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .devices = PCI("hostdev0", "07"), .more = "<launchSecurity type='sev'/>" },
      REFUSES, .inhibitors = PCI_INHIBITOR ", sev - - xml",
      .text = "cannot reduce memory of domain 'guest' to 524288 KiB: ballooning is inhibited by "
              "assigned PCI device 'hostdev0' (0000:07:00.0) and launch security 'sev': the guest "
              "would lose 524288 KiB and the host would gain nothing; lower <memory> of the domain "
              "and start it again" },
    { "hostdevs come before interfaces and disks", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .devices = NVME_DISK VDPA_NET PCI("hostdev0", "07") },
      REFUSES, .inhibitors = PCI_INHIBITOR ", nvme virtio-disk1 0000:01:00.0 xml, "
                             "vhost-vdpa net1 /dev/vhost-vdpa-0 xml" },
    { "eight devices are all named", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .devices = PCI("hostdev0", "01") PCI("hostdev1", "02") PCI("hostdev2", "03")
                                PCI("hostdev3", "04") PCI("hostdev4", "05") PCI("hostdev5", "06")
                                PCI("hostdev6", "07") PCI("hostdev7", "08") },
      REFUSES, .notThere = "more",
      .fragment = "'hostdev6' (0000:07:00.0) and assigned PCI device 'hostdev7' (0000:08:00.0): "
                  "the guest",
      .inhibitors = "vfio-pci hostdev0 0000:01:00.0 xml, vfio-pci hostdev1 0000:02:00.0 xml, "
                    "vfio-pci hostdev2 0000:03:00.0 xml, vfio-pci hostdev3 0000:04:00.0 xml, "
                    "vfio-pci hostdev4 0000:05:00.0 xml, vfio-pci hostdev5 0000:06:00.0 xml, "
                    "vfio-pci hostdev6 0000:07:00.0 xml, vfio-pci hostdev7 0000:08:00.0 xml" },
    { "of ten devices eight are named and all are listed", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .devices = PCI("hostdev0", "01") PCI("hostdev1", "02") PCI("hostdev2", "03")
                                PCI("hostdev3", "04") PCI("hostdev4", "05") PCI("hostdev5", "06")
                                PCI("hostdev6", "07") PCI("hostdev7", "08") PCI("hostdev8", "09")
                                PCI("hostdev9", "0a") },
      REFUSES, .notThere = "hostdev8",
      .text = "cannot reduce memory of domain 'guest' to 524288 KiB: ballooning is inhibited by "
              "assigned PCI device 'hostdev0' (0000:01:00.0), assigned PCI device 'hostdev1' "
              "(0000:02:00.0), assigned PCI device 'hostdev2' (0000:03:00.0), assigned PCI device "
              "'hostdev3' (0000:04:00.0), assigned PCI device 'hostdev4' (0000:05:00.0), assigned "
              "PCI device 'hostdev5' (0000:06:00.0), assigned PCI device 'hostdev6' "
              "(0000:07:00.0), assigned PCI device 'hostdev7' (0000:08:00.0) and 2 more: the guest "
              "would lose 524288 KiB and the host would gain nothing; detach the devices, or lower "
              "<memory> of the domain and start it again",
      .inhibitors = "vfio-pci hostdev0 0000:01:00.0 xml, vfio-pci hostdev1 0000:02:00.0 xml, "
                    "vfio-pci hostdev2 0000:03:00.0 xml, vfio-pci hostdev3 0000:04:00.0 xml, "
                    "vfio-pci hostdev4 0000:05:00.0 xml, vfio-pci hostdev5 0000:06:00.0 xml, "
                    "vfio-pci hostdev6 0000:07:00.0 xml, vfio-pci hostdev7 0000:08:00.0 xml, "
                    "vfio-pci hostdev8 0000:09:00.0 xml, vfio-pci hostdev9 0000:0a:00.0 xml" },

    /* The opt-out and what QEMU makes of it */
    { "an opted-out device that QEMU confirms passes", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .file = "mdev-opted-out-live" }, .rounds = 3,
      .monitor = MONITOR{
          ONE_PERIPHERAL("ua-vb-" UUID_A, "vfio-pci"),
          { ALLOWED("ua-vb-" UUID_A), RETURN("true") },
          { NULL, NULL } },
      AVAILABLE },
    { "an opted-out device that QEMU was not told of is refused", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .file = "mdev-opted-out-live" },
      .monitor = MONITOR{
          ONE_PERIPHERAL("ua-vb-" UUID_A, "vfio-pci"),
          { ALLOWED("ua-vb-" UUID_A), RETURN("false") },
          { NULL, NULL } },
      REFUSES, .inhibitors = "vfio-mdev ua-vb-" UUID_A " " UUID_A " xml+qmp",
      .text = "cannot reduce memory of domain 'guest' to 524288 KiB: ballooning is inhibited by "
              "mediated device 'ua-vb-4b20d080-1b54-4048-85b3-a6a62d165c01' "
              "(4b20d080-1b54-4048-85b3-a6a62d165c01): the guest would lose 524288 KiB and the "
              "host would gain nothing; detach the device, or lower <memory> of the "
              "domain and start it again, or, if the device does not pin guest memory, override "
              "its property 'x-balloon-allowed' and start it again" },
    { "an opted-out device is confirmed with ramfb too", .memory = HALF, .flags = LIVE,
      .live = OPTED_OUT_MDEV,
      .monitor = MONITOR{
          ONE_PERIPHERAL("ua-vgpu", "vfio-pci-nohotplug"),
          { ALLOWED("ua-vgpu"), RETURN("true") },
          { NULL, NULL } },
      AVAILABLE },
    { "a QEMU that has no such property means no opt-out", .memory = HALF, .flags = LIVE,
      .live = OPTED_OUT_MDEV,
      .monitor = OPTED_OUT_MDEV_SAYS(QMP_ERROR("GenericError", "Property "
                                               "'vfio-pci.x-balloon-allowed' not found")),
      REFUSES, .inhibitors = "vfio-mdev ua-vgpu " UUID_A " xml+qmp" },
    { "a device that goes while QEMU is asked still counts", .memory = HALF, .flags = LIVE,
      .live = OPTED_OUT_MDEV,
      .monitor = OPTED_OUT_MDEV_SAYS(QMP_ERROR("DeviceNotFound", "Device "
                                               "'/machine/peripheral/ua-vgpu' not found")),
      REFUSES, .inhibitors = "vfio-mdev ua-vgpu " UUID_A " xml+qmp" },
    { "an opted-out device that QEMU does not have passes", .memory = HALF, .flags = LIVE,
      .live = OPTED_OUT_MDEV,
      .monitor = MONITOR{
          ONE_PERIPHERAL("balloon0", "virtio-balloon-pci"), { NULL, NULL } },
      AVAILABLE },
    { "an opt-out is confirmed under always as well", .memory = HALF, .flags = LIVE,
      .qmp = QEMU_DOMAIN_QMP_ALWAYS, .live = OPTED_OUT_MDEV,
      .monitor = OPTED_OUT_MDEV_SAYS(RETURN("true")), AVAILABLE },
    { "an opt-out is believed under never", .memory = HALF, .flags = LIVE,
      .qmp = QEMU_DOMAIN_QMP_NEVER, .live = OPTED_OUT_MDEV, .rounds = 1,
      AVAILABLE },
    { "an opt-out of false is none", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .devices = MDEV("ua-vgpu", "vfio-pci", UUID_A),
                     .more = OVERRIDE(OVERRIDE_DEVICE("ua-vgpu", PROPERTY("x-balloon-allowed",
                                                                          "bool", "false"))) },
      REFUSES, .inhibitors = "vfio-mdev ua-vgpu " UUID_A " xml" },
    { "an opt-out that is a text and says off is none, under never too", .memory = HALF,
      .flags = LIVE, .qmp = QEMU_DOMAIN_QMP_NEVER,
      .live = GUEST{ .devices = MDEV("ua-vgpu", "vfio-pci", UUID_A),
                     .more = OVERRIDE(OVERRIDE_DEVICE("ua-vgpu", PROPERTY("x-balloon-allowed",
                                                                          "string", "off"))) },
      REFUSES, .inhibitors = "vfio-mdev ua-vgpu " UUID_A " xml" },
    { "an opt-out that is a text and says on is none, as QEMU takes none", .memory = HALF,
      .flags = LIVE, .qmp = QEMU_DOMAIN_QMP_NEVER,
      .live = GUEST{ .devices = MDEV("ua-vgpu", "vfio-pci", UUID_A),
                     .more = OVERRIDE(OVERRIDE_DEVICE("ua-vgpu", PROPERTY("x-balloon-allowed",
                                                                          "string", "on"))) },
      REFUSES, .inhibitors = "vfio-mdev ua-vgpu " UUID_A " xml" },
    { "an override that removes the property is no opt-out", .memory = HALF, .flags = LIVE,
      .qmp = QEMU_DOMAIN_QMP_NEVER,
      .live = GUEST{ .devices = MDEV("ua-vgpu", "vfio-pci", UUID_A),
                     .more = OVERRIDE(OVERRIDE_DEVICE("ua-vgpu", "<qemu:property type='remove' "
                                                      "name='x-balloon-allowed'/>")) },
      REFUSES, .inhibitors = "vfio-mdev ua-vgpu " UUID_A " xml" },
    { "an override that removes the property is no opt-out, whatever value stands there",
      .memory = HALF, .flags = LIVE, .qmp = QEMU_DOMAIN_QMP_NEVER,
      .live = GUEST{ .devices = MDEV("ua-vgpu", "vfio-pci", UUID_A),
                     .more = OVERRIDE(OVERRIDE_DEVICE("ua-vgpu", PROPERTY("x-balloon-allowed",
                                                                          "remove", "true"))) },
      REFUSES, .inhibitors = "vfio-mdev ua-vgpu " UUID_A " xml" },
    { "of two overrides the last counts: off", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .devices = MDEV("ua-vgpu", "vfio-pci", UUID_A),
                     .more = OVERRIDE(OVERRIDE_DEVICE("ua-vgpu",
                                                      PROPERTY("x-balloon-allowed", "bool", "true")
                                                      PROPERTY("x-balloon-allowed", "bool",
                                                               "false"))) },
      REFUSES, .inhibitors = "vfio-mdev ua-vgpu " UUID_A " xml" },
    { "of two overrides the last counts: on", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .devices = MDEV("ua-vgpu", "vfio-pci", UUID_A),
                     .more = OVERRIDE(OVERRIDE_DEVICE("ua-vgpu",
                                                      PROPERTY("x-balloon-allowed", "bool", "false")
                                                      PROPERTY("x-balloon-allowed", "bool",
                                                               "true"))) },
      .monitor = OPTED_OUT_MDEV_SAYS(RETURN("true")), AVAILABLE },
    { "an override of another property is no opt-out", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .devices = MDEV("ua-vgpu", "vfio-pci", UUID_A),
                     .more = OVERRIDE(OVERRIDE_DEVICE("ua-vgpu", PROPERTY("x-no-mmap", "bool",
                                                                          "true"))) },
      REFUSES, .inhibitors = "vfio-mdev ua-vgpu " UUID_A " xml" },
    { "an override of another alias is no opt-out", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .devices = MDEV("ua-vgpu", "vfio-pci", UUID_A),
                     .more = OVERRIDE(OPT_OUT("ua-vgpu2")) },
      REFUSES, .inhibitors = "vfio-mdev ua-vgpu " UUID_A " xml" },
    { "a device without an alias cannot be opted out", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .devices = "<hostdev mode='subsystem' type='mdev' model='vfio-pci'><source>"
                                "<address uuid='" UUID_A "'/></source></hostdev>",
                     .more = OVERRIDE(OPT_OUT("ua-vgpu")) },
      REFUSES, .inhibitors = "vfio-mdev - " UUID_A " xml" },
    { "a PCI device cannot be opted out", .memory = HALF, .flags = LIVE, .rounds = 1,
      .live = GUEST{ .devices = PCI("hostdev0", "07"), .more = OVERRIDE(OPT_OUT("hostdev0")) },
      REFUSES, .inhibitors = PCI_INHIBITOR, .notThere = "x-balloon-allowed" },
    { "of two mediated devices the one that is not opted out refuses", .memory = HALF,
      .flags = LIVE, .rounds = 1,
      .live = GUEST{ .devices = MDEV("ua-a", "vfio-pci", UUID_A) MDEV("ua-b", "vfio-pci", UUID_B),
                     .more = OVERRIDE(OPT_OUT("ua-a")) },
      REFUSES, .inhibitors = "vfio-mdev ua-b " UUID_B " xml", .notThere = UUID_A },
    { "two opted-out devices that QEMU confirms pass", .memory = HALF, .flags = LIVE, .rounds = 3,
      .live = GUEST{ .devices = MDEV("ua-a", "vfio-pci", UUID_A) MDEV("ua-b", "vfio-pci", UUID_B),
                     .more = OVERRIDE(OPT_OUT("ua-a") OPT_OUT("ua-b")) },
      .monitor = MONITOR{
          { LIST(PERIPHERAL), CHILDREN(CHILD("ua-a", "vfio-pci") CHILD("ua-b", "vfio-pci")) },
          { LIST(ANONYMOUS), NOBODY },
          { ALLOWED("ua-a"), RETURN("true") },
          { ALLOWED("ua-b"), RETURN("true") },
          { NULL, NULL } },
      AVAILABLE },
    { "of two opted-out devices the one that QEMU denies is named", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .devices = MDEV("ua-a", "vfio-pci", UUID_A) MDEV("ua-b", "vfio-pci", UUID_B),
                     .more = OVERRIDE(OPT_OUT("ua-a") OPT_OUT("ua-b")) },
      .monitor = MONITOR{
          { LIST(PERIPHERAL), CHILDREN(CHILD("ua-a", "vfio-pci") CHILD("ua-b", "vfio-pci")) },
          { LIST(ANONYMOUS), NOBODY },
          { ALLOWED("ua-a"), RETURN("true") },
          { ALLOWED("ua-b"), RETURN("false") },
          { NULL, NULL } },
      REFUSES, .inhibitors = "vfio-mdev ua-b " UUID_B " xml+qmp", .notThere = UUID_A },
    { "an opted-out device beside a PCI device is not asked about", .memory = HALF, .flags = LIVE,
      .rounds = 1,
      .live = GUEST{ .devices = MDEV("ua-vgpu", "vfio-pci", UUID_A) PCI("hostdev0", "07"),
                     .more = OVERRIDE(OPT_OUT("ua-vgpu")) },
      REFUSES, .inhibitors = PCI_INHIBITOR, .notThere = "ua-vgpu" },
    { "an opted-out device does not hide another that only QEMU knows", .memory = HALF,
      .flags = LIVE, .live = OPTED_OUT_MDEV,
      .monitor = MONITOR{
          { LIST(PERIPHERAL), CHILDREN(CHILD("ua-vgpu", "vfio-pci")
                                       CHILD("vu0", "vfio-user-pci")) },
          { LIST(ANONYMOUS), NOBODY },
          { ALLOWED("ua-vgpu"), RETURN("true") },
          { NULL, NULL } },
      REFUSES, .inhibitors = "vfio-user vu0 - qmp" },
    { "a confirmed device does not clear what was found before it", .memory = HALF, .flags = LIVE,
      .live = OPTED_OUT_MDEV,
      .monitor = MONITOR{
          { LIST(PERIPHERAL), CHILDREN(CHILD("vu0", "vfio-user-pci")
                                       CHILD("ua-vgpu", "vfio-pci")) },
          { LIST(ANONYMOUS), NOBODY },
          { ALLOWED("ua-vgpu"), RETURN("true") },
          { NULL, NULL } },
      REFUSES, .inhibitors = "vfio-user vu0 - qmp" },

    /* Answers that cannot be read: what could not be checked does not pass */
    { "an answer that is no JSON refuses and says why", .memory = HALF, .flags = LIVE,
      .live = OPTED_OUT_MDEV, .monitor = OPTED_OUT_MDEV_SAYS("error: internal error"),
      UNREADABLE,
      .text = "cannot check whether ballooning of domain 'guest' is inhibited: the monitor's "
              "answer is no QMP reply; nothing was changed" },
    { "an empty answer refuses", .memory = HALF, .flags = LIVE,
      .live = OPTED_OUT_MDEV, .monitor = OPTED_OUT_MDEV_SAYS(""), UNREADABLE },
    { "an opt-out that is a text refuses and says why", .memory = HALF, .flags = LIVE,
      .live = OPTED_OUT_MDEV, .monitor = OPTED_OUT_MDEV_SAYS(RETURN("\"true\"")), UNREADABLE,
      .text = "cannot check whether ballooning of domain 'guest' is inhibited: the property is no "
              "boolean; nothing was changed" },
    { "an opt-out that is a number refuses", .memory = HALF, .flags = LIVE,
      .live = OPTED_OUT_MDEV, .monitor = OPTED_OUT_MDEV_SAYS(RETURN("1")), UNREADABLE },
    { "an opt-out that is an object refuses", .memory = HALF, .flags = LIVE,
      .live = OPTED_OUT_MDEV, .monitor = OPTED_OUT_MDEV_SAYS(RETURN("{}")), UNREADABLE },
    { "an opt-out that is a list refuses", .memory = HALF, .flags = LIVE,
      .live = OPTED_OUT_MDEV, .monitor = OPTED_OUT_MDEV_SAYS(RETURN("[true]")), UNREADABLE },
    { "an opt-out that is nested too deep refuses", .memory = HALF, .flags = LIVE,
      .live = OPTED_OUT_MDEV,
      .monitor = OPTED_OUT_MDEV_SAYS(RETURN("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
                                            "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]")),
      UNREADABLE },
    { "an opt-out that is cut off refuses", .memory = HALF, .flags = LIVE,
      .live = OPTED_OUT_MDEV, .monitor = OPTED_OUT_MDEV_SAYS("{\"return\":tru"), UNREADABLE },
    { "a reply that is a list refuses", .memory = HALF, .flags = LIVE,
      .live = OPTED_OUT_MDEV, .monitor = OPTED_OUT_MDEV_SAYS("[true]"), UNREADABLE },
    { "an error that is only a text refuses", .memory = HALF, .flags = LIVE,
      .live = OPTED_OUT_MDEV, .monitor = OPTED_OUT_MDEV_SAYS("{\"error\":\"no\"}"), UNREADABLE },
    { "devices that are no list refuse and the text says so", .memory = HALF, .flags = LIVE,
      .live = COMMAND_LINE_GUEST,
      .monitor = MONITOR{
          { LIST(PERIPHERAL), RETURN("{}") }, { LIST(ANONYMOUS), NOBODY }, { NULL, NULL } },
      UNREADABLE,
      .text = "cannot check whether ballooning of domain 'guest' is inhibited: qom-list did not "
              "return a list; nothing was changed" },
    { "a device without a type refuses and the text says so", .memory = HALF, .flags = LIVE,
      .live = COMMAND_LINE_GUEST,
      .monitor = MONITOR{
          { LIST(PERIPHERAL), RETURN("[{\"name\":\"vu0\"}]") },
          { LIST(ANONYMOUS), NOBODY },
          { NULL, NULL } },
      UNREADABLE,
      .text = "cannot check whether ballooning of domain 'guest' is inhibited: qom-list returned a "
              "property without a name or a type; nothing was changed" },
    { "a QEMU without qom-list refuses", .memory = HALF, .flags = LIVE,
      .live = COMMAND_LINE_GUEST,
      .monitor = MONITOR{
          { LIST(PERIPHERAL), QMP_ERROR("CommandNotFound", "The command qom-list has not been "
                                        "found") },
          { LIST(ANONYMOUS), NOBODY },
          { NULL, NULL } },
      UNREADABLE },
    { "an unreadable list of anonymous devices refuses", .memory = HALF, .flags = LIVE,
      .live = COMMAND_LINE_GUEST,
      .monitor = MONITOR{
          { LIST(PERIPHERAL), NOBODY }, { LIST(ANONYMOUS), "nonsense" }, { NULL, NULL } },
      UNREADABLE },
    { "a refusal for an unreadable answer leaves a line in the log", .memory = HALF, .flags = LIVE,
      .live = OPTED_OUT_MDEV, .monitor = OPTED_OUT_MDEV_SAYS("nonsense"), UNREADABLE,
      .logged = true },
    { "under warn an unreadable answer passes and is logged", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .devices = MDEV("ua-vgpu", "vfio-pci", UUID_A),
                     .more = OVERRIDE(OPT_OUT("ua-vgpu")), .policy = "warn" },
      .monitor = OPTED_OUT_MDEV_SAYS("nonsense"), PASSES, .logged = true },
    { "under ignore nothing is asked, readable or not", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .devices = MDEV("ua-vgpu", "vfio-pci", UUID_A),
                     .more = OVERRIDE(OPT_OUT("ua-vgpu")), .policy = "ignore" },
      .rounds = 1, PASSES },

    /* Devices that only QEMU knows of */
    { "a vfio-user device on the command line refuses", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .file = "commandline-live" }, .rounds = 2,
      .monitor = MONITOR{ ONE_PERIPHERAL("vu0", "vfio-user-pci"), { NULL, NULL } },
      REFUSES, .inhibitors = "vfio-user vu0 - qmp",
      .text = "cannot reduce memory of domain 'guest' to 524288 KiB: ballooning is inhibited by "
              "vfio-user device 'vu0': the guest would lose 524288 KiB and the host would gain "
              "nothing; detach the device, or lower <memory> of the domain and start it again" },
    { "a command line without inhibitors passes", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .file = "commandline-live" },
      .monitor = MONITOR{ ONE_PERIPHERAL("balloon0", "virtio-balloon-pci"), { NULL, NULL } },
      AVAILABLE },
    { "capabilities in QEMU's namespace are a reason to ask as well", .memory = HALF,
      .flags = LIVE,
      .live = GUEST{ .more = "<qemu:capabilities" QEMU_NAMESPACE "><qemu:add capability='a'/>"
                             "</qemu:capabilities>" },
      .monitor = MONITOR{
          { LIST(PERIPHERAL), NOBODY }, { LIST(ANONYMOUS), NOBODY }, { NULL, NULL } },
      AVAILABLE },
    { "a command line is not asked about under never", .memory = HALF, .flags = LIVE,
      .qmp = QEMU_DOMAIN_QMP_NEVER, .live = COMMAND_LINE_GUEST, .rounds = 1, AVAILABLE },
    { "a guest whose monitor was used is asked, and a hot-plugged vfio-user device refuses",
      .memory = HALF, .flags = LIVE, .live = GUEST{}, .messages = TAINTED, .rounds = 3,
      .monitor = MONITOR{ ONE_PERIPHERAL("vu0", "vfio-user-pci"), { NULL, NULL } },
      REFUSES, .inhibitors = "vfio-user vu0 - qmp" },
    { "a guest that is tainted by something else is not asked", .memory = HALF, .flags = LIVE,
      .live = GUEST{},
      .messages = (const char *const []){ "tainted: custom configuration parameters specified",
                                          "tainted: high privileges", "deprecated", NULL },
      AVAILABLE },
    { "under always QEMU is asked without a reason and libvirt is not", .memory = HALF,
      .flags = LIVE, .qmp = QEMU_DOMAIN_QMP_ALWAYS, .live = GUEST{}, .rounds = 2,
      .monitor = MONITOR{
          { LIST(PERIPHERAL), NOBODY }, { LIST(ANONYMOUS), NOBODY }, { NULL, NULL } },
      AVAILABLE },
    { "under always QEMU is not asked what the definition proves", .memory = HALF, .flags = LIVE,
      .qmp = QEMU_DOMAIN_QMP_ALWAYS, .live = PCI_GUEST, .rounds = 1,
      REFUSES, .inhibitors = PCI_INHIBITOR },
    { "under never nobody is asked", .memory = HALF, .flags = LIVE, .rounds = 1,
      .qmp = QEMU_DOMAIN_QMP_NEVER, .live = GUEST{}, AVAILABLE },
    { "under auto a plain VFIO guest is refused, unasked and so untainted", .memory = HALF,
      .flags = LIVE, .qmp = QEMU_DOMAIN_QMP_AUTO, .live = PCI_GUEST, .rounds = 1,
      REFUSES, .inhibitors = PCI_INHIBITOR },

    /* What goes on in the running QEMU */
    { "a background snapshot refuses and is to be waited for", .memory = HALF, .flags = LIVE,
      .qmp = QEMU_DOMAIN_QMP_ALWAYS, .live = GUEST{}, .rounds = 2,
      .monitor = MONITOR{ NO_DEVICES, SNAPSHOT_ON, ACTIVE, { NULL, NULL } },
      REFUSES, .inhibitors = "background-snapshot - - qmp",
      .text = "cannot reduce memory of domain 'guest' to 524288 KiB: ballooning is inhibited by "
              "background snapshot: the guest would lose 524288 KiB and the host would gain "
              "nothing; wait until that has ended and try again",
      .log = "domain 'guest': refused to reduce memory to 524288 KiB: ballooning is inhibited by "
             "background snapshot" },
    { "a background snapshot of a guest whose monitor was used refuses", .memory = HALF,
      .flags = LIVE, .live = GUEST{}, .messages = TAINTED, .rounds = 3,
      .monitor = MONITOR{ NO_DEVICES, SNAPSHOT_ON, ACTIVE, { NULL, NULL } },
      REFUSES, .inhibitors = "background-snapshot - - qmp" },
    { "the capability of a background snapshot alone passes", .memory = HALF, .flags = LIVE,
      .qmp = QEMU_DOMAIN_QMP_ALWAYS, .live = GUEST{},
      .monitor = MONITOR{ NO_DEVICES, SNAPSHOT_ON, { NULL, NULL } }, AVAILABLE },
    { "a background snapshot that has ended passes", .memory = HALF, .flags = LIVE,
      .qmp = QEMU_DOMAIN_QMP_ALWAYS, .live = GUEST{},
      .monitor = MONITOR{
          NO_DEVICES,
          SNAPSHOT_ON, MIGRATION("\"status\":\"completed\",\"ram\":{}"), { NULL, NULL } },
      AVAILABLE },
    { "a background snapshot under warn passes with a line", .memory = HALF, .flags = LIVE,
      .qmp = QEMU_DOMAIN_QMP_ALWAYS, .live = GUEST{ .policy = "warn" },
      .monitor = MONITOR{ NO_DEVICES, SNAPSHOT_ON, ACTIVE, { NULL, NULL } },
      WARNS, .inhibitors = "background-snapshot - - qmp",
      .log = "domain 'guest': memory is reduced to 524288 KiB although ballooning is inhibited by "
             "background snapshot: the guest loses 524288 KiB and the host gains nothing (policy "
             "'warn')" },
    { "a background snapshot under ignore is not asked about", .memory = HALF, .flags = LIVE,
      .qmp = QEMU_DOMAIN_QMP_ALWAYS, .live = GUEST{ .policy = "ignore" }, .rounds = 1, PASSES },
    { "more memory during a background snapshot is not asked about", .memory = GIB, .flags = LIVE,
      .qmp = QEMU_DOMAIN_QMP_ALWAYS, .live = GUEST{ .current = HALF }, .rounds = 1, PASSES },
    { "an incoming postcopy refuses and is to be waited for", .memory = HALF, .flags = LIVE,
      .qmp = QEMU_DOMAIN_QMP_ALWAYS, .live = GUEST{},
      .monitor = MONITOR{ NO_DEVICES, MIGRATION("\"status\":\"postcopy-active\""), { NULL, NULL } },
      REFUSES, .inhibitors = "postcopy - - qmp",
      .text = "cannot reduce memory of domain 'guest' to 524288 KiB: ballooning is inhibited by "
              "incoming postcopy migration: the guest would lose 524288 KiB and the host would "
              "gain nothing; wait until that has ended and try again" },
    { "an outgoing postcopy passes", .memory = HALF, .flags = LIVE,
      .qmp = QEMU_DOMAIN_QMP_ALWAYS, .live = GUEST{},
      .monitor = MONITOR{
          NO_DEVICES, MIGRATION("\"status\":\"postcopy-active\",\"ram\":{\"total\":1}"),
          { NULL, NULL } },
      AVAILABLE },
    { "what goes on is not waited for where a device stays", .memory = HALF, .flags = LIVE,
      .qmp = QEMU_DOMAIN_QMP_ALWAYS, .live = GUEST{},
      .monitor = MONITOR{
          ONE_PERIPHERAL("vu0", "vfio-user-pci"), SNAPSHOT_ON, ACTIVE, { NULL, NULL } },
      REFUSES, .inhibitors = "vfio-user vu0 - qmp, background-snapshot - - qmp",
      .notThere = "wait until",
      .fragment = "by vfio-user device 'vu0' and background snapshot: the guest" },
    { "SEV that only QEMU tells of refuses and only a restart is advised", .memory = HALF,
      .flags = LIVE, .live = COMMAND_LINE_GUEST,
      .monitor = MONITOR{
          NO_DEVICES,
          { QUERY("query-sev"), RETURN("{\"enabled\":true,\"sev-type\":\"sev\"}") },
          { NULL, NULL } },
      REFUSES, .inhibitors = "sev - - qmp",
      .text = "cannot reduce memory of domain 'guest' to 524288 KiB: ballooning is inhibited by "
              "launch security 'sev': the guest would lose 524288 KiB and the host would gain "
              "nothing; lower <memory> of the domain and start it again" },
    { "SEV-SNP that only QEMU tells of passes", .memory = HALF, .flags = LIVE,
      .live = COMMAND_LINE_GUEST,
      .monitor = MONITOR{
          NO_DEVICES,
          { QUERY("query-sev"), RETURN("{\"enabled\":true,\"sev-type\":\"sev-snp\"}") },
          { NULL, NULL } },
      AVAILABLE },
    { "a guest that has become protected refuses", .memory = HALF, .flags = LIVE,
      .live = COMMAND_LINE_GUEST,
      .monitor = MONITOR{
          NO_DEVICES,
          MIGRATION("\"blocked-reasons\":[\"protected VMs are currently not migratable.\"]"),
          { NULL, NULL } },
      REFUSES, .inhibitors = "s390-pv - - qmp",
      .fragment = "inhibited by launch security 's390-pv': the guest" },
    { "the secondary side of COLO refuses and only a restart is advised", .memory = HALF,
      .flags = LIVE, .live = COMMAND_LINE_GUEST,
      .monitor = MONITOR{
          NO_DEVICES,
          { QUERY("query-colo-status"), RETURN("{\"mode\":\"secondary\"}") }, { NULL, NULL } },
      REFUSES, .inhibitors = "colo - - qmp",
      .text = "cannot reduce memory of domain 'guest' to 524288 KiB: ballooning is inhibited by "
              "COLO secondary: the guest would lose 524288 KiB and the host would gain nothing; "
              "lower <memory> of the domain and start it again" },
    { "disks that only QEMU tells of refuse and are to be detached", .memory = HALF,
      .flags = LIVE, .live = COMMAND_LINE_GUEST,
      .monitor = MONITOR{
          NO_DEVICES,
          { BLOCK_NODES, RETURN("[{\"drv\":\"nvme\",\"node-name\":\"n0\"},"
                                "{\"drv\":\"nvme-io_uring\",\"node-name\":\"n1\"}]") },
          { NULL, NULL } },
      REFUSES, .inhibitors = "nvme n0 - qmp, blkio n1 - qmp",
      .text = "cannot reduce memory of domain 'guest' to 524288 KiB: ballooning is inhibited by "
              "userspace NVMe disk 'n0' and libblkio disk 'n1': the guest would lose 524288 KiB "
              "and the host would gain nothing; detach the devices, or lower <memory> of the "
              "domain and start it again" },
    { "a vDPA network back end that only QEMU tells of refuses", .memory = HALF, .flags = LIVE,
      .live = COMMAND_LINE_GUEST,
      .monitor = MONITOR{
          NO_DEVICES,
          { INFO_NETWORK, RETURN("\"n0: index=0,type=vhost-vdpa,vhost-vdpa\\r\\n\"") },
          { NULL, NULL } },
      REFUSES, .inhibitors = "vhost-vdpa n0 - qmp",
      .text = "cannot reduce memory of domain 'guest' to 524288 KiB: ballooning is inhibited by "
              "vDPA device 'n0': the guest would lose 524288 KiB and the host would gain nothing; "
              "detach the device, or lower <memory> of the domain and start it again" },
    { "a QEMU that has none of the queries passes", .memory = HALF, .flags = LIVE,
      .live = COMMAND_LINE_GUEST,
      .monitor = MONITOR{
          NO_DEVICES,
          { QUERY("query-migrate-capabilities"), QMP_ERROR("CommandNotFound", "no") },
          { QUERY("query-sev"), QMP_ERROR("CommandNotFound", "no") },
          { QUERY("query-colo-status"), QMP_ERROR("CommandNotFound", "no") },
          { INFO_NETWORK, QMP_ERROR("GenericError", "no") },
          { NULL, NULL } },
      AVAILABLE },
    { "what goes on and cannot be read refuses and the text says so", .memory = HALF,
      .flags = LIVE, .live = COMMAND_LINE_GUEST,
      .monitor = MONITOR{ NO_DEVICES, { QUERY("query-migrate"), RETURN("[]") }, { NULL, NULL } },
      UNREADABLE,
      .text = "cannot check whether ballooning of domain 'guest' is inhibited: the query's answer "
              "is of another type; nothing was changed" },
    { "under warn what goes on and cannot be read passes with a line", .memory = HALF,
      .flags = LIVE, .live = GUEST{ .more = COMMAND_LINE, .policy = "warn" },
      .monitor = MONITOR{ NO_DEVICES, { INFO_NETWORK, RETURN("1") }, { NULL, NULL } },
      PASSES, .logged = true },

    /* More of the devices */
    { "a physical device that libvirt does not know gets its address from QEMU", .memory = HALF,
      .flags = LIVE, .live = COMMAND_LINE_GUEST,
      .monitor = MONITOR{
          ONE_PERIPHERAL("gpu", "vfio-pci"),
          { ALLOWED("gpu"), RETURN("false") },
          { SYSFSDEV("gpu"), RETURN("\"/sys/bus/pci/devices/0000:07:00.0\"") },
          { NULL, NULL } },
      REFUSES, .inhibitors = "vfio-pci gpu 0000:07:00.0 qmp",
      .text = "cannot reduce memory of domain 'guest' to 524288 KiB: ballooning is inhibited by "
              "assigned PCI device 'gpu' (0000:07:00.0): the guest would lose 524288 KiB and the "
              "host would gain nothing; detach the device, or lower <memory> of the domain and "
              "start it again" },
    { "a device without an id is found and named by its place", .memory = HALF, .flags = LIVE,
      .live = COMMAND_LINE_GUEST, .rounds = 3,
      .monitor = MONITOR{
          { LIST(PERIPHERAL), NOBODY },
          { LIST(ANONYMOUS), CHILDREN(CHILD("device[0]", "virtio-rng-pci")
                                      CHILD("device[1]", "vfio-pci")) },
          { GET(ANONYMOUS "/device[1]", "x-balloon-allowed"), RETURN("false") },
          { GET(ANONYMOUS "/device[1]", "sysfsdev"),
            RETURN("\"/sys/bus/pci/devices/0000:07:00.0\"") },
          { NULL, NULL } },
      REFUSES, .inhibitors = "vfio-pci device[1] 0000:07:00.0 qmp" },
    { "a mediated device that libvirt does not know is told by its path", .memory = HALF,
      .flags = LIVE, .live = COMMAND_LINE_GUEST,
      .monitor = MONITOR{
          ONE_PERIPHERAL("vgpu", "vfio-pci"),
          { ALLOWED("vgpu"), RETURN("false") },
          { SYSFSDEV("vgpu"), RETURN("\"/sys/bus/mdev/devices/" UUID_A "\"") },
          { NULL, NULL } },
      REFUSES, .inhibitors = "vfio-mdev vgpu " UUID_A " qmp" },
    { "a mediated device on the command line that is opted out passes", .memory = HALF,
      .flags = LIVE, .live = COMMAND_LINE_GUEST,
      .monitor = MONITOR{
          ONE_PERIPHERAL("vgpu", "vfio-pci"),
          { ALLOWED("vgpu"), RETURN("true") },
          { SYSFSDEV("vgpu"), RETURN("\"/sys/bus/mdev/devices/" UUID_A "\"") },
          { NULL, NULL } },
      AVAILABLE },
    { "a device without a readable path still refuses", .memory = HALF, .flags = LIVE,
      .live = COMMAND_LINE_GUEST,
      .monitor = MONITOR{
          ONE_PERIPHERAL("gpu", "vfio-pci"),
          { ALLOWED("gpu"), RETURN("false") },
          { SYSFSDEV("gpu"), "nonsense" },
          { NULL, NULL } },
      REFUSES, .inhibitors = "vfio-pci gpu - qmp" },
    { "a device that has no path still refuses", .memory = HALF, .flags = LIVE,
      .live = COMMAND_LINE_GUEST,
      .monitor = MONITOR{
          ONE_PERIPHERAL("gpu", "vfio-pci"),
          { ALLOWED("gpu"), RETURN("false") },
          { SYSFSDEV("gpu"), QMP_ERROR("GenericError", "Property 'vfio-pci.sysfsdev' is not "
                                       "readable") },
          { NULL, NULL } },
      REFUSES, .inhibitors = "vfio-pci gpu - qmp" },
    { "a path that ends in a slash gives no empty address", .memory = HALF, .flags = LIVE,
      .live = COMMAND_LINE_GUEST,
      .monitor = MONITOR{
          ONE_PERIPHERAL("vgpu", "vfio-pci"),
          { ALLOWED("vgpu"), RETURN("false") },
          { SYSFSDEV("vgpu"), RETURN("\"/sys/bus/mdev/devices/" UUID_A "/\"") },
          { NULL, NULL } },
      REFUSES, .inhibitors = "vfio-mdev vgpu " UUID_A " qmp", .notThere = "()" },
    { "a mediated device by the path of its parent is one as well", .memory = HALF, .flags = LIVE,
      .live = COMMAND_LINE_GUEST,
      .monitor = MONITOR{
          ONE_PERIPHERAL("vgpu", "vfio-pci"),
          { ALLOWED("vgpu"), RETURN("false") },
          { SYSFSDEV("vgpu"), RETURN("\"/sys/devices/pci0000:00/0000:00:02.0/" UUID_A "\"") },
          { NULL, NULL } },
      REFUSES, .inhibitors = "vfio-mdev vgpu " UUID_A " qmp" },
    { "the bridge that QEMU adds for integrated graphics is no inhibitor", .memory = HALF,
      .flags = LIVE, .live = COMMAND_LINE_GUEST,
      .monitor = MONITOR{ ONE_PERIPHERAL("igd", "vfio-pci-igd-lpc-bridge"), { NULL, NULL } },
      AVAILABLE },
    { "vfio-ccw and vfio-ap are no inhibitors to QEMU either", .memory = HALF, .flags = LIVE,
      .qmp = QEMU_DOMAIN_QMP_ALWAYS,
      .live = GUEST{ .devices = MDEV("hostdev0", "vfio-ccw", UUID_A)
                                MDEV("hostdev1", "vfio-ap", UUID_B) },
      .monitor = MONITOR{
          { LIST(PERIPHERAL), CHILDREN(CHILD("hostdev0", "vfio-ccw")
                                       CHILD("hostdev1", "vfio-ap")) },
          { LIST(ANONYMOUS), NOBODY },
          { NULL, NULL } },
      AVAILABLE },
    { "a platform device refuses", .memory = HALF, .flags = LIVE, .live = COMMAND_LINE_GUEST,
      .monitor = MONITOR{ ONE_PERIPHERAL("xgbe", "vfio-amd-xgbe"), { NULL, NULL } },
      REFUSES, .inhibitors = "vfio-platform xgbe - qmp",
      .fragment = "inhibited by assigned platform device 'xgbe': the guest" },
    { "a vDPA device that only QEMU knows refuses", .memory = HALF, .flags = LIVE,
      .live = COMMAND_LINE_GUEST,
      .monitor = MONITOR{ ONE_PERIPHERAL("vdpa0", "vhost-vdpa-device-pci"), { NULL, NULL } },
      REFUSES, .inhibitors = "vhost-vdpa vdpa0 - qmp" },
    { "an emulated NVMe drive is no inhibitor", .memory = HALF, .flags = LIVE,
      .live = COMMAND_LINE_GUEST,
      .monitor = MONITOR{ ONE_PERIPHERAL("disk0", "nvme"), { NULL, NULL } }, AVAILABLE },
    { "devices with and without an id are listed together", .memory = HALF, .flags = LIVE,
      .live = COMMAND_LINE_GUEST,
      .monitor = MONITOR{
          { LIST(PERIPHERAL), CHILDREN(CHILD("vu0", "vfio-user-pci")) },
          { LIST(ANONYMOUS), CHILDREN(CHILD("device[0]", "vfio-user-pci")) },
          { NULL, NULL } },
      REFUSES, .inhibitors = "vfio-user vu0 - qmp, vfio-user device[0] - qmp" },
    { "an odd id is asked about as it is", .memory = HALF, .flags = LIVE,
      .live = COMMAND_LINE_GUEST,
      .monitor = MONITOR{
          ONE_PERIPHERAL("a\\\"b\\\\c", "vfio-pci"),
          { ALLOWED("a\\\"b\\\\c"), RETURN("false") },
          { SYSFSDEV("a\\\"b\\\\c"), RETURN("\"/sys/bus/pci/devices/0000:07:00.0\"") },
          { NULL, NULL } },
      REFUSES, .inhibitors = "vfio-pci a\"b\\c 0000:07:00.0 qmp" },

    /* Sizes */
    { "exactly what the guest has passes and nothing is asked", .memory = GIB, .flags = LIVE,
      .live = PCI_GUEST, .rounds = 1, PASSES },
    { "one KiB less is refused", .memory = GIB - 1, .flags = LIVE, .live = PCI_GUEST,
      REFUSES, .inhibitors = PCI_INHIBITOR,
      .text = "cannot reduce memory of domain 'guest' to 1048575 KiB: ballooning is inhibited by "
              "assigned PCI device 'hostdev0' (0000:07:00.0): the guest would lose 1 KiB and the "
              "host would gain nothing; detach the device, or lower <memory> of the domain and "
              "start it again" },
    { "one KiB more than there may be is left to libvirt", .memory = GIB + 1, .flags = LIVE,
      .live = PCI_GUEST, PASSES },
    { "an inflated guest may grow", .memory = HALF + 1, .flags = LIVE,
      .live = GUEST{ .current = HALF, .devices = PCI("hostdev0", "07") }, PASSES },
    { "an inflated guest may stay", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .current = HALF, .devices = PCI("hostdev0", "07") }, PASSES },
    { "an inflated guest may grow to its maximum", .memory = GIB, .flags = LIVE,
      .live = GUEST{ .current = HALF, .devices = PCI("hostdev0", "07") }, PASSES },
    { "an inflated guest loses what is between", .memory = HALF - 100, .flags = LIVE,
      .live = GUEST{ .current = HALF, .devices = PCI("hostdev0", "07") },
      REFUSES, .inhibitors = PCI_INHIBITOR, .fragment = "the guest would lose 100 KiB" },
    { "zero is left to libvirt without a question", .memory = 0, .flags = LIVE, PASSES },
    { "one KiB is a shrink like any other", .memory = 1, .flags = LIVE, .live = PCI_GUEST,
      REFUSES, .inhibitors = PCI_INHIBITOR, .fragment = "the guest would lose 1048575 KiB" },
    { "the largest size there is is left to libvirt", .memory = G_MAXUINT64, .flags = LIVE,
      .live = PCI_GUEST, PASSES },
    { "terabytes are counted without loss", .memory = 17179869183ULL, .flags = LIVE,
      .live = GUEST{ .memory = 17179869184ULL, .devices = PCI("hostdev0", "07") },
      REFUSES, .inhibitors = PCI_INHIBITOR,
      .fragment = "to 17179869183 KiB: ballooning is inhibited by" },

    /* Memory devices: virtio-mem and nvdimm are no part of the balloon */
    { "a size between the balloon's and the domain's maximum passes", .memory = 2300000,
      .flags = LIVE, .live = GUEST{ .file = "virtio-mem-live" }, .rounds = 1, PASSES },
    { "exactly the balloon's maximum passes", .memory = 2 * GIB, .flags = LIVE,
      .live = GUEST{ .file = "virtio-mem-live" }, PASSES },
    { "below the balloon's maximum the virtio-mem device is advised", .memory = 2 * GIB - 1,
      .flags = LIVE, .live = GUEST{ .file = "virtio-mem-live" },
      REFUSES, .inhibitors = PCI_INHIBITOR,
      .text = "cannot reduce memory of domain 'guest' to 2097151 KiB: ballooning is inhibited by "
              "assigned PCI device 'hostdev0' (0000:07:00.0): the guest would lose 1 KiB and the "
              "host would gain nothing; use 'virsh update-memory-device guest --alias ua-virtiomem "
              "--requested-size 522240KiB' instead, or detach the device, or lower <memory> of the "
              "domain and start it again" },
    { "the advised size is whole blocks", .memory = 2 * GIB - 2048, .flags = LIVE,
      .live = GUEST{ .file = "virtio-mem-live" }, REFUSES, .inhibitors = PCI_INHIBITOR,
      .fragment = "--requested-size 522240KiB'" },
    { "the advised size is the next block where it is one KiB more", .memory = 2 * GIB - 2049,
      .flags = LIVE, .live = GUEST{ .file = "virtio-mem-live" },
      REFUSES, .inhibitors = PCI_INHIBITOR,
      .fragment = "--requested-size 520192KiB'" },
    { "all that is plugged may be advised", .memory = 2 * GIB - HALF, .flags = LIVE,
      .live = GUEST{ .file = "virtio-mem-live" }, REFUSES, .inhibitors = PCI_INHIBITOR,
      .fragment = "--requested-size 0KiB'" },
    { "no more than what is plugged is advised", .memory = GIB, .flags = LIVE,
      .live = GUEST{ .file = "virtio-mem-live" }, REFUSES, .inhibitors = PCI_INHIBITOR,
      .fragment = "the guest would lose 1048576 KiB and the host would gain nothing; use 'virsh "
                  "update-memory-device guest --alias ua-virtiomem --requested-size 0KiB' instead, "
                  "or" },
    { "a virtio-mem device with nothing plugged is not advised", .memory = HALF, .flags = LIVE,
      .live = MEM_GUEST(2 * GIB, GIB, VIRTIO_MEM(ALIAS("ua-vm"), "0", "0")),
      REFUSES, .inhibitors = PCI_INHIBITOR, .notThere = "update-memory-device",
      .text = "cannot reduce memory of domain 'guest' to 524288 KiB: ballooning is inhibited by "
              "assigned PCI device 'hostdev0' (0000:07:00.0): the guest would lose 524288 KiB and "
              "the host would gain nothing; detach the device, or lower <memory> of the domain and "
              "start it again" },
    { "a virtio-mem device that is still being plugged counts as far as it is", .memory = GIB - 1,
      .flags = LIVE,
      .live = MEM_GUEST(2 * GIB, GIB + HALF, VIRTIO_MEM(ALIAS("ua-vm"), "1048576", "524288")),
      REFUSES, .inhibitors = PCI_INHIBITOR, .fragment = "--requested-size 522240KiB'" },
    { "exactly the balloon's size passes while a device is being plugged", .memory = GIB,
      .flags = LIVE,
      .live = MEM_GUEST(2 * GIB, GIB + HALF, VIRTIO_MEM(ALIAS("ua-vm"), "1048576", "524288")),
      PASSES },
    { "a virtio-mem device that is being unplugged is not advised to be plugged again",
      .memory = GIB - 1, .flags = LIVE,
      .live = MEM_GUEST(2 * GIB, GIB + HALF, VIRTIO_MEM(ALIAS("ua-vm"), "0", "524288")),
      REFUSES, .inhibitors = PCI_INHIBITOR, .notThere = "--requested-size 522240KiB" },
    { "what a virtio-mem device was asked already is not advised again", .memory = GIB - 1,
      .flags = LIVE,
      .live = MEM_GUEST(2 * GIB, GIB + HALF, VIRTIO_MEM(ALIAS("ua-vm"), "522240", "524288")),
      REFUSES, .inhibitors = PCI_INHIBITOR, .notThere = "update-memory-device" },
    { "of two virtio-mem devices the one that gives most is advised", .memory = GIB - 2048,
      .flags = LIVE,
      .live = MEM_GUEST(3 * GIB, GIB + HALF + 2048,
                        VIRTIO_MEM(ALIAS("ua-vm0"), "2048", "2048")
                        VIRTIO_MEM(ALIAS("ua-vm1"), "524288", "524288")),
      REFUSES, .inhibitors = PCI_INHIBITOR,
      .fragment = "--alias ua-vm1 --requested-size 522240KiB'" },
    { "of two virtio-mem devices the one that is not being unplugged is advised",
      .memory = GIB - 2048, .flags = LIVE,
      .live = MEM_GUEST(3 * GIB, GIB + HALF + 4096,
                        VIRTIO_MEM(ALIAS("ua-vm0"), "0", "524288")
                        VIRTIO_MEM(ALIAS("ua-vm1"), "4096", "4096")),
      REFUSES, .inhibitors = PCI_INHIBITOR,
      .fragment = "--alias ua-vm1 --requested-size 2048KiB'" },
    { "a virtio-mem device without an alias is not advised", .memory = HALF, .flags = LIVE,
      .live = MEM_GUEST(2 * GIB, GIB + HALF, VIRTIO_MEM("", "524288", "524288")),
      REFUSES, .inhibitors = PCI_INHIBITOR, .notThere = "update-memory-device" },
    { "an inflated guest with virtio-mem is compared without what is plugged", .memory = 900000,
      .flags = LIVE,
      .live = MEM_GUEST(2 * GIB, 900000 + HALF, VIRTIO_MEM(ALIAS("ua-vm"), "524288", "524288")),
      PASSES },
    { "a DIMM is part of the balloon", .memory = GIB, .flags = LIVE,
      .live = MEM_GUEST(GIB + HALF, GIB + HALF, DIMM("524288")),
      REFUSES, .inhibitors = PCI_INHIBITOR, .fragment = "the guest would lose 524288 KiB",
      .notThere = "update-memory-device" },
    { "an nvdimm is no part of the balloon", .memory = GIB, .flags = LIVE,
      .live = MEM_GUEST(GIB + HALF, GIB, NVDIMM("524288")), PASSES },
    { "below the boot memory an nvdimm changes nothing", .memory = GIB - 1, .flags = LIVE,
      .live = MEM_GUEST(GIB + HALF, GIB, NVDIMM("524288")),
      REFUSES, .inhibitors = PCI_INHIBITOR, .fragment = "the guest would lose 1 KiB",
      .notThere = "update-memory-device" },
    { "virtio-mem in a guest without an inhibitor is no matter", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .memory = 2 * GIB, .current = GIB + HALF,
                     .devices = VIRTIO_MEM(ALIAS("ua-vm"), "524288", "524288") },
      .messages = NOT_TAINTED, AVAILABLE },

    /* Names on the advised command line */
    { "a name with a space is not advised as it is", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .name = "my guest", .memory = 2 * GIB, .current = GIB + HALF,
                     .devices = PCI("hostdev0", "07")
                                VIRTIO_MEM(ALIAS("ua-vm"), "524288", "524288") },
      REFUSES, .inhibitors = PCI_INHIBITOR,
      .text = "cannot reduce memory of domain 'my guest' to 524288 KiB: ballooning is inhibited by "
              "assigned PCI device 'hostdev0' (0000:07:00.0): the guest would lose 524288 KiB and "
              "the host would gain nothing; use 'virsh update-memory-device "
              "6f3b0a52-2f3b-4a0e-9a3e-5c2f6f1d7a01 --alias ua-vm --requested-size 0KiB' instead, "
              "or detach the device, or lower <memory> of the domain and start it again" },
    { "a name with shell characters is not advised as it is", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .name = "a;b$(c)&d", .memory = 2 * GIB, .current = GIB + HALF,
                     .devices = PCI("hostdev0", "07")
                                VIRTIO_MEM(ALIAS("ua-vm"), "524288", "524288") },
      REFUSES, .inhibitors = PCI_INHIBITOR,
      .fragment = "'virsh update-memory-device " UUID_GUEST " --alias" },
    { "a name with a quote is not advised as it is", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .name = "it's", .memory = 2 * GIB, .current = GIB + HALF,
                     .devices = PCI("hostdev0", "07")
                                VIRTIO_MEM(ALIAS("ua-vm"), "524288", "524288") },
      REFUSES, .inhibitors = PCI_INHIBITOR,
      .fragment = "'virsh update-memory-device " UUID_GUEST " --alias" },
    { "a name that looks like an option is not advised as it is", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .name = "--help", .memory = 2 * GIB, .current = GIB + HALF,
                     .devices = PCI("hostdev0", "07")
                                VIRTIO_MEM(ALIAS("ua-vm"), "524288", "524288") },
      REFUSES, .inhibitors = PCI_INHIBITOR,
      .fragment = "'virsh update-memory-device " UUID_GUEST " --alias" },
    { "a name that virsh would take for an id is not advised as it is", .memory = HALF,
      .flags = LIVE,
      .live = GUEST{ .name = "42", .memory = 2 * GIB, .current = GIB + HALF,
                     .devices = PCI("hostdev0", "07")
                                VIRTIO_MEM(ALIAS("ua-vm"), "524288", "524288") },
      REFUSES, .inhibitors = PCI_INHIBITOR,
      .fragment = "'virsh update-memory-device " UUID_GUEST " --alias" },
    { "a name beyond ASCII is told as it is", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .name = "g\303\244st", .devices = PCI("hostdev0", "07") },
      REFUSES, .inhibitors = PCI_INHIBITOR,
      .fragment = "cannot reduce memory of domain 'g\303\244st' to 524288 KiB: " },
    { "a plain name with dots and dashes is advised", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .name = "web-1.example_x", .memory = 2 * GIB, .current = GIB + HALF,
                     .devices = PCI("hostdev0", "07")
                                VIRTIO_MEM(ALIAS("ua-vm"), "524288", "524288") },
      REFUSES, .inhibitors = PCI_INHIBITOR,
      .fragment = "'virsh update-memory-device web-1.example_x --alias" },
    { "a name with a percent sign is no format", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .name = "%s%n", .devices = PCI("hostdev0", "07") },
      REFUSES, .inhibitors = PCI_INHIBITOR, .fragment = "of domain '%s%n' to 524288 KiB: " },

    /* The policy of a running guest; the rest of it is in testPolicies */
    { "under warn the shrink passes and the log says what is lost", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .devices = PCI("hostdev0", "07"), .policy = "warn" },
      WARNS, .inhibitors = PCI_INHIBITOR,
      .log = "domain 'guest': memory is reduced to 524288 KiB although ballooning is inhibited by "
             "assigned PCI device 'hostdev0' (0000:07:00.0): the guest loses 524288 KiB and the "
             "host gains nothing (policy 'warn')" },
    { "under warn a guest without an inhibitor leaves no line", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .policy = "warn" }, .messages = NOT_TAINTED, AVAILABLE },
    { "under warn a guest that grows leaves no line", .memory = GIB, .flags = LIVE,
      .live = GUEST{ .current = HALF, .devices = PCI("hostdev0", "07"), .policy = "warn" },
      PASSES },
    { "under warn QEMU is asked as under block", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .more = COMMAND_LINE, .policy = "warn" },
      .monitor = MONITOR{ ONE_PERIPHERAL("vu0", "vfio-user-pci"), { NULL, NULL } },
      WARNS, .inhibitors = "vfio-user vu0 - qmp" },
    { "under ignore the shrink passes, nobody is asked and nothing is logged", .memory = HALF,
      .flags = LIVE, .live = GUEST{ .more = COMMAND_LINE, .policy = "ignore" }, .rounds = 1,
      PASSES },

    /* Flags */
    { "setmaxmem is left to libvirt without a question", .memory = HALF, .flags = MAXIMUM, PASSES },
    { "setmaxmem --live is left to libvirt", .memory = HALF, .flags = MAXIMUM | LIVE, PASSES },
    { "setmaxmem --config is left to libvirt", .memory = HALF, .flags = MAXIMUM | CONFIG, PASSES },
    { "setmaxmem --live --config is left to libvirt", .memory = HALF,
      .flags = MAXIMUM | LIVE | CONFIG, PASSES },
    { "a flag that nobody knows is left to libvirt", .memory = HALF, .flags = LIVE | 8, PASSES },
    { "the highest flag is left to libvirt", .memory = HALF, .flags = 1U << 31, PASSES },
    { "flags 0 mean the running guest", .memory = HALF, .live = PCI_GUEST,
      REFUSES, .inhibitors = PCI_INHIBITOR },
    { "--live on a guest that is shut off is left to libvirt", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .inactive = true, .devices = PCI("hostdev0", "07"), .policy = "block" },
      .rounds = 1, PASSES },
    { "--live --config on a guest that is shut off is left to libvirt", .memory = HALF,
      .flags = LIVE | CONFIG,
      .live = GUEST{ .inactive = true, .devices = PCI("hostdev0", "07"), .policy = "block" },
      .rounds = 1, PASSES },

    /* The next start */
    { "a guest that is shut off and has no policy passes with a line", .memory = HALF,
      .live = GUEST{ .file = "pci-inactive" }, .rounds = 1,
      WARNS, .inhibitors = "vfio-pci - 0000:07:00.0 xml",
      .log = "domain 'guest': memory is set to 524288 KiB for the next start although ballooning "
             "will be inhibited by assigned PCI device (0000:07:00.0)" },
    { "a guest that is shut off and says block is refused", .memory = HALF,
      .live = GUEST{ .inactive = true, .devices = PCI("hostdev0", "07"), .policy = "block" },
      REFUSES, .inhibitors = PCI_INHIBITOR,
      .text = "cannot set memory of domain 'guest' to 524288 KiB for its next start: ballooning "
              "will be inhibited by assigned PCI device 'hostdev0' (0000:07:00.0): the guest would "
              "give up 524288 KiB when it starts and the host would gain nothing; lower <memory> "
              "of the domain instead",
      .log = "domain 'guest': refused to set memory to 524288 KiB for the next start: ballooning "
             "will be inhibited by assigned PCI device 'hostdev0' (0000:07:00.0)" },
    { "--config on a guest that is shut off is the same", .memory = HALF, .flags = CONFIG,
      .live = GUEST{ .inactive = true, .devices = PCI("hostdev0", "07"), .policy = "block" },
      .rounds = 1, REFUSES, .inhibitors = PCI_INHIBITOR },
    { "all of the balloon for the next start passes", .memory = GIB, .flags = CONFIG,
      .live = GUEST{ .inactive = true, .devices = PCI("hostdev0", "07"), .policy = "block" },
      PASSES },
    { "one KiB less for the next start is refused", .memory = GIB - 1, .flags = CONFIG,
      .live = GUEST{ .inactive = true, .devices = PCI("hostdev0", "07"), .policy = "block" },
      REFUSES, .inhibitors = PCI_INHIBITOR,
      .fragment = "the guest would give up 1 KiB when it starts" },
    { "more than there may be for the next start is left to libvirt", .memory = GIB + 1,
      .flags = CONFIG,
      .live = GUEST{ .inactive = true, .devices = PCI("hostdev0", "07"), .policy = "block" },
      PASSES },
    { "less than before is refused for the next start although the guest was inflated before",
      .memory = HALF + 1, .flags = CONFIG,
      .live = GUEST{ .inactive = true, .current = HALF, .devices = PCI("hostdev0", "07"),
                     .policy = "block" },
      REFUSES, .inhibitors = PCI_INHIBITOR },
    { "virtio-mem is no part of the balloon of the next start", .memory = GIB, .flags = CONFIG,
      .live = GUEST{ .inactive = true, .memory = 2 * GIB, .policy = "block",
                     .devices = PCI("hostdev0", "07")
                                VIRTIO_MEM(ALIAS("ua-vm"), "524288", "0") },
      PASSES },
    { "below the boot memory the next start is refused with virtio-mem too", .memory = GIB - 1,
      .flags = CONFIG,
      .live = GUEST{ .inactive = true, .memory = 2 * GIB, .policy = "block",
                     .devices = PCI("hostdev0", "07")
                                VIRTIO_MEM(ALIAS("ua-vm"), "524288", "0") },
      REFUSES, .inhibitors = PCI_INHIBITOR,
      .fragment = "the guest would give up 1 KiB when it starts" },
    { "an opt-out is believed for the next start", .memory = HALF, .flags = CONFIG,
      .live = GUEST{ .inactive = true, .devices = MDEV("ua-vgpu", "vfio-pci", UUID_A),
                     .more = OVERRIDE(OPT_OUT("ua-vgpu")), .policy = "block" },
      .rounds = 1, PASSES },
    { "a network that hands out devices of the host refuses", .memory = HALF, .flags = CONFIG,
      .live = GUEST{ .inactive = true, .policy = "block",
                     .devices = "<interface type='network'><source network='sriov'/></interface>" },
      .network = "sriov", .isHostdev = true, .rounds = 2, REFUSES,
      .inhibitors = "vfio-pci - of network 'sriov' xml interface" },
    { "any other network passes", .memory = HALF, .flags = CONFIG,
      .live = GUEST{ .inactive = true, .policy = "block",
                     .devices = "<interface type='network'><source network='lan'/></interface>" },
      .network = "lan", .rounds = 2, PASSES },
    { "a guest that is shut off, says block and has no inhibitor passes", .memory = HALF,
      .flags = CONFIG, .live = GUEST{ .inactive = true, .policy = "block" }, .rounds = 1, PASSES },
    { "a command line is no reason to ask a guest that is shut off", .memory = HALF,
      .flags = CONFIG, .qmp = QEMU_DOMAIN_QMP_ALWAYS,
      .live = GUEST{ .inactive = true, .more = COMMAND_LINE, .policy = "block" }, .rounds = 1,
      PASSES },

    /* --config and --live --config on a running guest */
    { "--config on a running guest looks at the next start only", .memory = HALF, .flags = CONFIG,
      .live = GUEST{ .devices = PCI("hostdev0", "07"), .policy = "block" }, .rounds = 2,
      .inactive = GUEST{ .inactive = true, .policy = "block" }, .persistent = TEST_PERSISTENT_YES,
      PASSES },
    { "--config on a running guest is refused where the next start is inhibited", .memory = HALF,
      .flags = CONFIG, .live = GUEST{},
      .inactive = GUEST{ .inactive = true, .policy = "block", .devices = PCI("hostdev0", "07") },
      .persistent = TEST_PERSISTENT_YES,
      REFUSES, .inhibitors = PCI_INHIBITOR,
      .fragment = "cannot set memory of domain 'guest' to 524288 KiB for its next start: " },
    { "--config on a running guest without a policy passes with a line", .memory = HALF,
      .flags = CONFIG, .live = GUEST{}, .inactive = GUEST{ .file = "pci-inactive" },
      .persistent = TEST_PERSISTENT_YES,
      WARNS, .inhibitors = "vfio-pci - 0000:07:00.0 xml" },
    { "the policy of the running guest does not bind the next start", .memory = HALF,
      .flags = CONFIG, .live = GUEST{ .policy = "block", .devices = PCI("hostdev0", "07") },
      .inactive = GUEST{ .inactive = true, .policy = "ignore", .devices = PCI("hostdev0", "07") },
      .persistent = TEST_PERSISTENT_YES, PASSES },
    { "--config on a transient guest is left to libvirt", .memory = HALF, .flags = CONFIG,
      .live = GUEST{ .policy = "block", .devices = PCI("hostdev0", "07") },
      .inactive = GUEST{ .inactive = true, .policy = "block", .devices = PCI("hostdev0", "07") },
      .persistent = TEST_PERSISTENT_NO, PASSES },
    { "--config above the maximum of the next start is left to libvirt", .memory = HALF + 1,
      .flags = CONFIG, .live = GUEST{},
      .inactive = GUEST{ .inactive = true, .memory = HALF, .policy = "block",
                         .devices = PCI("hostdev0", "07") },
      .persistent = TEST_PERSISTENT_YES, PASSES },
    { "--config may ask for more than the running guest can have", .memory = 2 * GIB - 1,
      .flags = CONFIG, .live = GUEST{},
      .inactive = GUEST{ .inactive = true, .memory = 2 * GIB, .policy = "block",
                         .devices = PCI("hostdev0", "07") },
      .persistent = TEST_PERSISTENT_YES, REFUSES, .inhibitors = PCI_INHIBITOR },
    { "--live --config is refused for its live half", .memory = HALF, .flags = LIVE | CONFIG,
      .live = PCI_GUEST, .inactive = GUEST{ .inactive = true }, .persistent = TEST_PERSISTENT_YES,
      REFUSES, .inhibitors = PCI_INHIBITOR,
      .fragment = "cannot reduce memory of domain 'guest' to 524288 KiB: " },
    { "--live --config is refused for its config half", .memory = HALF, .flags = LIVE | CONFIG,
      .live = GUEST{}, .messages = NOT_TAINTED,
      .inactive = GUEST{ .inactive = true, .policy = "block", .devices = PCI("hostdev0", "07") },
      .persistent = TEST_PERSISTENT_YES,
      REFUSES, .inhibitors = PCI_INHIBITOR,
      .fragment = "cannot set memory of domain 'guest' to 524288 KiB for its next start: " },
    { "--live --config without an inhibitor passes", .memory = HALF, .flags = LIVE | CONFIG,
      .live = GUEST{}, .messages = NOT_TAINTED, .inactive = GUEST{ .inactive = true },
      .persistent = TEST_PERSISTENT_YES, AVAILABLE },
    { "--live --config on a transient guest is left to libvirt", .memory = HALF,
      .flags = LIVE | CONFIG, .live = PCI_GUEST,
      .inactive = GUEST{ .inactive = true, .devices = PCI("hostdev0", "07") },
      .persistent = TEST_PERSISTENT_NO, PASSES },
    { "--live --config above the maximum of the next start is left to libvirt", .memory = HALF + 1,
      .flags = LIVE | CONFIG, .live = PCI_GUEST,
      .inactive = GUEST{ .inactive = true, .memory = HALF, .devices = PCI("hostdev0", "07") },
      .persistent = TEST_PERSISTENT_YES, PASSES },
    { "--live --config at exactly the maximum of the next start is ours to judge",
      .memory = HALF, .flags = LIVE | CONFIG, .live = PCI_GUEST,
      .inactive = GUEST{ .inactive = true, .memory = HALF, .devices = PCI("hostdev0", "07") },
      .persistent = TEST_PERSISTENT_YES, REFUSES, .inhibitors = PCI_INHIBITOR,
      .fragment = "cannot reduce memory of domain 'guest' to 524288 KiB: " },
    { "--live --config above the maximum of the running guest is left to libvirt",
      .memory = GIB + 1, .flags = LIVE | CONFIG, .live = PCI_GUEST,
      .inactive = GUEST{ .inactive = true, .memory = 2 * GIB, .policy = "block",
                         .devices = PCI("hostdev0", "07") },
      .persistent = TEST_PERSISTENT_YES, PASSES },
    { "--live --config where libvirt refuses its live half first is left to libvirt",
      .memory = HALF, .flags = LIVE | CONFIG,
      .live = GUEST{ .memballoon = "<memballoon model='none'/>" },
      .inactive = GUEST{ .inactive = true, .policy = "block", .devices = PCI("hostdev0", "07") },
      .persistent = TEST_PERSISTENT_YES, PASSES, .state = QEMU_DOMAIN_BALLOON_NONE },
    { "--live --config at what the guest has is judged by its config half", .memory = GIB,
      .flags = LIVE | CONFIG, .live = PCI_GUEST,
      .inactive = GUEST{ .inactive = true, .memory = 2 * GIB, .policy = "block",
                         .devices = PCI("hostdev0", "07") },
      .persistent = TEST_PERSISTENT_YES, REFUSES, .inhibitors = PCI_INHIBITOR,
      .fragment = "for its next start: " },
    { "--live --config under ignore is judged by its config half", .memory = HALF,
      .flags = LIVE | CONFIG,
      .live = GUEST{ .policy = "ignore", .devices = PCI("hostdev0", "07") },
      .inactive = GUEST{ .inactive = true, .policy = "block", .devices = PCI("hostdev0", "07") },
      .persistent = TEST_PERSISTENT_YES, REFUSES, .inhibitors = PCI_INHIBITOR,
      .fragment = "for its next start: " },
    { "of the two lines of --live --config that of the running guest is logged", .memory = HALF,
      .flags = LIVE | CONFIG,
      .live = GUEST{ .policy = "warn", .devices = PCI("hostdev0", "07") },
      .inactive = GUEST{ .inactive = true, .policy = "warn", .devices = PCI("hostdev0", "07") },
      .persistent = TEST_PERSISTENT_YES, WARNS, .inhibitors = PCI_INHIBITOR,
      .fragment = "memory is reduced to 524288 KiB although ballooning is inhibited by" },
    { "--live --config under warn keeps what inhibits the running guest", .memory = HALF,
      .flags = LIVE | CONFIG,
      .live = GUEST{ .policy = "warn", .devices = PCI("hostdev0", "07") },
      .inactive = GUEST{ .inactive = true, .policy = "warn" },
      .persistent = TEST_PERSISTENT_YES, WARNS, .inhibitors = PCI_INHIBITOR },
    { "a refused config half drops the line of the live half", .memory = HALF,
      .flags = LIVE | CONFIG,
      .live = GUEST{ .policy = "warn", .devices = PCI("hostdev0", "07") },
      .inactive = GUEST{ .inactive = true, .policy = "block", .devices = PCI("hostdev0", "07") },
      .persistent = TEST_PERSISTENT_YES, REFUSES, .inhibitors = PCI_INHIBITOR,
      .log = "domain 'guest': refused to set memory to 524288 KiB for the next start: ballooning "
             "will be inhibited by assigned PCI device 'hostdev0' (0000:07:00.0)" },

    /* No balloon device */
    { "a guest without a balloon device is left to libvirt", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .devices = PCI("hostdev0", "07"),
                     .memballoon = "<memballoon model='none'/>" },
      .rounds = 1, PASSES, .state = QEMU_DOMAIN_BALLOON_NONE },
    { "a guest without any balloon element is left to libvirt", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .devices = PCI("hostdev0", "07"), .memballoon = "" },
      .rounds = 1, PASSES, .state = QEMU_DOMAIN_BALLOON_NONE },
    { "the next start without a balloon device loses nothing", .memory = HALF, .flags = CONFIG,
      .live = GUEST{ .inactive = true, .devices = PCI("hostdev0", "07"), .policy = "block",
                     .memballoon = "<memballoon model='none'/>" },
      .rounds = 1, PASSES, .state = QEMU_DOMAIN_BALLOON_NONE },
    { "a transitional balloon device is one", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .devices = PCI("hostdev0", "07"),
                     .memballoon = "<memballoon model='virtio-transitional'/>" },
      REFUSES, .inhibitors = PCI_INHIBITOR },
    { "a non-transitional balloon device is one", .memory = HALF, .flags = LIVE,
      .live = GUEST{ .devices = PCI("hostdev0", "07"),
                     .memballoon = "<memballoon model='virtio-non-transitional'/>" },
      REFUSES, .inhibitors = PCI_INHIBITOR },
};

static char *
testLoadGuest(const testGuest *guest)
{
    GString *xml;
    unsigned long long memory = guest->memory ? guest->memory : GIB;
    g_autofree char *name = g_markup_escape_text(guest->name ? guest->name : "guest", -1);

    if (guest->file) {
        g_autofree char *path = g_strconcat(VB_TEST_DATA_DIR, "/qemudomaindata/", guest->file,
                                            ".xml", NULL);
        g_autoptr(GError) error = NULL;
        char *text = NULL;

        g_file_get_contents(path, &text, NULL, &error);
        g_assert_no_error(error);
        return text;
    }

    xml = g_string_new("<domain type='kvm'");
    g_string_append_printf(xml, "%s><name>%s</name><uuid>" UUID_GUEST "</uuid>",
                           guest->inactive ? "" : " id='7'", name);
    if (guest->policy)
        g_string_append_printf(xml, "<metadata><balloon:policy xmlns:balloon='"
                               VB_DOMAIN_POLICY_NAMESPACE "' memballoon='%s'/></metadata>",
                               guest->policy);
    g_string_append_printf(xml, "<memory unit='KiB'>%llu</memory>"
                           "<currentMemory unit='KiB'>%llu</currentMemory>",
                           memory, guest->current ? guest->current : memory);
    g_string_append_printf(xml, "<devices>%s%s</devices>%s</domain>",
                           guest->devices ? guest->devices : "",
                           guest->memballoon ? guest->memballoon : "<memballoon model='virtio'/>",
                           guest->more ? guest->more : "");
    return g_string_free(xml, FALSE);
}

/* One run of the policy: what is known, and what of the case was asked for. */
typedef struct {
    const testCase *data;
    qemuDomainFacts *facts;
    GHashTable *asked; /* of questions, each in words */
} testRun;

static void
testAnswerXML(testRun *run, bool inactive)
{
    const testGuest *guest = inactive ? run->data->inactive : run->data->live;
    g_autofree char *xml = testLoadGuest(guest);
    g_autoptr(GError) error = NULL;

    qemuDomainFactsAddXML(run->facts, inactive, xml, strlen(xml), &error);
    g_assert_no_error(error);
}

/* What a QEMU without anything that matters answers (7.2, made by the program); a case that is about
 * one of these says something else. */
static const testMonitorAnswer testUsualAnswers[] = {
    { QUERY("query-migrate"), "{\"return\":{},\"id\":\"libvirt-1\"}" },
    { QUERY("query-migrate-capabilities"),
      "{\"return\":[{\"state\":false,\"capability\":\"xbzrle\"},"
      "{\"state\":false,\"capability\":\"background-snapshot\"}],\"id\":\"libvirt-2\"}" },
    { QUERY("query-sev"),
      "{\"return\":{\"enabled\":false,\"api-minor\":0,\"handle\":0,\"state\":\"uninit\","
      "\"api-major\":0,\"build-id\":0,\"policy\":0},\"id\":\"libvirt-3\"}" },
    { QUERY("query-colo-status"),
      "{\"return\":{\"last-mode\":\"none\",\"mode\":\"none\",\"reason\":\"none\"},"
      "\"id\":\"libvirt-4\"}" },
    { BLOCK_NODES, "{\"return\":[],\"id\":\"libvirt-5\"}" },
    { QUERY("query-version"),
      "{\"return\":{\"qemu\":{\"micro\":22,\"minor\":2,\"major\":7},\"package\":\"\"},"
      "\"id\":\"libvirt-6\"}" },
    { INFO_NETWORK, "{\"return\":\"\",\"id\":\"libvirt-7\"}" },
    { NULL, NULL },
};

static void
testAddUsualAnswers(qemuDomainFacts *facts)
{
    for (const testMonitorAnswer *answer = testUsualAnswers; answer->command; answer++)
        qemuDomainFactsAddMonitorReply(facts, answer->command, answer->answer);
}

static bool
testAnswerMonitorFrom(testRun *run, const testMonitorAnswer *answers, const char *command)
{
    const testMonitorAnswer *answer;

    for (answer = answers; answer && answer->command; answer++) {
        if (g_str_equal(answer->command, command)) {
            qemuDomainFactsAddMonitorReply(run->facts, command, answer->answer);
            return true;
        }
    }
    return false;
}

static bool
testAnswerMonitor(testRun *run, const char *command)
{
    return testAnswerMonitorFrom(run, run->data->monitor, command) ||
        testAnswerMonitorFrom(run, testUsualAnswers, command);
}

/* Returns false, and fails the test, where the case does not have the answer. */
static bool
testAnswer(testRun *run, const qemuDomainQuestion *question)
{
    const testCase *data = run->data;
    g_autofree char *words = NULL;
    bool known = false;

    switch (question->kind) {
    case QEMU_DOMAIN_QUESTION_XML:
        words = g_strdup("XML");
        known = data->live != NULL;
        if (known)
            testAnswerXML(run, false);
        break;
    case QEMU_DOMAIN_QUESTION_XML_INACTIVE:
        words = g_strdup("inactive XML");
        known = data->inactive != NULL;
        if (known)
            testAnswerXML(run, true);
        break;
    case QEMU_DOMAIN_QUESTION_PERSISTENT:
        words = g_strdup("persistent");
        known = data->persistent != TEST_PERSISTENT_NOT_ASKED;
        qemuDomainFactsAddPersistent(run->facts, data->persistent == TEST_PERSISTENT_YES);
        break;
    case QEMU_DOMAIN_QUESTION_MESSAGES:
        words = g_strdup("messages");
        known = data->messages != NULL;
        if (known)
            qemuDomainFactsAddMessages(run->facts, data->messages);
        break;
    case QEMU_DOMAIN_QUESTION_MONITOR:
        words = g_strdup(question->command);
        known = testAnswerMonitor(run, question->command);
        break;
    case QEMU_DOMAIN_QUESTION_NETWORK:
        words = g_strdup("network");
        known = g_strcmp0(question->name, data->network) == 0;
        if (known)
            qemuDomainFactsAddNetwork(run->facts, question->name, data->isHostdev);
        break;
    case QEMU_DOMAIN_QUESTION_DEFINITION:
    case QEMU_DOMAIN_QUESTION_MANAGED_SAVE:
    case QEMU_DOMAIN_QUESTION_IMAGE:
    case QEMU_DOMAIN_QUESTION_LIBVIRT:
    case QEMU_DOMAIN_QUESTION_EMULATOR:
    default:
        words = g_strdup_printf("question %d", question->kind);
        break;
    }

    if (!known) {
        g_test_message("asked for what the case does not have: %s", words);
        g_test_fail();
        return false;
    }
    if (!g_hash_table_add(run->asked, g_steal_pointer(&words))) {
        g_test_message("asked twice");
        g_test_fail();
        return false;
    }
    return true;
}

static void
testAssertAsked(const testRun *run, const char *words)
{
    if (g_hash_table_contains(run->asked, words))
        return;
    g_test_message("never asked: %s", words);
    g_test_fail();
}

static void
testAssertAllAsked(const testRun *run)
{
    const testMonitorAnswer *answer;

    if (run->data->live)
        testAssertAsked(run, "XML");
    if (run->data->inactive)
        testAssertAsked(run, "inactive XML");
    if (run->data->persistent != TEST_PERSISTENT_NOT_ASKED)
        testAssertAsked(run, "persistent");
    if (run->data->messages)
        testAssertAsked(run, "messages");
    if (run->data->network)
        testAssertAsked(run, "network");
    for (answer = run->data->monitor; answer && answer->command; answer++)
        testAssertAsked(run, answer->command);
}

static qemuDomainVerdict *
testJudgeOnce(const testRun *run, const qemuDomainSettings *settings)
{
    const testCase *data = run->data;
    g_autoptr(vbDomainDef) device = NULL;
    g_autoptr(GError) error = NULL;

    switch (data->request) {
    case TEST_MONITOR_COMMAND:
        return qemuDomainJudgeMonitorCommand(run->facts, settings, &data->command);
    case TEST_ATTACH:
        if (data->device)
            device = vbDomainDefParseDeviceString(data->device, strlen(data->device), &error);
        g_assert_no_error(error);
        return qemuDomainJudgeAttach(run->facts, settings, device, data->flags);
    case TEST_SET_MEMORY:
    default:
        return qemuDomainJudgeSetMemory(run->facts, settings, data->memory, data->flags);
    }
}

/* Asks and answers until there is a verdict; NULL, and the test failed, where there is none. */
static qemuDomainVerdict *
testJudge(testRun *run)
{
    const testCase *data = run->data;
    qemuDomainSettings settings = { data->defaultPolicy, data->qmp };
    unsigned int rounds;

    if (settings.defaultPolicy == VB_DOMAIN_BALLOON_POLICY_DEFAULT)
        settings.defaultPolicy = VB_DOMAIN_BALLOON_POLICY_BLOCK;

    for (rounds = 0; rounds < 10; rounds++) {
        g_autoptr(qemuDomainVerdict) verdict = NULL;
        guint i;

        verdict = testJudgeOnce(run, &settings);
        if (verdict->action != QEMU_DOMAIN_VERDICT_NEED) {
            if (data->rounds > 0)
                g_assert_cmpuint(rounds, ==, data->rounds);
            return g_steal_pointer(&verdict);
        }
        g_assert_cmpuint(verdict->questions->len, >, 0);
        for (i = 0; i < verdict->questions->len; i++) {
            if (!testAnswer(run, g_ptr_array_index(verdict->questions, i)))
                return NULL;
        }
    }
    g_test_message("no verdict after %u rounds of questions", rounds);
    g_test_fail();
    return NULL;
}

static void
testAssertContains(const char *text, const char *part, bool expected)
{
    if (!part || (text && strstr(text, part) != NULL) == expected)
        return;
    g_test_message("'%s' should %sbe in: %s", part, expected ? "" : "not ", text);
    g_test_fail();
}

/* What any of our texts keeps to, whatever it says. */
static void
testAssertManner(const char *text)
{
    size_t length = text ? strlen(text) : 0;
    const char *c;

    g_assert_cmpuint(length, >, 0);
    if (length == 0)
        return;
    g_assert_cmpuint(length, <, 8192);
    g_assert_true(g_ascii_islower(text[0]));
    g_assert_true(text[length - 1] != '.');
    g_assert_null(strstr(text, "  "));
    g_assert_null(strstr(text, "(null)"));
    if (!g_utf8_validate(text, -1, NULL)) {
        g_test_message("no UTF-8");
        g_test_fail();
        return;
    }
    for (c = text; *c; c = g_utf8_next_char(c))
        g_assert_false(g_unichar_iscntrl(g_utf8_get_char(c)));
}

/* "ua-vm live 0, balloon live 1048576; 1048576 with 1": what is changed, and the call's own size and
 * flags */
static char *
testFormatPlan(const qemuRedirectPlan *plan)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < plan->changes->len; i++) {
        const qemuRedirectChange *change = g_ptr_array_index(plan->changes, i);

        g_string_append_printf(text, "%s%s %s %llu", i > 0 ? ", " : "",
                               change->device ? change->device : "balloon",
                               change->flags == VIR_DOMAIN_AFFECT_LIVE ? "live" : "config",
                               change->size);
    }
    g_string_append_printf(text, "; %llu with %u", plan->memory, plan->flags);
    return g_string_free(text, FALSE);
}

static void
testAssertVerdict(const testCase *data, const qemuDomainVerdict *verdict)
{
    g_autofree char *inhibitors = testFormatInhibitors(verdict->inhibitors);
    g_autofree char *plan = verdict->redirect && verdict->action == QEMU_DOMAIN_VERDICT_PASS ?
        testFormatPlan(verdict->redirect) : NULL;

    g_assert_cmpstr(plan, ==, data->plan);
    g_assert_cmpint(verdict->action, ==, data->action);
    g_assert_cmpint(verdict->errorCode, ==, data->code);
    g_assert_cmpstr(qemuDomainBalloonStateTypeToString(verdict->state), ==,
                    qemuDomainBalloonStateTypeToString(data->state));
    if (data->code != VIR_ERR_INTERNAL_ERROR)
        g_assert_cmpstr(inhibitors, ==, data->inhibitors ? data->inhibitors : "");

    if (verdict->errorText) {
        testAssertManner(verdict->errorText);
        g_assert_true(g_str_has_prefix(verdict->errorText, "cannot "));
    }
    g_assert_true((verdict->errorText != NULL) == (data->action == QEMU_DOMAIN_VERDICT_REFUSE));
    if (data->text)
        g_assert_cmpstr(verdict->errorText, ==, data->text);
    testAssertContains(verdict->errorText ? verdict->errorText : verdict->logText, data->fragment,
                       true);
    testAssertContains(verdict->errorText, data->notThere, false);
    testAssertContains(verdict->logText, data->notThere, false);

    if (verdict->logText)
        testAssertManner(verdict->logText);
    if (data->logged || data->code != VIR_ERR_INTERNAL_ERROR)
        g_assert_true((verdict->logText != NULL) == data->logged);
    if (data->log)
        g_assert_cmpstr(verdict->logText, ==, data->log);
}

static void
testVerdict(gconstpointer opaque)
{
    g_autoptr(qemuDomainFacts) facts = qemuDomainFactsNew();
    g_autoptr(GHashTable) asked = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    testRun run = { opaque, facts, asked };
    g_autoptr(qemuDomainVerdict) verdict = testJudge(&run);

    if (!verdict)
        return;
    testAssertAllAsked(&run);
    testAssertVerdict(run.data, verdict);
}

/* Policy of the domain against default_policy of the host */

typedef enum {
    TEST_OUTCOME_REFUSED,
    TEST_OUTCOME_LOGGED,
    TEST_OUTCOME_SILENT,
} testOutcome;

typedef struct {
    const char *policy; /* in the domain; NULL: none */
    vbDomainBalloonPolicy defaultPolicy;
    testOutcome live;   /* shrinking the running guest */
    testOutcome config; /* the same size for the next start */
} testPolicy;

#define BLOCK VB_DOMAIN_BALLOON_POLICY_BLOCK
#define WARN VB_DOMAIN_BALLOON_POLICY_WARN
#define IGNORE VB_DOMAIN_BALLOON_POLICY_IGNORE
#define REDIRECT VB_DOMAIN_BALLOON_POLICY_REDIRECT

/* A domain that never asked for a policy is never refused its next start. */
static const testPolicy testPolicies[] = {
    { NULL, BLOCK, TEST_OUTCOME_REFUSED, TEST_OUTCOME_LOGGED },
    { NULL, WARN, TEST_OUTCOME_LOGGED, TEST_OUTCOME_LOGGED },
    { NULL, IGNORE, TEST_OUTCOME_SILENT, TEST_OUTCOME_SILENT },
    { NULL, REDIRECT, TEST_OUTCOME_REFUSED, TEST_OUTCOME_LOGGED },
    { "default", BLOCK, TEST_OUTCOME_REFUSED, TEST_OUTCOME_LOGGED },
    { "default", WARN, TEST_OUTCOME_LOGGED, TEST_OUTCOME_LOGGED },
    { "default", IGNORE, TEST_OUTCOME_SILENT, TEST_OUTCOME_SILENT },
    { "default", REDIRECT, TEST_OUTCOME_REFUSED, TEST_OUTCOME_LOGGED },
    { "block", BLOCK, TEST_OUTCOME_REFUSED, TEST_OUTCOME_REFUSED },
    { "block", WARN, TEST_OUTCOME_REFUSED, TEST_OUTCOME_REFUSED },
    { "block", IGNORE, TEST_OUTCOME_REFUSED, TEST_OUTCOME_REFUSED },
    { "block", REDIRECT, TEST_OUTCOME_REFUSED, TEST_OUTCOME_REFUSED },
    { "warn", BLOCK, TEST_OUTCOME_LOGGED, TEST_OUTCOME_LOGGED },
    { "warn", WARN, TEST_OUTCOME_LOGGED, TEST_OUTCOME_LOGGED },
    { "warn", IGNORE, TEST_OUTCOME_LOGGED, TEST_OUTCOME_LOGGED },
    { "warn", REDIRECT, TEST_OUTCOME_LOGGED, TEST_OUTCOME_LOGGED },
    { "ignore", BLOCK, TEST_OUTCOME_SILENT, TEST_OUTCOME_SILENT },
    { "ignore", WARN, TEST_OUTCOME_SILENT, TEST_OUTCOME_SILENT },
    { "ignore", IGNORE, TEST_OUTCOME_SILENT, TEST_OUTCOME_SILENT },
    { "ignore", REDIRECT, TEST_OUTCOME_SILENT, TEST_OUTCOME_SILENT },
    { "redirect", BLOCK, TEST_OUTCOME_REFUSED, TEST_OUTCOME_REFUSED },
    { "redirect", WARN, TEST_OUTCOME_REFUSED, TEST_OUTCOME_REFUSED },
    { "redirect", IGNORE, TEST_OUTCOME_REFUSED, TEST_OUTCOME_REFUSED },
    { "redirect", REDIRECT, TEST_OUTCOME_REFUSED, TEST_OUTCOME_REFUSED },
    /* What cannot be understood is taken for the strictest. */
    { "Warn", BLOCK, TEST_OUTCOME_REFUSED, TEST_OUTCOME_REFUSED },
    { "Warn", WARN, TEST_OUTCOME_REFUSED, TEST_OUTCOME_REFUSED },
    { "Warn", IGNORE, TEST_OUTCOME_REFUSED, TEST_OUTCOME_REFUSED },
    { "Warn", REDIRECT, TEST_OUTCOME_REFUSED, TEST_OUTCOME_REFUSED },
    { "", IGNORE, TEST_OUTCOME_REFUSED, TEST_OUTCOME_REFUSED },
};

static void
testPolicyOutcome(const testPolicy *policy, bool inactive, unsigned int flags, testOutcome outcome)
{
    const testGuest guest = {
        .inactive = inactive, .devices = PCI("hostdev0", "07"), .policy = policy->policy,
    };
    const qemuDomainSettings settings = { policy->defaultPolicy, QEMU_DOMAIN_QMP_AUTO };
    g_autoptr(qemuDomainFacts) facts = qemuDomainFactsNew();
    g_autoptr(qemuDomainVerdict) verdict = NULL;
    g_autofree char *xml = testLoadGuest(&guest);
    g_autoptr(GError) error = NULL;

    qemuDomainFactsAddXML(facts, false, xml, strlen(xml), &error);
    g_assert_no_error(error);
    verdict = qemuDomainJudgeSetMemory(facts, &settings, HALF, flags);

    g_assert_cmpint(verdict->action, ==, outcome == TEST_OUTCOME_REFUSED
                    ? QEMU_DOMAIN_VERDICT_REFUSE : QEMU_DOMAIN_VERDICT_PASS);
    g_assert_cmpint(verdict->errorCode, ==, outcome == TEST_OUTCOME_REFUSED
                    ? VIR_ERR_OPERATION_INVALID : 0);
    g_assert_true((verdict->errorText != NULL) == (outcome == TEST_OUTCOME_REFUSED));
    g_assert_true((verdict->logText != NULL) == (outcome != TEST_OUTCOME_SILENT));
}

static void
testPolicyLive(gconstpointer opaque)
{
    const testPolicy *policy = opaque;

    testPolicyOutcome(policy, false, LIVE, policy->live);
}

static void
testPolicyConfig(gconstpointer opaque)
{
    const testPolicy *policy = opaque;

    testPolicyOutcome(policy, true, CONFIG, policy->config);
}

static void
testAddPolicies(void)
{
    static const char *const outcomes[] = { "is refused", "passes with a line", "passes silently" };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(testPolicies); i++) {
        const testPolicy *policy = &testPolicies[i];
        g_autofree char *who = policy->policy
            ? g_strdup_printf("policy '%s'", policy->policy) : g_strdup("no policy");
        const char *where = vbDomainBalloonPolicyTypeToString(policy->defaultPolicy);
        g_autofree char *live = g_strdup_printf("/qemudomain/%s on a host of default_policy %s: "
                                                "setmem --live %s", who, where,
                                                outcomes[policy->live]);
        g_autofree char *config = g_strdup_printf("/qemudomain/%s on a host of default_policy %s: "
                                                  "setmem --config %s", who, where,
                                                  outcomes[policy->config]);

        g_test_add_data_func(live, policy, testPolicyLive);
        g_test_add_data_func(config, policy, testPolicyConfig);
    }
}

/* The sentences for what the policy does not find yet, or not in a test of documents */

typedef struct {
    const char *sentence;
    qemuInhibitorKind kinds[4]; /* up to QEMU_INHIBITOR_KIND_LAST */
    const char *advice;         /* all that follows "gain nothing; " */
} testAdvice;

static const testAdvice testAdvices[] = {
    { "a background snapshot ends by itself",
      { QEMU_INHIBITOR_BACKGROUND_SNAPSHOT, QEMU_INHIBITOR_KIND_LAST },
      "wait until that has ended and try again" },
    { "an incoming postcopy ends by itself",
      { QEMU_INHIBITOR_POSTCOPY, QEMU_INHIBITOR_KIND_LAST },
      "wait until that has ended and try again" },
    { "COLO is not a device to detach",
      { QEMU_INHIBITOR_COLO, QEMU_INHIBITOR_KIND_LAST },
      "lower <memory> of the domain and start it again" },
    { "a missing synchronous MMU is not a device to detach",
      { QEMU_INHIBITOR_NO_SYNC_MMU, QEMU_INHIBITOR_KIND_LAST },
      "lower <memory> of the domain and start it again" },
    { "a device after something that only a restart lifts is not advised to be detached",
      { QEMU_INHIBITOR_COLO, QEMU_INHIBITOR_VFIO_PCI, QEMU_INHIBITOR_KIND_LAST },
      "lower <memory> of the domain and start it again" },
    { "a mediated device after a PCI device is not advised to be opted out",
      { QEMU_INHIBITOR_VFIO_PCI, QEMU_INHIBITOR_VFIO_MDEV, QEMU_INHIBITOR_KIND_LAST },
      "detach the devices, or lower <memory> of the domain and start it again" },
    { "an end by itself is not waited for where something else stays",
      { QEMU_INHIBITOR_COLO, QEMU_INHIBITOR_POSTCOPY, QEMU_INHIBITOR_KIND_LAST },
      "lower <memory> of the domain and start it again" },
    { "devices of every kind are detached",
      { QEMU_INHIBITOR_VFIO_PLATFORM, QEMU_INHIBITOR_BLKIO, QEMU_INHIBITOR_NVME,
        QEMU_INHIBITOR_KIND_LAST },
      "detach the devices, or lower <memory> of the domain and start it again" },
};

static void
testFormatAdvice(gconstpointer opaque)
{
    const testAdvice *data = opaque;
    const testGuest guest = { 0 };
    g_autofree char *xml = testLoadGuest(&guest);
    g_autoptr(GError) error = NULL;
    g_autoptr(vbDomainDef) def = vbDomainDefParseString(xml, strlen(xml), &error);
    g_autoptr(GPtrArray) inhibitors = NULL;
    g_autofree char *text = NULL;
    g_autofree char *end = g_strconcat(" and the host would gain nothing; ", data->advice, NULL);
    size_t i;

    g_assert_no_error(error);
    inhibitors = g_ptr_array_new_with_free_func((GDestroyNotify)qemuInhibitorFree);
    for (i = 0; data->kinds[i] != QEMU_INHIBITOR_KIND_LAST; i++)
        g_ptr_array_add(inhibitors, qemuInhibitorNew(data->kinds[i], QEMU_INHIBITOR_EVIDENCE_QMP,
                                                     NULL, NULL));
    text = qemuMessageFormatShrinkRefused(def, HALF, inhibitors);
    testAssertManner(text);
    if (!g_str_has_suffix(text, end)) {
        g_test_message("%s", text);
        g_test_fail();
    }
}

/* Names that are printed, logged and exported must not change. */
static void
testKindNames(void)
{
    static const char *const names[] = {
        "vfio-pci", "vfio-mdev", "vfio-user", "vfio-platform", "vhost-vdpa", "nvme", "blkio",
        "sev", "s390-pv", "colo", "postcopy", "background-snapshot", "no-sync-mmu",
        "locked-memory", "huge-pages",
    };
    int kind;

    g_assert_cmpint(G_N_ELEMENTS(names), ==, QEMU_INHIBITOR_KIND_LAST);
    for (kind = 0; kind < QEMU_INHIBITOR_KIND_LAST; kind++) {
        const qemuInhibitorKindInfo *info = qemuInhibitorKindGetInfo((qemuInhibitorKind)kind);

        g_assert_cmpstr(info->name, ==, names[kind]);
        g_assert_cmpstr(info->object, !=, "");
        g_assert_true(info->passing == (kind == QEMU_INHIBITOR_POSTCOPY ||
                                        kind == QEMU_INHIBITOR_BACKGROUND_SNAPSHOT));
    }
}

static void
testStateNames(void)
{
    g_assert_cmpstr(qemuDomainBalloonStateTypeToString(QEMU_DOMAIN_BALLOON_UNKNOWN), ==, "unknown");
    g_assert_cmpstr(qemuDomainBalloonStateTypeToString(QEMU_DOMAIN_BALLOON_NONE), ==, "none");
    g_assert_cmpstr(qemuDomainBalloonStateTypeToString(QEMU_DOMAIN_BALLOON_AVAILABLE), ==,
                    "available");
    g_assert_cmpstr(qemuDomainBalloonStateTypeToString(QEMU_DOMAIN_BALLOON_INEFFECTIVE), ==,
                    "ineffective");
    g_assert_cmpstr(qemuDomainBalloonStateTypeToString(QEMU_DOMAIN_BALLOON_INHIBITED), ==,
                    "inhibited");
}

static void
testQmpModeNames(void)
{
    static const char *const wrong[] = { "", "Auto", "auto ", "on", "1", NULL };
    qemuDomainQmpMode mode = QEMU_DOMAIN_QMP_NEVER;
    size_t i;

    g_assert_true(qemuDomainQmpModeTypeFromString("auto", &mode));
    g_assert_cmpint(mode, ==, QEMU_DOMAIN_QMP_AUTO);
    g_assert_true(qemuDomainQmpModeTypeFromString("always", &mode));
    g_assert_cmpint(mode, ==, QEMU_DOMAIN_QMP_ALWAYS);
    g_assert_true(qemuDomainQmpModeTypeFromString("never", &mode));
    g_assert_cmpint(mode, ==, QEMU_DOMAIN_QMP_NEVER);

    mode = QEMU_DOMAIN_QMP_ALWAYS;
    for (i = 0; i < G_N_ELEMENTS(wrong); i++)
        g_assert_false(qemuDomainQmpModeTypeFromString(wrong[i], &mode));
    g_assert_cmpint(mode, ==, QEMU_DOMAIN_QMP_ALWAYS);
}

static void
testDeviceTypes(void)
{
    static const struct {
        const char *type;
        qemuInhibitorKind kind; /* KIND_LAST: no inhibitor */
    } types[] = {
        { "vfio-pci", QEMU_INHIBITOR_VFIO_PCI },
        { "vfio-pci-nohotplug", QEMU_INHIBITOR_VFIO_PCI },
        { "vfio-user-pci", QEMU_INHIBITOR_VFIO_USER },
        { "vfio-platform", QEMU_INHIBITOR_VFIO_PLATFORM },
        { "vfio-amd-xgbe", QEMU_INHIBITOR_VFIO_PLATFORM },
        { "vfio-calxeda-xgmac", QEMU_INHIBITOR_VFIO_PLATFORM },
        { "vhost-vdpa-device", QEMU_INHIBITOR_VHOST_VDPA },
        { "vhost-vdpa-device-pci", QEMU_INHIBITOR_VHOST_VDPA },
        { "vhost-vdpa-device-pci-transitional", QEMU_INHIBITOR_VHOST_VDPA },
        { "vhost-vdpa-device-pci-non-transitional", QEMU_INHIBITOR_VHOST_VDPA },
        { "vfio-ccw", QEMU_INHIBITOR_KIND_LAST },
        { "vfio-ap", QEMU_INHIBITOR_KIND_LAST },
        { "vfio-pci-igd-lpc-bridge", QEMU_INHIBITOR_KIND_LAST },
        { "virtio-balloon-pci", QEMU_INHIBITOR_KIND_LAST },
        { "vhost-user-fs-pci", QEMU_INHIBITOR_KIND_LAST },
        { "nvme", QEMU_INHIBITOR_KIND_LAST },
        { "VFIO-PCI", QEMU_INHIBITOR_KIND_LAST },
        { "", QEMU_INHIBITOR_KIND_LAST },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(types); i++) {
        qemuInhibitorKind kind = QEMU_INHIBITOR_KIND_LAST;

        g_test_message("%s", types[i].type);
        g_assert_true(qemuInhibitorTypeIsDevice(types[i].type, &kind) ==
                      (types[i].kind != QEMU_INHIBITOR_KIND_LAST));
        g_assert_cmpint(kind, ==, types[i].kind);
    }
}

/* A document that cannot be read changes nothing of what is known. */
static void
testUnreadableDocument(void)
{
    static const char broken[] = "<domain><name>guest</domain>";
    const qemuDomainSettings settings = { BLOCK, QEMU_DOMAIN_QMP_AUTO };
    const testGuest guest = { .devices = PCI("hostdev0", "07") };
    g_autofree char *xml = testLoadGuest(&guest);
    g_autoptr(qemuDomainFacts) facts = qemuDomainFactsNew();
    g_autoptr(qemuDomainVerdict) before = NULL;
    g_autoptr(qemuDomainVerdict) after = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_false(qemuDomainFactsAddXML(facts, false, broken, strlen(broken), &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_XML);
    g_clear_error(&error);
    before = qemuDomainJudgeSetMemory(facts, &settings, HALF, LIVE);
    g_assert_cmpint(before->action, ==, QEMU_DOMAIN_VERDICT_NEED);

    g_assert_true(qemuDomainFactsAddXML(facts, false, xml, strlen(xml), NULL));
    g_assert_false(qemuDomainFactsAddXML(facts, false, broken, strlen(broken), NULL));
    after = qemuDomainJudgeSetMemory(facts, &settings, HALF, LIVE);
    g_assert_cmpint(after->action, ==, QEMU_DOMAIN_VERDICT_REFUSE);
}

/* The later answer counts: a caller may ask again. */
static void
testAnswersAreReplaced(void)
{
    const qemuDomainSettings settings = { BLOCK, QEMU_DOMAIN_QMP_AUTO };
    const testGuest inhibited = { .devices = PCI("hostdev0", "07") };
    const testGuest doubtful = { .more = COMMAND_LINE };
    g_autofree char *first = testLoadGuest(&inhibited);
    g_autofree char *second = testLoadGuest(&doubtful);
    g_autoptr(qemuDomainFacts) facts = qemuDomainFactsNew();
    g_autoptr(qemuDomainVerdict) verdict = NULL;

    g_assert_true(qemuDomainFactsAddXML(facts, false, first, strlen(first), NULL));
    g_assert_true(qemuDomainFactsAddXML(facts, false, second, strlen(second), NULL));
    qemuDomainFactsAddMessages(facts, TAINTED);
    qemuDomainFactsAddMessages(facts, NOT_TAINTED);
    testAddUsualAnswers(facts);
    qemuDomainFactsAddMonitorReply(facts, LIST(PERIPHERAL), "nonsense");
    qemuDomainFactsAddMonitorReply(facts, LIST(PERIPHERAL), NOBODY);
    qemuDomainFactsAddMonitorReply(facts, LIST(ANONYMOUS), NOBODY);

    verdict = qemuDomainJudgeSetMemory(facts, &settings, HALF, LIVE);
    g_assert_cmpint(verdict->action, ==, QEMU_DOMAIN_VERDICT_PASS);
    g_assert_cmpint(verdict->state, ==, QEMU_DOMAIN_BALLOON_AVAILABLE);
}

/* A broken-out guest may name its devices as it likes. What it says ends in the user's terminal,
 * in the journal and in a message of libvirt's protocol, none of which takes everything: whichever
 * way the request is refused, the texts are fit to be shown. */
static void
testHostileName(gconstpointer opaque)
{
    const qemuDomainSettings settings = { BLOCK, QEMU_DOMAIN_QMP_ALWAYS };
    const testGuest guest = { 0 };
    g_autofree char *xml = testLoadGuest(&guest);
    g_autofree char *list = g_strdup_printf(CHILDREN(CHILD("%s", "vfio-user-pci")),
                                            (const char *)opaque);
    g_autoptr(qemuDomainFacts) facts = qemuDomainFactsNew();
    g_autoptr(qemuDomainVerdict) verdict = NULL;

    g_assert_true(qemuDomainFactsAddXML(facts, false, xml, strlen(xml), NULL));
    testAddUsualAnswers(facts);
    qemuDomainFactsAddMonitorReply(facts, LIST(PERIPHERAL), list);
    qemuDomainFactsAddMonitorReply(facts, LIST(ANONYMOUS), NOBODY);

    verdict = qemuDomainJudgeSetMemory(facts, &settings, HALF, LIVE);
    g_assert_cmpint(verdict->action, ==, QEMU_DOMAIN_VERDICT_REFUSE);
    testAssertManner(verdict->errorText);
    testAssertManner(verdict->logText);
}

/* Monitor commands and attachments. The balloon of these guests holds 512 MiB of 1 GiB. */

#define INFLATED .current = HALF
#define COMMAND .request = TEST_MONITOR_COMMAND
#define SETS(bytes) COMMAND, \
    .command = { .effect = QEMU_MONITOR_RAW_BALLOON, .haveTarget = true, .target = (bytes) }
#define SETS_ANY COMMAND, .command = { .effect = QEMU_MONITOR_RAW_BALLOON }
#define MAY_BE_ANYTHING COMMAND, .command = { .effect = QEMU_MONITOR_RAW_UNREADABLE }
#define ADDS(type, name) COMMAND, \
    .command = { QEMU_MONITOR_RAW_DEVICE_ADD, false, 0, (char *)(type), (char *)(name) }
#define ATTACHES(xml) .request = TEST_ATTACH, .device = xml, \
    .flags = VIR_DOMAIN_DEVICE_MODIFY_LIVE
#define KIB(kib) ((kib) * 1024ULL)

/* Without an alias, as a client sends it. */
#define NEW_PCI "<hostdev mode='subsystem' type='pci' managed='yes'>" PCI_SOURCE("08") "</hostdev>"
#define NEW_MDEV(model) "<hostdev mode='subsystem' type='mdev' model='" model "'><source>" \
    "<address uuid='" UUID_B "'/></source></hostdev>"

/* A refused attachment: what is there already does not inhibit. */
#define KEEPS_OUT .action = QEMU_DOMAIN_VERDICT_REFUSE, .code = VIR_ERR_OPERATION_INVALID, \
    .logged = true, .state = QEMU_DOMAIN_BALLOON_AVAILABLE
#define LETS_IN_WITH_A_LINE PASSES, .logged = true, .state = QEMU_DOMAIN_BALLOON_AVAILABLE
#define ALREADY PASSES, .state = QEMU_DOMAIN_BALLOON_INHIBITED
#define BLOCKING INFLATED, .policy = "block"

#define COMMAND_REFUSED(list, advice) "cannot send domain 'guest' a monitor command that may " \
    "reduce its memory: ballooning is inhibited by " list ": the guest would lose memory and the " \
    "host would gain nothing; " advice
#define ATTACH_REFUSED(device) "cannot attach " device " to domain 'guest' while its balloon is " \
    "inflated: all of the guest's memory would be pinned, and the host would lose the 524288 KiB " \
    "that it gained; deflate the balloon first, with 'virsh setmem guest 1048576KiB --live'"
#define ATTACH_LOGGED(device) "domain 'guest': " device " is to be attached while the balloon is " \
    "inflated: the host will lose the 524288 KiB that it gained"
#define PCI_ADVICE "detach the device, or lower <memory> of the domain and start it again"

static const testCase testOtherRequests[] = {
    /* Monitor commands that set the balloon */
    { "a harmless monitor command is let pass unasked", COMMAND, .rounds = 0, PASSES },
    { "a monitor command below the size is refused as setmem is", SETS(KIB(HALF)),
      .live = PCI_GUEST, .rounds = 1, REFUSES, .inhibitors = PCI_INHIBITOR,
      .text = "cannot reduce memory of domain 'guest' to 524288 KiB: ballooning is inhibited by "
              "assigned PCI device 'hostdev0' (0000:07:00.0): the guest would lose 524288 KiB and "
              "the host would gain nothing; " PCI_ADVICE,
      .log = "domain 'guest': refused to reduce memory to 524288 KiB: ballooning is inhibited by "
             "assigned PCI device 'hostdev0' (0000:07:00.0)" },
    { "a monitor command for the size there is passes", SETS(KIB(GIB)),
      .live = PCI_GUEST, .rounds = 1, PASSES },
    { "a monitor command for one byte more passes", SETS(KIB(GIB) + 1),
      .live = PCI_GUEST, .rounds = 1, PASSES },
    { "a monitor command for one byte less is refused", SETS(KIB(GIB) - 1),
      .live = PCI_GUEST, .rounds = 1, REFUSES, .inhibitors = PCI_INHIBITOR,
      .fragment = "to 1048575 KiB" },
    { "a monitor command for a single byte is refused", SETS(1), .live = PCI_GUEST, REFUSES,
      .inhibitors = PCI_INHIBITOR, .fragment = "to 0 KiB" },
    { "a monitor command for more than there is is QEMU's to answer", SETS(G_MAXINT64),
      .live = PCI_GUEST, PASSES },
    { "a monitor command between size and maximum deflates and passes", SETS(KIB(HALF) + 1),
      .live = GUEST{ INFLATED, .devices = PCI("hostdev0", "07") }, PASSES },
    { "a monitor command below an inflated balloon's size is refused", SETS(KIB(HALF) - 1),
      .live = GUEST{ INFLATED, .devices = PCI("hostdev0", "07") }, REFUSES,
      .inhibitors = PCI_INHIBITOR, .fragment = "would lose 1 KiB" },
    { "a monitor command is compared without virtio-mem", SETS(KIB(GIB)),
      .live = MEM_GUEST(2 * GIB, GIB + HALF, VIRTIO_MEM("<alias name='m0'/>", "524288",
                                                        "524288")),
      PASSES },
    { "a monitor command below that names the virtio-mem device", SETS(KIB(HALF)),
      .live = MEM_GUEST(2 * GIB, GIB + HALF, VIRTIO_MEM("<alias name='m0'/>", "524288",
                                                        "524288")),
      REFUSES, .inhibitors = PCI_INHIBITOR,
      .fragment = "use 'virsh update-memory-device guest --alias m0 --requested-size 0KiB' "
                  "instead, or" },
    { "a monitor command for a guest without an inhibitor passes", SETS(KIB(HALF)),
      .live = GUEST{}, .messages = NOT_TAINTED, .rounds = 2, AVAILABLE },
    { "a monitor command has QEMU asked where the domain is tainted", SETS(KIB(HALF)),
      .live = GUEST{}, .messages = TAINTED,
      .monitor = MONITOR{ ONE_PERIPHERAL("vu0", "vfio-user-pci"), { NULL, NULL } }, .rounds = 3,
      REFUSES, .inhibitors = "vfio-user vu0 - qmp" },
    { "a monitor command during a background snapshot is to wait", SETS_ANY,
      .qmp = QEMU_DOMAIN_QMP_ALWAYS, .live = GUEST{},
      .monitor = MONITOR{ NO_DEVICES, SNAPSHOT_ON, ACTIVE, { NULL, NULL } },
      REFUSES, .inhibitors = "background-snapshot - - qmp",
      .text = COMMAND_REFUSED("background snapshot", "wait until that has ended and try again") },
    { "a monitor command with QEMU's answers unreadable is refused", SETS(KIB(HALF)),
      .qmp = QEMU_DOMAIN_QMP_ALWAYS, .live = GUEST{},
      .monitor = MONITOR{ { LIST(PERIPHERAL), "nonsense" }, { LIST(ANONYMOUS), NOBODY },
                          { NULL, NULL } },
      UNREADABLE },
    { "a monitor command to an inactive domain is libvirt's to refuse", SETS(KIB(HALF)),
      .live = GUEST{ .inactive = true, .devices = PCI("hostdev0", "07") }, PASSES },
    { "a monitor command to a guest without a balloon is QEMU's to refuse", SETS(KIB(HALF)),
      .live = GUEST{ .devices = PCI("hostdev0", "07"), .memballoon = "<memballoon model='none'/>" },
      PASSES, .state = QEMU_DOMAIN_BALLOON_NONE },
    { "a monitor command under warn passes with a line", SETS(KIB(HALF)),
      .live = GUEST{ .devices = PCI("hostdev0", "07"), .policy = "warn" }, WARNS,
      .inhibitors = PCI_INHIBITOR,
      .log = "domain 'guest': memory is reduced to 524288 KiB although ballooning is inhibited by "
             "assigned PCI device 'hostdev0' (0000:07:00.0): the guest loses 524288 KiB and the "
             "host gains nothing (policy 'warn')" },
    { "a monitor command under ignore passes silently", SETS(KIB(HALF)),
      .live = GUEST{ .devices = PCI("hostdev0", "07"), .policy = "ignore" }, PASSES },
    { "a monitor command under redirect is refused", SETS(KIB(HALF)),
      .live = GUEST{ .devices = PCI("hostdev0", "07"), .policy = "redirect" }, REFUSES,
      .inhibitors = PCI_INHIBITOR },
    { "a monitor command under a policy that is none is refused", SETS(KIB(HALF)),
      .live = GUEST{ .devices = PCI("hostdev0", "07"), .policy = "Ignore" }, REFUSES,
      .inhibitors = PCI_INHIBITOR },
    { "a monitor command on a host of default_policy warn passes with a line", SETS(KIB(HALF)),
      .defaultPolicy = VB_DOMAIN_BALLOON_POLICY_WARN, .live = PCI_GUEST, WARNS,
      .inhibitors = PCI_INHIBITOR },
    { "a monitor command on a host of default_policy ignore passes silently", SETS(KIB(HALF)),
      .defaultPolicy = VB_DOMAIN_BALLOON_POLICY_IGNORE, .live = PCI_GUEST, PASSES },
    { "a monitor command with locked memory passes with a line", SETS(KIB(HALF)),
      .live = GUEST{ .more = "<memoryBacking><locked/></memoryBacking>" },
      .messages = NOT_TAINTED, PASSES, .logged = true, .state = QEMU_DOMAIN_BALLOON_INEFFECTIVE,
      .inhibitors = "locked-memory - - xml" },

    /* Monitor commands whose size or effect cannot be told */
    { "an unknown size is refused where ballooning is inhibited", SETS_ANY, .live = PCI_GUEST,
      REFUSES, .inhibitors = PCI_INHIBITOR,
      .text = COMMAND_REFUSED("assigned PCI device 'hostdev0' (0000:07:00.0)", PCI_ADVICE),
      .log = "domain 'guest': refused a monitor command that may reduce memory: ballooning is "
             "inhibited by assigned PCI device 'hostdev0' (0000:07:00.0)" },
    { "a command that cannot be read is refused where ballooning is inhibited", MAY_BE_ANYTHING,
      .live = PCI_GUEST, REFUSES, .inhibitors = PCI_INHIBITOR,
      .text = COMMAND_REFUSED("assigned PCI device 'hostdev0' (0000:07:00.0)", PCI_ADVICE) },
    { "an unknown size is refused however far the balloon is inflated", SETS_ANY,
      .live = GUEST{ .current = 1, .devices = PCI("hostdev0", "07") }, REFUSES,
      .inhibitors = PCI_INHIBITOR, .notThere = "KiB" },
    { "a command that cannot be read passes where nothing inhibits", MAY_BE_ANYTHING,
      .live = GUEST{}, .messages = NOT_TAINTED, AVAILABLE },
    { "an unknown size with a mediated device tells of the opt-out", SETS_ANY,
      .live = GUEST{ .devices = MDEV("hostdev0", "vfio-pci", UUID_A) }, REFUSES,
      .inhibitors = "vfio-mdev hostdev0 " UUID_A " xml",
      .text = COMMAND_REFUSED("mediated device 'hostdev0' (" UUID_A ")", PCI_ADVICE ", or, if the "
                              "device does not pin guest memory, override its property "
                              "'x-balloon-allowed' and start it again") },
    { "a command that cannot be read passes under ignore", MAY_BE_ANYTHING,
      .live = GUEST{ .devices = PCI("hostdev0", "07"), .policy = "ignore" }, PASSES },
    { "an unknown size passes under warn with a line", SETS_ANY,
      .live = GUEST{ .devices = PCI("hostdev0", "07"), .policy = "warn" }, WARNS,
      .inhibitors = PCI_INHIBITOR, .fragment = "(policy 'warn')", .notThere = "KiB" },
    { "a command that cannot be read for a guest without a balloon passes", MAY_BE_ANYTHING,
      .live = GUEST{ .memballoon = "<memballoon model='none'/>" }, PASSES,
      .state = QEMU_DOMAIN_BALLOON_NONE },
    { "a command that cannot be read for an inactive domain passes", MAY_BE_ANYTHING,
      .live = GUEST{ .inactive = true }, PASSES },

    /* device_add */
    { "device_add of a first inhibitor is kept out by the domain's block", ADDS("vfio-pci", "nic"),
      .live = GUEST{ BLOCKING }, .messages = NOT_TAINTED, .rounds = 2, KEEPS_OUT,
      .text = ATTACH_REFUSED("assigned PCI device 'nic'"),
      .log = "domain 'guest': refused to attach assigned PCI device 'nic' while the balloon is "
             "inflated by 524288 KiB" },
    { "device_add without an id is named by its kind", ADDS("vfio-user-pci", NULL),
      .live = GUEST{ BLOCKING }, .messages = NOT_TAINTED, KEEPS_OUT,
      .text = ATTACH_REFUSED("vfio-user device") },
    { "device_add to a domain without a policy passes with a line", ADDS("vfio-pci", "nic"),
      .live = GUEST{ INFLATED }, .rounds = 1, LETS_IN_WITH_A_LINE,
      .log = ATTACH_LOGGED("assigned PCI device 'nic'") },
    { "device_add while the balloon is empty passes", ADDS("vfio-pci", "nic"),
      .live = GUEST{ .policy = "block" }, .rounds = 1, PASSES },
    { "device_add of a second inhibitor passes", ADDS("vfio-pci", "nic"),
      .live = GUEST{ BLOCKING, .devices = PCI("hostdev0", "07") }, ALREADY,
      .inhibitors = PCI_INHIBITOR },
    { "device_add of what does not inhibit passes", ADDS("vfio-ap", "x"),
      .live = GUEST{ BLOCKING }, PASSES },
    { "device_add to an inactive domain is libvirt's to refuse", ADDS("vfio-pci", "nic"),
      .live = GUEST{ BLOCKING, .inactive = true }, PASSES },
    { "device_add with a name that is no text for a terminal is refused readably",
      ADDS("vfio-pci", "\033[2J\n'"), .live = GUEST{ BLOCKING }, .messages = NOT_TAINTED,
      KEEPS_OUT, .fragment = "assigned PCI device '?[2J?''" },

    /* Attaching: which devices */
    { "attaching a PCI device is kept out by the domain's block", ATTACHES(NEW_PCI),
      .live = GUEST{ BLOCKING }, .messages = NOT_TAINTED, .rounds = 2, KEEPS_OUT,
      .text = ATTACH_REFUSED("assigned PCI device (0000:08:00.0)"),
      .log = "domain 'guest': refused to attach assigned PCI device (0000:08:00.0) while the "
             "balloon is inflated by 524288 KiB" },
    { "attaching a PCI device with an alias names that", ATTACHES(PCI("ua-nic", "08")),
      .live = GUEST{ BLOCKING }, .messages = NOT_TAINTED, KEEPS_OUT,
      .text = ATTACH_REFUSED("assigned PCI device 'ua-nic' (0000:08:00.0)") },
    { "attaching a mediated device is kept out", ATTACHES(NEW_MDEV("vfio-pci")),
      .live = GUEST{ BLOCKING }, .messages = NOT_TAINTED, KEEPS_OUT,
      .text = ATTACH_REFUSED("mediated device (" UUID_B ")") },
    { "an opt-out does not help a mediated device that is attached, as libvirt ignores it then",
      ATTACHES(MDEV("ua-vgpu", "vfio-pci", UUID_B)),
      .live = GUEST{ BLOCKING, .more = OVERRIDE(OPT_OUT("ua-vgpu")) },
      .monitor = MONITOR{ { LIST(PERIPHERAL), NOBODY }, { LIST(ANONYMOUS), NOBODY },
                          { NULL, NULL } },
      KEEPS_OUT },
    { "attaching a channel of s390 passes unasked", ATTACHES(NEW_MDEV("vfio-ccw")), PASSES },
    { "attaching a crypto adapter of s390 passes unasked", ATTACHES(NEW_MDEV("vfio-ap")), PASSES },
    { "attaching a USB device passes unasked",
      ATTACHES("<hostdev mode='subsystem' type='usb'><source><address bus='1' device='2'/>"
               "</source></hostdev>"), PASSES },
    { "attaching a SCSI device passes unasked",
      ATTACHES("<hostdev mode='subsystem' type='scsi'><source><adapter name='scsi_host0'/>"
               "<address bus='0' target='0' unit='0'/></source></hostdev>"), PASSES },
    { "attaching a PCI device of the xen driver passes unasked",
      ATTACHES("<hostdev mode='subsystem' type='pci'><driver name='xen'/>" PCI_SOURCE("08")
               "</hostdev>"), PASSES },
    { "attaching an interface of type hostdev is kept out",
      ATTACHES("<interface type='hostdev'>" "<source><address type='pci' domain='0' bus='8' "
               "slot='0' function='0'/></source></interface>"),
      .live = GUEST{ BLOCKING }, .messages = NOT_TAINTED, KEEPS_OUT,
      .text = ATTACH_REFUSED("assigned PCI device (0000:08:00.0)") },
    { "attaching an interface of type vdpa is kept out",
      ATTACHES("<interface type='vdpa'><source dev='/dev/vhost-vdpa-0'/></interface>"),
      .live = GUEST{ BLOCKING }, .messages = NOT_TAINTED, KEEPS_OUT,
      .text = ATTACH_REFUSED("vDPA device (/dev/vhost-vdpa-0)") },
    { "attaching an interface of type bridge passes unasked",
      ATTACHES("<interface type='bridge'><source bridge='br0'/></interface>"), PASSES },
    { "attaching an interface of a network passes where the balloon is not inflated",
      ATTACHES("<interface type='network'><source network='vfs'/></interface>"),
      .live = GUEST{ .policy = "block" }, PASSES },
    { "attaching an interface of a network that hands out devices of the host is kept out",
      ATTACHES("<interface type='network'><source network='vfs'/></interface>"),
      .live = GUEST{ BLOCKING }, .messages = NOT_TAINTED, .network = "vfs", .isHostdev = true,
      KEEPS_OUT, .text = ATTACH_REFUSED("assigned PCI device (of network 'vfs')") },
    { "attaching an interface of any other network passes",
      ATTACHES("<interface type='network'><source network='default'/></interface>"),
      .live = GUEST{ BLOCKING }, .network = "default", PASSES },
    { "attaching a userspace NVMe disk is kept out",
      ATTACHES("<disk type='nvme' device='disk'><source type='pci' managed='yes' namespace='1'>"
               "<address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></source>"
               "<target dev='vdb' bus='virtio'/></disk>"),
      .live = GUEST{ BLOCKING }, .messages = NOT_TAINTED, KEEPS_OUT,
      .text = ATTACH_REFUSED("userspace NVMe disk (0000:01:00.0)") },
    { "attaching a disk of a file passes unasked",
      ATTACHES("<disk type='file' device='disk'><source file='/a'/><target dev='vdb'/></disk>"),
      PASSES },
    { "attaching memory passes unasked",
      ATTACHES("<memory model='dimm'><target><size unit='KiB'>1</size></target></memory>"),
      PASSES },
    { "attaching what nobody knows passes unasked", ATTACHES("<novelty/>"), PASSES },

    /* Attaching: when */
    { "attaching to both the running guest and the next start is judged", ATTACHES(NEW_PCI)
      | VIR_DOMAIN_DEVICE_MODIFY_CONFIG, .persistent = TEST_PERSISTENT_YES,
      .live = GUEST{ BLOCKING }, .messages = NOT_TAINTED, KEEPS_OUT },
    { "attaching to a transient domain for the next start too is libvirt's to refuse",
      ATTACHES(NEW_PCI) | VIR_DOMAIN_DEVICE_MODIFY_CONFIG, .persistent = TEST_PERSISTENT_NO,
      .live = GUEST{ BLOCKING }, PASSES },
    { "attaching to a guest whose balloon gained the host nothing passes", ATTACHES(NEW_PCI),
      .live = GUEST{ BLOCKING, .more = "<memoryBacking><locked/></memoryBacking>" },
      .messages = NOT_TAINTED, PASSES, .state = QEMU_DOMAIN_BALLOON_INEFFECTIVE,
      .inhibitors = "locked-memory - - xml" },
    { "attaching with flags 0 is judged", .request = TEST_ATTACH, .device = NEW_PCI,
      .live = GUEST{ BLOCKING }, .messages = NOT_TAINTED, KEEPS_OUT },
    { "attaching for the next start alone passes unasked", .request = TEST_ATTACH,
      .device = NEW_PCI, .flags = VIR_DOMAIN_DEVICE_MODIFY_CONFIG, PASSES },
    { "attaching by force is libvirt's to refuse", ATTACHES(NEW_PCI)
      | VIR_DOMAIN_DEVICE_MODIFY_FORCE, PASSES },
    { "attaching with flags that nobody knows is libvirt's to refuse", ATTACHES(NEW_PCI)
      | 0x80000000U, PASSES },
    { "attaching to an inactive domain passes", ATTACHES(NEW_PCI),
      .live = GUEST{ BLOCKING, .inactive = true }, .rounds = 1, PASSES },
    { "attaching to a guest without a balloon passes", ATTACHES(NEW_PCI),
      .live = GUEST{ BLOCKING, .memballoon = "<memballoon model='none'/>" }, PASSES,
      .state = QEMU_DOMAIN_BALLOON_NONE },
    { "attaching while the balloon is empty passes", ATTACHES(NEW_PCI),
      .live = GUEST{ .policy = "block" }, .rounds = 1, PASSES },
    { "what virtio-mem has not plugged is no inflated balloon", ATTACHES(NEW_PCI),
      .live = GUEST{ .memory = 2 * GIB, .current = GIB + HALF, .policy = "block",
                     .devices = VIRTIO_MEM("<alias name='m0'/>", "524288", "524288") },
      PASSES },
    { "a balloon that holds a KiB is inflated", ATTACHES(NEW_PCI),
      .live = GUEST{ .current = GIB - 1, .policy = "block" }, .messages = NOT_TAINTED, KEEPS_OUT,
      .fragment = "lose the 1 KiB that it gained" },
    { "the size to deflate to is without virtio-mem", ATTACHES(NEW_PCI),
      .live = GUEST{ .memory = 2 * GIB, .current = GIB, .policy = "block",
                     .devices = VIRTIO_MEM("<alias name='m0'/>", "524288", "524288") },
      .messages = NOT_TAINTED, KEEPS_OUT, .fragment = "'virsh setmem guest 1048576KiB --live'" },
    { "a second inhibitor is attached silently", ATTACHES(NEW_PCI),
      .live = GUEST{ BLOCKING, .devices = PCI("hostdev0", "07") }, .rounds = 1, ALREADY,
      .inhibitors = PCI_INHIBITOR },
    { "a second inhibitor is attached silently without a policy", ATTACHES(NEW_PCI),
      .live = GUEST{ INFLATED, .devices = PCI("hostdev0", "07") }, .rounds = 1, ALREADY,
      .inhibitors = PCI_INHIBITOR },
    { "a second inhibitor beside one that only QEMU shows is attached silently",
      ATTACHES(NEW_PCI), .live = GUEST{ BLOCKING, .more = COMMAND_LINE },
      .monitor = MONITOR{ ONE_PERIPHERAL("vu0", "vfio-user-pci"), { NULL, NULL } }, .rounds = 2,
      ALREADY, .inhibitors = "vfio-user vu0 - qmp" },
    { "a second inhibitor beside one of a tainted guest is attached silently", ATTACHES(NEW_PCI),
      .live = GUEST{ BLOCKING }, .messages = TAINTED,
      .monitor = MONITOR{ ONE_PERIPHERAL("vu0", "vfio-user-pci"), { NULL, NULL } }, .rounds = 3,
      ALREADY, .inhibitors = "vfio-user vu0 - qmp" },
    { "a first inhibitor beside a device that QEMU was told to allow is kept out",
      ATTACHES(NEW_PCI),
      .live = GUEST{ BLOCKING, .devices = MDEV("ua-vgpu", "vfio-pci", UUID_A),
                     .more = OVERRIDE(OPT_OUT("ua-vgpu")) },
      .monitor = OPTED_OUT_MDEV_SAYS(RETURN("true")), KEEPS_OUT },
    { "with qmp=never a command line is no reason to ask", ATTACHES(NEW_PCI),
      .qmp = QEMU_DOMAIN_QMP_NEVER, .live = GUEST{ BLOCKING, .more = COMMAND_LINE }, .rounds = 1,
      KEEPS_OUT },
    { "without a policy of the domain QEMU is not asked", ATTACHES(NEW_PCI),
      .qmp = QEMU_DOMAIN_QMP_ALWAYS, .live = GUEST{ INFLATED, .more = COMMAND_LINE }, .rounds = 1,
      LETS_IN_WITH_A_LINE },
    { "attaching with QEMU's answers unreadable is kept out", ATTACHES(NEW_PCI),
      .qmp = QEMU_DOMAIN_QMP_ALWAYS, .live = GUEST{ BLOCKING },
      .monitor = MONITOR{ { LIST(PERIPHERAL), "nonsense" }, { LIST(ANONYMOUS), NOBODY },
                          { NULL, NULL } },
      UNREADABLE },

    /* Attaching: whose policy */
    { "a domain without a policy gets its device, with a line", ATTACHES(NEW_PCI),
      .live = GUEST{ INFLATED }, .rounds = 1, LETS_IN_WITH_A_LINE,
      .log = ATTACH_LOGGED("assigned PCI device (0000:08:00.0)") },
    { "a domain of policy default gets its device, with a line", ATTACHES(NEW_PCI),
      .live = GUEST{ INFLATED, .policy = "default" }, LETS_IN_WITH_A_LINE },
    { "a domain without a policy on a host of warn gets its device, with a line",
      ATTACHES(NEW_PCI), .defaultPolicy = VB_DOMAIN_BALLOON_POLICY_WARN,
      .live = GUEST{ INFLATED }, LETS_IN_WITH_A_LINE },
    { "a domain without a policy on a host of redirect gets its device, with a line",
      ATTACHES(NEW_PCI), .defaultPolicy = VB_DOMAIN_BALLOON_POLICY_REDIRECT,
      .live = GUEST{ INFLATED }, LETS_IN_WITH_A_LINE },
    { "a domain without a policy on a host of ignore gets its device silently",
      ATTACHES(NEW_PCI), .defaultPolicy = VB_DOMAIN_BALLOON_POLICY_IGNORE,
      .live = GUEST{ INFLATED }, PASSES },
    { "a domain of policy warn gets its device, with a line", ATTACHES(NEW_PCI),
      .live = GUEST{ INFLATED, .policy = "warn" }, LETS_IN_WITH_A_LINE },
    { "a domain of policy ignore gets its device silently", ATTACHES(NEW_PCI),
      .live = GUEST{ INFLATED, .policy = "ignore" }, PASSES },
    { "a domain of policy redirect does not get its device", ATTACHES(NEW_PCI),
      .live = GUEST{ INFLATED, .policy = "redirect" }, .messages = NOT_TAINTED, KEEPS_OUT },
    { "a domain of a policy that is none does not get its device", ATTACHES(NEW_PCI),
      .live = GUEST{ INFLATED, .policy = "Warn" }, .messages = NOT_TAINTED, KEEPS_OUT },
    { "a domain of policy block does not get its device on a host of ignore either",
      ATTACHES(NEW_PCI), .defaultPolicy = VB_DOMAIN_BALLOON_POLICY_IGNORE,
      .live = GUEST{ BLOCKING }, .messages = NOT_TAINTED, KEEPS_OUT },

    /* Attaching: what cannot be read */
    { "a device that only libvirt can read is kept out by the domain's block", ATTACHES(NULL),
      .live = GUEST{ BLOCKING }, .messages = NOT_TAINTED, KEEPS_OUT,
      .text = "cannot attach a device to domain 'guest' while its balloon is inflated: its XML has "
              "a document type declaration or thousands of attributes and is not read, so it may be "
              "one that pins all of the guest's memory; write it without, or deflate the balloon first, with 'virsh "
              "setmem guest 1048576KiB --live'",
      .log = "domain 'guest': refused to attach a device whose XML was not read while the balloon "
             "is inflated by 524288 KiB" },
    { "a device that only libvirt can read passes with a line without a policy", ATTACHES(NULL),
      .live = GUEST{ INFLATED }, LETS_IN_WITH_A_LINE,
      .log = ATTACH_LOGGED("a device whose XML was not read") },
    { "a device that only libvirt can read passes while the balloon is empty", ATTACHES(NULL),
      .live = GUEST{ .policy = "block" }, PASSES },
    { "a device that only libvirt can read passes where ballooning is inhibited already",
      ATTACHES(NULL), .live = GUEST{ BLOCKING, .devices = PCI("hostdev0", "07") }, ALREADY,
      .inhibitors = PCI_INHIBITOR },
    { "a device that only libvirt can read passes for the next start", .request = TEST_ATTACH,
      .flags = VIR_DOMAIN_DEVICE_MODIFY_CONFIG, PASSES },
};

/* Policy 'redirect': 1 GiB that the balloon holds, and as much in a virtio-mem device */

#define REDIRECTED(now, requested, plugged, more) GUEST{ .memory = 2 * GIB, .current = now, \
        .policy = "redirect", .devices = VIRTIO_MEM(ALIAS("ua-vm"), requested, plugged) more }
#define NEXT_START(more) GUEST{ .inactive = true, .memory = 2 * GIB, .policy = "redirect", \
        .devices = VIRTIO_MEM("", "1048576", "0") more }
#define NIC PCI("hostdev0", "07")
#define FULL REDIRECTED(2 * GIB, "1048576", "1048576", NIC)

static const testCase testRedirected[] = {
    { "redirected: a smaller size is taken from virtio-mem, inhibited or not",
      .memory = GIB + HALF, .flags = LIVE, .live = FULL, .rounds = 1, PASSES,
      .plan = "ua-vm live 524288; 1048576 with 1" },
    { "redirected: the same by no flags", .memory = GIB + HALF, .live = FULL, PASSES,
      .plan = "ua-vm live 524288; 1048576 with 0" },
    { "redirected: the smallest size that an inhibited guest can reach", .memory = GIB,
      .flags = LIVE, .live = FULL, PASSES, .plan = "ua-vm live 0; 1048576 with 1" },
    { "redirected: less than that is refused with that size", .memory = GIB - 1, .flags = LIVE,
      .live = FULL, REFUSES, .inhibitors = PCI_INHIBITOR,
      .text = "cannot reduce memory of domain 'guest' to 1048575 KiB: ballooning is inhibited by "
              "assigned PCI device 'hostdev0' (0000:07:00.0), and with its virtio-mem devices "
              "alone the guest can be brought down to 1048576 KiB; ask for that much, " PCI_ADVICE,
      .log = "domain 'guest': refused to reduce memory to 1048575 KiB: ballooning is inhibited by "
             "assigned PCI device 'hostdev0' (0000:07:00.0)" },
    { "redirected: a size that the guest has changes nothing", .memory = 2 * GIB, .flags = LIVE,
      .live = FULL, PASSES, .plan = "; 1048576 with 1" },
    { "redirected: a larger size goes to virtio-mem", .memory = GIB + HALF, .flags = LIVE,
      .live = REDIRECTED(GIB, "0", "0", NIC), PASSES, .plan = "ua-vm live 524288; 1048576 with 1" },
    { "redirected: a part of a block is a whole one", .memory = GIB + 1, .flags = LIVE,
      .live = REDIRECTED(GIB, "0", "0", NIC), PASSES, .plan = "ua-vm live 2048; 1048576 with 1" },
    { "redirected: what was requested and not released is not requested again", .memory = GIB,
      .flags = LIVE, .live = REDIRECTED(2 * GIB, "0", "1048576", NIC), PASSES,
      .plan = "; 1048576 with 1" },
    { "redirected: more than <memory> is libvirt's to refuse", .memory = 2 * GIB + 1,
      .flags = LIVE, .live = FULL, PASSES },
    { "redirected: more than balloon and virtio-mem have is refused", .memory = 2 * GIB + 1,
      .flags = LIVE,
      .live = GUEST{ .memory = 3 * GIB, .current = 2 * GIB, .policy = "redirect",
                     .devices = VIRTIO_MEM(ALIAS("ua-vm"), "1048576", "1048576")
                                NVDIMM("1048576") },
      .action = QEMU_DOMAIN_VERDICT_REFUSE, .code = VIR_ERR_OPERATION_INVALID, .logged = true,
      .text = "cannot set memory of domain 'guest' to 2097153 KiB: its balloon and its virtio-mem "
              "devices can give it 2097152 KiB at most, and the rest of its memory is in other "
              "devices" },
    { "redirected: without an inhibitor the balloon takes the rest", .memory = HALF, .flags = LIVE,
      .live = REDIRECTED(2 * GIB, "1048576", "1048576", ""), .messages = NOT_TAINTED, AVAILABLE,
      .plan = "ua-vm live 0; 524288 with 1" },
    { "redirected: without an inhibitor a balloon is deflated by the call itself",
      .memory = GIB + HALF, .flags = LIVE, .live = REDIRECTED(HALF, "0", "0", ""), PASSES,
      .plan = "ua-vm live 524288; 1048576 with 1" },
    { "redirected: a balloon that is inflated for nothing is deflated first", .memory = GIB + HALF,
      .flags = LIVE, .live = REDIRECTED(GIB + HALF, "1048576", "1048576", NIC), PASSES,
      .plan = "balloon live 1048576, ua-vm live 524288; 1048576 with 1" },
    { "redirected: as far as what is asked for goes", .memory = HALF + 4, .flags = LIVE,
      .live = REDIRECTED(GIB + HALF, "1048576", "1048576", NIC), PASSES,
      .plan = "balloon live 524292, ua-vm live 0; 524292 with 1" },
    { "redirected: of such a balloon no more can be taken", .memory = HALF - 1, .flags = LIVE,
      .live = REDIRECTED(GIB + HALF, "1048576", "1048576", NIC), REFUSES,
      .inhibitors = PCI_INHIBITOR, .fragment = "can be brought down to 524288 KiB" },
    { "redirected: a QEMU that has to be asked is asked before the balloon is used",
      .memory = HALF, .flags = LIVE, .qmp = QEMU_DOMAIN_QMP_ALWAYS,
      .live = REDIRECTED(2 * GIB, "1048576", "1048576", ""),
      .monitor = MONITOR{ ONE_PERIPHERAL("vu0", "vfio-user-pci"), { NULL, NULL } },
      REFUSES, .inhibitors = "vfio-user vu0 - qmp" },
    { "redirected: it is not asked where the balloon is not used", .memory = GIB, .flags = LIVE,
      .qmp = QEMU_DOMAIN_QMP_ALWAYS, .live = FULL, .rounds = 1, PASSES,
      .plan = "ua-vm live 0; 1048576 with 1" },

    { "redirected: a host's default_policy is as good", .memory = GIB, .flags = LIVE,
      .defaultPolicy = REDIRECT,
      .live = MEM_GUEST(2 * GIB, 2 * GIB, VIRTIO_MEM(ALIAS("ua-vm"), "1048576", "1048576")), PASSES,
      .plan = "ua-vm live 0; 1048576 with 1" },
    { "redirected: no other policy resizes", .memory = GIB, .flags = LIVE,
      .defaultPolicy = REDIRECT,
      .live = GUEST{ .memory = 2 * GIB, .policy = "block",
                     .devices = NIC VIRTIO_MEM(ALIAS("ua-vm"), "1048576", "1048576") }, PASSES },
    { "redirected: without a virtio-mem device it is told what to add", .memory = HALF,
      .flags = LIVE, .live = GUEST{ .policy = "redirect", .devices = NIC }, REFUSES,
      .inhibitors = PCI_INHIBITOR,
      .text = "cannot reduce memory of domain 'guest' to 524288 KiB: ballooning is inhibited by "
              "assigned PCI device 'hostdev0' (0000:07:00.0), and the guest has no virtio-mem "
              "device that could be resized instead: the guest would lose 524288 KiB and the host "
              "would gain nothing; give it <maxMemory slots='1' unit='KiB'>1048576</maxMemory>, "
              "<cpu><numa><cell id='0' memory='524288' unit='KiB'/></numa></cpu> and <memory "
              "model='virtio-mem'><target><size unit='KiB'>524288</size><node>0</node><block "
              "unit='KiB'>2048</block><requested unit='KiB'>524288</requested></target></memory>, "
              "and start it again; or " PCI_ADVICE },
    { "redirected: without a balloon device libvirt refuses", .memory = GIB, .flags = LIVE,
      .live = GUEST{ .memory = 2 * GIB, .policy = "redirect",
                     .memballoon = "<memballoon model='none'/>",
                     .devices = VIRTIO_MEM(ALIAS("ua-vm"), "1048576", "1048576") },
      PASSES, .state = QEMU_DOMAIN_BALLOON_NONE },
    { "redirected: size 0 is libvirt's to refuse", .memory = 0, .flags = MAXIMUM | LIVE, PASSES },

    /* The next start */
    { "redirected: a size for the next start is in the definition's devices",
      .memory = GIB + HALF, .flags = CONFIG, .live = NEXT_START(NIC), PASSES,
      .plan = "0 config 524288; 1048576 with 2" },
    { "redirected: the same by no flags where the domain does not run", .memory = GIB + HALF,
      .live = NEXT_START(NIC), PASSES, .plan = "0 config 524288; 1048576 with 0" },
    { "redirected: below boot memory the next start is refused as under block", .memory = HALF,
      .flags = CONFIG, .live = NEXT_START(NIC), REFUSES,
      .inhibitors = "vfio-pci hostdev0 0000:07:00.0 xml" },
    { "redirected: without an inhibitor it starts with an inflated balloon", .memory = HALF,
      .flags = CONFIG, .live = NEXT_START(""), PASSES, .plan = "0 config 0; 524288 with 2" },
    { "redirected: libvirt refuses LIVE of a domain that does not run", .memory = GIB,
      .flags = LIVE, .live = NEXT_START(NIC), PASSES },
    { "redirected: both halves, alike", .memory = GIB + HALF, .flags = LIVE | CONFIG, .live = FULL,
      .inactive = NEXT_START(NIC), .persistent = TEST_PERSISTENT_YES, PASSES,
      .plan = "ua-vm live 524288, 0 config 524288; 1048576 with 3" },
    { "redirected: both halves, of which the next start has less boot memory",
      .memory = GIB + HALF, .flags = LIVE | CONFIG, .live = FULL,
      .inactive = GUEST{ .inactive = true, .memory = GIB + HALF, .policy = "redirect",
                         .devices = VIRTIO_MEM("", "0", "0") },
      .persistent = TEST_PERSISTENT_YES, PASSES,
      .plan = "ua-vm live 524288, 0 config 1048576, balloon live 1048576; 524288 with 2" },
    { "redirected: both halves, of which only the running one has the policy", .memory = GIB,
      .flags = LIVE | CONFIG, .live = FULL,
      .inactive = GUEST{ .inactive = true, .policy = "block" }, .persistent = TEST_PERSISTENT_YES,
      PASSES, .plan = "ua-vm live 0; 1048576 with 3" },
    { "redirected: both halves, of which one is refused, change nothing", .memory = HALF,
      .flags = LIVE | CONFIG, .live = REDIRECTED(2 * GIB, "1048576", "1048576", ""),
      .inactive = NEXT_START(NIC), .persistent = TEST_PERSISTENT_YES, .messages = NOT_TAINTED,
      REFUSES, .inhibitors = "vfio-pci hostdev0 0000:07:00.0 xml" },

    /* What is about the balloon alone */
    { "redirected: a monitor command is one for the balloon", SETS(KIB(HALF)), .live = FULL,
      REFUSES, .inhibitors = PCI_INHIBITOR },
    { "redirected: an inflated guest does not get a first device", ATTACHES(NEW_PCI),
      .live = REDIRECTED(GIB + HALF, "1048576", "1048576", ""), .messages = NOT_TAINTED,
      KEEPS_OUT },
};

/* What follows where a question was not answered */

typedef struct {
    const char *sentence;
    const testGuest *guest; /* what was answered before; NULL: nothing */
    vbDomainBalloonPolicy defaultPolicy;
    int code;
    bool refused;
    const char *text; /* of the error, or of the line where it passes */
} testUnanswered;

#define UNCHECKED(name) "cannot check whether ballooning of domain '" name "' is inhibited: " \
    "reason; nothing was changed"

static const testUnanswered testUnanswereds[] = {
    { "nothing is known: refused", NULL, VB_DOMAIN_BALLOON_POLICY_BLOCK,
      VIR_ERR_OPERATION_TIMEOUT, true, UNCHECKED("called") },
    { "nothing is known on a host of warn: refused", NULL, VB_DOMAIN_BALLOON_POLICY_WARN,
      VIR_ERR_INTERNAL_ERROR, true, UNCHECKED("called") },
    { "nothing is known on a host of ignore: refused", NULL, VB_DOMAIN_BALLOON_POLICY_IGNORE,
      VIR_ERR_INTERNAL_ERROR, true, UNCHECKED("called") },
    { "no policy and unanswered: refused", GUEST{}, VB_DOMAIN_BALLOON_POLICY_BLOCK,
      VIR_ERR_OPERATION_TIMEOUT, true, UNCHECKED("called") },
    { "policy block and unanswered: refused", GUEST{ .policy = "block" },
      VB_DOMAIN_BALLOON_POLICY_WARN, VIR_ERR_OPERATION_TIMEOUT, true, UNCHECKED("called") },
    { "policy redirect and unanswered: refused", GUEST{ .policy = "redirect" },
      VB_DOMAIN_BALLOON_POLICY_WARN, VIR_ERR_INTERNAL_ERROR, true, UNCHECKED("called") },
    { "a policy that is none and unanswered: refused", GUEST{ .policy = "Warn" },
      VB_DOMAIN_BALLOON_POLICY_WARN, VIR_ERR_INTERNAL_ERROR, true, UNCHECKED("called") },
    { "policy warn and unanswered: passes with a line", GUEST{ .policy = "warn" },
      VB_DOMAIN_BALLOON_POLICY_BLOCK, VIR_ERR_OPERATION_TIMEOUT, false, "inhibited: reason" },
    { "no policy on a host of warn and unanswered: passes with a line", GUEST{},
      VB_DOMAIN_BALLOON_POLICY_WARN, VIR_ERR_OPERATION_TIMEOUT, false, "inhibited: reason" },
    { "policy ignore and unanswered: passes", GUEST{ .policy = "ignore" },
      VB_DOMAIN_BALLOON_POLICY_BLOCK, VIR_ERR_OPERATION_TIMEOUT, false, NULL },
};

static void
testUnansweredCase(gconstpointer opaque)
{
    const testUnanswered *data = opaque;
    const qemuDomainSettings settings = { data->defaultPolicy, QEMU_DOMAIN_QMP_AUTO };
    g_autoptr(qemuDomainFacts) facts = qemuDomainFactsNew();
    g_autoptr(qemuDomainVerdict) verdict = NULL;

    if (data->guest) {
        g_autofree char *xml = testLoadGuest(data->guest);

        g_assert_true(qemuDomainFactsAddXML(facts, false, xml, strlen(xml), NULL));
    }
    verdict = qemuDomainJudgeUnanswered(facts, &settings, "called", data->code, "reason", false);

    g_assert_cmpint(verdict->action, ==, data->refused ? QEMU_DOMAIN_VERDICT_REFUSE
                    : QEMU_DOMAIN_VERDICT_PASS);
    g_assert_cmpint(verdict->errorCode, ==, data->refused ? data->code : 0);
    g_assert_cmpint(verdict->state, ==, QEMU_DOMAIN_BALLOON_UNKNOWN);
    if (data->refused)
        g_assert_cmpstr(verdict->errorText, ==, data->text);
    else
        testAssertContains(verdict->logText, data->text, true);
    if (verdict->logText)
        testAssertManner(verdict->logText);
}

int
main(int argc, char **argv)
{
    g_autofree char *huge = g_strnfill(1024 * 1024, 'x');
    g_autoptr(GString) umlauts = g_string_new("x");
    size_t i;

    g_test_init(&argc, &argv, NULL);
    /* One wrong verdict must not hide the others. */
    g_test_set_nonfatal_assertions();

    /* Characters of two bytes, with and without one before them. */
    for (i = 0; i < 1000; i++)
        g_string_append(umlauts, "\303\244");

    for (i = 0; i < G_N_ELEMENTS(testCases); i++) {
        g_autofree char *path = g_strconcat("/qemudomain/", testCases[i].sentence, NULL);

        g_test_add_data_func(path, &testCases[i], testVerdict);
    }
    testAddPolicies();
    for (i = 0; i < G_N_ELEMENTS(testAdvices); i++) {
        g_autofree char *path = g_strconcat("/qemudomain/", testAdvices[i].sentence, NULL);

        g_test_add_data_func(path, &testAdvices[i], testFormatAdvice);
    }

    for (i = 0; i < G_N_ELEMENTS(testOtherRequests); i++) {
        g_autofree char *path = g_strconcat("/qemudomain/", testOtherRequests[i].sentence, NULL);

        g_test_add_data_func(path, &testOtherRequests[i], testVerdict);
    }
    for (i = 0; i < G_N_ELEMENTS(testRedirected); i++) {
        g_autofree char *path = g_strconcat("/qemudomain/", testRedirected[i].sentence, NULL);

        g_test_add_data_func(path, &testRedirected[i], testVerdict);
    }
    for (i = 0; i < G_N_ELEMENTS(testUnanswereds); i++) {
        g_autofree char *path = g_strconcat("/qemudomain/", testUnanswereds[i].sentence, NULL);

        g_test_add_data_func(path, &testUnanswereds[i], testUnansweredCase);
    }

    g_test_add_func("/qemudomain/names of the kinds stay", testKindNames);
    g_test_add_func("/qemudomain/names of the states stay", testStateNames);
    g_test_add_func("/qemudomain/names of the qmp modes stay", testQmpModeNames);
    g_test_add_func("/qemudomain/types of QEMU's devices are told apart", testDeviceTypes);
    g_test_add_func("/qemudomain/a document that cannot be read adds nothing",
                    testUnreadableDocument);
    g_test_add_func("/qemudomain/of two answers the later counts", testAnswersAreReplaced);
    g_test_add_data_func("/qemudomain/control characters from QEMU do not reach a terminal",
                         "a\\u001b[2J\\nerror: b", testHostileName);
    g_test_add_data_func("/qemudomain/control characters beyond ASCII do not reach it either",
                         "a\\u009b2Jb", testHostileName);
    g_test_add_data_func("/qemudomain/text from QEMU that is no UTF-8 does not reach a message",
                         "a\377b", testHostileName);
    g_test_add_data_func("/qemudomain/a long name is not cut inside of a character, even",
                         umlauts->str, testHostileName);
    g_test_add_data_func("/qemudomain/a long name is not cut inside of a character, odd",
                         umlauts->str + 1, testHostileName);
    g_test_add_data_func("/qemudomain/a device's name of a MiB does not make a text of a MiB",
                         huge, testHostileName);

    return g_test_run();
}
