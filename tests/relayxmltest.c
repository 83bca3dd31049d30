/*
 * relayxmltest.c: calls that reach libvirtd in another form, and replies that reach the client so
 *
 * What is passed on as it came is in relaytest.c.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <string.h>

#include "fakelibvirtd.h"

#define UUID_TEXT "e8e8e8e8-e8e8-e8e8-e8e8-e8e8e8e8e8e8"
#define DOMAIN_BYTE 0xe8
#define BEGIN(id) "<domain type='kvm'" id "><name>guest</name><uuid>" UUID_TEXT "</uuid>" \
    "<memory unit='KiB'>1048576</memory>"
#define DOMAIN_OF(id, current, devices, more) BEGIN(id) current "<devices>" devices "</devices>" \
    more "</domain>"
#define DOMAIN(devices, more) DOMAIN_OF("", "", devices, more)
#define BALLOON "<memballoon model='virtio'/>"
#define WRITTEN_BALLOON "<memballoon model='virtio' policy='warn'/>"
#define STORED_POLICY "<metadata><balloon:policy xmlns:balloon='urn:virt-balloon:policy:1' " \
    "memballoon='warn'/></metadata>"
#define MDEV_UUID "11112222-3333-4444-5555-666677778888"
#define MDEV(attribute, alias) "<hostdev mode='subsystem' type='mdev' model='vfio-pci'" attribute \
    "><source><address uuid='" MDEV_UUID "'/></source>" alias "</hostdev>"
#define MDEV_ALIAS "<alias name='ua-vb-" MDEV_UUID "'/>"
#define OVERRIDE "<qemu:override xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>" \
    "<qemu:device alias='ua-vb-" MDEV_UUID "'><qemu:frontend><qemu:property " \
    "name='x-balloon-allowed' type='bool' value='true'/></qemu:frontend></qemu:device>" \
    "</qemu:override>"
#define EMULATOR "/nonexistent/qemu"

static const char testStored[] = DOMAIN(BALLOON, STORED_POLICY);
static const char testShown[] = DOMAIN(WRITTEN_BALLOON, STORED_POLICY);
static const char testWritten[] = DOMAIN(WRITTEN_BALLOON, "");

/* Calls */

static testFrame *
testCallEnd(testFrame *frame)
{
    testFrameSetWord(frame, 0, frame->bytes->len);
    return frame;
}

/* About a domain, whose UUID is all of one byte. */
static testFrame *
testDomainCall(gint32 procedure, guint32 serial)
{
    testFrame *frame = testFrameNew(REMOTE_PROGRAM, procedure, VB_FRAME_CALL, serial, VB_FRAME_OK);
    guint8 uuid[16];

    memset(uuid, DOMAIN_BYTE, sizeof(uuid));
    testPutString(frame->bytes, "guest", 5);
    g_byte_array_append(frame->bytes, uuid, sizeof(uuid));
    testPutWord(frame->bytes, 3);
    return frame;
}

static testFrame *
testDumpCall(guint32 serial, guint32 flags)
{
    testFrame *frame = testDomainCall(REMOTE_PROC_DOMAIN_GET_XML_DESC, serial);

    testPutWord(frame->bytes, flags);
    return testCallEnd(frame);
}

static testFrame *
testDeviceCall(gint32 procedure, guint32 serial, const char *xml, guint32 flags)
{
    testFrame *frame = testDomainCall(procedure, serial);

    testPutString(frame->bytes, xml, strlen(xml));
    testPutWord(frame->bytes, flags);
    return testCallEnd(frame);
}

/* XML and flags. */
static testFrame *
testXmlCall(gint32 procedure, guint32 type, guint32 serial, const char *xml)
{
    testFrame *frame = testFrameNew(REMOTE_PROGRAM, procedure, type, serial, VB_FRAME_OK);

    testPutString(frame->bytes, xml, strlen(xml));
    testPutWord(frame->bytes, 0);
    return testCallEnd(frame);
}

static testFrame *
testDefineCall(guint32 serial, const char *xml)
{
    return testXmlCall(REMOTE_PROC_DOMAIN_DEFINE_XML_FLAGS, VB_FRAME_CALL, serial, xml);
}

static testFrame *
testReplyXml(const testFrame *call, const char *xml)
{
    return testReplyString(call, xml, strlen(xml));
}

static testFrame *
testReplyWord(const testFrame *call, guint32 word)
{
    testFrame *frame = testReplyTo(call, VB_FRAME_OK);

    testPutWord(frame->bytes, word);
    return testCallEnd(frame);
}

static testFrame *
testReplyDomain(const testFrame *call)
{
    testFrame *frame = testReplyTo(call, VB_FRAME_OK);
    g_autoptr(testFrame) domain = testDomainCall(0, 0);

    g_byte_array_append(frame->bytes, domain->bytes->data + 28, domain->bytes->len - 28);
    return testCallEnd(frame);
}

/* The same message as one of another procedure. */
static testFrame *
testAsProcedure(const testFrame *frame, gint32 procedure)
{
    testFrame *copy = g_new0(testFrame, 1);

    copy->bytes = g_byte_array_new();
    g_byte_array_append(copy->bytes, frame->bytes->data, frame->bytes->len);
    testFrameSetWord(copy, 12, (guint32)procedure);
    return copy;
}

/* The client calls, and libvirt gets @expected. */
static void
testCall(testFixture *test, testLink *link, const testFrame *call, const testFrame *expected)
{
    testPeerSend(&link->client, call);
    testExpectSame(test, &link->upstream, expected);
}

/* libvirt says @reply, and the client gets @expected. */
static void
testReply(testFixture *test, testLink *link, const testFrame *reply, const testFrame *expected)
{
    testPeerSend(&link->upstream, reply);
    testExpectSame(test, &link->client, expected);
}

/* Dumps */

static void
testDumpIsEdited(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testDumpCall(3, VIR_DOMAIN_XML_SECURE);
    g_autoptr(testFrame) stored = testReplyXml(call, testStored);
    g_autoptr(testFrame) shown = testReplyXml(call, testShown);

    testCall(test, link, call, call);
    testReply(test, link, stored, shown);
    testExpectNothing(test, &link->client);
    testExpectNothing(test, &link->upstream);
}

static void
testDumpAsksType(testFixture *test, gconstpointer data)
{
    testLink *link = testLinkNewWith(test, data != NULL, NULL);
    g_autoptr(testFrame) call = testDumpCall(3, 0);
    g_autoptr(testFrame) stored = testReplyXml(call, testStored);
    g_autoptr(testFrame) shown = testReplyXml(call, testShown);

    testOpen(test, link);
    testPeerSend(&link->client, call);
    testAnswerType(test, link, "QEMU");
    testExpectSame(test, &link->upstream, call);
    testReply(test, link, stored, shown);
    /* Only once. */
    testCall(test, link, call, call);
    testReply(test, link, stored, shown);
}

static void
testDumpOfOthers(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkOpen(test);
    g_autoptr(testFrame) call = testDumpCall(3, 0);
    g_autoptr(testFrame) stored = testReplyXml(call, testStored);

    testPeerSend(&link->client, call);
    testAnswerType(test, link, "Test");
    testExpectSame(test, &link->upstream, call);
    testReply(test, link, stored, stored);
}

/* It is libvirt's to answer, whatever becomes of the question. */
static void
testDumpExpires(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkOpen(test);
    g_autoptr(testFrame) call = testDumpCall(3, 0);
    g_autoptr(testFrame) stored = testReplyXml(call, testStored);
    g_autoptr(testFrame) question = NULL;

    testPeerSend(&link->client, call);
    question = testTakeQuestion(test, link, REMOTE_PROGRAM, REMOTE_PROC_CONNECT_GET_TYPE);
    testSleep(test, TEST_DEADLINE - 1);
    testExpectNothing(test, &link->upstream);
    testSleep(test, 1);
    testExpectSame(test, &link->upstream, call);
    testReply(test, link, stored, stored);
    /* Too late. */
    testPeerSendNew(&link->upstream, testReplyXml(question, "QEMU"));
    testExpectNothing(test, &link->client);
}

