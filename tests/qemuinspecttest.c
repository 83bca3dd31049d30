/*
 * qemuinspecttest.c: what a guest is found to be inhibited by, and by which evidence, as tables
 *
 * A case is a guest, what its QEMU answers, and what is found.  QEMU's answers are those of one
 * where nothing goes on, made by QEMU 7.2, but for the ones that the case lists: by the name of a
 * file in qemumonitorjsondata/, or as JSON.  An answer that is listed and not asked for fails the
 * case, and so does a question that QEMU is not to be asked.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <libvirt/virterror.h>
#include <string.h>

#include "qemu_domain.h"
#include "qemu_message.h"
#include "testinhibitors.h"
#include "vberror.h"

#define UUID_A "4b20d080-1b54-4048-85b3-a6a62d165c01"

/* Pieces of documents */

#define ALIAS(name) "<alias name='" name "'/>"
#define PCI "<hostdev mode='subsystem' type='pci' managed='yes'><driver name='vfio'/><source>" \
    "<address domain='0x0000' bus='0x07' slot='0x00' function='0x0'/></source>" \
    ALIAS("hostdev0") "</hostdev>"
#define INTERFACE "<interface type='hostdev' managed='yes'><driver name='vfio'/><source>" \
    "<address type='pci' domain='0x0000' bus='0x3b' slot='0x02' function='0x4'/></source>" \
    ALIAS("hostdev0") "</interface>"
#define MDEV "<hostdev mode='subsystem' type='mdev' managed='no' model='vfio-pci'><source>" \
    "<address uuid='" UUID_A "'/></source>" ALIAS("ua-vgpu") "</hostdev>"
#define VDPA_NET "<interface type='vdpa'><source dev='/dev/vhost-vdpa-0'/>" ALIAS("net0") \
    "</interface>"
#define NVME_DISK "<disk type='nvme' device='disk'><driver name='qemu' type='raw'/>" \
    "<source type='pci' managed='yes' namespace='1' index='1'>" \
    "<address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></source>" \
    "<target dev='vda' bus='virtio'/>" ALIAS("virtio-disk0") "</disk>"
#define VDPA_DISK "<disk type='vhostvdpa' device='disk'><driver name='qemu' type='raw'/>" \
    "<source dev='/dev/vhost-vdpa-2' index='1'/><target dev='vda' bus='virtio'/>" \
    ALIAS("virtio-disk0") "</disk>"
#define BACKING(children) "<memoryBacking>" children "</memoryBacking>"
#define LOCKED BACKING("<locked/>")
#define QEMU_NAMESPACE " xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'"
#define COMMAND_LINE "<qemu:commandline" QEMU_NAMESPACE "><qemu:arg value='-S'/></qemu:commandline>"
#define OPT_OUT "<qemu:override" QEMU_NAMESPACE "><qemu:device alias='ua-vgpu'><qemu:frontend>" \
    "<qemu:property name='x-balloon-allowed' type='bool' value='true'/></qemu:frontend>" \
    "</qemu:device></qemu:override>"

/* Pieces of QMP */

#define PERIPHERAL "/machine/peripheral"
#define ANONYMOUS "/machine/peripheral-anon"
#define CHILD(name, type) "{\"name\":\"" name "\",\"type\":\"child<" type ">\"}"
#define CHILDREN(children) "{\"return\":[" children "],\"id\":\"libvirt-412\"}"
#define RETURN(value) "{\"return\":" value ",\"id\":\"libvirt-413\"}"
#define NOT_FOUND "{\"id\":\"libvirt-414\",\"error\":{\"class\":\"CommandNotFound\",\"desc\":" \
    "\"The command has not been found\"}}"
#define GENERIC "{\"id\":\"libvirt-415\",\"error\":{\"class\":\"GenericError\",\"desc\":\"no\"}}"
#define VERSION(major, minor) RETURN("{\"qemu\":{\"micro\":0,\"minor\":" minor ",\"major\":" major \
    "},\"package\":\"\"}")
#define NODES(nodes) RETURN("[" nodes "]")
#define NODE(name, driver) "{\"drv\":\"" driver "\",\"node-name\":\"" name "\"}"
#define BLOCKED(reasons) RETURN("{\"blocked-reasons\":[" reasons "]}")
#define VDPA_LINE(name) name ": index=0,type=vhost-vdpa,vhost-vdpa\\r\\n"
#define SNAPSHOT_ON { "query-migrate-capabilities", "query-migrate-capabilities-snapshot" }

typedef struct {
    const char *question; /* as testName() has it */
    const char *answer;   /* JSON, or the name of a file */
} testAnswer;

typedef enum {
    TEST_ASKS_QEMU,    /* without asking libvirt for a reason */
    TEST_ASKS_LIBVIRT, /* for its messages, and not QEMU */
    TEST_ASKS_BOTH,
    TEST_ASKS_NOBODY,
} testAsks;

typedef struct {
    const char *sentence;
    const char *devices;    /* children of <devices> */
    const char *more;       /* children of <domain> */
    const char *memballoon; /* NULL: model virtio */
    bool inactive;
    qemuDomainQmpMode qmp;
    bool tainted; /* libvirt's messages say that its monitor was used */
    testAnswer answers[5];

    const char *inhibitors; /* as testFormatInhibitors() has them; NULL: none */
    qemuDomainBalloonState state; /* UNKNOWN: inhibited where there are inhibitors, or available */
    bool unknown;
    testAsks asks;
    const char *question; /* that the first inhibitor has kept */
    const char *kept;     /* its answer, as in @answers; NULL: not checked */
} testCase;

#define ALWAYS .qmp = QEMU_DOMAIN_QMP_ALWAYS
#define AUTO .qmp = QEMU_DOMAIN_QMP_AUTO
#define NEVER .qmp = QEMU_DOMAIN_QMP_NEVER
#define ANSWERS .answers =

/* What QEMU answers where nothing goes on. */
static const testAnswer testUsualAnswers[] = {
    { PERIPHERAL, CHILDREN(CHILD("balloon0", "virtio-balloon-pci")) },
    { ANONYMOUS, CHILDREN("") },
    { "query-migrate", "query-migrate-none" },
    { "query-migrate-capabilities", "query-migrate-capabilities" },
    { "query-sev", "query-sev-off" },
    { "query-colo-status", "query-colo-status-none" },
    { "query-named-block-nodes", "query-named-block-nodes" },
    { "query-version", "query-version" },
    { "info network", "info-network" },
};

