/*
 * qemu_monitor_raw.h: what a raw monitor command would do to the balloon
 *
 * Clients may send any command to QEMU through libvirt.  Text in, effect out: who sends it and
 * what follows is not known here.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

typedef enum {
    QEMU_MONITOR_RAW_NONE,       /* nothing that matters here, or QEMU refuses it itself */
    QEMU_MONITOR_RAW_BALLOON,    /* sets the balloon's target */
    QEMU_MONITOR_RAW_DEVICE_ADD, /* adds a device that inhibits ballooning */
    QEMU_MONITOR_RAW_UNREADABLE, /* might be anything */
} qemuMonitorRawEffect;

typedef struct {
    qemuMonitorRawEffect effect;
    bool haveTarget;          /* of BALLOON: false where only QEMU can tell the size */
    unsigned long long target; /* of BALLOON: bytes */
    char *driver;             /* of DEVICE_ADD: QEMU's name of the device type */
    char *id;                 /* of DEVICE_ADD: or NULL */
} qemuMonitorRawCommand;

void
qemuMonitorRawCommandClear(qemuMonitorRawCommand *command);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(qemuMonitorRawCommand, qemuMonitorRawCommandClear)

/**
 * qemuMonitorRawParse:
 * @text: as virDomainQemuMonitorCommand() takes it
 * @hmp: whether it is meant for the human monitor (VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP)
 * @command: (out): cleared first
 *
 * QMP is read by json-c in its lenient mode, which reads more than libvirt and QEMU do, and strings
 * end at a NUL as they do in libvirt.  The human monitor's command 'balloon' takes MiB, and an
 * expression of QEMU's own where it is no plain number (QEMU 7.2 to 11.1).
 */
void
qemuMonitorRawParse(const char *text, bool hmp, qemuMonitorRawCommand *command);
