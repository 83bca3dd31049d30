/*
 * vbuuid.h: UUIDs as libvirt reads them
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

/**
 * vbUUIDParse:
 * @uuid: (out): 16 bytes
 *
 * As libvirt's virUUIDParse(): 32 digits, with dashes and blanks anywhere.
 */
bool
vbUUIDParse(const char *text, guint8 *uuid);