static const testCase testCases[] = {
    /* Nothing */
    { "a guest where nothing goes on is available", ALWAYS },
    { "a QEMU without any of the commands has none of the things", ALWAYS,
      ANSWERS { { "query-sev", NOT_FOUND }, { "query-colo-status", NOT_FOUND },
                { "query-migrate-capabilities", NOT_FOUND }, { "query-migrate", NOT_FOUND },
                { "info network", NOT_FOUND } } },
    { "a QEMU that has the commands and cannot do the things has none of them", ALWAYS,
      ANSWERS { { "query-sev", GENERIC }, { "query-colo-status", GENERIC },
                { "query-migrate-capabilities", GENERIC }, { "query-migrate", GENERIC },
                { "info network", GENERIC } } },
    { "a QEMU that cannot list its block nodes shows none", ALWAYS,
      ANSWERS { { "query-named-block-nodes", NOT_FOUND } } },

    /* Background snapshot */
    { "a background snapshot that runs inhibits", ALWAYS,
      ANSWERS { SNAPSHOT_ON, { "query-migrate", "query-migrate-snapshot-active" } },
      .inhibitors = "background-snapshot - - qmp", .question = "query-migrate",
      .kept = "query-migrate-snapshot-active" },
    { "the capability of a background snapshot alone does not inhibit", ALWAYS,
      ANSWERS { SNAPSHOT_ON } },
    { "a background snapshot that has ended does not inhibit", ALWAYS,
      ANSWERS { SNAPSHOT_ON, { "query-migrate", "query-migrate-snapshot-completed" } } },
    { "an ordinary migration does not inhibit its source", ALWAYS,
      ANSWERS { { "query-migrate", "query-migrate-source-active" } } },

    /* Postcopy */
    { "postcopy inhibits the target", ALWAYS,
      ANSWERS { { "query-migrate", "query-migrate-target-postcopy" } },
      .inhibitors = "postcopy - - qmp", .question = "query-migrate",
      .kept = "query-migrate-target-postcopy" },
    { "postcopy does not inhibit the source", ALWAYS,
      ANSWERS { { "query-migrate", "query-migrate-source-postcopy" } } },
    { "an ordinary migration does not inhibit its target", ALWAYS,
      ANSWERS { { "query-migrate", "query-migrate-target-active" } } },
    { "postcopy that has ended does not inhibit", ALWAYS,
      ANSWERS { { "query-migrate", "query-migrate-target-completed" } } },

    /* COLO */
    { "the secondary side of COLO is inhibited, and by nothing else", ALWAYS,
      ANSWERS { { "query-colo-status", "query-colo-status-secondary" },
                { "query-migrate", "query-migrate-target-colo" } },
      .inhibitors = "colo - - qmp", .question = "query-colo-status",
      .kept = "query-colo-status-secondary" },
    { "the secondary side of COLO stays inhibited once it has taken over", ALWAYS,
      ANSWERS { { "query-colo-status", "query-colo-status-survivor" },
                { "query-migrate", "query-migrate-target-completed" } },
      .inhibitors = "colo - - qmp", .question = "query-colo-status",
      .kept = "query-colo-status-survivor" },
    { "the primary side of COLO is not inhibited", ALWAYS,
      ANSWERS { { "query-colo-status", "query-colo-status-primary" } } },

    /* Protected memory */
    { "SEV inhibits", ALWAYS, ANSWERS { { "query-sev", "query-sev-sev" } },
      .inhibitors = "sev - - qmp", .question = "query-sev", .kept = "query-sev-sev" },
    { "SEV-ES inhibits", ALWAYS, ANSWERS { { "query-sev", "query-sev-sev-es" } },
      .inhibitors = "sev - - qmp" },
    { "SEV that says its type inhibits", ALWAYS, ANSWERS { { "query-sev", "query-sev-9.1-sev" } },
      .inhibitors = "sev - - qmp" },
    { "SEV that is off and says its type does not inhibit", ALWAYS,
      ANSWERS { { "query-sev", "query-sev-9.1-off" } } },
    { "SEV-SNP does not inhibit", ALWAYS, ANSWERS { { "query-sev", "query-sev-9.1-sev-snp" } } },
    { "SEV of XML and of QEMU is one", .more = "<launchSecurity type='sev'/>", ALWAYS,
      ANSWERS { { "query-sev", "query-sev-sev" } },
      .inhibitors = "sev - - xml+qmp", .question = "query-sev", .kept = "query-sev-sev" },
    { "SEV of XML that QEMU cannot tell of counts", .more = "<launchSecurity type='sev'/>", ALWAYS,
      ANSWERS { { "query-sev", NOT_FOUND } }, .inhibitors = "sev - - xml" },
    { "a guest that is protected inhibits", ALWAYS,
      ANSWERS { { "query-migrate", "query-migrate-protected" } },
      .inhibitors = "s390-pv - - qmp", .question = "query-migrate",
      .kept = "query-migrate-protected" },
    { "protection of XML and of QEMU is one", .more = "<launchSecurity type='s390-pv'/>", ALWAYS,
      ANSWERS { { "query-migrate", "query-migrate-protected" } },
      .inhibitors = "s390-pv - - xml+qmp" },
    { "protection that the guest has not switched on yet counts",
      .more = "<launchSecurity type='s390-pv'/>", ALWAYS, .inhibitors = "s390-pv - - xml" },
    { "a device that cannot migrate does not inhibit", ALWAYS,
      ANSWERS { { "query-migrate", "query-migrate-blocked" } } },
    { "other words for why it cannot migrate do not inhibit", ALWAYS,
      ANSWERS { { "query-migrate", BLOCKED("\"protected VMs are currently not migratable. Not.\","
                                           "\"protected\",\"\"") } } },
    { "a protected target of postcopy is inhibited by both", ALWAYS,
      ANSWERS { { "query-migrate",
                  RETURN("{\"status\":\"postcopy-active\",\"blocked-reasons\":"
                         "[\"protected VMs are currently not migratable.\"]}") } },
      .inhibitors = "s390-pv - - qmp, postcopy - - qmp" },

    /* Block nodes */
    { "a userspace NVMe disk inhibits", ALWAYS,
      ANSWERS { { "query-named-block-nodes", "query-named-block-nodes-nvme" } },
      .inhibitors = "nvme libvirt-1-storage - qmp", .question = "query-named-block-nodes",
      .kept = "libvirt-1-storage: drv nvme" },
    { "disks of libblkio inhibit, each of them", ALWAYS,
      ANSWERS { { "query-named-block-nodes", "query-named-block-nodes-blkio" } },
      .inhibitors = "blkio libvirt-1-storage - qmp, blkio libvirt-2-storage - qmp, "
                    "blkio libvirt-3-storage - qmp",
      .kept = "libvirt-1-storage: drv virtio-blk-vhost-vdpa" },
    { "a disk of libblkio that pins no memory does not inhibit", ALWAYS,
      ANSWERS { { "query-named-block-nodes", NODES(NODE("a", "virtio-blk-vhost-user")) } } },
    { "an emulated NVMe device does not inhibit", ALWAYS,
      ANSWERS { { PERIPHERAL, "qom-list-nvme-device" },
                { "query-named-block-nodes", "query-named-block-nodes" } } },
    { "a node that is called nvme does not inhibit", ALWAYS,
      ANSWERS { { "query-named-block-nodes", NODES(NODE("nvme", "null-co")) } } },
    { "a node without a name inhibits as well", ALWAYS,
      ANSWERS { { "query-named-block-nodes", NODES("{\"drv\":\"nvme\"}") } },
      .inhibitors = "nvme - - qmp", .kept = "?: drv nvme" },
    { "a userspace NVMe disk of XML and of QEMU is one", .devices = NVME_DISK, ALWAYS,
      ANSWERS { { "query-named-block-nodes", "query-named-block-nodes-nvme" } },
      .inhibitors = "nvme virtio-disk0 0000:01:00.0 xml+qmp",
      .kept = "libvirt-1-storage: drv nvme" },
    { "a disk of libblkio of XML and of QEMU is one", .devices = VDPA_DISK, ALWAYS,
      ANSWERS { { "query-named-block-nodes",
                  NODES(NODE("libvirt-1-storage", "virtio-blk-vhost-vdpa")) } },
      .inhibitors = "blkio virtio-disk0 /dev/vhost-vdpa-2 xml+qmp" },
    { "a second userspace NVMe disk that XML does not have is another", .devices = NVME_DISK,
      ALWAYS,
      ANSWERS { { "query-named-block-nodes",
                  NODES(NODE("libvirt-1-storage", "nvme") "," NODE("mine", "nvme")) } },
      .inhibitors = "nvme virtio-disk0 0000:01:00.0 xml+qmp, nvme mine - qmp" },

    /* vDPA */
    { "a vDPA network back end inhibits", ALWAYS,
      ANSWERS { { "info network", "info-network-vdpa" } },
      .inhibitors = "vhost-vdpa hostnet0 - qmp", .question = "info network",
      .kept = "hostnet0: index=0,type=vhost-vdpa,vhost-vdpa" },
    { "a vDPA network back end does not inhibit in QEMU 5.2", ALWAYS,
      ANSWERS { { "info network", "info-network-vdpa" }, { "query-version", VERSION("5", "2") } } },
    { "a vDPA network back end does not inhibit in QEMU 6.1", ALWAYS,
      ANSWERS { { "info network", "info-network-vdpa" }, { "query-version", VERSION("6", "1") } } },
    { "a vDPA network back end inhibits in QEMU 6.2", ALWAYS,
      ANSWERS { { "info network", "info-network-vdpa" }, { "query-version", VERSION("6", "2") } },
      .inhibitors = "vhost-vdpa hostnet0 - qmp" },
    { "a vDPA network back end inhibits in QEMU 10.0", ALWAYS,
      ANSWERS { { "info network", "info-network-vdpa" }, { "query-version", VERSION("10", "0") } },
      .inhibitors = "vhost-vdpa hostnet0 - qmp" },
    { "a vDPA network back end inhibits in QEMU 11.1", ALWAYS,
      ANSWERS { { "info network", "info-network-vdpa" }, { "query-version", VERSION("11", "1") } },
      .inhibitors = "vhost-vdpa hostnet0 - qmp" },
    { "a vDPA network back end without a device is found", ALWAYS,
      ANSWERS { { "info network", RETURN("\"" VDPA_LINE("n0") "\"") } },
      .inhibitors = "vhost-vdpa n0 - qmp" },
    { "every vDPA network back end is named", ALWAYS,
      ANSWERS { { "info network", RETURN("\"net0: index=0,type=nic,model=virtio-net-pci\\r\\n \\\\ "
                                         VDPA_LINE("a.b") "net1: index=0,type=nic\\r\\n \\\\ "
                                         "b: index=0,type=user\\r\\n \\\\ " VDPA_LINE("c_1-x")
                                         "\"") } },
      .inhibitors = "vhost-vdpa a.b - qmp, vhost-vdpa c_1-x - qmp" },
    { "the queues of a vDPA network back end are one", ALWAYS,
      ANSWERS { { "info network", RETURN("\"n0: index=0,type=vhost-vdpa,vhost-vdpa\\r\\n"
                                         "n0: index=1,type=vhost-vdpa,vhost-vdpa\\r\\n\"") } },
      .inhibitors = "vhost-vdpa n0 - qmp" },
    { "a vDPA network back end in a hub has its own name", ALWAYS,
      ANSWERS { { "info network", RETURN("\"hub 0\\r\\n \\\\ h0: " VDPA_LINE("n0") "\"") } },
      .inhibitors = "vhost-vdpa n0 - qmp" },
    { "back ends of other types do not inhibit, whatever they are called", ALWAYS,
      ANSWERS { { "info network", "info-network-odd" } } },
    { "text that a back end shows of itself does not inhibit", ALWAYS,
      ANSWERS { { "info network",
                  RETURN("\"n0: index=0,type=tap,ifname=tap0,script=/run/type=vhost-vdpa,"
                         "downscript=no\\r\\n\"") } } },
    { "a longer type does not inhibit", ALWAYS,
      ANSWERS { { "info network",
                  RETURN("\"n0: index=0,type=vhost-vdpa-next,a\\r\\n\"") } } },
    { "a user back end of vhost does not inhibit", ALWAYS,
      ANSWERS { { "info network",
                  RETURN("\"n0: index=0,type=vhost-user,vhost-user0 to c0\\r\\n\"") } } },
    { "odd lines do not inhibit", ALWAYS,
      ANSWERS { { "info network", RETURN("\"type=vhost-vdpa\\r\\n\\r\\n\\n:\\n \\\\\\n \\\\ :\\n"
                                         "n0 type=vhost-vdpa:\\n\"") } } },
    { "a monitor that does not know 'info network' shows nothing", ALWAYS,
      ANSWERS { { "info network", "info-unknown" } } },
    { "a vDPA interface of XML and of QEMU is one", .devices = VDPA_NET, ALWAYS,
      ANSWERS { { "info network", "info-network-vdpa" } },
      .inhibitors = "vhost-vdpa net0 /dev/vhost-vdpa-0 xml+qmp",
      .kept = "hostnet0: index=0,type=vhost-vdpa,vhost-vdpa" },
    { "a vDPA device inhibits", ALWAYS,
      ANSWERS { { PERIPHERAL, CHILDREN(CHILD("v0", "vhost-vdpa-device-pci")) } },
      .inhibitors = "vhost-vdpa v0 - qmp", .question = "qom-list " PERIPHERAL,
      .kept = "v0: child<vhost-vdpa-device-pci>" },

    /* Devices */
    { "an assigned PCI device of XML and of QEMU is one", .devices = PCI, ALWAYS,
      ANSWERS { { PERIPHERAL, CHILDREN(CHILD("hostdev0", "vfio-pci")) },
                { PERIPHERAL "/hostdev0 x-balloon-allowed", RETURN("false") } },
      .inhibitors = "vfio-pci hostdev0 0000:07:00.0 xml+qmp",
      .question = "qom-get " PERIPHERAL "/hostdev0 x-balloon-allowed",
      .kept = RETURN("false") },
    { "an assigned interface of XML and of QEMU is one and stays an interface",
      .devices = INTERFACE, ALWAYS,
      ANSWERS { { PERIPHERAL, CHILDREN(CHILD("hostdev0", "vfio-pci")) },
                { PERIPHERAL "/hostdev0 x-balloon-allowed", RETURN("false") } },
      .inhibitors = "vfio-pci hostdev0 0000:3b:02.4 xml+qmp interface" },
    { "a mediated device of XML and of QEMU is one", .devices = MDEV, ALWAYS,
      ANSWERS { { PERIPHERAL, CHILDREN(CHILD("ua-vgpu", "vfio-pci")) },
                { PERIPHERAL "/ua-vgpu x-balloon-allowed", RETURN("false") } },
      .inhibitors = "vfio-mdev ua-vgpu " UUID_A " xml+qmp" },
    { "an opt-out that QEMU denies inhibits by both", .devices = MDEV, .more = OPT_OUT, ALWAYS,
      ANSWERS { { PERIPHERAL, CHILDREN(CHILD("ua-vgpu", "vfio-pci")) },
                { PERIPHERAL "/ua-vgpu x-balloon-allowed", RETURN("false") } },
      .inhibitors = "vfio-mdev ua-vgpu " UUID_A " xml+qmp" },
    { "an opt-out that QEMU confirms is available", .devices = MDEV, .more = OPT_OUT, ALWAYS,
      ANSWERS { { PERIPHERAL, CHILDREN(CHILD("ua-vgpu", "vfio-pci")) },
                { PERIPHERAL "/ua-vgpu x-balloon-allowed", RETURN("true") } } },
    { "an opt-out that only QEMU shows is available", .devices = MDEV, ALWAYS,
      ANSWERS { { PERIPHERAL, CHILDREN(CHILD("ua-vgpu", "vfio-pci")) },
                { PERIPHERAL "/ua-vgpu x-balloon-allowed", RETURN("true") } } },
    { "a mediated device that QEMU says is opted out is not listed beside another",
      .devices = MDEV PCI, ALWAYS,
      ANSWERS { { PERIPHERAL, CHILDREN(CHILD("ua-vgpu", "vfio-pci") ","
                                       CHILD("hostdev0", "vfio-pci")) },
                { PERIPHERAL "/ua-vgpu x-balloon-allowed", RETURN("true") },
                { PERIPHERAL "/hostdev0 x-balloon-allowed", RETURN("false") } },
      .inhibitors = "vfio-pci hostdev0 0000:07:00.0 xml+qmp" },
    { "a device that QEMU has not told yet counts by XML alone", .devices = PCI, ALWAYS,
      .inhibitors = "vfio-pci hostdev0 0000:07:00.0 xml" },
    { "a device beside one of XML is found as well", .devices = PCI, ALWAYS,
      ANSWERS { { PERIPHERAL, CHILDREN(CHILD("hostdev0", "vfio-pci") ","
                                       CHILD("vu0", "vfio-user-pci")) },
                { PERIPHERAL "/hostdev0 x-balloon-allowed", RETURN("false") } },
      .inhibitors = "vfio-pci hostdev0 0000:07:00.0 xml+qmp, vfio-user vu0 - qmp" },
    { "what goes on beside a device of XML is found as well", .devices = PCI, ALWAYS,
      ANSWERS { SNAPSHOT_ON, { "query-migrate", "query-migrate-snapshot-active" } },
      .inhibitors = "vfio-pci hostdev0 0000:07:00.0 xml, background-snapshot - - qmp" },
    { "a vfio-user device without an id is found", ALWAYS,
      ANSWERS { { ANONYMOUS, CHILDREN(CHILD("device[0]", "vfio-user-pci")) } },
      .inhibitors = "vfio-user device[0] - qmp", .question = "qom-list " ANONYMOUS,
      .kept = "device[0]: child<vfio-user-pci>" },
    { "a device and a back end of the same name are two", ALWAYS,
      ANSWERS { { PERIPHERAL, CHILDREN(CHILD("a", "vfio-user-pci")) },
                { "info network", RETURN("\"" VDPA_LINE("a") "\"") },
                { "query-named-block-nodes", NODES(NODE("a", "nvme")) } },
      .inhibitors = "vfio-user a - qmp, nvme a - qmp, vhost-vdpa a - qmp" },
    { "everything at once is listed once each", ALWAYS,
      ANSWERS { { PERIPHERAL, CHILDREN(CHILD("vu0", "vfio-user-pci")) },
                { "query-migrate", "query-migrate-protected" },
                { "query-sev", "query-sev-sev" },
                { "query-named-block-nodes", "query-named-block-nodes-nvme" },
                { "info network", "info-network-vdpa" } },
      .inhibitors = "vfio-user vu0 - qmp, s390-pv - - qmp, sev - - qmp, "
                    "nvme libvirt-1-storage - qmp, vhost-vdpa hostnet0 - qmp" },

    /* Locked memory */
    { "locked memory is ineffective", .more = LOCKED, ALWAYS,
      .inhibitors = "locked-memory - - xml", .state = QEMU_DOMAIN_BALLOON_INEFFECTIVE },
    { "locked memory that is shared is available", ALWAYS,
      .more = BACKING("<source type='memfd'/><locked/>") },
    { "locked memory of a memfd that is not shared is ineffective", ALWAYS,
      .more = BACKING("<source type='memfd'/><access mode='private'/><locked/>"),
      .inhibitors = "locked-memory - - xml", .state = QEMU_DOMAIN_BALLOON_INEFFECTIVE },
    { "locked memory is not listed beside an inhibitor", .more = LOCKED, ALWAYS,
      ANSWERS { { "query-sev", "query-sev-sev" } }, .inhibitors = "sev - - qmp" },

    /* Huge pages */
    { "huge pages are ineffective", .more = BACKING("<hugepages/>"), ALWAYS,
      .inhibitors = "huge-pages - - xml", .state = QEMU_DOMAIN_BALLOON_INEFFECTIVE },
    { "huge pages that are shared are ineffective", ALWAYS,
      .more = BACKING("<hugepages/><source type='memfd'/>"),
      .inhibitors = "huge-pages - - xml", .state = QEMU_DOMAIN_BALLOON_INEFFECTIVE },
    { "huge pages that are locked are ineffective twice", ALWAYS,
      .more = BACKING("<hugepages/><locked/>"),
      .inhibitors = "locked-memory - - xml, huge-pages - - xml",
      .state = QEMU_DOMAIN_BALLOON_INEFFECTIVE },
    { "huge pages that are shared and locked are ineffective once", ALWAYS,
      .more = BACKING("<hugepages/><source type='memfd'/><locked/>"),
      .inhibitors = "huge-pages - - xml", .state = QEMU_DOMAIN_BALLOON_INEFFECTIVE },
    { "huge pages are not listed beside an inhibitor", .more = BACKING("<hugepages/>"), ALWAYS,
      ANSWERS { { "query-sev", "query-sev-sev" } }, .inhibitors = "sev - - qmp" },

    /* Who is asked: auto */
    { "auto: a plain VFIO guest is inhibited and nobody is asked", .devices = PCI, AUTO,
      .inhibitors = "vfio-pci hostdev0 0000:07:00.0 xml", .asks = TEST_ASKS_NOBODY },
    { "auto: a plain VFIO guest whose monitor was used is not asked either", .devices = PCI, AUTO,
      .tainted = true, .inhibitors = "vfio-pci hostdev0 0000:07:00.0 xml",
      .asks = TEST_ASKS_NOBODY },
    { "auto: a VFIO guest with a command line is not asked", .devices = PCI, .more = COMMAND_LINE,
      AUTO, .inhibitors = "vfio-pci hostdev0 0000:07:00.0 xml", .asks = TEST_ASKS_NOBODY },
    { "auto: a mediated device without a command line is not asked about", .devices = MDEV, AUTO,
      .inhibitors = "vfio-mdev ua-vgpu " UUID_A " xml", .asks = TEST_ASKS_NOBODY },
    { "auto: a command line may have opted a mediated device out", .devices = MDEV,
      .more = COMMAND_LINE, AUTO,
      ANSWERS { { PERIPHERAL, CHILDREN(CHILD("ua-vgpu", "vfio-pci")) },
                { PERIPHERAL "/ua-vgpu x-balloon-allowed", RETURN("true") } },
      .asks = TEST_ASKS_QEMU },
    { "auto: a command line that has not leaves it an inhibitor", .devices = MDEV,
      .more = COMMAND_LINE, AUTO,
      ANSWERS { { PERIPHERAL, CHILDREN(CHILD("ua-vgpu", "vfio-pci")) },
                { PERIPHERAL "/ua-vgpu x-balloon-allowed", RETURN("false") } },
      .inhibitors = "vfio-mdev ua-vgpu " UUID_A " xml+qmp", .asks = TEST_ASKS_QEMU },
    { "auto: a mediated device beside another one that inhibits is not asked about",
      .devices = MDEV PCI, .more = COMMAND_LINE, AUTO, .asks = TEST_ASKS_NOBODY,
      .inhibitors = "vfio-mdev ua-vgpu " UUID_A " xml, vfio-pci hostdev0 0000:07:00.0 xml" },
    { "never: a mediated device with a command line inhibits", .devices = MDEV,
      .more = COMMAND_LINE, NEVER, .inhibitors = "vfio-mdev ua-vgpu " UUID_A " xml",
      .asks = TEST_ASKS_NOBODY },
    { "auto: a guest of SEV is not asked", .more = "<launchSecurity type='sev'/>", AUTO,
      .inhibitors = "sev - - xml", .asks = TEST_ASKS_NOBODY },
    { "auto: a plain guest is available and only libvirt is asked", AUTO,
      .asks = TEST_ASKS_LIBVIRT },
    { "auto: a plain guest of locked memory is not asked", .more = LOCKED, AUTO,
      .inhibitors = "locked-memory - - xml", .state = QEMU_DOMAIN_BALLOON_INEFFECTIVE,
      .asks = TEST_ASKS_LIBVIRT },
    { "auto: a guest whose monitor was used is asked everything", AUTO, .tainted = true,
      ANSWERS { { "info network", "info-network-vdpa" }, SNAPSHOT_ON,
                { "query-migrate", "query-migrate-snapshot-active" },
                { "query-sev", "query-sev-sev" } },
      .inhibitors = "background-snapshot - - qmp, sev - - qmp, vhost-vdpa hostnet0 - qmp",
      .asks = TEST_ASKS_BOTH },
    { "auto: a guest with a command line is asked everything", .more = COMMAND_LINE, AUTO,
      ANSWERS { { "query-colo-status", "query-colo-status-secondary" } },
      .inhibitors = "colo - - qmp", .asks = TEST_ASKS_QEMU },

    /* Who is asked: never */
    { "never: a plain guest is available", NEVER, .asks = TEST_ASKS_NOBODY },
    { "never: a VFIO guest is inhibited", .devices = PCI, NEVER,
      .inhibitors = "vfio-pci hostdev0 0000:07:00.0 xml", .asks = TEST_ASKS_NOBODY },
    { "never: of a guest with a command line nothing is known", .more = COMMAND_LINE, NEVER,
      .unknown = true, .asks = TEST_ASKS_NOBODY },
    { "never: of a guest with an opt-out nothing is known", .devices = MDEV, .more = OPT_OUT,
      NEVER, .unknown = true, .asks = TEST_ASKS_NOBODY },
    { "never: locked memory is ineffective even so", .more = LOCKED COMMAND_LINE, NEVER,
      .inhibitors = "locked-memory - - xml", .state = QEMU_DOMAIN_BALLOON_INEFFECTIVE,
      .asks = TEST_ASKS_NOBODY },
    { "never: a guest with a command line that is shut off is available", .more = COMMAND_LINE,
      .inactive = true, NEVER, .asks = TEST_ASKS_NOBODY },

    /* Guests that are shut off, and guests without a balloon */
    { "a guest that is shut off is not asked, whatever the setting", .inactive = true, ALWAYS,
      .asks = TEST_ASKS_NOBODY },
    { "a guest that is shut off will be inhibited", .devices = PCI, .inactive = true, ALWAYS,
      .inhibitors = "vfio-pci hostdev0 0000:07:00.0 xml", .asks = TEST_ASKS_NOBODY },
    { "a running guest without a balloon is not asked", .memballoon = "", .devices = PCI, ALWAYS,
      .state = QEMU_DOMAIN_BALLOON_NONE, .asks = TEST_ASKS_NOBODY },
    { "a guest that is shut off and has no balloon will have none",
      .memballoon = "<memballoon model='none'/>", .inactive = true, ALWAYS,
      .state = QEMU_DOMAIN_BALLOON_NONE, .asks = TEST_ASKS_NOBODY },
    { "libvirt adds a balloon to a guest that does not say anything of it", .memballoon = "",
      .inactive = true, ALWAYS, .asks = TEST_ASKS_NOBODY },
};

