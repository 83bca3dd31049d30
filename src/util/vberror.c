/*
 * vberror.c: the error domain of virt-balloon's own failures
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "vberror.h"

GQuark
vbErrorQuark(void)
{
    return g_quark_from_static_string("virt-balloon");
}
