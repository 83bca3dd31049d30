/*
 * qemu_driverpriv.h: what qemu_driver.c and qemu_call.c share
 *
 * qemu_driver.c knows the procedures, qemu_call.c the way of one call of any of them.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "qemu_driver.h"
#include "qemu_start.h"
#include "remote_stats.h"

struct _qemuDriverCall {
    const qemuDriverProcedure *procedure;
    qemuDriverConn *conn;
    const qemuDomainSettings *settings;
    const guint8 *args; /* until the call has been forwarded */
    size_t length;
    bool decoded;

    /* What the arguments say, as far as the procedure has it. */
    remoteNonnullDomain dom;
    bool hasUUID;
    guint64 memory; /* KiB */
    guint32 flags;
    qemuMonitorRawCommand command;
    remoteMetadata metadata;
    GArray *places;       /* of remoteDocument: where the documents are */
    GPtrArray *documents; /* of qemuStartDocument, one for each of them */
    char *text;           /* of the only document, where it may have to be read again */

    qemuDomainFacts *facts;
    qemuDomainVerdict *verdict; /* the last one */
    GPtrArray *questions;       /* of qemuDriverQuestion */
    GArray *asked;              /* of guint: which of the verdict's questions each one is for */
    bool askedType;             /* the only question is the connection's type */
    bool queued;
    GHashTable *networks;       /* name -> remoteNonnullNetwork, once it was looked up */
    char *listedEmulator;       /* a binary that libvirt's capabilities list, or NULL */

    /* What is forwarded instead of what came. */
    char *definition; /* the domain's whole definition, instead of an attachment to it; or NULL */
    bool policyOnly;  /* metadata, instead of the update of a device */
    bool instead;
    gint32 forwardProcedure;
    guint8 *forwardArgs;
    size_t forwardLength;

    bool shows; /* something of ours is shown in the reply */

    /* What is left to ask once libvirt has replied. */
    GPtrArray *records; /* of remoteStatsRecord: domains whose state is to be shown; or NULL */
    bool after;         /* libvirt has replied */
    bool asking;        /* about them */

    bool settled; /* the outcome is fixed, whatever the policy would say */
    qemuDriverOutcome outcome;
    GByteArray *error;
};

/* The device of an attachment or an update, or NULL if only libvirt can read it. */
const vbDomainDef *
qemuDriverCallGetDevice(const qemuDriverCall *call);

/* Whether something is left to be asked before the client gets the reply @payload. */
bool
qemuDriverCallHasMore(qemuDriverCall *call, const guint8 *payload, size_t length);

/* The reply with what is shown in it; as qemuDriverCallEditReply(). */
guint8 *
qemuDriverCallShow(const qemuDriverCall *call, const guint8 *payload, size_t length,
                   size_t *newLength);

/* qemu_call.c */

/* Makes libvirt's error @code with @text the one that refuses the call. */
void
qemuDriverCallSetError(qemuDriverCall *call, int code, const char *text);

/* Fixes the outcome. */
void
qemuDriverCallSettle(qemuDriverCall *call, qemuDriverOutcome outcome);

/* The same where a question has no answer, for @reason. */
void
qemuDriverCallSettleUnanswered(qemuDriverCall *call, int code, const char *reason);

/* qemu_question.c */

void
qemuDriverQuestionFree(qemuDriverQuestion *question);

/* Turns the verdict's questions into calls. */
qemuDriverOutcome
qemuDriverCallAskVerdict(qemuDriverCall *call);

/* Asks for the XML of every domain in libvirt's reply. */
qemuDriverOutcome
qemuDriverCallAskRecords(qemuDriverCall *call);

/* qemu_driver.c */

/* The question by which QEMU_DOMAIN_QUESTION_IMAGE is asked for @call: adds it to the questions. */
void
qemuDriverCallAskImage(qemuDriverCall *call);

/* Adds a question; takes @args. */
void
qemuDriverCallAsk(qemuDriverCall *call, guint32 program, gint32 procedure, GByteArray *args);