static char *
testLoad(const char *answer)
{
    g_autofree char *file = NULL;
    g_autoptr(GError) error = NULL;
    char *text = NULL;

    if (answer[0] == '{' || !*answer)
        return g_strdup(answer);
    file = g_strconcat(VB_TEST_DATA_DIR, "/qemumonitorjsondata/", answer, ".json", NULL);
    g_file_get_contents(file, &text, NULL, &error);
    g_assert_no_error(error);
    return text ? g_strchomp(text) : g_strdup("");
}

/* A question in short: a query's name, a path, "path property", or a line for humans. */
static char *
testName(const char *command)
{
    g_auto(GStrv) parts = g_strsplit(command, "\"", -1);
    guint count = g_strv_length(parts);

    if (count > 13 && g_str_equal(parts[3], "qom-get"))
        return g_strdup_printf("%s %s", parts[9], parts[13]);
    if (count > 9 && (g_str_equal(parts[3], "qom-list") ||
                      g_str_equal(parts[3], "human-monitor-command")))
        return g_strdup(parts[9]);
    return g_strdup(count > 3 ? parts[3] : command);
}

static const char *
testFind(const testAnswer *answers, size_t count, const char *question)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (g_strcmp0(answers[i].question, question) == 0)
            return answers[i].answer;
    }
    return NULL;
}

