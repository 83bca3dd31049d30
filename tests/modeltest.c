/*
 * modeltest.c: the policy against a model of it, over random sequences of what can happen
 *
 * After each step the code is told of the model's world what libvirt and QEMU would tell, as text,
 * and has to come to what the model expects.  A sequence where they differ is made as short and as
 * simple as it can be and printed; that text can be run again:
 *
 *     modeltest                           as 'meson test' runs it
 *     modeltest --run COUNT [--seed N]    COUNT sequences, and figures
 *     modeltest --replay FILE             the sequence in FILE, a step a line
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "qemu_start.h"

#define TEST_SEED 6
#define TEST_STEPS_LEAST 20
#define TEST_STEPS_MOST 50
#define TEST_ROUNDS 7 /* of questions: more is asking in circles */

typedef struct {
    unsigned long long steps;
    unsigned long long passed;
    unsigned long long logged;
    unsigned long long refused;
    unsigned long long asked;
} testFigures;

static testFigures testAllFigures[MODEL_STEP_LAST];

typedef qemuDomainVerdict *(*testJudge)(const qemuDomainFacts *facts,
                                        const qemuDomainSettings *settings, const void *opaque);

/* What is wrong with a sequence: empty where nothing is */
typedef struct {
    unsigned int step;
    char *text;
} testDifference;

/* The code */

static qemuDomainVerdict *
testJudgeInspect(const qemuDomainFacts *facts, const qemuDomainSettings *settings,
                 const void *opaque)
{
    return qemuDomainInspect(facts, settings);
}

static qemuDomainVerdict *
testJudgeRequest(const qemuDomainFacts *facts, const qemuDomainSettings *settings,
                 const void *opaque)
{
    const modelRequest *request = opaque;
    g_auto(qemuMonitorRawCommand) command = { 0 };
    g_autoptr(vbDomainDef) device = NULL;

    if (request->type == MODEL_REQUEST_SETMEM)
        return qemuDomainJudgeSetMemory(facts, settings, request->memory, request->flags);
    if (request->type == MODEL_REQUEST_COMMAND) {
        qemuMonitorRawParse(request->text, request->hmp, &command);
        return qemuDomainJudgeMonitorCommand(facts, settings, &command);
    }
    if (request->type == MODEL_REQUEST_START)
        return qemuStartJudgeDomain(facts, settings, false);
    device = vbDomainDefParseDeviceString(request->text, strlen(request->text), NULL);
    return qemuDomainJudgeAttach(facts, settings, device, request->flags);
}

/* Answers as libvirt would; sets @asked where it is QEMU's answer. */
static bool
testAnswer(const modelWorld *world, modelLie lie, const qemuDomainQuestion *question,
           qemuDomainFacts *facts, bool *asked)
{
    const char *messages[] = { "tainted: custom device configuration", NULL, NULL };
    bool inactive = question->kind == QEMU_DOMAIN_QUESTION_XML_INACTIVE;
    g_autofree char *text = NULL;

    switch ((int)question->kind) {
    case QEMU_DOMAIN_QUESTION_XML:
    case QEMU_DOMAIN_QUESTION_XML_INACTIVE:
        text = modelFormatDomain(world, inactive, lie);
        return qemuDomainFactsAddXML(facts, inactive, text, strlen(text), NULL);
    case QEMU_DOMAIN_QUESTION_PERSISTENT:
        qemuDomainFactsAddPersistent(facts, !world->transient);
        return true;
    case QEMU_DOMAIN_QUESTION_MESSAGES:
        if (world->tainted && lie != MODEL_LIE_TAINT)
            messages[1] = "tainted: custom monitor control commands issued";
        qemuDomainFactsAddMessages(facts, messages);
        return true;
    case QEMU_DOMAIN_QUESTION_MONITOR:
        *asked = true;
        text = world->running ? modelAnswerMonitor(world, question->command, lie) : NULL;
        if (text)
            qemuDomainFactsAddMonitorReply(facts, question->command, text);
        return text != NULL;
    case QEMU_DOMAIN_QUESTION_MANAGED_SAVE:
        qemuDomainFactsAddManagedSave(facts, false);
        return true;
    case QEMU_DOMAIN_QUESTION_NETWORK:
        qemuDomainFactsAddNetwork(facts, question->name, lie != MODEL_LIE_NETWORK &&
                                  world->hostdevNetworks[atoi(question->name +
                                                              strlen("network"))]);
        return true;
    default:
        return false;
    }
}

