/*
 * modelstep.c: the steps of a sequence as text
 *
 * A line is a name and up to three words, such as "setmem now -1 live": a sequence that fails can
 * be kept, sent and run again.  A word that stands in a list more than once is drawn more often.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "model.h"

#include <stdlib.h>
#include <string.h>

typedef const char *const modelWords[];

static modelWords modelPolicyWords = { "none", "default", "block", "warn", "ignore", "redirect",
                                       "nonsense", "block", "block", NULL };
static modelWords modelHalfWords = { "current", "live", "config", "both", NULL };
static modelWords modelYesWords = { "no", "yes", NULL };
static modelWords modelNumberWords = { "0", "1", "2", NULL };
static modelWords modelSlotWords = { "0", "1", NULL };
static modelWords modelSizeWords = { "none", "small", "middle", "large", NULL };
static modelWords modelQuarterWords = { "0/4", "1/4", "2/4", "3/4", "4/4", NULL };
static modelWords modelDeviceWords = { "pci", "interface", "mdev", "vdpa", "network", "nvme",
                                       "blkio", "ccw", "ap", "usb", "bridge", "disk", "vfio-user",
                                       "platform", "vdpa-generic", "netdev", "node", "rng", NULL };
/* Those that libvirt knows; and one that it can read and the code does not. */
static modelWords modelDetachWords = { "pci", "interface", "mdev", "vdpa", "network", "nvme",
                                       "blkio", "ccw", "ap", "usb", "bridge", "disk", "mdev",
                                       "mdev", "network", NULL };
static modelWords modelAttachWords = { "pci", "interface", "mdev", "vdpa", "network", "nvme",
                                       "blkio", "ccw", "ap", "usb", "bridge", "disk", "pci-unread",
                                       "mdev", "mdev", "network", NULL };
static modelWords modelDeltaWords = { "-1", "0", "1", "-4096", "-262144", "131072", NULL };
static modelWords modelBaseWords = { "now", "maximum", "total", "shown", "next-maximum",
                                     "next-total", "half", "zero", "now", "now", "half", NULL };

static const struct {
    const char *name;
    unsigned int weight;
    const char *const *args[MODEL_ARGS];
} modelSteps[] = {
    [MODEL_STEP_DEFAULT_POLICY] = { "default-policy", 2,
        { (modelWords){ "block", "warn", "ignore", "redirect", "block", "block", NULL } } },
    [MODEL_STEP_QMP] = { "qmp", 2, { (modelWords){ "auto", "always", "never", NULL } } },
    [MODEL_STEP_POLICY] = { "policy", 6, { modelPolicyWords, modelHalfWords } },
    [MODEL_STEP_OVERRIDE] = { "override", 4,
        { modelNumberWords, (modelWords){ "none", "true", "false", "true", "true", NULL } } },
    [MODEL_STEP_DETACH] = { "detach", 12, { modelDetachWords, modelNumberWords, modelHalfWords } },
    [MODEL_STEP_BEHIND] = { "behind", 3,
        { modelDeviceWords, modelNumberWords, (modelWords){ "plain", "allowed", NULL } } },
    [MODEL_STEP_BEHIND_GONE] = { "behind-gone", 3, { modelDeviceWords, modelNumberWords } },
    [MODEL_STEP_BOOT] = { "boot", 2, { modelSizeWords } },
    [MODEL_STEP_CURRENT] = { "current", 3, { modelQuarterWords } },
    [MODEL_STEP_DIMM] = { "dimm", 1, { modelSizeWords } },
    [MODEL_STEP_NVDIMM] = { "nvdimm", 1, { modelSizeWords } },
    [MODEL_STEP_MEMORY] = { "virtio-mem", 3, { modelSlotWords, modelSizeWords, modelHalfWords } },
    [MODEL_STEP_RESIZE] = { "resize", 4, { modelSlotWords, modelQuarterWords } },
    [MODEL_STEP_PLUGGED] = { "plugged", 5,
        { modelSlotWords, (modelWords){ "all", "half", "all", NULL } } },
    [MODEL_STEP_BALLOON] = { "no-balloon", 1,
        { (modelWords){ "no", "yes", "no", "no", NULL } } },
    [MODEL_STEP_LOCKED] = { "locked", 1, { (modelWords){ "no", "yes", "no", NULL } } },
    [MODEL_STEP_SECURITY] = { "security", 1,
        { (modelWords){ "none", "sev", "sev-snp", "s390-pv", "none", "none", "none", NULL } } },
    [MODEL_STEP_LINE] = { "commandline", 1,
        { (modelWords){ "none", "harmless", "pci", "sev", "sev-snp", "allowed", "none", NULL } } },
    [MODEL_STEP_NETWORK] = { "network", 2, { modelNumberWords, modelYesWords } },
    [MODEL_STEP_STOP] = { "stop", 3, { NULL } },
    [MODEL_STEP_UNDEFINE] = { "undefine", 1, { NULL } },
    [MODEL_STEP_MIGRATION] = { "migration", 7,
        { (modelWords){ "none", "snapshot", "outgoing", "setup", "postcopy-out", "incoming",
                        "postcopy-in", "postcopy-paused", "colo", "completed", "cancelled",
                        "completed", "cancelled", "completed", "cancelled", "completed", NULL } } },
    [MODEL_STEP_CAPABILITY] = { "snapshot-capability", 2, { modelYesWords } },
    [MODEL_STEP_TAINT] = { "taint", 2, { NULL } },
    [MODEL_STEP_START] = { "start", 12, { NULL } },
    [MODEL_STEP_SETMEM] = { "setmem", 24,
        { modelBaseWords, modelDeltaWords,
          (modelWords){ "current", "live", "config", "both", "maximum-live", "maximum", "unknown",
                        "live", "live", "live", "current", "config", "both", NULL } } },
    [MODEL_STEP_COMMAND_BALLOON] = { "command-balloon", 8,
        { (modelWords){ "qmp", "hmp", "hmp-in-qmp", "expression", NULL }, modelBaseWords,
          modelDeltaWords } },
    [MODEL_STEP_COMMAND_ADD] = { "command-device-add", 3,
        { (modelWords){ "qmp", "hmp", "hmp-in-qmp", NULL },
          (modelWords){ "vfio-user", "pci", "mdev", "vdpa-generic", "platform", "rng", "ap",
                        "mdev-allowed", NULL },
          modelNumberWords } },
    [MODEL_STEP_COMMAND] = { "command", 3,
        { (modelWords){ "query", "info", "device-del", "human-as-qmp", "cut-off", NULL } } },
    [MODEL_STEP_ATTACH] = { "attach", 20,
        { modelAttachWords, modelNumberWords,
          (modelWords){ "current", "live", "config", "both", "force", "unknown", "live", "live",
                        "config", "current", NULL } } },
};