static void
testDumpUntouched(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testDumpCall(3, 0);
    g_autoptr(testFrame) migratable = testDumpCall(4, VIR_DOMAIN_XML_MIGRATABLE);
    g_autoptr(testFrame) plain = testReplyXml(call, DOMAIN(BALLOON, ""));
    g_autoptr(testFrame) error = testReplyError(call, VIR_ERR_NO_DOMAIN, VIR_FROM_QEMU);
    g_autoptr(testFrame) stored = testReplyXml(migratable, testStored);
    g_autoptr(testFrame) empty = testReplyPlain(call);
    g_autoptr(testFrame) noise = testNoise(REMOTE_PROC_DOMAIN_GET_XML_DESC, VB_FRAME_REPLY, 3, 99);

    testCall(test, link, call, call);
    testReply(test, link, plain, plain);
    testCall(test, link, call, call);
    testReply(test, link, error, error);
    testCall(test, link, call, call);
    testReply(test, link, empty, empty);
    testCall(test, link, call, call);
    testReply(test, link, noise, noise);
    testCall(test, link, migratable, migratable);
    testReply(test, link, stored, stored);
}

static void
testDumpSplit(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testDumpCall(3, 0);
    g_autoptr(testFrame) stored = testReplyXml(call, testStored);
    g_autoptr(testFrame) shown = testReplyXml(call, testShown);
    size_t split;

    for (split = 1; split < stored->bytes->len; split++) {
        testCall(test, link, call, call);
        testPeerSendPart(&link->upstream, stored, 0, split);
        testExpectNothing(test, &link->client);
        testPeerSendPart(&link->upstream, stored, split, stored->bytes->len);
        testExpectSame(test, &link->client, shown);
    }
    link->upstream.chunk = 1;
    testCall(test, link, call, call);
    testReply(test, link, stored, shown);
}

/* @length: of the whole string, which is filled up */
static char *
testFillUp(const char *begin, size_t length, const char *end)
{
    g_autofree char *fill = g_strnfill(length - strlen(begin) - strlen(end), ' ');

    return g_strconcat(begin, fill, end, NULL);
}

#define LARGE_BEGIN BEGIN("") "<devices>"
#define LARGE_END "</devices>" STORED_POLICY "</domain>"

static void
testDumpTooLarge(testFixture *test, gconstpointer data)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testDumpCall(3, 0);
    g_autofree char *text = testFillUp(LARGE_BEGIN BALLOON, GPOINTER_TO_SIZE(data), LARGE_END);
    g_autoptr(testFrame) large = testReplyXml(call, text);
    g_autoptr(testFrame) stored = testReplyXml(call, testStored);
    g_autoptr(testFrame) shown = testReplyXml(call, testShown);

    testCall(test, link, call, call);
    testReply(test, link, large, large);
    /* The next one is edited. */
    testCall(test, link, call, call);
    testReply(test, link, stored, shown);
}

/* A large one, for a client that takes its time. */
static void
testDumpSlowClient(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testDumpCall(3, 0);
    g_autofree char *before = testFillUp(LARGE_BEGIN BALLOON, 3000000, LARGE_END);
    g_autofree char *after = testFillUp(LARGE_BEGIN WRITTEN_BALLOON,
                                        3000000 + strlen(" policy='warn'"), LARGE_END);
    g_autoptr(testFrame) stored = testReplyXml(call, before);
    g_autoptr(testFrame) shown = testReplyXml(call, after);
    g_autoptr(testFrame) plain = testKeepalive(KEEPALIVE_PONG);

    link->client.reading = false;
    testCall(test, link, call, call);
    testPeerSend(&link->upstream, stored);
    testPeerSend(&link->upstream, plain);
    testSleep(test, 10 * TEST_DEADLINE);
    g_assert_nonnull(link->relay);
    link->client.reading = true;
    testExpectSame(test, &link->client, shown);
    testExpectSame(test, &link->client, plain);
}

static void
testDumpsOutOfOrder(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) first = testDumpCall(3, 0);
    g_autoptr(testFrame) second = testDumpCall(4, VIR_DOMAIN_XML_INACTIVE);
    g_autoptr(testFrame) third = testPlainCall(5);
    g_autoptr(testFrame) firstStored = testReplyXml(first, testStored);
    g_autoptr(testFrame) firstShown = testReplyXml(first, testShown);
    g_autoptr(testFrame) secondPlain = testReplyXml(second, DOMAIN(BALLOON, ""));
    g_autoptr(testFrame) thirdReply = testReplyXml(third, testStored);

    testPeerSend(&link->client, first);
    testPeerSend(&link->client, second);
    testPeerSend(&link->client, third);
    testExpectSame(test, &link->upstream, first);
    testExpectSame(test, &link->upstream, second);
    testExpectSame(test, &link->upstream, third);
    testReply(test, link, thirdReply, thirdReply);
    testReply(test, link, secondPlain, secondPlain);
    testReply(test, link, firstStored, firstShown);
}

/* Replies to two calls of one serial could not be told apart. */
static void
testDumpsOfOneSerial(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) first = testDumpCall(3, VIR_DOMAIN_XML_MIGRATABLE);
    g_autoptr(testFrame) second = testDumpCall(3, 0);
    g_autoptr(testFrame) stored = testReplyXml(first, testStored);
    g_autoptr(testFrame) shown = testReplyXml(first, testShown);

    testPeerSend(&link->client, first);
    testPeerSend(&link->client, second);
    testExpectSame(test, &link->upstream, first);
    testExpectNothing(test, &link->upstream);
    testReply(test, link, stored, stored);
    testExpectSame(test, &link->upstream, second);
    testReply(test, link, stored, shown);
}

/* The client goes before its reply comes, and in the middle of that. */
static void
testDumpClientGone(testFixture *test, gconstpointer data)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testDumpCall(3, 0);
    g_autoptr(testFrame) stored = testReplyXml(call, testStored);
    size_t sent = GPOINTER_TO_SIZE(data);

    testCall(test, link, call, call);
    testPeerSendPart(&link->upstream, stored, 0, sent);
    testSettle(test);
    testPeerClose(&link->client);
    testSettle(test);
    testPeerSendPart(&link->upstream, stored, sent, stored->bytes->len);
    testSettle(test);
    g_assert_cmpuint(link->closed, <=, 1);
}

static void
testDumpLibvirtGone(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testDumpCall(3, 0);
    g_autoptr(testFrame) stored = testReplyXml(call, testStored);

    testCall(test, link, call, call);
    testPeerSendPart(&link->upstream, stored, 0, 100);
    testSettle(test);
    testPeerClose(&link->upstream);
    testExpectEnd(test, &link->client);
    g_assert_cmpuint(link->client.frames.length, ==, 0);
}

/* Documents */

static void
testDefineIsRewritten(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) written = testDefineCall(3, testWritten);
    g_autoptr(testFrame) stored = testDefineCall(3, testStored);
    g_autoptr(testFrame) reply = testReplyDomain(written);

    testCall(test, link, written, stored);
    testReply(test, link, reply, reply);
    /* What needs no change gets none. */
    testCall(test, link, stored, stored);
    testReply(test, link, reply, reply);
}

static void
testDefineSplit(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) written = testDefineCall(3, testWritten);
    g_autoptr(testFrame) stored = testDefineCall(3, testStored);
    g_autoptr(testFrame) reply = testReplyDomain(written);

    link->client.chunk = 1;
    link->upstream.chunk = 1;
    testCall(test, link, written, stored);
    testReply(test, link, reply, reply);
}

static void
testDefineOfOthers(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkOpen(test);
    g_autoptr(testFrame) written = testDefineCall(3, testWritten);

    testPeerSend(&link->client, written);
    testAnswerType(test, link, "Test");
    testExpectSame(test, &link->upstream, written);
}

/* libvirt refuses it there, whatever it is. */
static void
testDefineReadonly(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkNewWith(test, true, NULL);
    g_autoptr(testFrame) written = testDefineCall(3, testWritten);

    testOpen(test, link);
    testCall(test, link, written, written);
}

static void
testCreateWithFiles(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) written = testXmlCall(REMOTE_PROC_DOMAIN_CREATE_XML_WITH_FILES,
                                               VB_FRAME_CALL_WITH_FDS, 3, testWritten);
    g_autoptr(testFrame) stored = testXmlCall(REMOTE_PROC_DOMAIN_CREATE_XML_WITH_FILES,
                                              VB_FRAME_CALL_WITH_FDS, 3, testStored);

    testFrameAddFds(written, 3);
    testFrameSetWord(stored, 28, 3);
    stored->nfds = 3;
    memcpy(stored->ids, written->ids, sizeof(stored->ids));
    testCall(test, link, written, stored);
}

