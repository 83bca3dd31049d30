/*
 * qemumonitorrawtest.c: what a raw monitor command would do, in every spelling
 *
 * A command that QEMU takes for a change of the balloon, or for a device that inhibits it, while
 * the parser takes it for nothing, walks around the guard.  So each case says what libvirt and
 * QEMU make of the text.  Where this was tried it was on libvirt 9.0.0 (yajl) with QEMU 7.2.22,
 * through virDomainQemuMonitorCommand() and watching what libvirtd sent:
 *
 * - libvirt reads QMP strictly, writes it anew and appends an 'id'.  It refuses double keys, text
 *   behind the command, comments, single quotes, numbers such as 010, 0x10 and +1.  To it a VT or
 *   an FF is a blank, and a string or a key ends at \u0000.
 * - QEMU refuses a 'value' that is no integer above zero and below 2^63, and 'exec-oob' unless it
 *   was negotiated, which libvirt does not do.
 * - The human monitor's name ends at one of the six blanks of isspace() or at '/'; the size is an
 *   expression; the argument of 'device_add' may stand in double quotes, is cut at 1023 bytes, and
 *   has its options parted by commas that are not doubled.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "qemu_monitor_raw.h"

#define MIB (1024ULL * 1024)
#define HALF 536870912ULL
#define SIZE "\"arguments\":{\"value\":536870912}"
#define VALUE(value) "{\"execute\":\"balloon\",\"arguments\":{\"value\":" value "}}"
#define HUMAN(line) "{\"execute\":\"human-monitor-command\",\"arguments\":{\"command-line\":\"" \
    line "\"}}"
#define SYSFSDEV "\"sysfsdev\":\"/sys/bus/mdev/devices/a\""
#define DEVICE(arguments) "{\"execute\":\"device_add\",\"arguments\":{" arguments "}}"
#define HOST "host=0000:07:00.0"

typedef enum {
    TEST_NONE,
    TEST_BALLOON,    /* of the size in 'target' */
    TEST_ANY_SIZE,   /* of a size that only QEMU can tell */
    TEST_DEVICE_ADD, /* of 'driver' and 'id' */
    TEST_UNREADABLE,
    TEST_NOT_NONE,   /* QEMU refuses it, so it may be judged in whichever way but as harmless */
} testEffect;

typedef struct {
    const char *sentence;
    const char *text;
    testEffect effect;
    unsigned long long target;
    const char *driver;
    const char *id;
} testCase;

#define SETS(bytes) .effect = TEST_BALLOON, .target = (bytes)
#define ADDS(type, name) .effect = TEST_DEVICE_ADD, .driver = (type), .id = (name)
#define NONE .effect = TEST_NONE
#define ANY_SIZE .effect = TEST_ANY_SIZE
#define UNREADABLE .effect = TEST_UNREADABLE
#define NOT_NONE .effect = TEST_NOT_NONE

