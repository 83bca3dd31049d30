/*
 * qemu_change.c: what is changed in the name of a client before its own call is forwarded
 *
 * One change after the other, each a call of libvirt's protocol like a question, and the next one
 * when libvirt has answered.  Once the first one is out nothing stops them, neither a deadline nor
 * the client's end: all of them are made, or those that were made are taken back, the last one
 * first.  The client's own call comes last; where libvirt refuses that, they are taken back too,
 * before the client gets to know.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdlib.h>

#include "qemu_driverpriv.h"
#include "qemu_message.h"

static const GPtrArray *
qemuDriverCallGetChanges(const qemuDriverCall *call)
{
    const qemuRedirectPlan *redirect = call->verdict ? call->verdict->redirect : NULL;

    return redirect ? redirect->changes : NULL;
}

bool
qemuDriverCallHasChanges(const qemuDriverCall *call)
{
    const GPtrArray *changes = qemuDriverCallGetChanges(call);

    return changes && call->changed < changes->len;
}

/* Sends @change, or takes it back. */
static qemuDriverOutcome
qemuDriverCallAskChange(qemuDriverCall *call, const qemuRedirectChange *change, bool back)
{
    g_ptr_array_set_size(call->questions, 0);
    if (change->device)
        qemuDriverCallAsk(call, REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_UPDATE_DEVICE_FLAGS,
                          remoteEncodeDomainString(&call->dom, back ? change->back : change->xml,
                                                   change->flags));
    else
        qemuDriverCallAsk(call, REMOTE_PROGRAM, REMOTE_PROC_DOMAIN_SET_MEMORY_FLAGS,
                          remoteEncodeSetMemory(&call->dom, change->size, &change->flags));
    return QEMU_DRIVER_ASK;
}

/* What failed, and what became of that which had not. */
static void
qemuDriverCallSetChangeError(qemuDriverCall *call, const GPtrArray *changes)
{
    const qemuRedirectChange *change = g_ptr_array_index(changes, call->failed);
    char *said = call->error ? remoteDecodeErrorText(call->error->data, call->error->len) : NULL;
    g_autofree char *text = qemuMessageFormatChangeFailed(
        qemuDriverCallGetName(call), call->memory, change, said, changes, call->failed,
        call->stuck);
    g_autofree char *name = qemuMessageFormatName(qemuDriverCallGetName(call));

    /* What was to pass is refused after all. */
    call->verdict->action = QEMU_DOMAIN_VERDICT_REFUSE;
    g_free(call->verdict->logText);
    call->verdict->logText = g_strdup_printf("domain '%s': %s", name, text);
    /* Where nothing was changed before it, libvirt's own words say all. */
    if (call->failed > 0 || !said)
        qemuDriverCallSetError(call, VIR_ERR_OPERATION_FAILED, text);
    free(said);
}

qemuDriverOutcome
qemuDriverCallChange(qemuDriverCall *call)
{
    const GPtrArray *changes = qemuDriverCallGetChanges(call);

    if (call->changing != QEMU_DRIVER_CHANGES_UNDO) {
        if (call->changed < changes->len) {
            call->changing = QEMU_DRIVER_CHANGES_MAKE;
            return qemuDriverCallAskChange(call, g_ptr_array_index(changes, call->changed), false);
        }
        call->changing = QEMU_DRIVER_CHANGES_NONE;
        return qemuDriverCallPass(call);
    }

    while (call->changed > 0) {
        const qemuRedirectChange *change = g_ptr_array_index(changes, --call->changed);

        if (change->back)
            return qemuDriverCallAskChange(call, change, true);
    }
    call->changing = QEMU_DRIVER_CHANGES_NONE;
    if (call->after) {
        qemuDriverCallSettle(call, QEMU_DRIVER_PASS);
        return QEMU_DRIVER_PASS;
    }
    qemuDriverCallSetChangeError(call, changes);
    qemuDriverCallSettle(call, QEMU_DRIVER_REFUSE);
    return QEMU_DRIVER_REFUSE;
}

void
qemuDriverCallAnswerChange(qemuDriverCall *call, guint32 status, const guint8 *payload,
                           size_t length)
{
    bool undoing = call->changing == QEMU_DRIVER_CHANGES_UNDO;

    if (status == VB_FRAME_OK) {
        if (!undoing)
            call->changed++;
        return;
    }
    if (undoing) {
        call->stuck++;
        return;
    }
    call->changing = QEMU_DRIVER_CHANGES_UNDO;
    call->failed = call->changed;
    g_clear_pointer(&call->error, g_byte_array_unref);
    if (payload && length <= QEMU_DRIVER_ERROR_MAX) {
        call->error = g_byte_array_new();
        g_byte_array_append(call->error, payload, (guint)length);
    }
}

bool
qemuDriverCallIsChanging(const qemuDriverCall *call)
{
    return call->changing != QEMU_DRIVER_CHANGES_NONE;
}

bool
qemuDriverCallMayUndo(const qemuDriverCall *call)
{
    return call->changed > 0;
}

bool
qemuDriverCallUndo(qemuDriverCall *call)
{
    if (call->changed == 0)
        return false;
    call->changing = QEMU_DRIVER_CHANGES_UNDO;
    return true;
}