static void
testDefineIsRefused(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) wrong =
        testDefineCall(3, DOMAIN("<memballoon model='virtio' policy='x'/>", ""));
    g_autoptr(testFrame) inflated = testDefineCall(
        4, DOMAIN_OF("", "<currentMemory>1024</currentMemory>", TEST_HOSTDEV
                     "<memballoon model='virtio' policy='block'/>", ""));

    testPeerSend(&link->client, wrong);
    testExpectError(test, link, wrong, VIR_ERR_XML_ERROR, VIR_FROM_XML,
                    "XML error: invalid value 'x' of attribute 'policy'");
    testPeerSend(&link->client, inflated);
    testExpectError(test, link, inflated, VIR_ERR_CONFIG_UNSUPPORTED, VIR_FROM_QEMU,
                    "unsupported configuration: cannot define domain 'guest'");
    testExpectNothing(test, &link->upstream);
    g_assert_cmpuint(testLogLines, ==, 1);
}

/* Two of one domain take turns, but not for ever. */
static void
testDefineTakesTurn(testFixture *test, gconstpointer data)
{
    const bool late = data != NULL;
    testLink *first = testLinkKnown(test);
    testLink *second = testLinkKnown(test);
    g_autoptr(testFrame) written = testDefineCall(3, testWritten);
    g_autoptr(testFrame) stored = testDefineCall(3, testStored);
    g_autoptr(testFrame) reply = testReplyDomain(written);

    testCall(test, first, written, stored);
    testPeerSend(&second->client, written);
    testExpectNothing(test, &second->upstream);
    testSleep(test, late ? TEST_DEADLINE : TEST_DEADLINE - 1);
    if (late) {
        testExpectSame(test, &second->upstream, stored);
        testReply(test, first, reply, reply);
    } else {
        testExpectNothing(test, &second->upstream);
        testReply(test, first, reply, reply);
        testExpectSame(test, &second->upstream, stored);
    }
    testReply(test, second, reply, reply);
}

/* A detachment is not refused where its turn does not come. */
static void
testDetachExpires(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *first = testLinkKnown(test);
    testLink *second = testLinkKnown(test);
    g_autoptr(testFrame) define = testDefineCall(3, testStored);
    g_autoptr(testFrame) detach =
        testDeviceCall(REMOTE_PROC_DOMAIN_DETACH_DEVICE_FLAGS, 3, "<disk/>", 2);
    g_autoptr(testFrame) reply = testReplyDomain(define);

    testCall(test, first, define, define);
    testPeerSend(&second->client, detach);
    testSleep(test, TEST_DEADLINE - 1);
    testExpectNothing(test, &second->upstream);
    testSleep(test, 1);
    testFinishCall(test, second, detach);
    testReply(test, first, reply, reply);
}

/* Other procedures */

#define ATTACHED MDEV(" ballooning='on'", "")

static void
testAnswerLibvirt(testFixture *test, testLink *link, guint32 version)
{
    g_autoptr(testFrame) question =
        testTakeQuestion(test, link, REMOTE_PROGRAM, REMOTE_PROC_CONNECT_GET_LIB_VERSION);
    testFrame *reply = testReplyTo(question, VB_FRAME_OK);

    testPutWord(reply->bytes, 0);
    testPutWord(reply->bytes, version);
    testPeerSendNew(&link->upstream, testCallEnd(reply));
}

/* A device is attached, up to its domain's definition. @version: libvirt's, or 0 where that is
 * known. Returns: (transfer full): the call */
static testFrame *
testAttach(testFixture *test, testLink *link, guint32 version)
{
    testFrame *call = testDeviceCall(REMOTE_PROC_DOMAIN_ATTACH_DEVICE_FLAGS, 3, ATTACHED,
                                     VIR_DOMAIN_DEVICE_MODIFY_CONFIG);
    g_autoptr(testFrame) persistent = NULL;

    testPeerSend(&link->client, call);
    testAnswerXml(test, link, DOMAIN(BALLOON, ""));
    persistent = testTakeQuestion(test, link, REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_IS_PERSISTENT);
    testPeerSendNew(&link->upstream, testReplyWord(persistent, 1));
    if (version != 0)
        testAnswerLibvirt(test, link, version);
    return call;
}

static void
testAttachDefines(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) define =
        testDefineCall(3, DOMAIN(BALLOON MDEV("", MDEV_ALIAS), OVERRIDE));
    g_autoptr(testFrame) defined = testReplyDomain(define);
    g_autoptr(testFrame) failed = testReplyError(define, VIR_ERR_INTERNAL_ERROR, VIR_FROM_QEMU);
    g_autoptr(testFrame) call = testAttach(test, link, 8002000);
    g_autoptr(testFrame) again = NULL;
    g_autoptr(testFrame) attached = testReplyPlain(call);
    g_autoptr(testFrame) error = testAsProcedure(failed, REMOTE_PROC_DOMAIN_ATTACH_DEVICE_FLAGS);

    testAnswerXml(test, link, DOMAIN(BALLOON, ""));
    testExpectSame(test, &link->upstream, define);
    testReply(test, link, defined, attached);

    /* The version is asked once a connection. */
    again = testAttach(test, link, 0);
    testAnswerXml(test, link, DOMAIN(BALLOON, ""));
    testExpectSame(test, &link->upstream, define);
    testReply(test, link, failed, error);
    testExpectNothing(test, &link->client);
}

static void
testAttachOldLibvirt(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testAttach(test, link, 8001000);

    testExpectError(test, link, call, VIR_ERR_CONFIG_UNSUPPORTED, VIR_FROM_QEMU,
                    "needs libvirt 8.2.0 or newer, and this one is 8.1.0");
    testExpectNothing(test, &link->upstream);
}

/* A reply of the procedure that the client has called is none to what was called instead. */
static void
testAttachStrangeReply(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) define =
        testDefineCall(3, DOMAIN(BALLOON MDEV("", MDEV_ALIAS), OVERRIDE));
    g_autoptr(testFrame) call = testAttach(test, link, 8002000);
    g_autoptr(testFrame) attached = testReplyPlain(call);
    g_autoptr(testFrame) strange = testReplyXml(call, testStored);
    g_autoptr(testFrame) defined = testReplyDomain(define);

    testAnswerXml(test, link, DOMAIN(BALLOON, ""));
    testExpectSame(test, &link->upstream, define);
    testReply(test, link, strange, strange);
    testReply(test, link, defined, attached);
}

static void
testUpdateSetsMetadata(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testDeviceCall(REMOTE_PROC_DOMAIN_UPDATE_DEVICE_FLAGS, 3,
                                               WRITTEN_BALLOON, VIR_DOMAIN_DEVICE_MODIFY_LIVE);
    g_autoptr(testFrame) metadata = testDomainCall(REMOTE_PROC_DOMAIN_SET_METADATA, 3);
    g_autoptr(testFrame) reply = NULL;
    g_autoptr(testFrame) updated = testReplyPlain(call);

    testPutWord(metadata->bytes, VIR_DOMAIN_METADATA_ELEMENT);
    testPutWord(metadata->bytes, 1);
    testPutString(metadata->bytes, "<policy memballoon='warn'/>", 27);
    testPutWord(metadata->bytes, 1);
    testPutString(metadata->bytes, "balloon", 7);
    testPutWord(metadata->bytes, 1);
    testPutString(metadata->bytes, "urn:virt-balloon:policy:1", 25);
    testPutWord(metadata->bytes, VIR_DOMAIN_AFFECT_LIVE);
    testCallEnd(metadata);
    reply = testReplyPlain(metadata);

    testPeerSend(&link->client, call);
    testAnswerXml(test, link, DOMAIN_OF(" id='3'", "", BALLOON, ""));
    testExpectSame(test, &link->upstream, metadata);
    testReply(test, link, reply, updated);
}

/* Networks */