/* Asks and answers until there is a verdict; NULL and @wrong where there is none. */
static qemuDomainVerdict *
testDecide(const modelWorld *world, modelLie lie, qemuDomainQmpMode qmp, testJudge judge,
           const void *opaque, bool *asked, char **wrong)
{
    static const vbDomainBalloonPolicy policies[] = {
        [MODEL_POLICY_BLOCK] = VB_DOMAIN_BALLOON_POLICY_BLOCK,
        [MODEL_POLICY_WARN] = VB_DOMAIN_BALLOON_POLICY_WARN,
        [MODEL_POLICY_IGNORE] = VB_DOMAIN_BALLOON_POLICY_IGNORE,
        [MODEL_POLICY_REDIRECT] = VB_DOMAIN_BALLOON_POLICY_REDIRECT,
    };
    const qemuDomainSettings settings = { policies[world->defaultPolicy], qmp };
    g_autoptr(qemuDomainFacts) facts = qemuDomainFactsNew();
    unsigned int round;
    guint i;

    for (round = 0; round < TEST_ROUNDS; round++) {
        g_autoptr(qemuDomainVerdict) verdict = judge(facts, &settings, opaque);

        if (verdict->action != QEMU_DOMAIN_VERDICT_NEED)
            return g_steal_pointer(&verdict);
        for (i = 0; i < verdict->questions->len; i++) {
            const qemuDomainQuestion *question = g_ptr_array_index(verdict->questions, i);

            if (!testAnswer(world, lie, question, facts, asked)) {
                *wrong = g_strdup_printf("asks what cannot be answered: %d %s", question->kind,
                                         question->command ? question->command : "");
                return NULL;
            }
        }
    }
    *wrong = g_strdup("asks without end");
    return NULL;
}

/* Comparing */

static void
testAddDifference(GString *text, const char *what, const char *model, const char *code)
{
    if (g_strcmp0(model, code) != 0)
        g_string_append_printf(text, "%s%s: '%s', not '%s'", text->len > 0 ? "; " : "", what, code,
                               model);
}

static char *
testFormatKinds(const int *inhibitors)
{
    GString *text = g_string_new(NULL);
    int kind;

    for (kind = 0; kind < QEMU_INHIBITOR_KIND_LAST; kind++) {
        if (inhibitors[kind] > 0)
            g_string_append_printf(text, "%s%d %s", text->len > 0 ? ", " : "", inhibitors[kind],
                                   qemuInhibitorKindGetInfo(kind)->name);
    }
    return g_string_free(text, FALSE);
}

/* What the code calls the policy, in the model's words */
static modelPolicy
testGetPolicy(const qemuDomainVerdict *verdict)
{
    if (verdict->policy == VB_DOMAIN_BALLOON_POLICY_WARN)
        return MODEL_POLICY_WARN;
    return verdict->policy == VB_DOMAIN_BALLOON_POLICY_IGNORE ? MODEL_POLICY_IGNORE
        : MODEL_POLICY_BLOCK;
}