static char *
testMakeGuest(const testCase *data)
{
    return g_strdup_printf("<domain type='kvm'%s><name>guest</name>"
                           "<memory unit='KiB'>1048576</memory>"
                           "<currentMemory unit='KiB'>1048576</currentMemory>"
                           "<devices>%s%s</devices>%s</domain>", data->inactive ? "" : " id='7'",
                           data->devices ? data->devices : "",
                           data->memballoon ? data->memballoon : "<memballoon model='virtio'/>",
                           data->more ? data->more : "");
}

/* Answers all that @verdict asks; what was asked goes to @asked. */
static void
testAnswerAll(qemuDomainFacts *facts, const testCase *data, const qemuDomainVerdict *verdict,
              GHashTable *asked)
{
    static const char *const clean[] = { "tainted: high privileges", NULL };
    static const char *const tainted[] = {
        "tainted: custom monitor control commands issued", NULL,
    };
    guint i;

    for (i = 0; i < verdict->questions->len; i++) {
        const qemuDomainQuestion *question = g_ptr_array_index(verdict->questions, i);
        g_autofree char *name = NULL;
        g_autofree char *text = NULL;
        const char *answer;

        if (question->kind == QEMU_DOMAIN_QUESTION_MESSAGES) {
            qemuDomainFactsAddMessages(facts, data->tainted ? tainted : clean);
            g_hash_table_add(asked, g_strdup("messages"));
            continue;
        }
        g_assert_cmpint(question->kind, ==, QEMU_DOMAIN_QUESTION_MONITOR);
        if (question->kind != QEMU_DOMAIN_QUESTION_MONITOR)
            continue;
        name = testName(question->command);
        answer = testFind(data->answers, G_N_ELEMENTS(data->answers), name);
        if (!answer)
            answer = testFind(testUsualAnswers, G_N_ELEMENTS(testUsualAnswers), name);
        g_assert_nonnull(answer);
        text = testLoad(answer ? answer : "");
        qemuDomainFactsAddMonitorReply(facts, question->command, text);
        g_hash_table_add(asked, g_steal_pointer(&name));
    }
}

