/*
 * fuzz_document.h: calls and replies with XML of ours, and the forms in which they arrive
 *
 * A call may reach libvirt rewritten, or as another one that does what it asks for; a reply may
 * reach the client with what is shown in it.  Here is what those must look like, by a few documents
 * that are known by heart.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <libvirt/libvirt.h>

#include "fuzz_peer.h"

/* Serials of such calls. Each is answered once, so that a reply is known to be that to its call. */
#define FUZZ_SERIAL_DOCUMENT 0x40000000u

#define FUZZ_XML_OF(policy, current, devices) \
    "<domain type='kvm' id='3' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>" \
    "<name>guest</name><uuid>d9726b48-263f-4d63-962e-3973021df959</uuid>" policy \
    "<memory unit='KiB'>1048576</memory><currentMemory unit='KiB'>" current "</currentMemory>" \
    "<devices>" devices "<memballoon model='virtio'/></devices></domain>"
#define FUZZ_XML_POLICY(policy) \
    "<metadata><balloon:policy xmlns:balloon='urn:virt-balloon:policy:1' memballoon='" policy \
    "'/></metadata>"
#define FUZZ_XML_PCI(bus) \
    "<hostdev mode='subsystem' type='pci'><driver name='vfio'/><source>" \
    "<address domain='0' bus='" bus "' slot='0' function='0'/></source>"

static const char fuzzXmlInhibited[] = FUZZ_XML_OF(
    "", "1048576", FUZZ_XML_PCI("7") "<alias name='hostdev0'/></hostdev>");
static const char fuzzXmlFree[] = FUZZ_XML_OF("", "1048576", "");
static const char fuzzXmlDoubtful[] = FUZZ_XML_OF("", "1048576", "<qemu:x/>");
static const char fuzzXmlWarn[] = FUZZ_XML_OF(FUZZ_XML_POLICY("warn"), "1048576", "");
/* It must get no device that inhibits. */
static const char fuzzXmlInflated[] = FUZZ_XML_OF(FUZZ_XML_POLICY("block"), "524288", "");

/* As inhibited, and with as much again in two devices that are resized for it. */
#define FUZZ_XML_MEMORY(alias, requested) \
    "<memory model='virtio-mem'><target><size unit='KiB'>524288</size><node>0</node>" \
    "<block unit='KiB'>2048</block><requested unit='KiB'>" requested "</requested>" \
    "<current unit='KiB'>524288</current></target><alias name='" alias "'/></memory>"
#define FUZZ_XML_REDIRECTED(current) \
    "<domain type='kvm' id='3'><name>guest</name>" \
    "<uuid>d9726b48-263f-4d63-962e-3973021df959</uuid>" FUZZ_XML_POLICY("redirect") \
    "<memory unit='KiB'>2097152</memory><currentMemory unit='KiB'>" current "</currentMemory>" \
    "<devices>" FUZZ_XML_PCI("7") "<alias name='hostdev0'/></hostdev>" \
    "<memballoon model='virtio'/>" FUZZ_XML_MEMORY("a", "524288") FUZZ_XML_MEMORY("b", "0") \
    "</devices></domain>"
static const char fuzzXmlRedirected[] = FUZZ_XML_REDIRECTED("2097152");
/* The same with a balloon that was inflated for nothing. */
static const char fuzzXmlDeflated[] = FUZZ_XML_REDIRECTED("1572864");

static const char fuzzXmlDefinition[] =
    "<domain type='kvm'><name>guest</name><uuid>d9726b48-263f-4d63-962e-3973021df959</uuid>"
    "<memory>1048576</memory><devices><memballoon model='virtio' policy='warn'/></devices>"
    "</domain>";
static const char fuzzXmlDevice[] = FUZZ_XML_PCI("8") "</hostdev>";
static const char fuzzXmlOptOut[] =
    "<hostdev mode='subsystem' type='mdev' model='vfio-pci' ballooning='on'><source>"
    "<address uuid='11112222-3333-4444-5555-666677778888'/></source></hostdev>";
static const char fuzzXmlBalloon[] = "<memballoon model='virtio' policy='warn'/>";