/* Returns: (nullable): how @verdict differs from what the model expects */
static char *
testCompare(const modelVerdict *expected, const qemuDomainVerdict *verdict, bool asked)
{
    static const char *const no[] = { "no", "yes" };
    g_autoptr(GString) text = g_string_new(NULL);
    bool refused = verdict->action == QEMU_DOMAIN_VERDICT_REFUSE;
    int counts[QEMU_INHIBITOR_KIND_LAST] = { 0 };
    g_autofree char *kinds = testFormatKinds(expected->inhibitors);
    g_autofree char *found = NULL;
    guint i;

    for (i = 0; i < verdict->inhibitors->len; i++) {
        const qemuInhibitor *inhibitor = g_ptr_array_index(verdict->inhibitors, i);

        counts[inhibitor->kind]++;
    }
    found = testFormatKinds(counts);
    testAddDifference(text, "refused", no[expected->refused], no[refused]);
    testAddDifference(text, "has the right error", "yes",
                      no[verdict->errorCode == (refused ? VIR_ERR_OPERATION_INVALID : 0) &&
                         (verdict->errorText && strstr(verdict->errorText, "domain 'guest'"))
                         == refused]);
    testAddDifference(text, "logged", no[expected->logged], no[verdict->logText != NULL]);
    testAddDifference(text, "QEMU asked", no[expected->asked], no[asked]);
    if (expected->found) {
        testAddDifference(text, "has the right policy", "yes",
                          no[testGetPolicy(verdict) == expected->policy]);
        testAddDifference(text, "state", qemuDomainBalloonStateTypeToString(expected->state),
                          qemuDomainBalloonStateTypeToString(verdict->state));
        testAddDifference(text, "inhibitors", kinds, found);
    }
    return text->len > 0 ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}

/* What all of it is for, by QEMU's counter alone and not by the table of verdicts.
 *
 * Returns: (nullable): what is wrong with @refused */
static const char *
testCheckHarm(const modelWorld *world, const modelRequest *request, bool refused)
{
    bool balloon = request->type == MODEL_REQUEST_COMMAND &&
        request->effect == MODEL_EFFECT_BALLOON;
    modelWorld after = *world;

    modelWorldServe(&after, request);
    if (!refused && after.balloon < world->balloon && modelIsInhibited(world) &&
        modelGetPolicy(world, &world->live) == MODEL_POLICY_BLOCK &&
        world->qmp == QEMU_DOMAIN_QMP_ALWAYS)
        return "takes memory from the guest for nothing";
    if (refused && (balloon || (request->type == MODEL_REQUEST_SETMEM &&
                                request->flags == VIR_DOMAIN_MEM_LIVE &&
                                !modelIsTooLarge(world, &world->live, request->memory))) &&
        ((!modelIsInhibited(world) && !modelHidesOptOut(world)) ||
         (balloon ? request->bytes : request->memory * 1024) >= world->balloon * 1024))
        return "refuses what does no harm";
    return NULL;
}

static char *
testInspect(const modelWorld *world, modelLie lie, qemuDomainQmpMode qmp)
{
    g_autoptr(qemuDomainVerdict) verdict = NULL;
    modelVerdict expected;
    char *wrong = NULL;
    bool asked = false;

    modelInspect(world, qmp, &expected);
    verdict = testDecide(world, lie, qmp, testJudgeInspect, NULL, &asked, &wrong);
    return verdict ? testCompare(&expected, verdict, asked) : wrong;
}

/* What comes of a size that passes; asked for again, nothing more is to be resized. */
static const char *
testServeMemory(modelWorld *world, const modelRequest *request, const qemuDomainVerdict *verdict)
{
    const char *wrong = NULL;
    char *unanswered = NULL;
    bool served = false;

    wrong = modelServeRedirect(world, request, verdict->redirect, &served);
    if (!verdict->redirect)
        modelWorldServe(world, request);
    if (!wrong && served) {
        bool asked = false;
        g_autoptr(qemuDomainVerdict) again =
            testDecide(world, MODEL_LIE_NONE, world->qmp, testJudgeRequest, request, &asked,
                       &unanswered);
        const GPtrArray *changes = again && again->redirect ? again->redirect->changes : NULL;

        g_free(unanswered);
        for (guint i = 0; changes && i < changes->len; i++) {
            const qemuRedirectChange *change = g_ptr_array_index(changes, i);

            if (change->device)
                return "resizes what has its size";
        }
    }
    return wrong;
}

