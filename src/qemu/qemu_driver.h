/*
 * qemu_driver.h: the procedures of libvirt's protocol that are not simply relayed
 *
 * One intercepted call as an object: decoded arguments, the questions it needs answered, and what
 * is to be done with it.  Bytes in, bytes out; the relay carries them.
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

typedef struct {
    qemuDriverType type;
} qemuDriverConn;

typedef struct _qemuDriverCall qemuDriverCall;

typedef struct {
    guint32 program;
    guint32 version;
    gint32 procedure;
    const char *layout; /* of its arguments, for remoteArgsWant() */
    bool (*decode)(qemuDriverCall *call, const guint8 *args, size_t length);
    qemuDomainVerdict *(*judge)(const qemuDriverCall *call);
} qemuDriverProcedure;

/* Returns: (nullable): NULL for what is relayed only */
const qemuDriverProcedure *
qemuDriverFindProcedure(guint32 program, guint32 version, gint32 procedure);

/**
 * qemuDriverCallNew:
 * @conn: borrowed; outlives the call
 * @settings: borrowed; outlives the call
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
    QEMU_DRIVER_PASS,   /* forward the original call */
    QEMU_DRIVER_REFUSE, /* answer with the error */
} qemuDriverOutcome;

qemuDriverOutcome
qemuDriverCallDecide(qemuDriverCall *call);

typedef struct {
    guint32 program;
    gint32 procedure;
    GByteArray *args;
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

/* Whether no answer can change the outcome any more. */
bool
qemuDriverCallIsSettled(const qemuDriverCall *call);

/* Some question will not be answered in time. The next decision is PASS or REFUSE. */
void
qemuDriverCallExpire(qemuDriverCall *call, const char *reason);

/* Of REFUSE: (transfer none): a remote_error */
const GByteArray *
qemuDriverCallGetError(const qemuDriverCall *call);

/* Of PASS and REFUSE: (nullable): NULL where libvirt alone decided */
const qemuDomainVerdict *
qemuDriverCallGetVerdict(const qemuDriverCall *call);