static void
testNetworkTwoRounds(testFixture *test, gconstpointer data)
{
    const char *mode = data;
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testDefineCall(
        3, DOMAIN_OF("", "<currentMemory>1024</currentMemory>", "<interface type='network'>"
                     "<source network='net'/></interface><memballoon model='virtio'/>",
                     TEST_POLICY("block")));
    g_autofree char *xml = g_strdup_printf("<network><name>net</name><forward mode='%s'/>"
                                           "</network>", mode);
    g_autoptr(testFrame) lookup = NULL;
    g_autoptr(testFrame) dump = NULL;
    g_autoptr(GByteArray) network = g_byte_array_new();
    testFrame *reply;

    testPutString(network, "net", 3);
    testPutNoise(network, 16);

    testPeerSend(&link->client, call);
    lookup = testTakeQuestion(test, link, REMOTE_PROGRAM, REMOTE_PROC_NETWORK_LOOKUP_BY_NAME);
    g_assert_cmpmem(lookup->bytes->data + 28, lookup->bytes->len - 28, "\0\0\0\3net", 8);
    reply = testReplyTo(lookup, VB_FRAME_OK);
    g_byte_array_append(reply->bytes, network->data, network->len);
    testPeerSendNew(&link->upstream, testCallEnd(reply));

    dump = testTakeQuestion(test, link, REMOTE_PROGRAM, REMOTE_PROC_NETWORK_GET_XML_DESC);
    testPutWord(network, 0);
    g_assert_cmpmem(dump->bytes->data + 28, dump->bytes->len - 28, network->data, network->len);
    testPeerSendNew(&link->upstream, testReplyXml(dump, xml));
    if (strcmp(mode, "hostdev") == 0)
        testExpectError(test, link, call, VIR_ERR_CONFIG_UNSUPPORTED, VIR_FROM_QEMU,
                        "of network 'net'");
    else
        testExpectSame(test, &link->upstream, call);
}

/* Emulators */

static testFrame *
testAskEmulator(testFixture *test, testLink *link)
{
    testFrame *call = testDefineCall(3, DOMAIN("<emulator>" EMULATOR "</emulator>" ATTACHED
                                               BALLOON, ""));
    g_autoptr(testFrame) question = NULL;

    testPeerSend(&link->client, call);
    testAnswerLibvirt(test, link, 8002000);
    question = testTakeQuestion(test, link, REMOTE_PROGRAM, REMOTE_PROC_CONNECT_GET_CAPABILITIES);
    g_assert_cmpuint(question->bytes->len, ==, 28);
    testAnswerString(link, question, "<capabilities><guest><arch name='x86_64'><emulator>" EMULATOR
                     "</emulator></arch></guest></capabilities>");
    return call;
}

/* One that cannot be asked is trusted. */
static void
testEmulatorIsProbed(testFixture *test, gconstpointer data)
{
    const bool gone = data != NULL;
    const vbProberLimits limits = VB_PROBER_LIMITS;
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) stored =
        testDefineCall(3, DOMAIN("<emulator>" EMULATOR "</emulator>" MDEV("", MDEV_ALIAS) BALLOON,
                                 OVERRIDE));
    g_autoptr(testFrame) call = NULL;

    test->shared.prober = vbProberNew(65534, 65534, &limits);
    call = testAskEmulator(test, link);
    if (gone)
        testPeerClose(&link->client);
    else
        testExpectSame(test, &link->upstream, stored);
    testSettle(test);
    vbProberFree(test->shared.prober);
    test->shared.prober = NULL;
}

/* The state of the balloon */

#define GONE GSIZE_TO_POINTER(1)

/* Which domains have what is added. */
#define ADDED_ALL 0xffffffffu

static void
testPutText(GByteArray *bytes, const char *text)
{
    testPutString(bytes, text, strlen(text));
}

static void
testPutParam(GByteArray *bytes, const char *field, const char *value)
{
    testPutText(bytes, field);
    testPutWord(bytes, VIR_TYPED_PARAM_STRING);
    testPutText(bytes, value);
}

static void
testPutNumber(GByteArray *bytes, const char *field, guint32 value)
{
    testPutText(bytes, field);
    testPutWord(bytes, VIR_TYPED_PARAM_UINT);
    testPutWord(bytes, value);
}

/* Of the domain @number. */
static void
testPutGuest(GByteArray *bytes, guint number)
{
    guint8 uuid[16];

    memset(uuid, (int)(DOMAIN_BYTE + number), sizeof(uuid));
    testPutString(bytes, "guest", 5);
    g_byte_array_append(bytes, uuid, sizeof(uuid));
    testPutWord(bytes, 3 + number);
}

/* @stats: which; of all domains */
static testFrame *
testStatsCall(guint32 serial, guint32 stats)
{
    testFrame *frame = testFrameNew(REMOTE_PROGRAM, REMOTE_PROC_CONNECT_GET_ALL_DOMAIN_STATS,
                                    VB_FRAME_CALL, serial, VB_FRAME_OK);

    testPutWord(frame->bytes, 0);
    testPutWord(frame->bytes, stats);
    testPutWord(frame->bytes, 0);
    return testCallEnd(frame);
}

/* Of @count domains, with one parameter each; @added: a bit for each that has what we say of
 * testXmlInhibited, too */
static void
testPutStats(GByteArray *bytes, guint count, guint32 added)
{
    testPutWord(bytes, count);
    for (guint i = 0; i < count; i++) {
        bool more = added & 1u << i;

        testPutGuest(bytes, i);
        testPutWord(bytes, more ? 7 : 1);
        testPutNumber(bytes, "state.state", i);
        if (more) {
            testPutParam(bytes, "balloon.policy", "block");
            testPutParam(bytes, "balloon.state", "inhibited");
            testPutNumber(bytes, "balloon.inhibitor.count", 1);
            testPutParam(bytes, "balloon.inhibitor.0.kind", "vfio-pci");
            testPutParam(bytes, "balloon.inhibitor.0.device", "hostdev0");
            testPutParam(bytes, "balloon.inhibitor.0.address", "0000:07:00.0");
        }
    }
}

static testFrame *
testReplyStats(const testFrame *call, guint count, guint32 added)
{
    testFrame *frame = testReplyTo(call, VB_FRAME_OK);

    testPutStats(frame->bytes, count, added);
    return testCallEnd(frame);
}

/* Returns: (transfer full): the question for the XML of the domain @number */
static testFrame *
testTakeGuestQuestion(testFixture *test, testLink *link, guint number)
{
    testFrame *question = testTakeXmlQuestion(test, link);
    g_autoptr(GByteArray) args = g_byte_array_new();

    testPutGuest(args, number);
    testPutWord(args, 0);
    g_assert_cmpmem(question->bytes->data + 28, question->bytes->len - 28, args->data, args->len);
    return question;
}

static void
testAnswerGuest(testFixture *test, testLink *link, guint number)
{
    g_autoptr(testFrame) question = testTakeGuestQuestion(test, link, number);

    testAnswerString(link, question, testXmlInhibited);
}

/* Nothing is left over: the next dump is edited as ever. */
static void
testExpectWorks(testFixture *test, testLink *link)
{
    g_autoptr(testFrame) call = testDumpCall(77, 0);
    g_autoptr(testFrame) stored = testReplyXml(call, testStored);
    g_autoptr(testFrame) shown = testReplyXml(call, testShown);

    testExpectNothing(test, &link->client);
    testExpectNothing(test, &link->upstream);
    testCall(test, link, call, call);
    testReply(test, link, stored, shown);
}

static void
testStatsAreEdited(testFixture *test, gconstpointer data)
{
    testLink *link = testLinkNewWith(test, data != NULL, NULL);
    g_autoptr(testFrame) call = testStatsCall(3, 0);
    g_autoptr(testFrame) reply = testReplyStats(call, 2, 0);
    g_autoptr(testFrame) edited = testReplyStats(call, 2, ADDED_ALL);

    testOpen(test, link);
    testPeerSend(&link->client, call);
    testAnswerType(test, link, "QEMU");
    testExpectSame(test, &link->upstream, call);
    testPeerSend(&link->upstream, reply);
    testAnswerGuest(test, link, 0);
    testExpectNothing(test, &link->client);
    testAnswerGuest(test, link, 1);
    testExpectSame(test, &link->client, edited);
    testExpectWorks(test, link);
}

static void
testStatsOfOthers(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkOpen(test);
    g_autoptr(testFrame) call = testStatsCall(3, 0);
    g_autoptr(testFrame) reply = testReplyStats(call, 2, 0);

    testPeerSend(&link->client, call);
    testAnswerType(test, link, "Test");
    testExpectSame(test, &link->upstream, call);
    testReply(test, link, reply, reply);
    testExpectNothing(test, &link->upstream);
}