/* Domains, by the first byte of their UUIDs; all others have fuzzXmlInhibited. */
enum {
    FUZZ_DOMAIN_REDIRECTED = 1,
    FUZZ_DOMAIN_INFLATED = 2,
    FUZZ_DOMAIN_WARN = 3,
};

static inline const char *
fuzzGetXml(guint8 domain)
{
    return domain == FUZZ_DOMAIN_REDIRECTED ? fuzzXmlRedirected :
        domain == FUZZ_DOMAIN_INFLATED ? fuzzXmlInflated :
        domain == FUZZ_DOMAIN_WARN ? fuzzXmlWarn : fuzzXmlInhibited;
}

static inline bool
fuzzIsDocumentSerial(guint32 serial)
{
    return (serial & 0xff000000u) == FUZZ_SERIAL_DOCUMENT;
}

/* A call's domain, behind its header. @at: (inout); @domain: (out): the first byte of its UUID */
static inline bool
fuzzWalkDomain(const GByteArray *bytes, size_t *at, guint8 *domain)
{
    if (!fuzzWalkString(bytes, at, NULL) || !fuzzSkip(bytes, at, 16 + 4))
        return false;
    *domain = bytes->data[*at - 20];
    return true;
}

/* Whether something of ours is shown in the replies to it. */
static inline bool
fuzzIsShown(guint32 procedure)
{
    return procedure == REMOTE_PROC_DOMAIN_GET_XML_DESC ||
        procedure == REMOTE_PROC_DOMAIN_GET_MESSAGES ||
        procedure == REMOTE_PROC_CONNECT_GET_ALL_DOMAIN_STATS;
}

/* Whether libvirt would plug a device into the inflated guest because of @frame. */
static inline bool
fuzzAttaches(const fuzzFrame *frame)
{
    guint32 procedure = fuzzFrameGetProcedure(frame);
    size_t at = fuzzFrameGetHeaderSize(frame);
    g_autofree char *text = NULL;
    guint8 domain = 0;

    if (!fuzzFrameIsCall(frame) || fuzzFrameGetProgram(frame) != REMOTE_PROGRAM ||
        (procedure != REMOTE_PROC_DOMAIN_ATTACH_DEVICE &&
         procedure != REMOTE_PROC_DOMAIN_ATTACH_DEVICE_FLAGS) ||
        !fuzzWalkDomain(frame->bytes, &at, &domain) || domain != FUZZ_DOMAIN_INFLATED ||
        !fuzzWalkString(frame->bytes, &at, &text) || strcmp(text, fuzzXmlDevice) != 0)
        return false;
    return procedure == REMOTE_PROC_DOMAIN_ATTACH_DEVICE ||
        (fuzzSkip(frame->bytes, &at, 4) &&
         fuzzGetWord(frame->bytes, at - 4) != VIR_DOMAIN_DEVICE_MODIFY_CONFIG);
}

/* The one document behind @at, and a word that ends the message. */
static inline bool
fuzzEndsWithDocument(const GByteArray *bytes, size_t at, const char *has, const char *hasNot)
{
    g_autofree char *text = NULL;

    return fuzzWalkString(bytes, &at, &text) && bytes->len == at + 4 && strstr(text, has) &&
        !strstr(text, hasNot);
}

