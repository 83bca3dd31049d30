/*
 * qemu_driver.h: the procedures of libvirt's protocol that are not simply relayed
 *
 * One intercepted call as an object: decoded arguments, the questions it needs answered, and what
 * is to be done with it and with its reply.  Bytes in, bytes out; the relay carries them.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

#include "qemu_domain.h"
#include "remote_codec.h"

/* What is known of one client's connection. */
typedef enum {
    QEMU_DRIVER_TYPE_UNKNOWN, /* open, and not asked yet */
    QEMU_DRIVER_TYPE_QEMU,
    QEMU_DRIVER_TYPE_OTHER, /* test:///, lxc:///, ...: never judged */
} qemuDriverType;

/* What was made of domains' XML, for all connections. */
typedef struct _qemuDriverRecent qemuDriverRecent;

qemuDriverRecent *
qemuDriverRecentNew(void);

void
qemuDriverRecentFree(qemuDriverRecent *recent);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(qemuDriverRecent, qemuDriverRecentFree)

typedef struct {
    qemuDriverRecent *recent; /* borrowed; NULL: everything is made anew */
    qemuDriverType type;
    guint64 libvirt; /* its version, as virConnectGetLibVersion() says it; 0: not asked yet */
} qemuDriverConn;

typedef struct _qemuDriverCall qemuDriverCall;

typedef enum {
    QEMU_DRIVER_TURN = 1 << 0,     /* waits for its turn at its domain, whatever the verdict */
    QEMU_DRIVER_SHOW = 1 << 1,     /* something of ours is shown in its answer */
    QEMU_DRIVER_READONLY = 1 << 2, /* intercepted on the read-only socket, too */
    QEMU_DRIVER_LENIENT = 1 << 3,  /* passes where a question of ours is answered with an error */
    QEMU_DRIVER_PASSES = 1 << 4,   /* passes when its time is over, whatever is not known then */
} qemuDriverFlags;

typedef struct {
    guint32 program;
    guint32 version;
    gint32 procedure;
    const char *layout; /* of its arguments, for remoteArgsWant() */
    unsigned int flags; /* qemuDriverFlags */
    bool (*decode)(qemuDriverCall *call);               /* NULL: nothing is read of it */
    qemuDomainVerdict *(*judge)(qemuDriverCall *call); /* NULL: it is not judged */
} qemuDriverProcedure;

/* Returns: (nullable): NULL for what is relayed only */
const qemuDriverProcedure *
qemuDriverFindProcedure(guint32 program, guint32 version, gint32 procedure);

/**
 * qemuDriverCallNew:
 * @conn: borrowed; outlives the call
 * @settings: borrowed; outlives the call
 * @args: borrowed, until the call has been forwarded
 *
 * Returns: (transfer full) (nullable): NULL if @args cannot be decoded: libvirt words that error
 */
qemuDriverCall *
qemuDriverCallNew(const qemuDriverProcedure *procedure, qemuDriverConn *conn,
                  const qemuDomainSettings *settings, const guint8 *args, size_t length);

void
qemuDriverCallFree(qemuDriverCall *call);

/* The domain's name: libvirt's once that is known, until then the client's. */
const char *
qemuDriverCallGetName(const qemuDriverCall *call);

/* 16 bytes: what calls queue by. */
const guint8 *
qemuDriverCallGetUUID(const qemuDriverCall *call);

typedef enum {
    QEMU_DRIVER_ASK,    /* inject the questions, hand in the answers, decide again */
    QEMU_DRIVER_QUEUE,  /* wait for your turn at this domain, decide again */
    QEMU_DRIVER_PASS,   /* forward the call, see qemuDriverCallGetForward() */
    QEMU_DRIVER_REFUSE, /* answer with the error */
} qemuDriverOutcome;

qemuDriverOutcome
qemuDriverCallDecide(qemuDriverCall *call);

typedef struct {
    guint32 program;
    gint32 procedure;
    GByteArray *args;
    char *emulator; /* or NULL: this one is not for libvirt, but whether this binary can opt out */
} qemuDriverQuestion;

/* Of ASK: (transfer none) (element-type qemuDriverQuestion) */
const GPtrArray *
qemuDriverCallGetQuestions(const qemuDriverCall *call);

/**
 * qemuDriverCallAnswer:
 * @question: index into the questions; each is answered once
 * @status: of the reply, vbFrameStatus
 * @payload: of the reply; NULL where it was too large to be kept
 */
void
qemuDriverCallAnswer(qemuDriverCall *call, guint question, guint32 status, const guint8 *payload,
                     size_t length);

/* The same for a question about an emulator; @hasProperty: true where nobody knows. */
void
qemuDriverCallAnswerEmulator(qemuDriverCall *call, guint question, bool hasProperty);

/* Whether no answer can change the outcome any more. */
bool
qemuDriverCallIsSettled(const qemuDriverCall *call);

/* Whether what is asked are changes that are made in the name of the client: neither its end nor a
 * deadline stops them. */
bool
qemuDriverCallIsChanging(const qemuDriverCall *call);

/* Some question will not be answered in time. The next decision is PASS or REFUSE. */
void
qemuDriverCallExpire(qemuDriverCall *call, const char *reason);

/**
 * qemuDriverCallGetForward:
 * @procedure: (out): what to call
 * @args: (out): with what; the call's
 *
 * Of PASS.  Returns: whether something else is to be forwarded than came
 */
bool
qemuDriverCallGetForward(const qemuDriverCall *call, gint32 *procedure, const guint8 **args,
                         size_t *length);

/* Of PASS: whether the reply is to be handed to qemuDriverCallReplied() and
 * qemuDriverCallEditReply(). */
bool
qemuDriverCallWantsReply(const qemuDriverCall *call);

/* Of PASS: whether that is so of an error alone, since there are changes to be taken back then. */
bool
qemuDriverCallMayUndo(const qemuDriverCall *call);

/* Returns: whether something is left to be asked before the client gets its reply: then the call
 * decides again, and the reply goes to the client when that ends. */
bool
qemuDriverCallReplied(qemuDriverCall *call, guint32 status, const guint8 *payload, size_t length);

/**
 * qemuDriverCallEditReply:
 * @newLength: (out)
 *
 * Returns: (transfer full) (nullable): the payload that the client gets instead; NULL: as it came
 */
guint8 *
qemuDriverCallEditReply(const qemuDriverCall *call, guint32 status, const guint8 *payload,
                        size_t length, size_t *newLength);

/* Of REFUSE: (transfer none): a remote_error */
const GByteArray *
qemuDriverCallGetError(const qemuDriverCall *call);

/* Of PASS and REFUSE: (nullable): NULL where libvirt alone decided */
const qemuDomainVerdict *
qemuDriverCallGetVerdict(const qemuDriverCall *call);
