/*
 * vbnearest.h: the known name that somebody may have meant
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

/**
 * vbNearestName:
 * @name: what was written
 * @known: @count names
 *
 * Letters that are missing, too many, wrong or in the wrong order count one each, and the case of
 * letters counts nothing. Of names that are equally near the first is taken.
 *
 * Returns: the nearest of @known; NULL where more than a third of its letters would have to change
 */
const char *
vbNearestName(const char *name, const char *const *known, size_t count);