static const testCase testQMP[] = {
    /* Ways to write it that libvirt takes (tried) */
    { "the command as everybody writes it", VALUE("536870912"), SETS(HALF) },
    { "the arguments in front", "{" SIZE ",\"execute\":\"balloon\"}", SETS(HALF) },
    { "blanks wherever JSON allows them",
      " \t\r\n{\n\"execute\" :\t\"balloon\" , \"arguments\":\r{ \"value\" : 536870912 } } \n",
      SETS(HALF) },
    { "all that can be escaped is",
      "{\"\\u0065\\u0078\\u0065\\u0063\\u0075\\u0074\\u0065\":"
      "\"\\u0062\\u0061\\u006c\\u006c\\u006f\\u006f\\u006e\","
      "\"\\u0061\\u0072\\u0067\\u0075\\u006D\\u0065\\u006E\\u0074\\u0073\":"
      "{\"\\u0076\\u0061\\u006C\\u0075\\u0065\":536870912}}", SETS(HALF) },
    { "a name that libvirt cuts at a NUL",
      "{\"execute\":\"balloon\\u0000x\"," SIZE "}", SETS(HALF) },
    { "a key that libvirt cuts at a NUL",
      "{\"execute\\u0000x\":\"balloon\"," SIZE "}", SETS(HALF) },
    { "both keys of the size cut at a NUL",
      "{\"execute\":\"balloon\",\"arguments\\u0000q\":{\"value\\u0000z\":536870912}}",
      SETS(HALF) },
    { "a name that is nothing in front of its NUL",
      "{\"execute\":\"\\u0000balloon\"," SIZE "}", NONE },
    { "a vertical tab in front, a blank to libvirt", "\v" VALUE("536870912"), NOT_NONE },
    { "a form feed in front, a blank to libvirt", "\f" VALUE("536870912"), NOT_NONE },
    { "a vertical tab behind", VALUE("536870912") "\v", NOT_NONE },
    { "a vertical tab inside", "{\"execute\":\v\"balloon\"," SIZE "}", NOT_NONE },
    { "a form feed in front of the size", VALUE("\f536870912"), NOT_NONE },
    { "an id of the client's own, which libvirt refuses",
      "{\"id\":\"x\",\"execute\":\"balloon\"," SIZE "}", SETS(HALF) },
    { "an id that is a list", "{\"id\":[{\"execute\":1}],\"execute\":\"balloon\"," SIZE "}",
      SETS(HALF) },

    /* Double keys: refused by libvirt with yajl (tried); a libvirt with json-c takes the last */
    { "the command again behind a harmless one",
      "{\"execute\":\"query-status\",\"execute\":\"balloon\"," SIZE "}", SETS(HALF) },
    { "the command again behind its size",
      "{\"execute\":\"query-status\"," SIZE ",\"execute\":\"balloon\"}", SETS(HALF) },
    { "the command again, escaped",
      "{\"execute\":\"query-status\",\"\\u0065xecute\":\"balloon\"," SIZE "}", SETS(HALF) },
    { "the command again, the key with a NUL",
      "{\"execute\":\"query-status\",\"execute\\u0000\":\"balloon\"," SIZE "}", SETS(HALF) },
    { "a harmless command behind it is what counts",
      "{\"execute\":\"balloon\",\"execute\":\"query-status\"," SIZE "}", NONE },
    { "of two sizes the last", "{\"execute\":\"balloon\",\"arguments\":{\"value\":1073741824,"
      "\"value\":536870912}}", SETS(HALF) },
    { "of two sizes the last, be it the larger", "{\"execute\":\"balloon\",\"arguments\":"
      "{\"value\":536870912,\"value\":1073741824}}", SETS(2 * HALF) },
    { "of two arguments the last", "{\"execute\":\"balloon\",\"arguments\":{\"value\":1073741824},"
      SIZE "}", SETS(HALF) },
    { "of two arguments the last, in front of the command",
      "{\"arguments\":{},\"arguments\":{\"value\":536870912},\"execute\":\"balloon\"}",
      SETS(HALF) },

    /* exec-oob */
    { "out of band", "{\"exec-oob\":\"balloon\"," SIZE "}", SETS(HALF) },
    { "out of band, escaped", "{\"exec\\u002doob\":\"balloon\"," SIZE "}", SETS(HALF) },
    { "in and out of band", "{\"execute\":\"balloon\",\"exec-oob\":\"balloon\"," SIZE "}",
      SETS(HALF) },
    { "in band, something harmless out of band",
      "{\"execute\":\"balloon\",\"exec-oob\":\"query-status\"," SIZE "}", SETS(HALF) },
    { "out of band where the other name is null",
      "{\"execute\":null,\"exec-oob\":\"balloon\"," SIZE "}", SETS(HALF) },
    { "out of band where the other name is a number",
      "{\"execute\":1,\"exec-oob\":\"balloon\"," SIZE "}", SETS(HALF) },
    { "the human monitor out of band", "{\"exec-oob\":\"human-monitor-command\",\"arguments\":"
      "{\"command-line\":\"balloon 512\"}}", SETS(HALF) },

    /* Sizes at their boundaries */
    { "one byte", VALUE("1"), SETS(1) },
    { "one byte below a MiB", VALUE("1048575"), SETS(MIB - 1) },
    { "a MiB", VALUE("1048576"), SETS(MIB) },
    { "above 32 bits", VALUE("4294967297"), SETS(4294967297ULL) },
    { "the most that QEMU takes", VALUE("9223372036854775807"), SETS(9223372036854775807ULL) },
    { "zero, which QEMU refuses", VALUE("0"), NONE },
    { "minus zero, which QEMU refuses", VALUE("-0"), NONE },
    { "a negative size, which QEMU refuses", VALUE("-536870912"), NONE },
    { "the least number there is", VALUE("-9223372036854775808"), NONE },
    { "below the least number there is", VALUE("-9223372036854775809"), NONE },

    /* What is no integer to QEMU it refuses; read as small sizes these would be no harm either */
    { "a fraction", VALUE("536870912.5"), ANY_SIZE },
    { "a fraction of zero", VALUE("536870912.0"), ANY_SIZE },
    { "an exponent", VALUE("1e8"), ANY_SIZE },
    { "an exponent of zero", VALUE("536870912e0"), ANY_SIZE },
    { "an exponent with a sign", VALUE("5.36870912E+8"), ANY_SIZE },
    { "a negative exponent", VALUE("53687091200e-2"), ANY_SIZE },
    { "a string", VALUE("\"536870912\""), NONE },
    { "true", VALUE("true"), NONE },
    { "null", VALUE("null"), NONE },
    { "a list", VALUE("[536870912]"), NONE },
    { "an object", VALUE("{\"value\":536870912}"), NONE },
    { "no size", "{\"execute\":\"balloon\",\"arguments\":{}}", NONE },
    { "a size of another name", "{\"execute\":\"balloon\",\"arguments\":{\"target\":536870912}}",
      NONE },
    { "no arguments", "{\"execute\":\"balloon\"}", NONE },
    { "arguments that are null", "{\"execute\":\"balloon\",\"arguments\":null}", NONE },
    { "arguments that are a list", "{\"execute\":\"balloon\",\"arguments\":[{\"value\":1}]}",
      NONE },
    { "arguments that are a string", "{\"execute\":\"balloon\",\"arguments\":\"value\"}",
      NONE },

    /* What libvirt refuses to read and a more lenient one would not */
    { "single quotes", "{'execute':'balloon','arguments':{'value':536870912}}", SETS(HALF) },
    { "a comment in front", "/* x */" VALUE("536870912"), SETS(HALF) },
    { "a comment inside", "{\"execute\":/* \"query-status\" */\"balloon\"," SIZE "}",
      SETS(HALF) },
    { "a comment to the end of a line", "// x\n" VALUE("536870912"), SETS(HALF) },
    { "text behind the command", VALUE("536870912") " x", SETS(HALF) },
    { "a second command behind a harmless one is never sent",
      "{\"execute\":\"query-status\"}" VALUE("536870912"), NONE },
    { "an octal number", VALUE("0536870912"), NOT_NONE },
    { "a hexadecimal number", VALUE("0x20000000"), NOT_NONE },
    { "a plus sign", VALUE("+536870912"), NOT_NONE },
    { "a byte order mark in front", "\xef\xbb\xbf" VALUE("536870912"), NOT_NONE },
    { "a byte that is no UTF-8", "{\"id\":\"\xff\",\"execute\":\"balloon\"," SIZE "}",
      NOT_NONE },
    { "half a surrogate pair elsewhere",
      "{\"id\":\"\\ud800\",\"execute\":\"balloon\"," SIZE "}", NOT_NONE },
    { "a comma too many", "{\"execute\":\"balloon\"," SIZE ",}", NOT_NONE },
    { "a key without quotes", "{execute:\"balloon\"," SIZE "}", NOT_NONE },
    { "a command that is cut off", "{\"execute\":\"balloon\"," SIZE, UNREADABLE },
    { "a list of commands, which QEMU refuses", "[" VALUE("536870912") "]", UNREADABLE },
    { "a string alone", "\"balloon\"", UNREADABLE },
    { "a number alone", "536870912", UNREADABLE },
    { "null alone", "null", UNREADABLE },
    { "nothing", "", UNREADABLE },
    { "blanks", " \n", UNREADABLE },
    { "a command of the human monitor", "balloon 512", UNREADABLE },

    /* The human monitor inside of QMP */
    { "the human monitor", HUMAN("balloon 512"), SETS(HALF) },
    { "the human monitor with escaped blanks", HUMAN("\\tballoon\\n512\\r\\f"), SETS(HALF) },
    { "the human monitor with an escaped vertical tab", HUMAN("\\u000bballoon\\u000b512"),
      SETS(HALF) },
    { "the human monitor, its name escaped", HUMAN("b\\u0061lloon\\u0020512"), SETS(HALF) },
    { "the human monitor, cut at a NUL", HUMAN("balloon 512\\u0000 x"), SETS(HALF) },
    { "the human monitor of a processor", "{\"execute\":\"human-monitor-command\",\"arguments\":"
      "{\"cpu-index\":0,\"command-line\":\"balloon 512\"}}", SETS(HALF) },
    { "of two lines the last", "{\"execute\":\"human-monitor-command\",\"arguments\":"
      "{\"command-line\":\"info balloon\",\"command-line\":\"balloon 512\"}}", SETS(HALF) },
    { "the human monitor inside of the human monitor is unknown to QEMU",
      HUMAN("human-monitor-command balloon 512"), NONE },
    { "the human monitor with a harmless line", HUMAN("info balloon"), NONE },
    { "the human monitor without a line",
      "{\"execute\":\"human-monitor-command\",\"arguments\":{}}", NONE },
    { "the human monitor with a list of lines", "{\"execute\":\"human-monitor-command\","
      "\"arguments\":{\"command-line\":[\"balloon 512\"]}}", NONE },
    { "the human monitor adding a device", HUMAN("device_add vfio-pci," HOST ",id=x"),
      ADDS("vfio-pci", "x") },
    { "the human monitor adding a device in quotes",
      HUMAN("device_add \\\"vfio-pci," HOST ",id=x\\\""), ADDS("vfio-pci", "x") },

    /* device_add */
    { "a PCI device", DEVICE("\"driver\":\"vfio-pci\",\"host\":\"0000:07:00.0\",\"id\":\"x\""),
      ADDS("vfio-pci", "x") },
    { "a PCI device, the driver last", DEVICE("\"id\":\"x\",\"driver\":\"vfio-pci\""),
      ADDS("vfio-pci", "x") },
    { "a PCI device without an id", DEVICE("\"driver\":\"vfio-pci\""), ADDS("vfio-pci", NULL) },
    { "a PCI device whose id is a number", DEVICE("\"driver\":\"vfio-pci\",\"id\":1"),
      ADDS("vfio-pci", NULL) },
    { "a PCI device, escaped", "{\"execute\":\"device\\u005fadd\",\"arguments\":"
      "{\"dr\\u0069ver\":\"vfio\\u002dpci\"}}", ADDS("vfio-pci", NULL) },
    { "a PCI device, cut at a NUL", DEVICE("\"driver\":\"vfio-pci\\u0000x\""),
      ADDS("vfio-pci", NULL) },
    { "of two drivers the last",
      DEVICE("\"driver\":\"virtio-rng-pci\",\"driver\":\"vfio-pci\""),
      ADDS("vfio-pci", NULL) },
    { "a PCI device out of band",
      "{\"exec-oob\":\"device_add\",\"arguments\":{\"driver\":\"vfio-pci\"}}",
      ADDS("vfio-pci", NULL) },
    { "a vfio-user device", DEVICE("\"driver\":\"vfio-user-pci\",\"id\":\"x\",\"socket\":"
      "{\"type\":\"unix\",\"path\":\"/run/vu\"}"), ADDS("vfio-user-pci", "x") },
    { "a vDPA device", DEVICE("\"driver\":\"vhost-vdpa-device-pci\",\"vhostdev\":"
      "\"/dev/vhost-vdpa-0\""), ADDS("vhost-vdpa-device-pci", NULL) },
    { "a platform device", DEVICE("\"driver\":\"vfio-platform\""), ADDS("vfio-platform", NULL) },
    { "a type of VFIO that nobody knows yet", DEVICE("\"driver\":\"vfio-next-pci\""),
      ADDS("vfio-next-pci", NULL) },
    { "a mediated device that is opted out, which no other device can be",
      DEVICE("\"driver\":\"vfio-pci\"," SYSFSDEV ",\"x-balloon-allowed\":true"), NONE },
    { "a device that is not opted out",
      DEVICE("\"driver\":\"vfio-pci\"," SYSFSDEV ",\"x-balloon-allowed\":false"),
      ADDS("vfio-pci", NULL) },
    { "a device whose opt-out is a string",
      DEVICE("\"driver\":\"vfio-pci\"," SYSFSDEV ",\"x-balloon-allowed\":\"true\""),
      ADDS("vfio-pci", NULL) },
    { "of two opt-outs the last",
      DEVICE("\"driver\":\"vfio-pci\",\"x-balloon-allowed\":true,\"x-balloon-allowed\":false"),
      ADDS("vfio-pci", NULL) },
    { "a vfio-user device that is opted out of nothing",
      DEVICE("\"driver\":\"vfio-user-pci\",\"x-balloon-allowed\":true"),
      ADDS("vfio-user-pci", NULL) },
    { "a channel of s390 never inhibits", DEVICE("\"driver\":\"vfio-ccw\""), NONE },
    { "a crypto adapter of s390 never inhibits", DEVICE("\"driver\":\"vfio-ap\""), NONE },
    { "a network card", DEVICE("\"driver\":\"virtio-net-pci\""), NONE },
    { "a vsock", DEVICE("\"driver\":\"vhost-vsock-pci\""), NONE },
    { "a harmless device with a telling id",
      DEVICE("\"driver\":\"virtio-rng-pci\",\"id\":\"vfio-pci\""), NONE },
    { "a driver in capitals, unknown to QEMU", DEVICE("\"driver\":\"VFIO-PCI\""), NONE },
    { "a driver that is a list", DEVICE("\"driver\":[\"vfio-pci\"]"), NONE },
    { "a device without a driver", DEVICE("\"host\":\"0000:07:00.0\""), NONE },
    { "the hyphen that QEMU's own name does not have",
      "{\"execute\":\"device-add\",\"arguments\":{\"driver\":\"vfio-pci\"}}", NONE },

    /* Harmless, and not to be refused to anybody */
    { "asking for the size", "{\"execute\":\"query-balloon\"}", NONE },
    { "asking for anything", "{\"execute\":\"query-status\"," SIZE "}", NONE },
    { "the name in capitals, unknown to QEMU", "{\"execute\":\"Balloon\"," SIZE "}", NONE },
    { "a blank behind the name, unknown to QEMU", "{\"execute\":\"balloon \"," SIZE "}",
      NONE },
    { "a blank in front of the name, unknown to QEMU", "{\"execute\":\" balloon\"," SIZE "}",
      NONE },
    { "half a surrogate behind the name, unknown to QEMU",
      "{\"execute\":\"balloon\\ud800\"," SIZE "}", NONE },
    { "the key in capitals, unknown to QEMU", "{\"Execute\":\"balloon\"," SIZE "}", NONE },
    { "a name that is a list", "{\"execute\":[\"balloon\"]," SIZE "}", NONE },
    { "the command inside of another one's arguments",
      "{\"execute\":\"qom-list\",\"arguments\":{\"path\":\"/\",\"execute\":\"balloon\","
      "\"arguments\":{\"value\":1}}}", NONE },
    { "taking a device away",
      "{\"execute\":\"device_del\",\"arguments\":{\"id\":\"vfio-pci\"}}", NONE },
    { "an object without anything", "{}", NONE },
};