/* Asks and answers until the state is known. */
static qemuDomainVerdict *
testInspect(const testCase *data, GHashTable *asked)
{
    const qemuDomainSettings settings = { VB_DOMAIN_BALLOON_POLICY_WARN, data->qmp };
    g_autoptr(qemuDomainFacts) facts = qemuDomainFactsNew();
    g_autofree char *xml = testMakeGuest(data);
    g_autoptr(GError) error = NULL;
    qemuDomainVerdict *verdict = NULL;
    unsigned int rounds;

    qemuDomainFactsAddXML(facts, false, xml, strlen(xml), &error);
    g_assert_no_error(error);
    for (rounds = 0; rounds < 5; rounds++) {
        qemuDomainVerdictFree(verdict);
        verdict = qemuDomainInspect(facts, &settings);
        if (verdict->action != QEMU_DOMAIN_VERDICT_NEED)
            break;
        testAnswerAll(facts, data, verdict, asked);
    }
    return verdict;
}

static void
testAssertAsked(const testCase *data, GHashTable *asked)
{
    bool libvirt = data->asks == TEST_ASKS_LIBVIRT || data->asks == TEST_ASKS_BOTH;
    bool qemu = data->asks == TEST_ASKS_QEMU || data->asks == TEST_ASKS_BOTH;
    size_t i;

    g_assert_cmpint(g_hash_table_contains(asked, "messages"), ==, libvirt);
    for (i = 0; i < G_N_ELEMENTS(testUsualAnswers); i++)
        g_assert_cmpint(g_hash_table_contains(asked, testUsualAnswers[i].question), ==, qemu);
    if (!qemu)
        g_assert_cmpuint(g_hash_table_size(asked), ==, libvirt ? 1 : 0);
    for (i = 0; i < G_N_ELEMENTS(data->answers) && data->answers[i].question; i++)
        g_assert_true(g_hash_table_contains(asked, data->answers[i].question));
}

