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
#include "vbrecent.h"

/* Bytes of an error of libvirt's that answers a call; a sentence has a few hundred. */
#define QEMU_DRIVER_ERROR_MAX 65536

/* What is being done with the changes of a call. */
typedef enum {
    QEMU_DRIVER_CHANGES_NONE,
    QEMU_DRIVER_CHANGES_MAKE,
    QEMU_DRIVER_CHANGES_UNDO,
} qemuDriverChanges;

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

    /* What is changed before it is forwarded. */
    qemuDriverChanges changing;
    guint changed; /* how many of the changes are made, and not taken back */
    guint failed;  /* which one was not */
    guint stuck;   /* how many could not be taken back */

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

/* The outcome where a call is to be forwarded. */
qemuDriverOutcome
qemuDriverCallPass(qemuDriverCall *call);

/* qemu_change.c */

/* Whether something is to be changed before the call is forwarded. */
bool
qemuDriverCallHasChanges(const qemuDriverCall *call);

/* The next change, or what becomes of the call after the last one. */
qemuDriverOutcome
qemuDriverCallChange(qemuDriverCall *call);

void
qemuDriverCallAnswerChange(qemuDriverCall *call, guint32 status, const guint8 *payload,
                           size_t length);

/* libvirt has refused the call itself. Returns: whether there are changes to be taken back */
bool
qemuDriverCallUndo(qemuDriverCall *call);

/* qemu_recent.c */

/* Returns: (transfer full) (nullable): the domain, or NULL if that is none */
vbDomainDef *
qemuDriverRecentParse(qemuDriverRecent *recent, const char *text, size_t length);

/**
 * qemuDriverRecentShow:
 * @newLength: (out)
 *
 * Returns: (transfer full) (nullable): the reply with @text and our attributes in it; NULL where
 * there is nothing to add
 */
guint8 *
qemuDriverRecentShow(qemuDriverRecent *recent, const char *text, size_t length, size_t *newLength);

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