static char *
testRequest(modelWorld *world, modelLie lie, const modelStep *step)
{
    testFigures *figures = &testAllFigures[step->kind];
    g_auto(modelRequest) request = { 0 };
    g_autoptr(qemuDomainVerdict) verdict = NULL;
    modelVerdict expected;
    const char *harm;
    char *wrong = NULL;
    bool asked = false;

    modelWorldRequest(world, step, &request);
    modelJudge(world, &request, &expected);
    verdict = testDecide(world, lie, world->qmp, testJudgeRequest, &request, &asked, &wrong);
    if (!verdict)
        return wrong;
    harm = testCheckHarm(world, &request, verdict->action == QEMU_DOMAIN_VERDICT_REFUSE);
    if (harm && lie == MODEL_LIE_NONE)
        return g_strdup(harm);
    /* Asking through libvirt leaves a mark. */
    world->tainted = world->tainted || asked;
    if (!expected.refused && lie == MODEL_LIE_NONE && request.type == MODEL_REQUEST_SETMEM &&
        verdict->action == QEMU_DOMAIN_VERDICT_PASS) {
        if ((harm = testServeMemory(world, &request, verdict)))
            return g_strdup(harm);
    } else if (!expected.refused) {
        modelWorldServe(world, &request);
    }
    figures->refused += expected.refused;
    figures->passed += !expected.refused;
    figures->logged += !expected.refused && expected.logged;
    figures->asked += asked;
    return testCompare(&expected, verdict, asked);
}

/* Sequences */

static bool
testRun(const GArray *steps, modelLie lie, testDifference *difference)
{
    modelWorld world;
    unsigned int i;

    modelWorldInit(&world);
    for (i = 0; i < steps->len; i++) {
        const modelStep *step = &g_array_index(steps, modelStep, i);
        g_autofree char *found = NULL;

        testAllFigures[step->kind].steps++;
        if (modelStepIsRequest(step))
            found = testRequest(&world, lie, step);
        else
            modelWorldApply(&world, step);
        if (!found)
            found = testInspect(&world, lie, world.qmp);
        /* And the surfaces that only read. */
        if (!found && world.qmp != QEMU_DOMAIN_QMP_NEVER)
            found = testInspect(&world, lie, QEMU_DOMAIN_QMP_NEVER);
        if (found) {
            g_free(difference->text);
            difference->text = g_steal_pointer(&found);
            difference->step = i;
            return false;
        }
    }
    return true;
}

static GArray *
testDraw(GRand *random)
{
    int length = g_rand_int_range(random, TEST_STEPS_LEAST, TEST_STEPS_MOST + 1);
    GArray *steps = g_array_new(FALSE, FALSE, sizeof(modelStep));
    bool running = false;

    while (length-- > 0) {
        /* Most of what matters needs a guest that runs. */
        bool start = !running && g_rand_int_range(random, 0, 4) == 0;
        modelStep step = modelStepDraw(start ? MODEL_STEP_START : MODEL_STEP_LAST, random);

        running = step.kind == MODEL_STEP_START || (running && step.kind != MODEL_STEP_STOP);
        g_array_append_val(steps, step);
    }
    return steps;
}

/* Takes pieces out, ever smaller ones, as long as the rest still differs. */
static bool
testShorten(GArray **steps, modelLie lie, testDifference *difference)
{
    unsigned int size;
    unsigned int i;
    bool shorter = false;

    for (size = (*steps)->len; size > 0; size /= 2) {
        for (i = 0; i + size <= (*steps)->len;) {
            g_autoptr(GArray) rest = g_array_copy(*steps);

            g_array_remove_range(rest, i, size);
            if (testRun(rest, lie, difference)) {
                i++;
                continue;
            }
            g_array_unref(*steps);
            *steps = g_steal_pointer(&rest);
            shorter = true;
        }
    }
    return shorter;
}