/* Only what QEMU showed has QEMU's words. */
static void
testAssertWords(const testCase *data, const GPtrArray *inhibitors)
{
    const qemuInhibitor *kept = NULL;
    guint i;

    for (i = 0; i < inhibitors->len; i++) {
        const qemuInhibitor *inhibitor = g_ptr_array_index(inhibitors, i);
        bool qmp = inhibitor->evidence & QEMU_INHIBITOR_EVIDENCE_QMP;

        g_assert_true((inhibitor->question != NULL) == qmp);
        g_assert_true((inhibitor->answer != NULL) == qmp);
        if (qmp && !kept)
            kept = inhibitor;
    }
    if (data->question)
        g_assert_cmpstr(kept ? kept->question : NULL, ==, data->question);
    if (data->kept) {
        bool file = testFind(data->answers, G_N_ELEMENTS(data->answers), data->question) != NULL &&
            g_str_has_prefix(data->kept, "query-");
        g_autofree char *text = file ? testLoad(data->kept) : g_strdup(data->kept);

        g_assert_cmpstr(kept ? kept->answer : NULL, ==, text);
    }
}

static void
testInspectCase(gconstpointer opaque)
{
    const testCase *data = opaque;
    g_autoptr(GHashTable) asked = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(qemuDomainVerdict) verdict = testInspect(data, asked);
    qemuDomainBalloonState state = data->state;
    g_autofree char *text = testFormatInhibitors(verdict->inhibitors);

    if (state == QEMU_DOMAIN_BALLOON_UNKNOWN && !data->unknown)
        state = data->inhibitors ? QEMU_DOMAIN_BALLOON_INHIBITED : QEMU_DOMAIN_BALLOON_AVAILABLE;
    g_assert_cmpint(verdict->action, ==, QEMU_DOMAIN_VERDICT_PASS);
    g_assert_cmpstr(qemuDomainBalloonStateTypeToString(verdict->state), ==,
                    qemuDomainBalloonStateTypeToString(state));
    g_assert_cmpstr(text, ==, data->inhibitors ? data->inhibitors : "");
    g_assert_null(verdict->errorText);
    g_assert_null(verdict->logText);
    g_assert_cmpint(verdict->policy, ==, VB_DOMAIN_BALLOON_POLICY_WARN);
    testAssertAsked(data, asked);
    testAssertWords(data, verdict->inhibitors);
}

/* Every status that a migration can have (QEMU 5.2 to 11.1), on both of its sides */

typedef struct {
    const char *status;
    bool runs; /* a background snapshot inhibits */
    bool postcopy;
} testStatus;

static const testStatus testStatuses[] = {
    { "none", false, false },
    { "setup", true, false },
    { "cancelling", true, false },
    { "cancelled", false, false },
    { "active", true, false },
    { "postcopy-active", true, true },
    { "postcopy-device", true, true },
    { "postcopy-paused", true, true },
    { "postcopy-recover", true, true },
    { "postcopy-recover-setup", true, true },
    { "completed", false, false },
    { "failed", false, false },
    { "colo", true, false },
    { "pre-switchover", true, false },
    { "device", true, false },
    { "wait-unplug", true, false },
    { "activex", false, false },
    { "", false, false },
};

static void
testAssertStatus(const char *status, bool sending, bool snapshot, const char *expected)
{
    g_autofree char *reply = g_strdup_printf("{\"return\":{\"status\":\"%s\"%s}}", status,
                                             sending ? ",\"ram\":{\"total\":1}" : "");
    const testCase data = {
        ALWAYS,
        ANSWERS { { "query-migrate", reply },
                  { snapshot ? "query-migrate-capabilities" : NULL,
                    "query-migrate-capabilities-snapshot" } },
    };
    g_autoptr(GHashTable) asked = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(qemuDomainVerdict) verdict = testInspect(&data, asked);
    g_autofree char *text = testFormatInhibitors(verdict->inhibitors);

    g_assert_cmpstr(text, ==, expected);
}

static void
testStatusCase(gconstpointer opaque)
{
    const testStatus *data = opaque;
    const char *snapshot = data->runs ? "background-snapshot - - qmp" : "";

    testAssertStatus(data->status, true, true, snapshot);
    testAssertStatus(data->status, true, false, "");
    testAssertStatus(data->status, false, false, data->postcopy ? "postcopy - - qmp" : "");
}

/* Answers that are none: what could not be checked is not taken for available */

typedef struct {
    const char *question;
    const char *answer;
    const char *text; /* of the refusal */
} testRefusal;

#define NO_REPLY "the monitor's answer is no QMP reply"
#define OTHER_TYPE "the query's answer is of another type"

