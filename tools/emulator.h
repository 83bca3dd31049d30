/*
 * emulator.h: a QEMU binary is asked what it can do
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "qemu_capabilities.h"

/**
 * vbEmulatorAsk:
 * @path: of the binary; it is run as whoever calls
 * @error: VB_ERROR
 *
 * Blocks for some seconds at most.
 *
 * Returns: (transfer full) (nullable)
 */
qemuCaps *
vbEmulatorAsk(const char *path, GError **error);