static const testCase testHMP[] = {
    /* Sizes (tried: what is said to be refused QEMU answers with a complaint) */
    { "MiB", "balloon 512", SETS(HALF) },
    { "hexadecimal MiB", "balloon 0x200", SETS(HALF) },
    { "hexadecimal MiB in capitals", "balloon 0X1FF", SETS(511 * MIB) },
    { "octal MiB", "balloon 01000", SETS(HALF) },
    { "octal MiB with many zeros", "balloon 000000000000000000000000000000000001000", SETS(HALF) },
    { "one MiB", "balloon 1", SETS(MIB) },
    { "no MiB, which QEMU refuses", "balloon 0", NOT_NONE },
    { "the most MiB that are bytes to QEMU", "balloon 8796093022207",
      SETS(8796093022207ULL * MIB) },
    { "more MiB than there are bytes", "balloon 8796093022208", ANY_SIZE },
    { "MiB that overflow to a single one, which QEMU takes", "balloon 17592186044417",
      ANY_SIZE },
    { "the most that a number can be", "balloon 18446744073709551615", ANY_SIZE },
    { "a number too large", "balloon 99999999999999999999", ANY_SIZE },
    { "a negative number", "balloon -1", ANY_SIZE },
    { "a number with a plus sign, which QEMU takes", "balloon +512", ANY_SIZE },
    { "a sum", "balloon 512+0", ANY_SIZE },
    { "a difference", "balloon 256-(-256)", ANY_SIZE },
    { "a quotient", "balloon 512/1", ANY_SIZE },
    { "a product", "balloon 256*2", ANY_SIZE },
    { "a remainder", "balloon 512%1024", ANY_SIZE },
    { "parentheses", "balloon (512)", ANY_SIZE },
    { "a complement", "balloon ~0&512", ANY_SIZE },
    { "an alternative with blanks", "balloon 4 | 508", ANY_SIZE },
    { "an exclusive or", "balloon 512 ^ 0", ANY_SIZE },
    { "a character", "balloon 'a'", ANY_SIZE },
    { "a register", "balloon $pc", ANY_SIZE },
    { "a unit, which QEMU refuses", "balloon 512M", NOT_NONE },
    { "a fraction, which QEMU refuses", "balloon 512.0", NOT_NONE },
    { "an exponent, which QEMU refuses", "balloon 1e3", NOT_NONE },
    { "an octal number that is none, which QEMU refuses", "balloon 08", ANY_SIZE },
    { "a binary number, which the C library takes from 2.38 on", "balloon 0b1000000000",
      ANY_SIZE },
    { "quotes, which QEMU refuses", "balloon \"512\"", NOT_NONE },
    { "two numbers, which QEMU refuses", "balloon 5 12", NOT_NONE },
    { "text behind, which QEMU refuses", "balloon 512 x", NOT_NONE },
    { "a comment behind, which QEMU refuses", "balloon 512 # x", NOT_NONE },
    { "a name of the size, which QEMU refuses", "balloon value=512", NOT_NONE },
    { "no size, which QEMU refuses", "balloon", NOT_NONE },
    { "a slash behind the name, which QEMU refuses", "balloon/512", NOT_NONE },
    { "a slash and a blank behind the name, which QEMU refuses", "balloon/ 512", NOT_NONE },

    /* Names that are unknown to QEMU (tried) */
    { "the name in capitals", "BALLOON 512", NONE },
    { "the name cut short", "ball 512", NONE },
    { "a longer name", "balloonx 512", NONE },
    { "the name in quotes", "\"balloon\" 512", NONE },
    { "an escape in the name", "bal\\u006coon 512", NONE },
    { "a backslash in the name", "ballo\\on 512", NONE },
    { "an equals sign behind the name", "balloon=512", NONE },
    { "a comma behind the name", "balloon,512", NONE },
    { "a semicolon behind the name", "balloon;512", NONE },
    { "a semicolon in front of the name", "help;balloon 512", NONE },
    { "a slash in front of the name", "/balloon 512", NONE },
    { "a bang in front of the name", "!balloon 512", NONE },
    { "a no-break space behind the name", "balloon\xc2\xa0" "512", NONE },
    { "a no-break space in front of the name", "\xa0" "balloon 512", NONE },
    { "a file separator behind the name", "balloon\x1c" "512", NONE },
    { "a command of QMP", VALUE("536870912"), NONE },
    { "only the first line counts", "info balloon\nballoon 512", NONE },
    { "a comment does not end at its line", "# x\nballoon 512", NONE },
    { "nothing", "", NONE },
    { "blanks", " \t\n", NONE },
    { "asking for the size", "info balloon", NONE },
    { "asking for help", "help balloon", NONE },

    /* device_add (tried with a device that the host does not have: QEMU then names what it looked
     * for) */
    { "a PCI device by its first word", "device_add vfio-pci," HOST ",id=x",
      ADDS("vfio-pci", "x") },
    { "a PCI device by its driver", "device_add driver=vfio-pci," HOST ",id=x",
      ADDS("vfio-pci", "x") },
    { "a PCI device, the id first", "device_add id=x,driver=vfio-pci," HOST,
      ADDS("vfio-pci", "x") },
    { "a PCI device behind a comma", "device_add ,driver=vfio-pci," HOST,
      ADDS("vfio-pci", NULL) },
    { "a PCI device and nothing else", "device_add vfio-pci", ADDS("vfio-pci", NULL) },
    { "of two drivers the last counts", "device_add virtio-rng-pci,driver=vfio-pci," HOST,
      ADDS("vfio-pci", NULL) },
    { "of two drivers the last counts, be it harmless",
      "device_add vfio-pci,driver=virtio-rng-pci", NONE },
    { "quotes around all of it", "device_add \"vfio-pci," HOST ",id=x\"", ADDS("vfio-pci", "x") },
    { "quotes around all of it, by the driver", "device_add \"driver=vfio-pci," HOST "\"",
      ADDS("vfio-pci", NULL) },
    { "quotes around all of it, the driver last", "device_add \"id=x,driver=vfio-pci\"",
      ADDS("vfio-pci", "x") },
    { "quotes with an escape", "device_add \"vfio-pci," HOST ",romfile=\\\\,id=x\"",
      ADDS("vfio-pci", "x") },
    { "a comma that is doubled parts nothing",
      "device_add vfio-pci," HOST ",romfile=x,,driver=virtio-rng-pci", ADDS("vfio-pci", NULL) },
    { "of three commas the last parts",
      "device_add virtio-rng-pci,romfile=x,,,driver=vfio-pci", ADDS("vfio-pci", NULL) },
    { "a vDPA device", "device_add vhost-vdpa-device-pci,vhostdev=/dev/vhost-vdpa-0",
      ADDS("vhost-vdpa-device-pci", NULL) },
    { "a vfio-user device", "device_add vfio-user-pci,id=x", ADDS("vfio-user-pci", "x") },
    { "a mediated device that is opted out", "device_add vfio-pci,x-balloon-allowed=on,id=x",
      NONE },
    { "a mediated device that is opted out in another word",
      "device_add vfio-pci,x-balloon-allowed=true", NONE },
    { "a device that is not opted out", "device_add vfio-pci,x-balloon-allowed=off",
      ADDS("vfio-pci", NULL) },
    { "of two opt-outs the last counts",
      "device_add vfio-pci,x-balloon-allowed=on,x-balloon-allowed=off", ADDS("vfio-pci", NULL) },
    { "an opt-out that is taken back by a word without a value",
      "device_add vfio-pci,x-balloon-allowed=on,nox-balloon-allowed", ADDS("vfio-pci", NULL) },
    { "an opt-out of which QEMU may read something else",
      "device_add vfio-pci,x-balloon-allowed=On", ADDS("vfio-pci", NULL) },
    { "a vfio-user device that is opted out of nothing",
      "device_add vfio-user-pci,x-balloon-allowed=on", ADDS("vfio-user-pci", NULL) },
    { "a channel of s390 never inhibits", "device_add vfio-ccw,devno=fe.0.0001", NONE },
    { "a network card", "device_add virtio-net-pci,id=x", NONE },
    { "a harmless device with a telling id", "device_add virtio-rng-pci,id=vfio-pci", NONE },
    { "a driver in capitals, unknown to QEMU", "device_add VFIO-PCI," HOST, NONE },
    { "a property in the place of the driver", "device_add id=x,vfio-pci", NONE },
    { "JSON, which the human monitor does not read", "device_add {\"driver\":\"vfio-pci\"}",
      NONE },
    { "a slash behind the name is part of the driver", "device_add/vfio-pci," HOST, NONE },
    { "an equals sign in front of the driver", "device_add =vfio-pci," HOST, NONE },
    { "a device without anything", "device_add", NONE },
    { "asking for the devices", "device_add ?", NONE },
    { "the hyphen that QEMU's own name does not have", "device-add vfio-pci", NONE },
    { "taking a device away", "device_del vfio-pci", NONE },
};

