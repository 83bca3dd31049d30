/*
 * relaypriv.h: what relay.c, greeting.c and decision.c share
 *
 * relay.c moves messages; greeting.c introduces the client to libvirt; decision.c holds the calls
 * that wait for a verdict.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "frame.h"
#include "output.h"
#include "qemu_driver.h"
#include "relay.h"

/* Calls of one client in flight while some of them are being decided: as many as libvirtd reads of
 * a client at a time (max_client_requests). */
#define VB_RELAY_CALLS_MAX 5
/* What is kept of a reply to us, or of one that is edited: all of it, if it is one string. */
#define VB_RELAY_REPLY_MAX (REMOTE_STRING_MAX + 4u)
/* Questions of ours in flight on one connection. */
#define VB_RELAY_QUESTIONS_MAX 4
/* Serials of ours count down from here to VB_RELAY_SERIAL_LAST and start again. */
#define VB_RELAY_SERIAL_FIRST 0xfffffffeu
#define VB_RELAY_SERIAL_LAST 0xf0000000u

typedef struct {
    vbRelay *relay;
    int fd; /* -1 once closed */
    vbEpollWatch *watch;
    vbFrameReader *reader; /* of what this side sends */
    vbOutput *output;      /* of what this side gets */
    bool broken;           /* it takes no more; its end of file is on its way */
    bool reading;          /* what it sends is wanted now */

    /* What was read behind a message that is held. */
    bool held;
    guint8 *backlog;
    size_t backlogLength;
    int backlogFd;

    GQueue waiting; /* of GByteArray: messages of ours for it, until the stream to it stands
                     * between two messages */
} vbRelaySide;

/* A question of ours in flight. */
typedef struct {
    bool used;
    guint32 program;
    gint32 procedure;
    guint32 serial;
    struct _vbDecision *decision; /* NULL: nobody waits any more, but the serial is taken until
                                   * its reply was swallowed */
    guint question;
} vbRelayQuestion;

/* How far the client has been introduced to libvirt. */
typedef enum {
    VB_GREETING_OVER,     /* nothing is to be said */
    VB_GREETING_AUTH,     /* our AUTH_LIST is with libvirt */
    VB_GREETING_READY,    /* the client's CONNECT_OPEN is to come */
    VB_GREETING_OPENING,  /* it is with libvirt */
    VB_GREETING_IDENTITY, /* our CONNECT_SET_IDENTITY is, and the client does not know yet that it
                           * is connected */
    VB_GREETING_ACCESS,   /* a question of the client's is, which shows whether it may be */
} vbGreetingState;

struct _vbRelay {
    const vbRelayShared *shared;
    vbRelaySide client;
    vbRelaySide upstream;
    char *failure; /* why there is no upstream, or NULL */
    bool readonly;
    vbPeer peer;
    vbRelayClosedFunc closed;
    gpointer opaque;
    bool dead;
    bool retry;    /* a held message may go on */
    guint linger;  /* timer: one side is gone, and the other gets what waits for it */
    guint stalled; /* timer: the client does not read, while calls of it are being decided */
    guint patience; /* timer: the client has not asked for a connection yet */

    qemuDriverConn conn;
    vbGreetingState greeting;
    guint32 greetingSerial; /* of our call that is with libvirt */
    vbFrame *openReply;     /* libvirt's, that the client gets once it is introduced; or NULL */
    bool opened;       /* a CONNECT_OPEN has succeeded */
    guint openPending; /* CONNECT_OPENs without a reply */

    GQueue decisions; /* of vbDecision */
    vbRelayQuestion questions[VB_RELAY_QUESTIONS_MAX];
    guint32 nextSerial;
    guint callsInFlight; /* of the client's, without those that are being decided */
    GArray *highSerials; /* of vbFrameHeader: the client's calls in flight in our range */
};

/* relay.c, for the other two */

bool
vbRelayIsCall(const vbFrameHeader *header);

/* Sends a message of ours as soon as the stream to @to allows. Takes @bytes. */
void
vbRelayInject(vbRelaySide *to, GByteArray *bytes);

/* Answers @call with a remote_error. */
void
vbRelayAnswerError(vbRelay *relay, const vbFrameHeader *call, const GByteArray *error);