/* Whoever wants others gets others. */
static void
testStatsOfOtherKinds(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) state = testStatsCall(3, VIR_DOMAIN_STATS_STATE | VIR_DOMAIN_STATS_VCPU);
    g_autoptr(testFrame) balloon =
        testStatsCall(3, VIR_DOMAIN_STATS_STATE | VIR_DOMAIN_STATS_BALLOON);
    g_autoptr(testFrame) reply = testReplyStats(state, 1, 0);
    g_autoptr(testFrame) edited = testReplyStats(state, 1, ADDED_ALL);

    testCall(test, link, state, state);
    testReply(test, link, reply, reply);
    testExpectNothing(test, &link->upstream);
    testCall(test, link, balloon, balloon);
    testPeerSend(&link->upstream, reply);
    testAnswerGuest(test, link, 0);
    testExpectSame(test, &link->client, edited);
}

static void
testStatsUntouched(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testStatsCall(3, 0);
    g_autoptr(testFrame) none = testReplyStats(call, 0, 0);
    g_autoptr(testFrame) error = testReplyError(call, VIR_ERR_OPERATION_DENIED, VIR_FROM_QEMU);
    g_autoptr(testFrame) empty = testReplyPlain(call);
    g_autoptr(testFrame) noise =
        testNoise(REMOTE_PROC_CONNECT_GET_ALL_DOMAIN_STATS, VB_FRAME_REPLY, 3, 99);
    g_autoptr(testFrame) cut = testReplyStats(call, 2, 0);
    const testFrame *const replies[] = { none, error, empty, noise, cut };

    g_byte_array_set_size(cut->bytes, cut->bytes->len - 4);
    testCallEnd(cut);
    for (size_t i = 0; i < G_N_ELEMENTS(replies); i++) {
        testCall(test, link, call, call);
        testReply(test, link, replies[i], replies[i]);
    }
    testExpectWorks(test, link);
}

/* A value that makes it as long as a reply that is kept, or longer. */
static void
testStatsTooLarge(testFixture *test, gconstpointer data)
{
    const size_t size = GPOINTER_TO_SIZE(data);
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testStatsCall(3, 0);
    g_autoptr(testFrame) large = testReplyTo(call, VB_FRAME_OK);
    g_autoptr(testFrame) expected = testReplyTo(call, VB_FRAME_OK);
    testFrame *const frames[] = { large, expected };
    const bool edited = size <= REMOTE_STRING_MAX + 4;

    for (guint i = 0; i < 2; i++) {
        const guint32 added = i > 0 && edited;
        GByteArray *bytes = frames[i]->bytes;
        g_autofree char *fill = NULL;

        testPutWord(bytes, 2);
        testPutGuest(bytes, 1);
        testPutWord(bytes, 1);
        testPutText(bytes, "path");
        testPutWord(bytes, VIR_TYPED_PARAM_STRING);
        /* Behind it there is one more domain, with one parameter. */
        fill = g_strnfill(size - (bytes->len - 28) - 4 - 60, 'x');
        testPutText(bytes, fill);
        {
            g_autoptr(GByteArray) one = g_byte_array_new();

            testPutStats(one, 1, added);
            g_byte_array_append(bytes, one->data + 4, one->len - 4);
        }
        testCallEnd(frames[i]);
    }
    g_assert_cmpuint(large->bytes->len - 28, ==, size);

    testCall(test, link, call, call);
    testPeerSend(&link->upstream, large);
    if (edited) {
        g_autoptr(testFrame) question = testTakeGuestQuestion(test, link, 1);

        testPeerSendNew(&link->upstream,
                        testReplyError(question, VIR_ERR_NO_DOMAIN, VIR_FROM_QEMU));
        testAnswerGuest(test, link, 0);
    }
    testExpectSame(test, &link->client, expected);
    testExpectWorks(test, link);
}

/* What cannot be learned of one domain does not matter to the others. */
static void
testStatsOfGone(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testStatsCall(3, 0);
    g_autoptr(testFrame) reply = testReplyStats(call, 4, 0);
    g_autoptr(testFrame) edited = testReplyStats(call, 4, 0x4);
    g_autofree char *tooLong = g_strnfill(REMOTE_STRING_MAX + 1, ' ');
    g_autoptr(testFrame) gone = NULL;
    g_autoptr(testFrame) unreadable = NULL;
    g_autoptr(testFrame) known = NULL;
    g_autoptr(testFrame) large = NULL;

    testCall(test, link, call, call);
    testPeerSend(&link->upstream, reply);
    gone = testTakeGuestQuestion(test, link, 0);
    unreadable = testTakeGuestQuestion(test, link, 1);
    known = testTakeGuestQuestion(test, link, 2);
    large = testTakeGuestQuestion(test, link, 3);
    /* In another order, too. */
    testPeerSendNew(&link->upstream, testReplyXml(large, tooLong));
    testAnswerString(link, known, testXmlInhibited);
    testAnswerString(link, unreadable, "<domain");
    testExpectNothing(test, &link->client);
    testPeerSendNew(&link->upstream, testReplyError(gone, VIR_ERR_NO_DOMAIN, VIR_FROM_QEMU));
    testExpectSame(test, &link->client, edited);
    testExpectWorks(test, link);
}

static void
testStatsOfNobody(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testStatsCall(3, 0);
    g_autoptr(testFrame) reply = testReplyStats(call, 1, 0);
    g_autoptr(testFrame) question = NULL;

    testCall(test, link, call, call);
    testPeerSend(&link->upstream, reply);
    question = testTakeGuestQuestion(test, link, 0);
    testPeerSendNew(&link->upstream, testReplyError(question, VIR_ERR_NO_DOMAIN, VIR_FROM_QEMU));
    testExpectSame(test, &link->client, reply);
    testExpectWorks(test, link);
}

/* More domains than questions at a time; an answer makes room for the next one. */
#define MANY 9
static void
testStatsOfMany(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testStatsCall(3, 0);
    g_autoptr(testFrame) reply = testReplyStats(call, MANY, 0);
    g_autoptr(testFrame) edited = testReplyStats(call, MANY, ADDED_ALL);
    testFrame *questions[MANY];

    testCall(test, link, call, call);
    testPeerSend(&link->upstream, reply);
    for (guint i = 0; i < 4; i++)
        questions[i] = testTakeGuestQuestion(test, link, i);
    testExpectNothing(test, &link->upstream);
    for (guint i = 0; i < MANY; i++) {
        testExpectNothing(test, &link->client);
        testAnswerString(link, questions[i], testXmlInhibited);
        if (i + 4 < MANY)
            questions[i + 4] = testTakeGuestQuestion(test, link, i + 4);
        testFrameFree(questions[i]);
    }
    testExpectSame(test, &link->client, edited);
    testExpectWorks(test, link);
}

/* The first domain is known when the time is nearly over. Returns: (transfer full): the question
 * about the second, which is not answered */
static testFrame *
testStatsWait(testFixture *test, testLink *link, const testFrame *call, guint count)
{
    g_autoptr(testFrame) reply = testReplyStats(call, count, 0);
    testFrame *question;

    testCall(test, link, call, call);
    testPeerSend(&link->upstream, reply);
    testAnswerGuest(test, link, 0);
    question = testTakeGuestQuestion(test, link, 1);
    testSleep(test, TEST_DEADLINE - 1);
    testExpectNothing(test, &link->client);
    return question;
}

static void
testStatsExpire(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testStatsCall(3, 0);
    g_autoptr(testFrame) edited = testReplyStats(call, 2, 0x1);
    g_autoptr(testFrame) question = testStatsWait(test, link, call, 2);

    testSleep(test, 1);
    testExpectSame(test, &link->client, edited);
    /* Too late. */
    testAnswerString(link, question, testXmlInhibited);
    testExpectWorks(test, link);
}

/* The other questions are not asked any more. */
static void
testManyStatsExpire(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testStatsCall(3, 0);
    g_autoptr(testFrame) edited = testReplyStats(call, MANY, 0x1);
    testFrame *questions[4];

    questions[0] = testStatsWait(test, link, call, MANY);
    for (guint i = 1; i < 4; i++)
        questions[i] = testTakeGuestQuestion(test, link, i + 1);
    testExpectNothing(test, &link->upstream);
    testSleep(test, 1);
    testExpectSame(test, &link->client, edited);
    for (guint i = 0; i < 4; i++) {
        testAnswerString(link, questions[i], testXmlInhibited);
        testFrameFree(questions[i]);
    }
    testExpectWorks(test, link);
}

