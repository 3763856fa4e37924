/* Copies of a module's values, and early stopping, which keeps the best ones. */
#include "nn/internal.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct kept {
    ag_tensor tensor;
    unsigned char *copy;
    size_t bytes;
} kept;

typedef struct snapshot {
    nn_snapshot head;
    nn_module *module;
    size_t entries; /* of the module: tensors under all their names */
    kept *at;       /* each tensor once */
    size_t count;
    unsigned char *copies;
} snapshot;

/* ---- what is kept */

static bool count_entry(void *user, const nn_entry *e, const char *path)
{
    size_t *count = user;
    (void)e;
    (void)path;
    return ++*count;
}

static bool keep_entry(void *user, const nn_entry *e, const char *path)
{
    snapshot *s = user;
    (void)path;
    s->at[s->count++].tensor = e->tensor;
    return true;
}

static int by_id(const void *a, const void *b)
{
    const ag_tensor x = ((const kept *)a)->tensor, y = ((const kept *)b)->tensor;
    return x.id != y.id ? (x.id > y.id) - (x.id < y.id) : (x.epoch > y.epoch) - (x.epoch < y.epoch);
}

/* A tensor under several names is kept once. */
static void leave_out_repeated(snapshot *s)
{
    size_t count = 0;
    qsort(s->at, s->count, sizeof *s->at, by_id);
    for (size_t i = 0; i < s->count; i++)
        if (!i || by_id(&s->at[i], &s->at[i - 1]))
            s->at[count++] = s->at[i];
    s->count = count;
}

/* Memory for all copies, each aligned. */
static bool make_copies(snapshot *s)
{
    enum { ALIGNMENT = 64 };
    size_t bytes = 0;
    for (size_t i = 0; i < s->count; i++) {
        ag_storage of;
        if (ag_storage_of(s->at[i].tensor, &of))
            return false;
        s->at[i].bytes = (size_t)of.count * ag_dtype_size(of.dtype);
        bytes += (s->at[i].bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
    s->copies = ag_tape_allocate(s->head.tape, bytes + !bytes);
    unsigned char *next = s->copies;
    for (size_t i = 0; next && i < s->count; i++) {
        s->at[i].copy = next;
        next += (s->at[i].bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
    return s->copies;
}

static bool fill(snapshot *s)
{
    if (!nn_walk(s->module, count_entry, &s->entries))
        return false;
    s->at = ag_tape_allocate(s->head.tape, (s->entries + !s->entries) * sizeof *s->at);
    if (!s->at)
        return false;
    nn_walk(s->module, keep_entry, s);
    leave_out_repeated(s);
    return make_copies(s);
}

static void discard(snapshot *s)
{
    if (!s)
        return;
    ag_tape_deallocate(s->head.tape, s->copies);
    ag_tape_deallocate(s->head.tape, s->at);
    ag_tape_deallocate(s->head.tape, s);
}

/* ---- snapshots */

static ag_status check(snapshot *s, const char *who)
{
    ag_tape *t = s->head.tape;
    size_t entries = 0;
    ag_storage of;
    if (ag_error(t))
        return ag_error(t);
    nn_walk(s->module, count_entry, &entries);
    if (entries != s->entries)
        return ag_fail(t, AG_EUSE, "%s: module '%s' has %zu tensors, but had %zu when the snapshot was made", who,
                       s->module->name, entries, s->entries);
    for (size_t i = 0; i < s->count; i++) {
        ag_status status = ag_storage_of(s->at[i].tensor, &of);
        if (status)
            return status;
    }
    return AG_OK;
}

nn_snapshot *nn_snapshot_new(nn_module *m)
{
    if (!nn_usable(m, NULL, "nn_snapshot_new") || ag_error(m->tape))
        return NULL;
    snapshot *s = ag_tape_allocate(m->tape, sizeof *s);
    if (s)
        *s = (snapshot){ .head = { m->tape }, .module = m };
    if (s && fill(s) && !nn_snapshot_take(&s->head))
        return &s->head;
    discard(s);
    return NULL;
}

ag_status nn_snapshot_take(nn_snapshot *head)
{
    snapshot *s = (snapshot *)(void *)head;
    ag_status status = s ? check(s, "nn_snapshot_take") : AG_ENULL;
    ag_storage of;
    for (size_t i = 0; !status && i < s->count; i++)
        if (!ag_storage_of(s->at[i].tensor, &of) && s->at[i].bytes)
            memcpy(s->at[i].copy, of.value, s->at[i].bytes);
    return status;
}

ag_status nn_snapshot_restore(nn_snapshot *head)
{
    snapshot *s = (snapshot *)(void *)head;
    ag_status status = s ? check(s, "nn_snapshot_restore") : AG_ENULL;
    ag_storage of;
    for (size_t i = 0; !status && i < s->count; i++) {
        if (ag_storage_of(s->at[i].tensor, &of) || !s->at[i].bytes)
            continue;
        memcpy(of.value, s->at[i].copy, s->at[i].bytes);
        ag_written(s->at[i].tensor);
    }
    return status;
}

/* ---- early stopping */

typedef struct stopping {
    nn_early_stopping head;
    nn_early_stopping_config config;
    nn_snapshot *snapshot;
} stopping;

nn_early_stopping *nn_early_stopping_new(nn_module *m, nn_early_stopping_config config)
{
    static const char who[] = "nn_early_stopping_new";
    if (!nn_usable(m, NULL, who))
        return NULL;
    ag_tape *t = m->tape;
    if (config.patience < 1)
        return ag_fail(t, AG_EARG, "%s: patience is %lld; it must be at least 1", who, (long long)config.patience),
               NULL;
    if (!(config.min_delta >= 0 && config.min_delta < INFINITY))
        return ag_fail(t, AG_EARG, "%s: min_delta is %g; it must be finite and not negative", who, config.min_delta),
               NULL;
    stopping *e = ag_tape_allocate(t, sizeof *e);
    nn_snapshot *s = e ? nn_snapshot_new(m) : NULL;
    if (!s)
        return ag_tape_deallocate(t, e), NULL;
    *e = (stopping){ { .tape = t, .best = config.maximize ? -INFINITY : INFINITY }, config, s };
    return &e->head;
}

bool nn_early_stopping_next(nn_early_stopping *head, double value)
{
    stopping *e = (stopping *)(void *)head;
    if (!e || head->stopped || ag_error(head->tape))
        return false;
    const bool better =
        e->config.maximize ? value > head->best + e->config.min_delta : value < head->best - e->config.min_delta;
    if (better && nn_snapshot_take(e->snapshot))
        return false;
    head->values++;
    head->since++;
    if (better) {
        head->best = value;
        head->best_at = head->values;
        head->since = 0;
    }
    head->stopped = head->since >= e->config.patience;
    if (head->stopped)
        nn_snapshot_restore(e->snapshot);
    return !head->stopped;
}

ag_status nn_early_stopping_restore(nn_early_stopping *head)
{
    stopping *e = (stopping *)(void *)head;
    return e ? nn_snapshot_restore(e->snapshot) : AG_ENULL;
}