static bool
testSimplify(GArray *steps, modelLie lie, testDifference *difference)
{
    bool simpler = false;
    unsigned int i;

    for (i = 0; i < steps->len; i++) {
        modelStep *step = &g_array_index(steps, modelStep, i);
        modelStep old = *step;
        unsigned int round;

        for (round = 0; modelStepSimplify(&old, round, step); round++) {
            if (!testRun(steps, lie, difference)) {
                simpler = true;
                break;
            }
            *step = old;
        }
        if (!modelStepSimplify(&old, round, &(modelStep){ 0 }))
            *step = old;
    }
    return simpler;
}

static void
testShrink(GArray **steps, modelLie lie, testDifference *difference)
{
    bool better;

    g_array_set_size(*steps, difference->step + 1);
    do {
        better = testShorten(steps, lie, difference);
        better = testSimplify(*steps, lie, difference) || better;
    } while (better);
    testRun(*steps, lie, difference);
}

static void
testPrint(const GArray *steps, const testDifference *difference)
{
    unsigned int i;

    printf("# %u steps are enough:\n", steps->len);
    for (i = 0; i < steps->len; i++) {
        g_autofree char *line = modelStepFormat(&g_array_index(steps, modelStep, i));

        printf("#   %s\n", line);
    }
    printf("# the last of which: %s\n", difference->text);
}

/* Returns: (nullable): the shortest form of the first of @count sequences that differs */
static GArray *
testSearch(guint32 seed, unsigned int count, modelLie lie)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(seed);
    testDifference difference = { 0, NULL };
    GArray *found = NULL;

    while (!found && count-- > 0) {
        g_autoptr(GArray) steps = testDraw(random);

        if (testRun(steps, lie, &difference))
            continue;
        testShrink(&steps, lie, &difference);
        found = g_steal_pointer(&steps);
    }
    if (found)
        testPrint(found, &difference);
    g_free(difference.text);
    return found;
}

/* Tests */

static void
testAgreement(void)
{
    g_autoptr(GArray) found = testSearch(TEST_SEED, TEST_SEQUENCES, MODEL_LIE_NONE);
    unsigned int kind;

    g_assert_null(found);
    /* What is hardly ever refused, or asked about, is not tested. */
    for (kind = MODEL_STEP_START; kind < MODEL_STEP_LAST; kind++) {
        g_assert_cmpuint(testAllFigures[kind].refused, >, 5);
        g_assert_cmpuint(testAllFigures[kind].logged, >, 5);
        /* Of a guest that does not run there is no QEMU. */
        if (kind != MODEL_STEP_START)
            g_assert_cmpuint(testAllFigures[kind].asked, >, 5);
    }
}

typedef struct {
    const char *sentence;
    modelLie lie;
    unsigned int most; /* steps that show it */
} testLie;

static const testLie testLies[] = {
    { "a taint that is hidden from the code is found", MODEL_LIE_TAINT, 2 },
    { "a QEMU that calls every mediated device allowed is found", MODEL_LIE_ALLOWED, 4 },
    { "plugged virtio-mem that is hidden from the code is found", MODEL_LIE_PLUGGED, 6 },
    { "an incoming postcopy that is hidden from the code is found", MODEL_LIE_POSTCOPY, 3 },
    { "a network whose devices are hidden from the code is found", MODEL_LIE_NETWORK, 4 },
    { "a policy that the code is told wrongly is found", MODEL_LIE_POLICY, 4 },
    { "an nvdimm that the code takes for a DIMM is found", MODEL_LIE_NVDIMM, 4 },
};

static void
testLieIsFound(gconstpointer opaque)
{
    const testLie *data = opaque;
    g_autoptr(GArray) found = testSearch(TEST_SEED, 2000, data->lie);

    g_assert_nonnull(found);
    g_assert_cmpuint(found ? found->len : 0, <=, data->most);
}

