/*
 * fakelibvirtd.h: a client and a libvirtd for one relay or several, both played by the test
 *
 * They are on sockets, so that libvirtd can be made to say what a real one says once in a year.
 * Both read as libvirt does: exactly the bytes of a message, then a descriptor with its one byte at
 * a time.
 *
 * The relay's seconds pass when a test says so.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "relay.h"
#include "remote_protocol.h"
#include "testfd.h"

#define TEST_LINKS 3
#define TEST_FDS_MAX 33
#define TEST_DEADLINE 25
#define TEST_LINGER 30
#define TEST_SERIAL_FIRST 0xfffffffeu
/* What may be under way between two peers of which one does not read: the buffers of two socket
 * pairs, and what the relay keeps. */
#define TEST_UNDERWAY_MAX (2u << 20)

#define KEEPALIVE_PROGRAM 0x6b656570u
enum {
    KEEPALIVE_PING = 1,
    KEEPALIVE_PONG = 2,
};

enum {
    REMOTE_PROC_DOMAIN_GET_INFO = 16,
    REMOTE_PROC_CONNECT_GET_VERSION = 4,
};

/* KiB, of every domain here. */
#define TEST_MEMORY 1048576u
#define TEST_SHRUNK 524288u

#define TEST_XML_OF(policy, devices) \
    "<domain type='kvm' id='3'><name>guest</name>" \
    "<uuid>d9726b48-263f-4d63-962e-3973021df959</uuid>" policy \
    "<memory unit='KiB'>1048576</memory><currentMemory unit='KiB'>1048576</currentMemory>" \
    "<devices>" devices "<memballoon model='virtio'/></devices></domain>"
#define TEST_POLICY(policy) \
    "<metadata><balloon:policy xmlns:balloon='urn:virt-balloon:policy:1' memballoon='" policy \
    "'/></metadata>"
#define TEST_HOSTDEV \
    "<hostdev mode='subsystem' type='pci' managed='yes'><driver name='vfio'/><source>" \
    "<address domain='0x0000' bus='0x07' slot='0x00' function='0x0'/></source>" \
    "<alias name='hostdev0'/></hostdev>"

/* A message, and the numbers of the descriptors that come with it. */
typedef struct {
    GByteArray *bytes;
    guint ids[TEST_FDS_MAX];
    guint nfds;
} testFrame;

/* The client's or libvirtd's end. */
typedef struct {
    int fd;
    GQueue out; /* of testItem */
    size_t unsent;
    guint chunk;     /* bytes that are written at a time; 0: all */
    bool random;     /* as many as chance says, up to chunk */
    bool reading;    /* it takes what comes */
    bool ended;      /* it has read the end of file */
    bool broken;     /* it cannot write any more */
    testFrame *half; /* that is being read */
    GQueue frames;   /* of testFrame: that have come */
} testPeer;

typedef struct {
    vbRelay *relay; /* NULL once it is over */
    guint closed;
    testPeer client;
    testPeer upstream;
} testLink;

/* Two connections with a call about one domain each. */
typedef struct {
    testLink *first;
    testLink *second;
    testFrame *call;     /* of the first */
    testFrame *waiting;  /* of the second */
    testFrame *question; /* about the first's call */
} testTwo;

typedef struct {
    vbRelayShared shared;
    vbPeer peer; /* every client */
    testLink links[TEST_LINKS];
    guint used;
    testTwo two;
    guint fdsBefore;
} testFixture;

extern const char testXmlInhibited[];
extern const char testXmlFree[];
extern const char testXmlWarn[];

extern guint testLogLines; /* that were logged since the setup */

void
testPutWord(GByteArray *bytes, guint32 word);

guint32
testGetWord(const GByteArray *bytes, size_t at);

void
testPutZeros(GByteArray *bytes, size_t count);

void
testPutString(GByteArray *bytes, const char *text, size_t length);

/* Messages. */

testFrame *
testFrameNew(guint32 program, gint32 procedure, guint32 type, guint32 serial, guint32 status);

void
testFrameFree(testFrame *frame);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(testFrame, testFrameFree)