static const char *
testDescribe(const qemuMonitorRawCommand *command)
{
    switch (command->effect) {
    case QEMU_MONITOR_RAW_NONE:
        return "none";
    case QEMU_MONITOR_RAW_BALLOON:
        return command->haveTarget ? "balloon" : "balloon of any size";
    case QEMU_MONITOR_RAW_DEVICE_ADD:
        return "device_add";
    case QEMU_MONITOR_RAW_UNREADABLE:
        return "unreadable";
    default:
        return "no effect there is";
    }
}

static void
testAssert(const testCase *data, bool hmp)
{
    static const char *const effects[] = {
        "none", "balloon", "balloon of any size", "device_add", "unreadable",
    };
    qemuMonitorRawCommand command;

    /* What was there before does not show through. */
    memset(&command, 0xa5, sizeof(command));
    qemuMonitorRawParse(data->text, hmp, &command);

    if (data->effect == TEST_NOT_NONE)
        g_assert_cmpint(command.effect, !=, QEMU_MONITOR_RAW_NONE);
    else
        g_assert_cmpstr(testDescribe(&command), ==, effects[data->effect]);
    if (data->effect == TEST_BALLOON)
        g_assert_cmpuint(command.target, ==, data->target);
    g_assert_cmpstr(command.driver, ==, data->driver);
    g_assert_cmpstr(command.id, ==, data->id);

    qemuMonitorRawCommandClear(&command);
    g_assert_null(command.driver);
    g_assert_null(command.id);
    qemuMonitorRawCommandClear(&command);
}