static void
testSteps(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(TEST_SEED);
    modelStepKind kind;
    unsigned int i;

    for (kind = 0; kind < MODEL_STEP_LAST; kind++) {
        for (i = 0; i < 50; i++) {
            modelStep step = modelStepDraw(kind, random);
            modelStep again;
            g_autofree char *line = modelStepFormat(&step);

            g_assert_true(modelStepParse(line, &again));
            g_assert_cmpmem(&again, sizeof(again), &step, sizeof(step));
        }
    }
}

/* The command line */

static void
testPrintFigures(unsigned int count, guint32 seed, double seconds)
{
    unsigned long long steps = 0;
    modelStepKind kind;

    printf("%-20s %10s %10s %10s %10s %10s\n", "step", "times", "passed", "logged", "refused",
           "asked");
    for (kind = 0; kind < MODEL_STEP_LAST; kind++) {
        const testFigures *figures = &testAllFigures[kind];

        printf("%-20s %10llu %10llu %10llu %10llu %10llu\n", modelStepName(kind), figures->steps,
               figures->passed, figures->logged, figures->refused, figures->asked);
        steps += figures->steps;
    }
    printf("%u sequences from seed %" G_GUINT32_FORMAT ", %llu steps: code and model agree; %.1f s\n",
           count, seed, steps, seconds);
}

static int
testRunMany(unsigned int count, guint32 seed)
{
    gint64 start = g_get_monotonic_time();
    g_autoptr(GArray) found = testSearch(seed, count, MODEL_LIE_NONE);

    if (!found)
        testPrintFigures(count, seed, (double)(g_get_monotonic_time() - start) / G_USEC_PER_SEC);
    return found ? 1 : 0;
}

static int
testReplay(const char *file)
{
    g_autoptr(GArray) steps = g_array_new(FALSE, FALSE, sizeof(modelStep));
    testDifference difference = { 0, NULL };
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    unsigned int i;
    bool agrees;

    if (!g_file_get_contents(file, &text, NULL, NULL)) {
        fprintf(stderr, "cannot read '%s'\n", file);
        return 2;
    }
    lines = g_strsplit(text, "\n", -1);
    for (i = 0; lines[i]; i++) {
        /* As testPrint() writes them, or bare. */
        const char *line = g_strstrip(g_str_has_prefix(lines[i], "#   ") ? lines[i] + 1 : lines[i]);
        modelStep step;

        if (!*line || *line == '#')
            continue;
        if (!modelStepParse(line, &step)) {
            fprintf(stderr, "'%s' is no step\n", line);
            return 2;
        }
        g_array_append_val(steps, step);
    }
    agrees = testRun(steps, MODEL_LIE_NONE, &difference);
    if (agrees)
        printf("%u steps: code and model agree\n", steps->len);
    else
        printf("step %u: %s\n", difference.step + 1, difference.text);
    g_free(difference.text);
    return agrees ? 0 : 1;
}

int
main(int argc, char **argv)
{
    size_t i;

    if (argc == 3 && g_str_equal(argv[1], "--replay"))
        return testReplay(argv[2]);
    if ((argc == 3 || (argc == 5 && g_str_equal(argv[3], "--seed"))) &&
        g_str_equal(argv[1], "--run"))
        return testRunMany((unsigned int)atoi(argv[2]),
                           argc == 5 ? (guint32)strtoul(argv[4], NULL, 10) : TEST_SEED);

    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    g_test_add_func("/model/random sequences: code and model agree", testAgreement);
    for (i = 0; i < G_N_ELEMENTS(testLies); i++) {
        g_autofree char *path = g_strconcat("/model/", testLies[i].sentence, NULL);

        g_test_add_data_func(path, &testLies[i], testLieIsFound);
    }
    g_test_add_func("/model/every step can be written and read again", testSteps);
    return g_test_run();
}