void
testFrameSetWord(testFrame *frame, size_t at, guint32 word);

/* Gives it @count descriptors with new numbers. */
void
testFrameAddFds(testFrame *frame, guint count);

gint32
testFrameGetProcedure(const testFrame *frame);

guint32
testFrameGetSerial(const testFrame *frame);

void
testFramesAreEqual(const testFrame *a, const testFrame *b);

/* Random bytes, so that none can be taken for another. */
void
testPutNoise(GByteArray *bytes, size_t count);

testFrame *
testNoise(gint32 procedure, guint32 type, guint32 serial, size_t length);

/* A call that is of no interest to the relay. */
testFrame *
testPlainCall(guint32 serial);

testFrame *
testKeepalive(gint32 procedure);

/* @domain: what its UUID consists of */
testFrame *
testSetMemoryOfType(guint32 type, guint32 serial, guint8 domain, guint32 memory, guint32 flags);

testFrame *
testShrink(guint32 serial, guint8 domain);

testFrame *
testOpenCall(guint32 serial);

/* Without payload yet. */
testFrame *
testReplyTo(const testFrame *call, guint32 status);

testFrame *
testReplyError(const testFrame *call, gint32 code, gint32 domain);

testFrame *
testReplyString(const testFrame *call, const char *text, size_t length);

testFrame *
testReplyPlain(const testFrame *call);

void
testPeerSendBytes(testPeer *peer, const guint8 *bytes, size_t length);

void
testPeerSendFd(testPeer *peer, guint id);

/* What is sent goes out in testSettle(). */
void
testPeerSend(testPeer *peer, const testFrame *frame);

/* Takes @frame. */
void
testPeerSendNew(testPeer *peer, testFrame *frame);

/* The beginning of @frame, and the rest. */
void
testPeerSendPart(testPeer *peer, const testFrame *frame, size_t from, size_t to);

void
testPeerClose(testPeer *peer);

/* Writes one chunk. Returns whether something was written. */
bool
testPeerFlush(testPeer *peer);

/* Until nothing moves any more. */
void
testSettle(testFixture *test);

/* Lets time pass. */
void
testSleep(testFixture *test, guint seconds);

testLink *
testLinkNewWith(testFixture *test, bool readonly, const char *failure);

testLink *
testLinkNew(testFixture *test);

void
testSetup(testFixture *test, gconstpointer data);

/* Nothing is left: no turn, no timer, no descriptor, and, as ASan says at the end, no memory. */
void
testTeardown(testFixture *test, gconstpointer data);

/* Returns: (transfer full): the next message that has come to @peer */
testFrame *
testTake(testFixture *test, testPeer *peer);

void
testExpectNothing(testFixture *test, testPeer *peer);

void
testExpectSame(testFixture *test, testPeer *peer, const testFrame *expected);

/* Returns: (transfer full): a call of the relay's own */
testFrame *
testTakeQuestion(testFixture *test, testLink *link, guint32 program, gint32 procedure);

/* The client's @call was answered with this error. */
void
testExpectError(testFixture *test, testLink *link, const testFrame *call, gint32 code,
                gint32 domain, const char *part);

void
testExpectEnd(testFixture *test, testPeer *peer);

void
testOpen(testFixture *test, testLink *link);

testLink *
testLinkOpen(testFixture *test);

void
testAnswerString(testLink *link, const testFrame *question, const char *text);

void
testAnswerType(testFixture *test, testLink *link, const char *type);

/* Returns: (transfer full): the question for the domain's XML */
testFrame *
testTakeXmlQuestion(testFixture *test, testLink *link);

void
testAnswerXml(testFixture *test, testLink *link, const char *xml);

/* Opened, and known to be a connection to QEMU. */
testLink *
testLinkKnown(testFixture *test);

/* libvirt does what @call asks for, and the client hears of it. */
void
testFinishCall(testFixture *test, testLink *link, const testFrame *call);

void
testExpectRefused(testFixture *test, testLink *link, const testFrame *call);

/* Runs all tests that @add adds. */
int
testRun(int argc, char **argv, void (*add)(void));