static void
testOneQMP(gconstpointer opaque)
{
    testAssert(opaque, false);
}

static void
testOneHMP(gconstpointer opaque)
{
    testAssert(opaque, true);
}

/* One letter at a time escaped, in small and capital digits: the command stays what it is. */
static void
testEscapedLetters(gconstpointer opaque)
{
    static const char text[] = VALUE("536870912");
    const char *word = opaque;
    const char *at = strstr(text, word);
    size_t i;

    for (i = 0; i < strlen(word); i++) {
        g_autofree char *small = g_strdup_printf("%.*s\\u%04x%s", (int)(at + i - text), text,
                                                 at[i], at + i + 1);
        g_autofree char *capital = g_strdup_printf("%.*s\\u%04X%s", (int)(at + i - text), text,
                                                   at[i], at + i + 1);
        const testCase data[] = { { NULL, small, SETS(HALF) }, { NULL, capital, SETS(HALF) } };

        g_test_message("%s", small);
        testAssert(&data[0], false);
        testAssert(&data[1], false);
    }
}

/* The six blanks of isspace(), all of which QEMU skips (tried), in front, between and behind. */
static void
testBlank(const char *blank, const char *line, const testCase *expected)
{
    g_autofree char *between = g_strdelimit(g_strdup(line), " ", *blank);
    g_autofree char *front = g_strconcat(blank, line, NULL);
    g_autofree char *behind = g_strconcat(line, blank, NULL);
    g_autofree char *many = g_strdup_printf("%s%s %s%s %s", blank, blank, between, blank, blank);
    const char *const lines[] = { front, between, behind, many };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autofree char *shown = g_strescape(lines[i], NULL);
        testCase data = *expected;

        g_test_message("%s", shown);
        data.text = lines[i];
        testAssert(&data, true);
    }
}