G_STATIC_ASSERT(G_N_ELEMENTS(modelSteps) == MODEL_STEP_LAST);

const char *
modelStepName(modelStepKind kind)
{
    return modelSteps[kind].name;
}

bool
modelStepIsRequest(const modelStep *step)
{
    return step->kind >= MODEL_STEP_START;
}

/* A delta is itself, any other word is its first place in the list. */
static int
modelWordValue(const char *const *words, int i)
{
    int first = 0;

    if (words == modelDeltaWords)
        return atoi(words[i]);
    while (strcmp(words[first], words[i]) != 0)
        first++;
    return first;
}

static modelStepKind
modelStepDrawKind(GRand *random)
{
    unsigned int all = 0;
    unsigned int drawn;
    modelStepKind kind;

    for (kind = 0; kind < MODEL_STEP_LAST; kind++)
        all += modelSteps[kind].weight;
    drawn = (unsigned int)g_rand_int_range(random, 0, (int)all);
    for (kind = 0; drawn >= modelSteps[kind].weight; kind++)
        drawn -= modelSteps[kind].weight;
    return kind;
}

modelStep
modelStepDraw(modelStepKind kind, GRand *random)
{
    modelStep step = { kind, { 0 } };
    int i;

    if (kind == MODEL_STEP_LAST)
        step.kind = modelStepDrawKind(random);
    for (i = 0; i < MODEL_ARGS && modelSteps[step.kind].args[i]; i++) {
        const char *const *words = modelSteps[step.kind].args[i];
        int count = (int)g_strv_length((char **)words);

        step.args[i] = modelWordValue(words, g_rand_int_range(random, 0, count));
    }
    return step;
}

char *
modelStepFormat(const modelStep *step)
{
    GString *text = g_string_new(modelSteps[step->kind].name);
    int i;

    for (i = 0; i < MODEL_ARGS && modelSteps[step->kind].args[i]; i++) {
        const char *const *words = modelSteps[step->kind].args[i];

        if (words == modelDeltaWords)
            g_string_append_printf(text, " %d", step->args[i]);
        else
            g_string_append_printf(text, " %s", words[step->args[i]]);
    }
    return g_string_free(text, FALSE);
}

static bool
modelWordParse(const char *const *words, const char *text, int *value)
{
    char *end = NULL;
    int i;

    if (words == modelDeltaWords) {
        *value = (int)strtol(text, &end, 10);
        return *text && !*end;
    }
    for (i = 0; words[i]; i++) {
        if (strcmp(words[i], text) == 0) {
            *value = i;
            return true;
        }
    }
    return false;
}

bool
modelStepParse(const char *line, modelStep *step)
{
    g_auto(GStrv) words = g_strsplit(line, " ", -1);
    unsigned int count = g_strv_length(words);
    unsigned int i;

    memset(step, 0, sizeof(*step));
    while (step->kind < MODEL_STEP_LAST && g_strcmp0(words[0], modelSteps[step->kind].name) != 0)
        step->kind++;
    if (step->kind == MODEL_STEP_LAST)
        return false;
    for (i = 0; i < MODEL_ARGS && modelSteps[step->kind].args[i]; i++) {
        if (i + 1 >= count ||
            !modelWordParse(modelSteps[step->kind].args[i], words[i + 1], &step->args[i]))
            return false;
    }
    return count == i + 1;
}

bool
modelStepSimplify(const modelStep *step, unsigned int round, modelStep *simpler)
{
    unsigned int i;

    *simpler = *step;
    for (i = 0; i < MODEL_ARGS && modelSteps[step->kind].args[i]; i++) {
        bool delta = modelSteps[step->kind].args[i] == modelDeltaWords;
        int value = step->args[i];
        /* All earlier words of a list, and a delta of -1. */
        unsigned int choices = delta ? (value < -1 || value > 0) : (unsigned int)MAX(value, 0);

        if (round < choices) {
            simpler->args[i] = delta ? -1 : (int)round;
            return true;
        }
        round -= choices;
    }
    return false;
}
