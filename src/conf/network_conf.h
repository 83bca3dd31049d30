/*
 * network_conf.h: what virt-balloon reads of libvirt's <network> document
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Whether a <network> document hands out devices of the host: <forward mode='hostdev'>. */
bool
vbNetworkIsHostdev(const char *xml, size_t length);
