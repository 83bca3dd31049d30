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
testAddAll(void)
{
    testAddDumps();
    testAddDocuments();
    testAddDevices();
}

int
main(int argc, char **argv)
{
    return testRun(argc, argv, testAddAll);
}