static const testRefusal testRefusals[] = {
    { PERIPHERAL, "nonsense", NO_REPLY },
    { PERIPHERAL, "{\"return\":{}}", "qom-list did not return a list" },
    { ANONYMOUS, NOT_FOUND, "qom-list did not return a list" },
    { "query-migrate", "", NO_REPLY },
    { "query-migrate", "{\"return\":[]}", OTHER_TYPE },
    { "query-migrate-capabilities", "{\"error\":\"no\"}", NO_REPLY },
    { "query-migrate-capabilities", "{\"return\":{}}", OTHER_TYPE },
    { "query-sev", "{\"return\":{\"enabled\":tr", NO_REPLY },
    { "query-sev", "{\"return\":true}", OTHER_TYPE },
    { "query-colo-status", "{}", NO_REPLY },
    { "query-colo-status", "{\"return\":\"secondary\"}", OTHER_TYPE },
    { "query-named-block-nodes", "{\"return\":[]}{\"return\":[]}", NO_REPLY },
    { "query-named-block-nodes", "{\"return\":{}}", OTHER_TYPE },
    { "query-version", "{\"return\":\"\377\"}", NO_REPLY },
    { "query-version", "{\"return\":7}", OTHER_TYPE },
    { "info network", "{\"return\":", NO_REPLY },
    { "info network", "{\"return\":[]}", "the property is no string" },
    { "info network", "{\"return\":\"a\\u0000b\"}", "the property is no string" },
};

static void
testRefusalCase(gconstpointer opaque)
{
    const testRefusal *data = opaque;
    const qemuDomainSettings settings = { VB_DOMAIN_BALLOON_POLICY_WARN, QEMU_DOMAIN_QMP_ALWAYS };
    const testCase guest = { 0 };
    g_autoptr(qemuDomainFacts) facts = qemuDomainFactsNew();
    g_autoptr(GHashTable) asked = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autofree char *xml = testMakeGuest(&guest);
    g_autoptr(qemuDomainVerdict) questions = NULL;
    g_autoptr(qemuDomainVerdict) verdict = NULL;
    guint i;

    qemuDomainFactsAddXML(facts, false, xml, strlen(xml), NULL);
    questions = qemuDomainInspect(facts, &settings);
    testAnswerAll(facts, &guest, questions, asked);
    for (i = 0; i < questions->questions->len; i++) {
        const qemuDomainQuestion *question = g_ptr_array_index(questions->questions, i);
        g_autofree char *name = testName(question->command);

        if (g_str_equal(name, data->question))
            qemuDomainFactsAddMonitorReply(facts, question->command, data->answer);
    }
    g_assert_true(g_hash_table_contains(asked, data->question));

    verdict = qemuDomainInspect(facts, &settings);
    g_assert_cmpint(verdict->action, ==, QEMU_DOMAIN_VERDICT_REFUSE);
    g_assert_cmpint(verdict->errorCode, ==, VIR_ERR_INTERNAL_ERROR);
    g_assert_cmpint(verdict->state, ==, QEMU_DOMAIN_BALLOON_UNKNOWN);
    g_assert_cmpstr(verdict->errorText, ==, data->text);
}

/* The exact texts, all in one round: each of them costs a turn of the monitor. */
static void
testFirstQuestions(void)
{
    /* 'flat' leaves out the backing chain of each node, which is nested, and squares in size. */
    static const char *const expected[] = {
        "{\"execute\":\"qom-list\",\"arguments\":{\"path\":\"/machine/peripheral\"}}",
        "{\"execute\":\"qom-list\",\"arguments\":{\"path\":\"/machine/peripheral-anon\"}}",
        "{\"execute\":\"query-migrate\"}",
        "{\"execute\":\"query-migrate-capabilities\"}",
        "{\"execute\":\"query-sev\"}",
        "{\"execute\":\"query-colo-status\"}",
        "{\"execute\":\"query-version\"}",
        "{\"execute\":\"query-named-block-nodes\",\"arguments\":{\"flat\":true}}",
        "{\"execute\":\"human-monitor-command\",\"arguments\":{\"command-line\":\"info network\"}}",
    };
    const qemuDomainSettings settings = { VB_DOMAIN_BALLOON_POLICY_WARN, QEMU_DOMAIN_QMP_ALWAYS };
    const testCase guest = { 0 };
    g_autoptr(qemuDomainFacts) facts = qemuDomainFactsNew();
    g_autofree char *xml = testMakeGuest(&guest);
    g_autoptr(qemuDomainVerdict) verdict = NULL;
    guint i;

    qemuDomainFactsAddXML(facts, false, xml, strlen(xml), NULL);
    verdict = qemuDomainInspect(facts, &settings);
    g_assert_cmpint(verdict->action, ==, QEMU_DOMAIN_VERDICT_NEED);
    g_assert_cmpuint(verdict->questions->len, ==, G_N_ELEMENTS(expected));
    for (i = 0; i < MIN(verdict->questions->len, G_N_ELEMENTS(expected)); i++) {
        const qemuDomainQuestion *question = g_ptr_array_index(verdict->questions, i);

        g_assert_cmpstr(question->command, ==, expected[i]);
    }
}

static void
testNothingKnown(void)
{
    const qemuDomainSettings settings = { VB_DOMAIN_BALLOON_POLICY_WARN, QEMU_DOMAIN_QMP_ALWAYS };
    g_autoptr(qemuDomainFacts) facts = qemuDomainFactsNew();
    g_autoptr(qemuDomainVerdict) verdict = qemuDomainInspect(facts, &settings);
    const qemuDomainQuestion *question;

    g_assert_cmpint(verdict->action, ==, QEMU_DOMAIN_VERDICT_NEED);
    g_assert_cmpuint(verdict->questions->len, ==, 1);
    question = g_ptr_array_index(verdict->questions, 0);
    g_assert_cmpint(question->kind, ==, QEMU_DOMAIN_QUESTION_XML);
    g_assert_cmpint(verdict->state, ==, QEMU_DOMAIN_BALLOON_UNKNOWN);
}

/* The policy is the domain's where it has one. */
static void
testPolicyOfTheDomain(void)
{
    const testCase guest = {
        .inactive = true,
        .more = "<metadata><balloon:policy xmlns:balloon='" VB_DOMAIN_POLICY_NAMESPACE
                "' memballoon='ignore'/></metadata>",
    };
    g_autoptr(GHashTable) asked = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(qemuDomainVerdict) verdict = testInspect(&guest, asked);

    g_assert_cmpint(verdict->policy, ==, VB_DOMAIN_BALLOON_POLICY_IGNORE);
}

/* What is kept of an answer */

static void
testAssertKept(const char *answer, gsize length)
{
    g_autofree char *expected = g_strndup(answer, length);
    qemuInhibitor *inhibitor = qemuInhibitorNew(QEMU_INHIBITOR_SEV, QEMU_INHIBITOR_EVIDENCE_QMP,
                                                NULL, NULL);

    g_assert_null(inhibitor->question);
    g_assert_null(inhibitor->answer);
    qemuInhibitorSetAnswer(inhibitor, "earlier", "answer");
    qemuInhibitorSetAnswer(inhibitor, "question", answer);
    g_assert_cmpstr(inhibitor->question, ==, "question");
    g_assert_cmpstr(inhibitor->answer, ==, expected);
    qemuInhibitorFree(inhibitor);
}

static void
testAnswersAreCut(void)
{
    g_autofree char *answer = g_strnfill(4096, 'x');

    testAssertKept("", 0);
    testAssertKept(answer + 4096 - 1023, 1023);
    testAssertKept(answer + 4096 - 1024, 1024);
    testAssertKept(answer + 4096 - 1025, 1024);
    testAssertKept(answer, 1024);
}