static void
testBlankBalloon(gconstpointer opaque)
{
    static const testCase expected = { NULL, NULL, NOT_NONE };

    testBlank(opaque, "balloon 512", &expected);
}

static void
testBlankDevice(gconstpointer opaque)
{
    static const testCase expected = { NULL, NULL, ADDS("vfio-pci", "x") };

    testBlank(opaque, "device_add vfio-pci," HOST ",id=x", &expected);
}

static void
testManyBlanks(void)
{
    g_autofree char *blanks = g_strnfill(100000, ' ');
    g_autofree char *line = g_strconcat(blanks, "balloon", blanks, "512", blanks, NULL);
    const testCase data = { NULL, line, SETS(HALF) };

    testAssert(&data, true);
}

/* QEMU keeps 255 bytes of a name and cannot take it for a shorter one then. */
static void
testLongName(void)
{
    g_autofree char *front = g_strnfill(249, 'x');
    g_autofree char *longer = g_strconcat(front, "balloon 512", NULL);
    const testCase data = { NULL, longer, NONE };

    testAssert(&data, true);
}

/* QEMU keeps 1023 bytes of the argument (tried): what stands behind them is not the driver. */
static void
testLongDevice(void)
{
    static const char start[] = "vfio-pci," HOST ",id=a";
    g_autofree char *fill = g_strnfill(1023 - strlen(start), 'a');
    g_autofree char *line = g_strconcat("device_add ", start, fill, ",driver=virtio-rng-pci", NULL);
    qemuMonitorRawCommand command = { 0 };

    qemuMonitorRawParse(line, true, &command);
    g_assert_cmpint(command.effect, ==, QEMU_MONITOR_RAW_DEVICE_ADD);
    g_assert_cmpstr(command.driver, ==, "vfio-pci");
    qemuMonitorRawCommandClear(&command);
}