/* Nothing is put into the middle of another message. @data: how far that has come */
static void
testStatsExpireBetween(testFixture *test, gconstpointer data)
{
    const size_t sent = GPOINTER_TO_SIZE(data);
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testStatsCall(3, 0);
    g_autoptr(testFrame) edited = testReplyStats(call, 2, 0x1);
    g_autoptr(testFrame) other = testPlainCall(4);
    g_autoptr(testFrame) reply = testReplyXml(other, testStored);
    g_autoptr(testFrame) question = testStatsWait(test, link, call, 2);

    testCall(test, link, other, other);
    testPeerSendPart(&link->upstream, reply, 0, sent);
    testSleep(test, 1);
    /* Nothing of a header is handed on before it is whole. */
    if (sent < 28)
        testExpectSame(test, &link->client, edited);
    else
        testExpectNothing(test, &link->client);
    testPeerSendPart(&link->upstream, reply, sent, reply->bytes->len);
    testExpectSame(test, &link->client, reply);
    if (sent >= 28)
        testExpectSame(test, &link->client, edited);
    testAnswerString(link, question, testXmlInhibited);
    testExpectWorks(test, link);
}

/* What is half way is an answer to us, of which the client sees nothing. */
static void
testStatsExpireInAnswer(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testStatsCall(3, 0);
    g_autoptr(testFrame) edited = testReplyStats(call, 2, 0x1);
    g_autoptr(testFrame) question = testStatsWait(test, link, call, 2);
    g_autoptr(testFrame) answer = testReplyXml(question, testXmlInhibited);

    testPeerSendPart(&link->upstream, answer, 0, 100);
    testSleep(test, 1);
    testExpectSame(test, &link->client, edited);
    testPeerSendPart(&link->upstream, answer, 100, answer->bytes->len);
    testExpectWorks(test, link);
}

/* No procedure of these returns descriptors; if one did, the stream would stay sound: they go out
 * with a reply at once, and not at all with one that waits for another message to end. */
static void
testStatsWithFds(testFixture *test, gconstpointer data)
{
    const bool between = data == NULL;
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testStatsCall(3, 0);
    g_autoptr(testFrame) other = testPlainCall(4);
    g_autoptr(testFrame) otherReply = testReplyXml(other, testStored);
    g_autoptr(testFrame) stats =
        testFrameNew(REMOTE_PROGRAM, REMOTE_PROC_CONNECT_GET_ALL_DOMAIN_STATS,
                     VB_FRAME_REPLY_WITH_FDS, 3, VB_FRAME_OK);
    g_autoptr(testFrame) without = testReplyStats(call, 1, 0);
    g_autoptr(testFrame) question = NULL;

    testPutStats(stats->bytes, 1, 0);
    testCallEnd(stats);
    testFrameAddFds(stats, 2);
    testCall(test, link, call, call);
    testCall(test, link, other, other);
    testPeerSend(&link->upstream, stats);
    question = testTakeGuestQuestion(test, link, 0);
    testSleep(test, TEST_DEADLINE - 1);
    if (!between)
        testPeerSendPart(&link->upstream, otherReply, 0, 50);
    testSleep(test, 1);
    if (!between) {
        testPeerSendPart(&link->upstream, otherReply, 50, otherReply->bytes->len);
        testExpectSame(test, &link->client, otherReply);
    }
    testExpectSame(test, &link->client, between ? stats : without);
    if (between)
        testReply(test, link, otherReply, otherReply);
    testAnswerString(link, question, testXmlInhibited);
    testExpectWorks(test, link);
}

/* Two at a time, whose replies and answers come crosswise, and another call's reply in between. */
static void
testStatsOutOfOrder(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) first = testStatsCall(3, 0);
    g_autoptr(testFrame) second = testStatsCall(4, VIR_DOMAIN_STATS_BALLOON);
    g_autoptr(testFrame) third = testPlainCall(5);
    g_autoptr(testFrame) firstReply = testReplyStats(first, 1, 0);
    g_autoptr(testFrame) firstEdited = testReplyStats(first, 1, ADDED_ALL);
    g_autoptr(testFrame) secondReply = testReplyStats(second, 2, 0);
    g_autoptr(testFrame) secondEdited = testReplyStats(second, 2, 0x2);
    g_autoptr(testFrame) thirdReply = testReplyXml(third, testStored);
    g_autoptr(testFrame) ofSecond = NULL;
    g_autoptr(testFrame) alsoOfSecond = NULL;
    g_autoptr(testFrame) ofFirst = NULL;

    testCall(test, link, first, first);
    testCall(test, link, second, second);
    testCall(test, link, third, third);
    testPeerSend(&link->upstream, secondReply);
    ofSecond = testTakeGuestQuestion(test, link, 0);
    alsoOfSecond = testTakeGuestQuestion(test, link, 1);
    testPeerSend(&link->upstream, firstReply);
    ofFirst = testTakeGuestQuestion(test, link, 0);
    testReply(test, link, thirdReply, thirdReply);
    testAnswerString(link, alsoOfSecond, testXmlInhibited);
    testAnswerString(link, ofFirst, testXmlInhibited);
    testExpectSame(test, &link->client, firstEdited);
    testPeerSendNew(&link->upstream, testReplyError(ofSecond, VIR_ERR_NO_DOMAIN, VIR_FROM_QEMU));
    testExpectSame(test, &link->client, secondEdited);
    testExpectWorks(test, link);
}

/* A serial is taken until its reply is with the client. */
static void
testStatsOfOneSerial(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) first = testStatsCall(3, 0);
    g_autoptr(testFrame) second = testPlainCall(3);
    g_autoptr(testFrame) reply = testReplyStats(first, 1, 0);
    g_autoptr(testFrame) edited = testReplyStats(first, 1, ADDED_ALL);
    g_autoptr(testFrame) question = NULL;

    testCall(test, link, first, first);
    testPeerSend(&link->upstream, reply);
    question = testTakeGuestQuestion(test, link, 0);
    testPeerSend(&link->client, second);
    testExpectNothing(test, &link->upstream);
    testAnswerString(link, question, testXmlInhibited);
    testExpectSame(test, &link->client, edited);
    testFinishCall(test, link, second);
}

static void
testStatsClientGone(testFixture *test, gconstpointer data)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testStatsCall(3, 0);
    g_autoptr(testFrame) reply = testReplyStats(call, 1, 0);
    g_autoptr(testFrame) question = NULL;

    testCall(test, link, call, call);
    if (data == NULL) {
        testPeerClose(&link->client);
        testSettle(test);
        testPeerSend(&link->upstream, reply);
        /* Nobody is asked for nobody. */
        testExpectNothing(test, &link->upstream);
    } else {
        testPeerSend(&link->upstream, reply);
        question = testTakeGuestQuestion(test, link, 0);
        testPeerClose(&link->client);
        testSettle(test);
        testAnswerString(link, question, testXmlInhibited);
        testSettle(test);
    }
    g_assert_cmpuint(link->closed, ==, 1);
}

/* What libvirt had sent reaches the client, as far as it is known by then. */
static void
testStatsLibvirtGone(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testStatsCall(3, 0);
    g_autoptr(testFrame) reply = testReplyStats(call, 2, 0);
    g_autoptr(testFrame) edited = testReplyStats(call, 2, 0x1);
    g_autoptr(testFrame) question = NULL;

    testCall(test, link, call, call);
    testPeerSend(&link->upstream, reply);
    testAnswerGuest(test, link, 0);
    question = testTakeGuestQuestion(test, link, 1);
    testPeerClose(&link->upstream);
    testExpectSame(test, &link->client, edited);
    testExpectEnd(test, &link->client);
}

/* Nothing can follow half a message. */
static void
testStatsLibvirtGoneBetween(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testStatsCall(3, 0);
    g_autoptr(testFrame) other = testPlainCall(4);
    g_autoptr(testFrame) reply = testReplyXml(other, testStored);

    testFrameFree(testStatsWait(test, link, call, 2));
    testCall(test, link, other, other);
    testPeerSendPart(&link->upstream, reply, 0, 100);
    testSettle(test);
    testPeerClose(&link->upstream);
    testExpectEnd(test, &link->client);
    g_assert_cmpuint(link->client.frames.length, ==, 0);
    g_assert_nonnull(link->client.half);
    g_assert_cmpuint(link->client.half->bytes->len, ==, 100);
}

