/*
 * remote_protocol.h: the numbers of libvirt's RPC protocol that we use
 *
 * The protocol's files are no public header of libvirt's, but its numbers are a promise: they are
 * the same in libvirt 7.0, 9.0 and 11.3, and 12.8 answers to them alike.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

/* virnetprotocol.x */
#define VB_FRAME_LENGTH_MAX 33554436u /* the length word included */
#define VB_FRAME_HEADER_SIZE 28u      /* length word and six more */
#define VB_FRAME_FDS_MAX 32u

typedef enum {
    VB_FRAME_CALL = 0,
    VB_FRAME_REPLY = 1,
    VB_FRAME_MESSAGE = 2,
    VB_FRAME_STREAM = 3,
    VB_FRAME_CALL_WITH_FDS = 4,
    VB_FRAME_REPLY_WITH_FDS = 5,
    VB_FRAME_STREAM_HOLE = 6,
} vbFrameType;

typedef enum {
    VB_FRAME_OK = 0,
    VB_FRAME_ERROR = 1,
    VB_FRAME_CONTINUE = 2,
} vbFrameStatus;

/* remote_protocol.x, qemu_protocol.x */
#define REMOTE_PROGRAM 0x20008086u
#define REMOTE_PROTOCOL_VERSION 1u
#define QEMU_PROGRAM 0x20008087u
#define QEMU_PROTOCOL_VERSION 1u

#define REMOTE_STRING_MAX 4194304u
#define REMOTE_DOMAIN_MESSAGES_MAX 2048u

enum {
    REMOTE_PROC_CONNECT_OPEN = 1,
    REMOTE_PROC_CONNECT_GET_TYPE = 3,
    REMOTE_PROC_DOMAIN_ATTACH_DEVICE = 8,
    REMOTE_PROC_DOMAIN_CREATE = 9,
    REMOTE_PROC_DOMAIN_DETACH_DEVICE = 13,
    REMOTE_PROC_DOMAIN_GET_XML_DESC = 14,
    REMOTE_PROC_DOMAIN_SET_MEMORY = 31,
    REMOTE_PROC_DOMAIN_IS_PERSISTENT = 151,
    REMOTE_PROC_DOMAIN_ATTACH_DEVICE_FLAGS = 160,
    REMOTE_PROC_DOMAIN_DETACH_DEVICE_FLAGS = 161,
    REMOTE_PROC_DOMAIN_UPDATE_DEVICE_FLAGS = 174,
    REMOTE_PROC_DOMAIN_CREATE_WITH_FLAGS = 196,
    REMOTE_PROC_DOMAIN_SET_MEMORY_FLAGS = 204,
    REMOTE_PROC_DOMAIN_SET_METADATA = 264,
    REMOTE_PROC_DOMAIN_CREATE_WITH_FILES = 310,
    REMOTE_PROC_DOMAIN_DETACH_DEVICE_ALIAS = 392,
    REMOTE_PROC_DOMAIN_GET_MESSAGES = 426,
};

enum {
    QEMU_PROC_DOMAIN_MONITOR_COMMAND = 1,
    QEMU_PROC_DOMAIN_MONITOR_COMMAND_WITH_FILES = 7,
};