/* QEMU reads 1024 levels, json-c 32: what it gives up on is not harmless. */
static void
testDeep(void)
{
    static const size_t depths[] = { 1, 30, 31, 32, 33, 100, 1000, 100000 };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(depths); i++) {
        g_autofree char *open = g_strnfill(depths[i], '[');
        g_autofree char *close = g_strnfill(depths[i], ']');
        g_autofree char *front = g_strdup_printf("{\"id\":%s%s,\"execute\":\"balloon\"," SIZE "}",
                                                 open, close);
        g_autofree char *behind = g_strdup_printf("{\"execute\":\"balloon\"," SIZE ",\"id\":%s%s}",
                                                  open, close);
        g_autofree char *outside = g_strdup_printf("%s" VALUE("536870912") "%s", open, close);
        const testCase data[] = {
            { NULL, front, NOT_NONE }, { NULL, behind, NOT_NONE },
            { NULL, outside, UNREADABLE },
        };

        testAssert(&data[0], false);
        testAssert(&data[1], false);
        testAssert(&data[2], false);
    }
}

/* A number of so many digits is no integer to QEMU. */
static void
testHugeNumbers(void)
{
    static const size_t digits[] = { 20, 21, 100, 1000, 50000 };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(digits); i++) {
        g_autofree char *number = g_strnfill(digits[i], '9');
        g_autofree char *size = g_strdup_printf(VALUE("%s"), number);
        g_autofree char *least = g_strdup_printf(VALUE("-%s"), number);
        g_autofree char *fraction = g_strdup_printf(VALUE("1.%s"), number);
        g_autofree char *line = g_strdup_printf("balloon %s", number);
        const testCase data[] = {
            { NULL, size, NOT_NONE }, { NULL, least, NONE },
            { NULL, fraction, ANY_SIZE }, { NULL, line, ANY_SIZE },
        };

        testAssert(&data[0], false);
        testAssert(&data[1], false);
        testAssert(&data[2], false);
        testAssert(&data[3], true);
    }
}