/* Remembers what a reply to a call that is handed on will mean: which serials of the client's in
 * our range are in flight, so that no question takes one, and which calls open the connection. */
void
vbRelayTrackCall(vbRelay *relay, const vbFrameHeader *header);

/* Hands on a captured message to @to whole, with the descriptors that came with it, and with its
 * header's procedure and @payload. Only between two messages. */
void
vbRelayForward(vbRelaySide *to, vbFrame *frame, const guint8 *payload, size_t length);

/* The same for a reply: what was waiting for it may go on. */
void
vbRelayTrackReply(vbRelay *relay, const vbFrameHeader *header);

/* Begins to wait for the client to ask for a connection, for a while only. */
void
vbRelayAwaitOpen(vbRelay *relay);

/* Leaves libvirt; from now on every call of the client is answered with @failure (transfer
 * full). */
void
vbRelayFail(vbRelay *relay, char *failure);

/* Leaves a client whose calls there is no memory for. Its end is read in the main loop. */
void
vbRelayRunOut(vbRelay *relay);

/* To be called at the end of whatever did not begin with an event on a socket. */
void
vbRelayUpdate(vbRelay *relay);

/* greeting.c, for relay.c */

/* Before anything else is said to libvirt. */
void
vbGreetingStart(vbRelay *relay);

/* Whether a message of the client's with @header has to wait. */
bool
vbGreetingHolds(const vbRelay *relay, const vbFrameHeader *header);

/* Whether a message of the client's with @header says who the client is, though nobody believes it:
 * libvirt was told already, or will be. It is for vbGreetingForged(), which takes @frame. */
bool
vbGreetingIsForged(const vbRelay *relay, const vbFrameHeader *header);
void
vbGreetingForged(vbRelay *relay, vbFrame *frame);

/* A CONNECT_OPEN of the client's goes on; one has failed. */
void
vbGreetingOpening(vbRelay *relay);
void
vbGreetingOpenFailed(vbRelay *relay);

/* Whether the reply with @header is to be given to vbGreetingReply(), which takes @frame. */
bool
vbGreetingWantsReply(const vbRelay *relay, const vbFrameHeader *header);
void
vbGreetingReply(vbRelay *relay, vbFrame *frame);

/* decision.c, for the other two */

/* Returns: a serial for a call of ours */
guint32
vbDecisionTakeSerial(vbRelay *relay);

/* Whether some call is not yet forwarded, so that the stream to libvirt must stay usable. */
bool
vbDecisionIsAnyOpen(const vbRelay *relay);

/* Whether others may wait for a call of this connection to end. */
bool
vbDecisionIsAnyTurnHeld(const vbRelay *relay);

/* Whether @serial belongs to a call that is being decided, to a question of ours, or to a call of
 * the client's in our range: replies to two calls of one serial could not be told apart. */
bool
vbDecisionSerialIsTaken(const vbRelay *relay, guint32 serial);

/* Takes @frame, a captured call. */
void
vbDecisionStart(vbRelay *relay, const qemuDriverProcedure *procedure, vbFrame *frame);

/* The question that a reply with @header answers, or NULL. */
vbRelayQuestion *
vbDecisionFindQuestion(vbRelay *relay, const vbFrameHeader *header);

/* Takes @frame, the reply to @question. */
void
vbDecisionAnswer(vbRelay *relay, vbRelayQuestion *question, vbFrame *frame);

/* Whether the reply with @header is to be given to vbDecisionReply(). */
bool
vbDecisionWantsReply(const vbRelay *relay, const vbFrameHeader *header);

/* Takes @frame, a reply that was wanted: sooner or later the client gets it in some form. */
void
vbDecisionReply(vbRelay *relay, vbFrame *frame);

/* A reply to the client was passed on whole. Returns whether it was the one to a call here. */
bool
vbDecisionReplied(vbRelay *relay, const vbFrameHeader *header);

/* A CONNECT_OPEN was answered. */
void
vbDecisionOpened(vbRelay *relay);

/* Ends decisions: all of them, or only those that were not forwarded. */
void
vbDecisionCancel(vbRelay *relay, bool forwarded);