/* A client that takes its time still gets what libvirt has replied. */
static void
testStatsSlowClient(testFixture *test, gconstpointer data)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testStatsCall(3, 0);
    g_autoptr(testFrame) other = testPlainCall(4);
    g_autoptr(testFrame) large = testNoise(REMOTE_PROC_CONNECT_GET_VERSION, VB_FRAME_REPLY, 4,
                                           TEST_UNDERWAY_MAX);
    g_autoptr(testFrame) reply = testReplyStats(call, 2, 0);
    g_autoptr(testFrame) edited = testReplyStats(call, 2, 0x1);
    g_autoptr(testFrame) question = NULL;

    testCall(test, link, call, call);
    testCall(test, link, other, other);
    testPeerSend(&link->upstream, reply);
    testAnswerGuest(test, link, 0);
    question = testTakeGuestQuestion(test, link, 1);
    link->client.reading = false;
    testPeerSend(&link->upstream, large);
    testSleep(test, TEST_DEADLINE);
    if (data)
        testPeerClose(&link->client);
    testSettle(test);
    if (!data) {
        link->client.reading = true;
        testExpectSame(test, &link->client, large);
        testExpectSame(test, &link->client, edited);
        testAnswerString(link, question, testXmlInhibited);
        testExpectWorks(test, link);
    }
}

static void
testStatsLibvirtGoneInReply(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testStatsCall(3, 0);
    g_autoptr(testFrame) reply = testReplyStats(call, 2, 0);

    testCall(test, link, call, call);
    testPeerSendPart(&link->upstream, reply, 0, 60);
    testSettle(test);
    testPeerClose(&link->upstream);
    testExpectEnd(test, &link->client);
    g_assert_cmpuint(link->client.frames.length, ==, 0);
}

static void
testStatsSplit(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testStatsCall(3, 0);
    g_autoptr(testFrame) reply = testReplyStats(call, 2, 0);
    g_autoptr(testFrame) edited = testReplyStats(call, 2, ADDED_ALL);

    link->client.chunk = 1;
    link->upstream.chunk = 1;
    testCall(test, link, call, call);
    testPeerSend(&link->upstream, reply);
    testAnswerGuest(test, link, 0);
    testAnswerGuest(test, link, 1);
    testExpectSame(test, &link->client, edited);
    testExpectNothing(test, &link->client);
}

/* Messages */

#define TAINT "tainted: custom monitor control commands issued"
#define MESSAGE "ballooning: inhibited by assigned PCI device 'hostdev0' (0000:07:00.0) " \
    "(policy 'block')"

static testFrame *
testMessagesCall(guint32 serial, guint32 flags)
{
    testFrame *frame = testDomainCall(REMOTE_PROC_DOMAIN_GET_MESSAGES, serial);

    testPutWord(frame->bytes, flags);
    return testCallEnd(frame);
}

static testFrame *
testReplyMessages(const testFrame *call, bool added)
{
    testFrame *frame = testReplyTo(call, VB_FRAME_OK);

    testPutWord(frame->bytes, added ? 2 : 1);
    testPutText(frame->bytes, TAINT);
    if (added)
        testPutText(frame->bytes, MESSAGE);
    return testCallEnd(frame);
}

static void
testMessagesAreEdited(testFixture *test, gconstpointer data)
{
    testLink *link = testLinkNewWith(test, data != NULL, NULL);
    g_autoptr(testFrame) call = testMessagesCall(3, 0);
    g_autoptr(testFrame) reply = testReplyMessages(call, false);
    g_autoptr(testFrame) edited = testReplyMessages(call, true);
    g_autoptr(testFrame) question = NULL;

    testOpen(test, link);
    testPeerSend(&link->client, call);
    testAnswerType(test, link, "QEMU");
    question = testTakeGuestQuestion(test, link, 0);
    testAnswerString(link, question, testXmlInhibited);
    testExpectSame(test, &link->upstream, call);
    testReply(test, link, reply, edited);
    testExpectWorks(test, link);
}

static void
testMessagesUntouched(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testMessagesCall(3, 0);
    g_autoptr(testFrame) some = testMessagesCall(3, VIR_DOMAIN_MESSAGE_TAINTING);
    g_autoptr(testFrame) reply = testReplyMessages(call, false);
    g_autoptr(testFrame) error = testReplyError(call, VIR_ERR_NO_DOMAIN, VIR_FROM_QEMU);
    g_autoptr(testFrame) noise =
        testNoise(REMOTE_PROC_DOMAIN_GET_MESSAGES, VB_FRAME_REPLY, 3, 99);
    g_autoptr(testFrame) empty = testReplyPlain(call);
    const testFrame *const replies[] = { error, noise, empty };

    for (size_t i = 0; i < G_N_ELEMENTS(replies); i++) {
        testPeerSend(&link->client, call);
        testAnswerXml(test, link, testXmlInhibited);
        testExpectSame(test, &link->upstream, call);
        testReply(test, link, replies[i], replies[i]);
    }
    testPeerSend(&link->client, call);
    testAnswerXml(test, link, testXmlFree);
    testExpectSame(test, &link->upstream, call);
    testReply(test, link, reply, reply);
    /* Of these kinds, ours is none. */
    testCall(test, link, some, some);
    testReply(test, link, reply, reply);
    testExpectWorks(test, link);
}

/* libvirt says so itself. */
static void
testMessagesOfGone(testFixture *test, gconstpointer data)
{
    testLink *link = testLinkKnown(test);
    g_autoptr(testFrame) call = testMessagesCall(3, 0);
    g_autoptr(testFrame) reply = testReplyMessages(call, false);
    g_autoptr(testFrame) question = NULL;

    testPeerSend(&link->client, call);
    question = testTakeXmlQuestion(test, link);
    if (data) {
        testPeerSendNew(&link->upstream,
                        testReplyError(question, VIR_ERR_NO_DOMAIN, VIR_FROM_QEMU));
    } else {
        testSleep(test, TEST_DEADLINE - 1);
        testExpectNothing(test, &link->upstream);
        testSleep(test, 1);
    }
    testExpectSame(test, &link->upstream, call);
    testReply(test, link, reply, reply);
    if (!data)
        testAnswerString(link, question, testXmlInhibited);
    testExpectWorks(test, link);
}

/* Messages of a domain that is changed at the same time do not wait for that. */
static void
testMessagesTakeNoTurn(testFixture *test, gconstpointer data G_GNUC_UNUSED)
{
    testLink *first = testLinkKnown(test);
    testLink *second = testLinkKnown(test);
    g_autoptr(testFrame) written = testDefineCall(3, testWritten);
    g_autoptr(testFrame) stored = testDefineCall(3, testStored);
    g_autoptr(testFrame) defined = testReplyDomain(written);
    g_autoptr(testFrame) call = testMessagesCall(3, 0);
    g_autoptr(testFrame) reply = testReplyMessages(call, false);
    g_autoptr(testFrame) edited = testReplyMessages(call, true);

    testCall(test, first, written, stored);
    testPeerSend(&second->client, call);
    testAnswerXml(test, second, testXmlInhibited);
    testExpectSame(test, &second->upstream, call);
    testReply(test, second, reply, edited);
    testReply(test, first, defined, defined);
}

/* Capabilities */

#define CAPS(more) "<domainCapabilities><devices><hostdev supported='yes'>" more "</hostdev>"
#define CAPS_END "</devices></domainCapabilities>"

static testFrame *
testCapabilitiesCall(guint32 serial)
{
    testFrame *frame = testFrameNew(REMOTE_PROGRAM, REMOTE_PROC_CONNECT_GET_DOMAIN_CAPABILITIES,
                                    VB_FRAME_CALL, serial, VB_FRAME_OK);

    testPutZeros(frame->bytes, 5 * 4);
    return testCallEnd(frame);
}

