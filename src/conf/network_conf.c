/*
 * network_conf.c: what virt-balloon reads of libvirt's <network> document
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "network_conf.h"

#include "vbxml.h"

bool
vbNetworkIsHostdev(const char *xml, size_t length)
{
    g_autoptr(xmlDoc) doc = vbXMLParse(xml, length, NULL);
    const xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;

    return root && vbXMLPropIs(vbXMLChild(root, "forward"), "mode", "hostdev");
}