/* Above 2^63 QEMU refuses; that must not wrap around to a size that is read as small or large. */
static void
testAboveSigned(void)
{
    static const char *const sizes[] = {
        VALUE("9223372036854775808"), VALUE("18446744073709551615"),
        VALUE("18446744074246422528"), VALUE("36893488147956289536"),
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_auto(qemuMonitorRawCommand) command = { 0 };

        qemuMonitorRawParse(sizes[i], false, &command);
        g_assert_cmpint(command.effect, ==, QEMU_MONITOR_RAW_BALLOON);
        if (command.haveTarget)
            g_assert_cmpuint(command.target, >=, G_MAXINT64);
    }
}

/* As much text as libvirt's protocol carries. */
static void
testHugeText(void)
{
    g_autofree char *text = g_strnfill(4 * MIB, 'x');
    g_autofree char *id = g_strdup_printf("{\"id\":\"%s\",\"execute\":\"balloon\"," SIZE "}", text);
    g_autofree char *driver = g_strdup_printf("device_add vfio-%s", text);
    const testCase data[] = {
        { NULL, id, UNREADABLE }, { NULL, text, UNREADABLE }, { NULL, text, NONE },
    };
    g_auto(qemuMonitorRawCommand) command = { 0 };

    testAssert(&data[0], false);
    testAssert(&data[1], false);
    testAssert(&data[2], true);
    /* No type of QEMU's has such a name; all that counts is that reading it does no harm. */
    qemuMonitorRawParse(driver, true, &command);
}

static void
testManyOptions(void)
{
    g_autofree char *commas = g_strnfill(20000, ',');
    g_autofree char *options = g_strconcat("device_add virtio-rng-pci", commas, NULL);
    const testCase data = { NULL, options, NONE };

    testAssert(&data, true);
}

/* Every beginning of a command, as a client that stops in the middle sends it. */
static void
testBeginnings(void)
{
    static const char text[] = "{\"arguments\":{\"value\":536870912},\"execute\":\"balloon\"}";
    size_t i;

    for (i = 0; i < strlen(text); i++) {
        g_autofree char *start = g_strndup(text, i);
        const testCase data = { NULL, start, UNREADABLE };

        g_test_message("%s", start);
        testAssert(&data, false);
    }
}

static void
testAddCases(const char *where, const testCase *cases, size_t count, GTestDataFunc func)
{
    size_t i;

    for (i = 0; i < count; i++) {
        g_autofree char *path = g_strdup_printf("/qemumonitorraw/%s/%s", where, cases[i].sentence);
        char *c;

        /* GLib makes suites of slashes and takes each path once. */
        for (c = path + strlen("/qemumonitorraw/") + strlen(where) + 1; *c; c++) {
            if (*c == '/')
                *c = '_';
        }
        g_test_add_data_func(path, &cases[i], func);
    }
}

int
main(int argc, char **argv)
{
    static const char *const words[] = { "execute", "balloon", "arguments", "value" };
    static const struct {
        const char *name;
        const char *blank;
    } blanks[] = {
        { "a space", " " }, { "a tab", "\t" }, { "a line feed", "\n" },
        { "a carriage return", "\r" }, { "a vertical tab", "\v" }, { "a form feed", "\f" },
    };
    size_t i;

    g_test_init(&argc, &argv, NULL);
    /* One wrong answer must not hide the others. */
    g_test_set_nonfatal_assertions();

    testAddCases("qmp", testQMP, G_N_ELEMENTS(testQMP), testOneQMP);
    testAddCases("hmp", testHMP, G_N_ELEMENTS(testHMP), testOneHMP);
    for (i = 0; i < G_N_ELEMENTS(words); i++) {
        g_autofree char *path = g_strdup_printf("/qemumonitorraw/qmp/any letter of '%s' may be "
                                                "escaped", words[i]);

        g_test_add_data_func(path, words[i], testEscapedLetters);
    }
    for (i = 0; i < G_N_ELEMENTS(blanks); i++) {
        g_autofree char *balloon = g_strdup_printf("/qemumonitorraw/hmp/%s is a blank to 'balloon'",
                                                   blanks[i].name);
        g_autofree char *device = g_strdup_printf("/qemumonitorraw/hmp/%s is a blank to "
                                                  "'device_add'", blanks[i].name);

        g_test_add_data_func(balloon, blanks[i].blank, testBlankBalloon);
        g_test_add_data_func(device, blanks[i].blank, testBlankDevice);
    }
    g_test_add_func("/qemumonitorraw/hmp/any number of blanks", testManyBlanks);
    g_test_add_func("/qemumonitorraw/hmp/the end of a long name is no name", testLongName);
    g_test_add_func("/qemumonitorraw/hmp/what QEMU cuts off is not the driver", testLongDevice);
    g_test_add_func("/qemumonitorraw/qmp/what is nested too deep is not harmless", testDeep);
    g_test_add_func("/qemumonitorraw/huge numbers", testHugeNumbers);
    g_test_add_func("/qemumonitorraw/qmp/what is above 63 bits does not wrap around",
                    testAboveSigned);
    g_test_add_func("/qemumonitorraw/texts of 4 MiB", testHugeText);
    g_test_add_func("/qemumonitorraw/hmp/very many options", testManyOptions);
    g_test_add_func("/qemumonitorraw/qmp/no beginning of a command is harmless", testBeginnings);

    return g_test_run();
}