/* It is printed as JSON, which wants UTF-8. */
static void
testAnswersAreCutBetweenCharacters(void)
{
    g_autofree char *start = g_strnfill(1023, 'x');
    g_autofree char *two = g_strconcat(start, "\303\244\303\244", NULL);
    g_autofree char *four = g_strconcat(start + 2, "\360\237\216\210\360\237\216\210", NULL);

    testAssertKept(two, 1023);
    testAssertKept(two + 1, 1024);
    testAssertKept(four, 1021);
}

static void
testLongAnswerOfQemu(void)
{
    g_autofree char *filling = g_strnfill(3000, 'x');
    g_autofree char *reply = g_strdup_printf("{\"return\":{\"blocked-reasons\":[\"%s\",\"protected "
                                             "VMs are currently not migratable.\"]}}", filling);
    const testCase data = { ALWAYS, ANSWERS { { "query-migrate", reply } } };
    g_autoptr(GHashTable) asked = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(qemuDomainVerdict) verdict = testInspect(&data, asked);
    g_autofree char *expected = g_strndup(reply, 1024);
    const qemuInhibitor *inhibitor;

    g_assert_cmpuint(verdict->inhibitors->len, ==, 1);
    if (verdict->inhibitors->len != 1)
        return;
    inhibitor = g_ptr_array_index(verdict->inhibitors, 0);
    g_assert_cmpstr(inhibitor->answer, ==, expected);
}

/* What the lines of the human monitor end in is not QEMU's word. */
static void
testLineEnds(void)
{
    const testCase data = { ALWAYS, ANSWERS { { "info network", "info-network-vdpa" } } };
    g_autoptr(GHashTable) asked = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(qemuDomainVerdict) verdict = testInspect(&data, asked);
    guint i;

    g_assert_cmpuint(verdict->inhibitors->len, ==, 1);
    for (i = 0; i < verdict->inhibitors->len; i++) {
        const qemuInhibitor *inhibitor = g_ptr_array_index(verdict->inhibitors, i);

        g_assert_null(strchr(inhibitor->answer, '\r'));
        g_assert_null(strchr(inhibitor->answer, '\n'));
    }
}

/* The catalogue */

static void
testCatalogue(void)
{
    int kind;

    for (kind = 0; kind < QEMU_INHIBITOR_KIND_LAST; kind++) {
        const qemuInhibitorKindInfo *info = qemuInhibitorKindGetInfo((qemuInhibitorKind)kind);
        int other;

        g_assert_cmpstr(info->versions, !=, NULL);
        g_assert_true(!info->xml || *info->xml);
        g_assert_true(!info->qmp || *info->qmp);
        /* Without either it could not be found; no host of today has that one. */
        g_assert_true(info->xml || info->qmp || kind == QEMU_INHIBITOR_NO_SYNC_MMU);
        for (other = 0; other < kind; other++)
            g_assert_cmpstr(info->name, !=,
                            qemuInhibitorKindGetInfo((qemuInhibitorKind)other)->name);
    }
}

/* A network that hands out devices shows in the XML of a guest that runs, and not before. */
static void
testNetwork(void)
{
    static const char xml[] =
        "<domain type='kvm'><name>g</name><memory>1048576</memory><devices>"
        "<interface type='network'><source network='vf'/></interface>"
        "<memballoon model='virtio'/></devices></domain>";
    static const qemuDomainSettings settings = { .qmp = QEMU_DOMAIN_QMP_NEVER };
    g_autoptr(qemuDomainFacts) facts = qemuDomainFactsNew();
    g_autoptr(qemuDomainVerdict) unknown = NULL;
    g_autoptr(qemuDomainVerdict) inhibited = NULL;
    g_autoptr(qemuDomainVerdict) available = NULL;
    const qemuDomainQuestion *question;

    g_assert_true(qemuDomainFactsAddXML(facts, false, xml, strlen(xml), NULL));
    unknown = qemuDomainInspect(facts, &settings);
    g_assert_cmpint(unknown->action, ==, QEMU_DOMAIN_VERDICT_NEED);
    g_assert_cmpint(unknown->state, ==, QEMU_DOMAIN_BALLOON_UNKNOWN);
    g_assert_cmpuint(unknown->questions->len, ==, 1);
    question = g_ptr_array_index(unknown->questions, 0);
    g_assert_cmpint(question->kind, ==, QEMU_DOMAIN_QUESTION_NETWORK);
    g_assert_cmpstr(question->name, ==, "vf");

    qemuDomainFactsAddNetwork(facts, "vf", true);
    inhibited = qemuDomainInspect(facts, &settings);
    g_assert_cmpint(inhibited->action, ==, QEMU_DOMAIN_VERDICT_PASS);
    g_assert_cmpint(inhibited->state, ==, QEMU_DOMAIN_BALLOON_INHIBITED);

    qemuDomainFactsAddNetwork(facts, "vf", false);
    available = qemuDomainInspect(facts, &settings);
    g_assert_cmpint(available->action, ==, QEMU_DOMAIN_VERDICT_PASS);
    g_assert_cmpint(available->state, ==, QEMU_DOMAIN_BALLOON_AVAILABLE);
}

int
main(int argc, char **argv)
{
    size_t i;

    g_test_init(&argc, &argv, NULL);
    /* One wrong finding must not hide the others. */
    g_test_set_nonfatal_assertions();

    for (i = 0; i < G_N_ELEMENTS(testCases); i++) {
        g_autofree char *path = g_strconcat("/qemuinspect/", testCases[i].sentence, NULL);

        g_test_add_data_func(path, &testCases[i], testInspectCase);
    }
    for (i = 0; i < G_N_ELEMENTS(testStatuses); i++) {
        g_autofree char *path = g_strdup_printf("/qemuinspect/status '%s' of a migration",
                                                testStatuses[i].status);

        g_test_add_data_func(path, &testStatuses[i], testStatusCase);
    }
    for (i = 0; i < G_N_ELEMENTS(testRefusals); i++) {
        const char *slash = strrchr(testRefusals[i].question, '/');
        g_autofree char *path = g_strdup_printf("/qemuinspect/no answer, %zu: %s", i + 1,
                                                slash ? slash + 1 : testRefusals[i].question);

        g_test_add_data_func(path, &testRefusals[i], testRefusalCase);
    }
    g_test_add_func("/qemuinspect/a guest that is shut off depends on its networks", testNetwork);
    g_test_add_func("/qemuinspect/what QEMU is asked first", testFirstQuestions);
    g_test_add_func("/qemuinspect/without XML only that is asked for", testNothingKnown);
    g_test_add_func("/qemuinspect/the policy is the domain's", testPolicyOfTheDomain);
    g_test_add_func("/qemuinspect/a KiB of an answer is kept", testAnswersAreCut);
    g_test_add_func("/qemuinspect/an answer is not cut inside of a character",
                    testAnswersAreCutBetweenCharacters);
    g_test_add_func("/qemuinspect/a long answer of QEMU is cut", testLongAnswerOfQemu);
    g_test_add_func("/qemuinspect/a line is kept without its end", testLineEnds);
    g_test_add_func("/qemuinspect/the catalogue says of each kind how it is found", testCatalogue);

    return g_test_run();
}
