/*
 * remote_codecpriv.h: how the files that encode begin and end
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>
#include <rpc/rpc.h>
#include <stdbool.h>

/* Returns: (transfer full): with room for @strings bytes of strings, and for a few numbers */
GByteArray *
remoteEncodeStart(XDR *xdr, size_t strings);

/* Returns: @bytes, as long as what was encoded; @ok: whether it was, which the room is for */
GByteArray *
remoteEncodeEnd(XDR *xdr, GByteArray *bytes, bool ok);