static void
testCapabilitiesAreEdited(testFixture *test, gconstpointer data)
{
    testLink *link = testLinkNewWith(test, data != NULL, NULL);
    g_autoptr(testFrame) call = testCapabilitiesCall(3);
    g_autoptr(testFrame) plain = testReplyXml(call, CAPS("") CAPS_END);
    g_autoptr(testFrame) edited = testReplyXml(
        call, CAPS("  <enum name='ballooning'>\n        <value>on</value>\n"
                   "        <value>off</value>\n      </enum>\n    ")
        "  <memballoon supported='yes'>\n      <enum name='policy'>\n"
        "        <value>block</value>\n        <value>warn</value>\n"
        "        <value>ignore</value>\n        <value>redirect</value>\n"
        "        <value>default</value>\n      </enum>\n    </memballoon>\n  " CAPS_END);
    g_autoptr(testFrame) error = testReplyError(call, VIR_ERR_INVALID_ARG, VIR_FROM_QEMU);
    g_autoptr(testFrame) nonsense = testReplyXml(call, "<domainCapabilities>");
    g_autofree char *fill = testFillUp(CAPS(""), REMOTE_STRING_MAX, CAPS_END);
    g_autoptr(testFrame) full = testReplyXml(call, fill);
    const testFrame *const replies[] = { error, nonsense, full };

    testOpen(test, link);
    testPeerSend(&link->client, call);
    testAnswerType(test, link, "QEMU");
    testExpectSame(test, &link->upstream, call);
    testReply(test, link, plain, edited);
    for (size_t i = 0; i < G_N_ELEMENTS(replies); i++) {
        testCall(test, link, call, call);
        testReply(test, link, replies[i], replies[i]);
    }
    testExpectWorks(test, link);
}

static void
testAdd(const char *path, gconstpointer data, void (*func)(testFixture *, gconstpointer))
{
    g_autofree char *full = g_strdup_printf("/relayxml/%s", path);

    g_test_add(full, testFixture, data, testSetup, func, testTeardown);
}

static void
testAddDumps(void)
{
    testAdd("a dump shows what is in force", NULL, testDumpIsEdited);
    testAdd("a dump learns the type first", NULL, testDumpAsksType);
    testAdd("a dump on a read-only connection is the same", "", testDumpAsksType);
    testAdd("a dump of another driver is not edited", NULL, testDumpOfOthers);
    testAdd("a dump is not given up where the type stays unknown", NULL, testDumpExpires);
    testAdd("a dump without anything of ours, and an error, are not edited", NULL,
            testDumpUntouched);
    testAdd("a dump may be split anywhere", NULL, testDumpSplit);
    testAdd("a dump of 4 MiB has no room for more", GSIZE_TO_POINTER(REMOTE_STRING_MAX),
            testDumpTooLarge);
    testAdd("a dump of more than 4 MiB passes", GSIZE_TO_POINTER(REMOTE_STRING_MAX + 1),
            testDumpTooLarge);
    testAdd("a dump of 16 MiB passes", GSIZE_TO_POINTER(4u * REMOTE_STRING_MAX), testDumpTooLarge);
    testAdd("a large dump waits for a slow client", NULL, testDumpSlowClient);
    testAdd("dumps may be answered in any order", NULL, testDumpsOutOfOrder);
    testAdd("dumps of one serial are called one after the other", NULL, testDumpsOfOneSerial);
    testAdd("a client may go before its dump", NULL, testDumpClientGone);
    testAdd("a client may go in the middle of its dump", GSIZE_TO_POINTER(200),
            testDumpClientGone);
    testAdd("libvirt may go in the middle of a dump", NULL, testDumpLibvirtGone);
}

static void
testAddDocuments(void)
{
    testAdd("a definition is forwarded in its stored form", NULL, testDefineIsRewritten);
    testAdd("a definition may come byte by byte", NULL, testDefineSplit);
    testAdd("a definition for another driver passes as it came", NULL, testDefineOfOthers);
    testAdd("a definition on a read-only connection passes as it came", NULL, testDefineReadonly);
    testAdd("descriptors stay with a domain that is rewritten", NULL, testCreateWithFiles);
    testAdd("a definition is refused", NULL, testDefineIsRefused);
    testAdd("a definition waits for its turn", NULL, testDefineTakesTurn);
    testAdd("a definition does not wait for ever", "", testDefineTakesTurn);
    testAdd("a network is looked up in two rounds and counts", "hostdev", testNetworkTwoRounds);
    testAdd("a network is looked up in two rounds and does not count", "nat",
            testNetworkTwoRounds);
    testAdd("an emulator is asked", NULL, testEmulatorIsProbed);
    testAdd("a client may go while an emulator is asked", "", testEmulatorIsProbed);
}

static void
testAddDevices(void)
{
    testAdd("an attachment becomes a definition and is answered as one", NULL, testAttachDefines);
    testAdd("an attachment needs libvirt 8.2", NULL, testAttachOldLibvirt);
    testAdd("a reply to what was not called passes", NULL, testAttachStrangeReply);
    testAdd("an update of the policy becomes metadata", NULL, testUpdateSetsMetadata);
    testAdd("a detachment does not wait for ever", NULL, testDetachExpires);
}

static void
testAddStats(void)
{
    testAdd("statistics show the state of the balloon", NULL, testStatsAreEdited);
    testAdd("statistics on a read-only connection show it, too", "", testStatsAreEdited);
    testAdd("statistics of another driver are not edited", NULL, testStatsOfOthers);
    testAdd("other statistics are not edited", NULL, testStatsOfOtherKinds);
    testAdd("statistics of no domain, errors and nonsense are not edited", NULL,
            testStatsUntouched);
    testAdd("statistics of 4 MiB are edited", GSIZE_TO_POINTER(REMOTE_STRING_MAX + 4),
            testStatsTooLarge);
    testAdd("statistics of more than 4 MiB pass", GSIZE_TO_POINTER(REMOTE_STRING_MAX + 8),
            testStatsTooLarge);
    testAdd("statistics of 16 MiB pass", GSIZE_TO_POINTER(4u * REMOTE_STRING_MAX),
            testStatsTooLarge);
    testAdd("statistics show nothing of a domain that has gone", NULL, testStatsOfGone);
    testAdd("statistics stay as they are where every domain has gone", NULL, testStatsOfNobody);
    testAdd("statistics of many domains ask for a few at a time", NULL, testStatsOfMany);
    testAdd("statistics do not wait for ever", NULL, testStatsExpire);
    testAdd("statistics of many domains do not wait for ever", NULL, testManyStatsExpire);
    testAdd("statistics go out before a message of which nothing has gone out",
            GSIZE_TO_POINTER(27), testStatsExpireBetween);
    testAdd("statistics go out behind a message of which the header has gone out",
            GSIZE_TO_POINTER(28), testStatsExpireBetween);
    testAdd("statistics go out behind a message that is half way", GSIZE_TO_POINTER(100),
            testStatsExpireBetween);
    testAdd("statistics go out while an answer to us is half way", NULL, testStatsExpireInAnswer);
    testAdd("statistics keep descriptors while they wait", NULL, testStatsWithFds);
    testAdd("statistics behind a message that is half way lose descriptors", "",
            testStatsWithFds);
    testAdd("statistics may be answered in any order", NULL, testStatsOutOfOrder);
    testAdd("statistics keep their serial while they wait", NULL, testStatsOfOneSerial);
    testAdd("statistics may come byte by byte", NULL, testStatsSplit);
    testAdd("a client may go before its statistics", NULL, testStatsClientGone);
    testAdd("a client may go while its statistics wait", GONE, testStatsClientGone);
    testAdd("libvirt may go while statistics wait", NULL, testStatsLibvirtGone);
    testAdd("libvirt may go in the middle of another message while statistics wait", NULL,
            testStatsLibvirtGoneBetween);
    testAdd("statistics wait for a slow client", NULL, testStatsSlowClient);
    testAdd("a slow client may go before its statistics", GONE, testStatsSlowClient);
    testAdd("libvirt may go in the middle of statistics", NULL, testStatsLibvirtGoneInReply);
}

static void
testAddState(void)
{
    testAdd("messages say what inhibits", NULL, testMessagesAreEdited);
    testAdd("messages on a read-only connection say it, too", "", testMessagesAreEdited);
    testAdd("messages with nothing to say, and errors, are not edited", NULL,
            testMessagesUntouched);
    testAdd("messages of a domain that has gone are libvirt's", GONE, testMessagesOfGone);
    testAdd("messages do not wait for ever", NULL, testMessagesOfGone);
    testAdd("messages wait for nobody's turn", NULL, testMessagesTakeNoTurn);
    testAdd("capabilities say what may be written", NULL, testCapabilitiesAreEdited);
    testAdd("capabilities on a read-only connection say it, too", "", testCapabilitiesAreEdited);
}

static void
testAddAll(void)
{
    testAddDumps();
    testAddDocuments();
    testAddDevices();
    testAddStats();
    testAddState();
}

int
main(int argc, char **argv)
{
    return testRun(argc, argv, testAddAll);
}