/* Whether @frame is what the call @sent is to be for libvirt. */
static inline bool
fuzzIsStoredForm(const fuzzFrame *frame, const fuzzFrame *sent)
{
    size_t header = fuzzFrameGetHeaderSize(sent);
    bool same = fuzzFrameGetProcedure(frame) == fuzzFrameGetProcedure(sent);
    size_t domain = header;
    guint8 byte;

    if (sent->form == FUZZ_FORM_NONE || frame->bytes->len <= header ||
        !fuzzFramesHaveSameFds(frame, sent) ||
        memcmp(frame->bytes->data + 4, sent->bytes->data + 4, 8) != 0 ||
        memcmp(frame->bytes->data + 16, sent->bytes->data + 16, header - 16) != 0)
        return false;
    switch (sent->form) {
    case FUZZ_FORM_DEFINE:
        return same &&
            fuzzEndsWithDocument(frame->bytes, header, "urn:virt-balloon:policy:1", " policy=") &&
            fuzzGetWord(frame->bytes, frame->bytes->len - 4) ==
            fuzzGetWord(sent->bytes, sent->args - 4);
    case FUZZ_FORM_CUT:
        if (same)
            return fuzzWalkDomain(frame->bytes, &domain, &byte) &&
                fuzzEndsWithDocument(frame->bytes, domain, "<hostdev", " ballooning=");
        G_GNUC_FALLTHROUGH;
    case FUZZ_FORM_OPT_OUT:
        return fuzzFrameGetProcedure(frame) == REMOTE_PROC_DOMAIN_DEFINE_XML_FLAGS &&
            fuzzEndsWithDocument(frame->bytes, header, "x-balloon-allowed", " ballooning=");
    case FUZZ_FORM_UPDATE:
        /* Where nothing is known of the domain it is libvirt that refuses to update a balloon. */
        if (same)
            return fuzzWalkDomain(frame->bytes, &domain, &byte) &&
                fuzzEndsWithDocument(frame->bytes, domain, "<memballoon", " policy=");
        return fuzzFrameGetProcedure(frame) == REMOTE_PROC_DOMAIN_SET_METADATA &&
            fuzzWalkDomain(sent->bytes, &domain, &byte) && frame->bytes->len > domain &&
            memcmp(frame->bytes->data + header, sent->bytes->data + header, domain - header) == 0 &&
            memmem(frame->bytes->data, frame->bytes->len, "memballoon='warn'", 17);
    case FUZZ_FORM_NONE:
    default:
        return false;
    }
}

/* Lets the reply @frame, whose XML is @xml, arrive with the policy in it. */
static inline void
fuzzMayShowXml(fuzzFrame *frame, const char *xml)
{
    static const char balloon[] = "<memballoon model='virtio'";
    const char *policy = strstr(xml, "memballoon='");
    const char *place = strstr(xml, balloon);
    g_autofree char *shown = NULL;

    if (!policy)
        return;
    shown = g_strdup_printf("%.*s policy=%.*s%s", (int)(place + strlen(balloon) - xml), xml,
                            (int)strcspn(policy + 12, "'") + 2, policy + 11,
                            place + strlen(balloon));
    frame->other = g_byte_array_new();
    g_byte_array_append(frame->other, frame->bytes->data, (guint)fuzzFrameGetHeaderSize(frame));
    fuzzPutString(frame->other, shown);
}

/* Makes the reply @frame, which is one to another call, that to @procedure. */
static inline void
fuzzMustReplace(fuzzFrame *frame, guint32 procedure, bool ok)
{
    guint length = ok ? (guint)fuzzFrameGetHeaderSize(frame) : frame->bytes->len;

    frame->replaced = true;
    frame->other = g_byte_array_new();
    g_byte_array_append(frame->other, frame->bytes->data, length);
    fuzzSetWord(frame->other, 12, procedure);
}

static inline bool
fuzzIsLonger(const fuzzFrame *frame, const fuzzFrame *sent)
{
    const guint8 *bytes = frame->bytes->data;
    size_t length = frame->bytes->len;

    return length > sent->at + sent->tail && memcmp(bytes + 4, sent->bytes->data + 4,
                                                    sent->word - 4) == 0 &&
        fuzzGetWord(frame->bytes, sent->word) > fuzzGetWord(sent->bytes, sent->word) &&
        memcmp(bytes + sent->word + 4, sent->bytes->data + sent->word + 4,
               sent->at - sent->word - 4) == 0 &&
        memcmp(bytes + length - sent->tail, sent->bytes->data + sent->bytes->len - sent->tail,
               sent->tail) == 0;
}

/* Whether @frame is the reply @sent in one of the forms in which that may arrive. */
static inline bool
fuzzIsReply(const fuzzFrame *frame, const fuzzFrame *sent)
{
    if (!sent->replaced && fuzzFramesAreEqual(frame, sent, sent->bytes->len))
        return true;
    if (!fuzzFramesHaveSameFds(frame, sent))
        return false;
    if (sent->word > 0)
        return fuzzIsLonger(frame, sent);
    return sent->other && sent->other->len == frame->bytes->len &&
        memcmp(frame->bytes->data + 4, sent->other->data + 4, frame->bytes->len - 4) == 0;
}
