/* What is known of tensors and errors, and whether it is so. */
#include "tests/fuzz/fuzz.h"

/* ---- the log and the trace */

void note(world *w, const char *format, ...)
{
    va_list arguments;
    if (!w->log)
        return;
    va_start(arguments, format);
    fprintf(stderr, "%4d %*s", w->call, 4 * w->depth, "");
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

void observe(world *w, uint64_t value)
{
    w->trace = mix(w->trace ^ value) + 0x9e3779b97f4a7c15;
}

void observe_number(world *w, double v)
{
    uint64_t value;
    memcpy(&value, &v, sizeof value);
    observe(w, isnan(v) ? 1 : value);
}

static uint64_t hash_bytes(const void *memory, size_t bytes)
{
    const unsigned char *p = memory;
    uint64_t hash = bytes, word;
    for (; bytes >= sizeof word; bytes -= sizeof word, p += sizeof word) {
        memcpy(&word, p, sizeof word);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15;
        hash ^= hash >> 29;
    }
    for (; bytes; bytes--)
        hash = (hash ^ *p++) * 0x100000001b3;
    return mix(hash);
}

/* Which of two NaNs a sum is, with its sign, processors and compilers may choose. */
static void one_nan(ag_dtype d, void *values, int64_t count)
{
    float *narrow = values;
    double *wide = values;
    for (int64_t i = 0; i < count && d == AG_F32; i++)
        narrow[i] = isnan(narrow[i]) ? NAN : narrow[i];
    for (int64_t i = 0; i < count && d == AG_F64; i++)
        wide[i] = isnan(wide[i]) ? NAN : wide[i];
}

uint64_t values_hash(ag_tensor x, ag_dtype d, ag_shape s)
{
    static _Alignas(double) char buffer[1 << 20];
    size_t bytes = (size_t)ag_shape_size(s) * ag_dtype_size(d);
    if (bytes > sizeof buffer)
        return 0;
    memset(buffer, 0, bytes);
    const ag_status before = ag_error(x.tape);
    if (ag_error_push(x.tape)) { /* there may be no memory for a value that waits */
        if (!before)
            ag_error_clear(x.tape);
        return NOT_KNOWN;
    }
    const ag_status status = ag_copy_out(x, d, buffer, bytes);
    ag_error_pop(x.tape);
    if (status)
        return NOT_KNOWN;
    one_nan(d, buffer, ag_shape_size(s));
    return hash_bytes(buffer, bytes);
}

/* What waits to be computed from a parameter is computed first, for which there is memory but where the limit is small. */
uint64_t grads_hash(world *w, int lane)
{
    struct lane *l = &w->lanes[lane];
    const bool paused = l->heap.paused;
    const ag_status before = ag_error(l->t);
    l->heap.paused = true;
    uint64_t hash = 1;
    for (int i = 0; i < w->used_count && hash; i++) {
        const known *k = &w->at[w->used[i]];
        ag_storage s;
        if (k->tape != lane || !k->param || k->life != ALIVE)
            continue;
        const ag_status status = ag_storage_of(k->x, &s);
        if (!status)
            hash = mix(hash ^ (s.grad ? hash_bytes(s.grad, (size_t)s.count * ag_dtype_size(s.dtype)) : 1));
        else if (status == AG_ENOMEM)
            hash = 0;
    }
    l->heap.paused = paused;
    if (!hash && !before)
        ag_error_clear(l->t);
    return hash;
}

bool grads_changed(world *w, int lane, uint64_t before)
{
    const uint64_t now = before ? grads_hash(w, lane) : 0;
    return now && now != before;
}

/* ---- tensors */

static int lane_of(const world *w, const ag_tape *t)
{
    for (int i = 0; i < TAPES; i++)
        if (w->lanes[i].t == t && t)
            return i;
    return -1;
}

bool is_same(ag_tensor x, ag_tensor y)
{
    return x.id == y.id && x.epoch == y.epoch && x.tape == y.tape;
}

static known *find(world *w, ag_tensor x)
{
    for (int i = w->used_count - 1; i >= 0; i--) {
        known *k = &w->at[w->used[i]];
        if (is_same(k->x, x) && k->life != GONE)
            return k;
    }
    return NULL;
}

/* Half of all values are looked at later. */
static void take_picture(world *w, known *k)
{
    k->shape = ag_shape_of(k->x);
    k->dtype = ag_dtype_of(k->x);
    k->hash = chance(w, 2) && !k->persistent ? NOT_KNOWN : values_hash(k->x, k->dtype, k->shape);
}

static const char *text_in_line(const char *text)
{
    static char line[TEXT];
    snprintf(line, sizeof line, "%s", text);
    for (char *s = line; *s; s++)
        *s = *s == '\n' ? ' ' : *s;
    return line;
}

int learn(world *w, ag_tensor x, int source, bool sure)
{
    int lane = lane_of(w, x.tape), n = w->results[w->call];
    if (!x.id || lane < 0)
        return -1;
    if (!ag_ok(x)) {
        if (sure)
            fault(w, "a result that is not usable");
        return -1;
    }
    const known *same = find(w, x);
    int place = w->call * RESULTS + n;
    known k = { .x = x, .tape = lane, .group = source >= 0 ? w->at[source].group : place };
    k.life = sure && w->depth == 0 ? ALIVE : EITHER;
    k.changing = source >= 0 && w->at[source].changing;
    k.birth = ++w->lanes[lane].clock;
    k.persistent = ag_is_persistent(x);
    k.param = k.persistent && ag_needs_grad(x);
    if (k.persistent)
        k.life = ALIVE;
    take_picture(w, &k);
    if (same) {
        k.life = same->life;
        k.group = same->group;
        k.birth = same->birth;
        k.changing = same->changing;
        k.undated = same->undated;
    }
    if (ag_shape_size(k.shape) > 1 << 20) /* an expanded view: whatever reads it takes for ever */
        return -1;
    observe(w, k.hash);
    observe(w, (uint64_t)k.shape.rank << 8 | k.dtype);
    if (n == RESULTS)
        return -1;
    w->results[w->call]++;
    w->at[place] = k;
    w->used[w->used_count++] = place;
    if (w->log)
        note(w, "  = x%d %s %s%s", place, text_of_shape(k.shape), k.hash == NOT_KNOWN ? "" : text_in_line(ag_show(x)),
             same ? " (as before)" : "");
    return place;
}

void wrote(world *w, int place)
{
    if (place < 0)
        return;
    int group = w->at[place].group;
    for (int i = 0; i < w->used_count; i++) {
        known *k = &w->at[w->used[i]];
        if (k->group == group && k->hash != NOT_KNOWN && k->life != GONE && ag_ok(k->x))
            k->hash = values_hash(k->x, k->dtype, k->shape);
    }
}

void wrote_all(world *w, int lane)
{
    for (int i = 0; i < w->used_count; i++)
        if (w->at[w->used[i]].persistent && w->at[w->used[i]].life != GONE && w->at[w->used[i]].tape == lane)
            wrote(w, w->used[i]);
}

void ended(world *w, int lane, uint64_t time)
{
    for (int i = 0; i < w->used_count; i++) {
        known *k = &w->at[w->used[i]];
        if (k->tape != lane || k->persistent || k->life == GONE || k->birth <= time)
            continue;
        bool sure = time == 0 || (k->life == ALIVE && !k->changing);
        k->life = sure && w->depth == 0 ? GONE : EITHER;
    }
}

void look(world *w, const known *k)
{
    bool usable = ag_ok(k->x);
    int place = (int)(k - w->at);
    if (k->life == ALIVE && !usable)
        fault(w, "x%d is gone, but should not be", place);
    if (k->life == GONE && usable)
        fault(w, "x%d should be gone, but is accepted", place);
    if (!usable)
        return;
    ag_shape s = ag_shape_of(k->x);
    bool same = s.rank == k->shape.rank && !memcmp(s.dim, k->shape.dim, (size_t)s.rank * sizeof *s.dim);
    if (!same || ag_dtype_of(k->x) != k->dtype)
        fault(w, "x%d has another shape or dtype than it had", place);
    const uint64_t hash = k->changing ? k->hash : values_hash(k->x, k->dtype, k->shape);
    if (k->hash == NOT_KNOWN)
        observe(w, w->at[place].hash = hash);
    else if (hash != k->hash && hash != NOT_KNOWN)
        fault(w, "x%d has other values than it had: %s", place, w->log ? ag_show(k->x) : "");
}

void look_around(world *w, bool all)
{
    if (all)
        for (int i = 0; i < w->used_count; i++)
            look(w, &w->at[w->used[i]]);
    else if (w->used_count && w->depth == 0)
        for (int i = 0; i < 2; i++)
            look(w, &w->at[w->used[draw(w, w->used_count)]]);
}

/* ---- calls */

frame begin(world *w, ag_tape *t, const char *format, ...)
{
    int i = lane_of(w, t);
    const lane *l = &w->lanes[i < 0 ? 0 : i];
    frame f = {
        w, i, l->ends, l->told, l->clears, w->callbacks, w->given.inert, w->given.gone, w->given.foreign, ag_error(t)
    };
    memset(&w->given, 0, sizeof w->given);
    if (w->log) {
        char text[2 * TEXT];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        note(w, "%s%s", text, f.before ? "   (an error is pending)" : "");
    }
    return f;
}

static void check_text(world *w, ag_tape *t)
{
    ag_status s = ag_error(t);
    const char *text = ag_error_text(t);
    if ((int)s < 0 || s >= AG_USE_RULE)
        fault(w, "the status %d", (int)s);
    bool named = strstr(text, "ag_") || strstr(text, "nn_") || strstr(text, "optim_") || strstr(text, "fuzz_") ||
                 strstr(text, "no tensor can be made"); /* whoever makes one */
    if (!*text || (!named && s != AG_ENOMEM && s != AG_ELIMIT))
        fault(w, "an error that names no function: %s: '%s'", ag_status_name(s), text);
}

/* Checks what holds for every call; false: the call's outcome says nothing, since an error was cleared within. */
static bool check_errors(const frame *f)
{
    world *w = f->w;
    const lane *l = &w->lanes[f->lane];
    ag_status after = ag_error(l->t);
    observe(w, after);
    if (w->log && after && after != f->before)
        note(w, "  %s: %s", ag_status_name(after), ag_error_text(l->t));
    if (after && after != f->before)
        check_text(w, l->t);
    if (l->clears != f->clears)
        return false;
    if (f->before && after != f->before)
        fault(w, "the pending error %s became %s", ag_status_name(f->before), ag_status_name(after));
    return true;
}

void end_call(frame *f)
{
    if (f->lane >= 0)
        check_errors(f);
}

int end_tensor(frame *f, ag_tensor y, int source)
{
    world *w = f->w;
    if (f->lane < 0)
        return -1;
    const lane *l = &w->lanes[f->lane];
    bool cleared = !check_errors(f), quiet = ag_error(l->t) == f->before, alone = w->callbacks == f->callbacks;
    if (y.tape != l->t && !(f->inert && !y.tape))
        fault(w, "a result of another tape");
    if (!y.id && y.epoch)
        fault(w, "an inert result with an epoch");
    if (y.id && (f->gone || f->foreign || f->inert) && !cleared && alone)
        fault(w, "a result of %s", f->gone ? "a tensor that is gone" : f->inert ? "an inert tensor" : "two tapes");
    if (!f->before && !cleared) {
        if (y.id && !quiet)
            fault(w, "a result beside an error: %s", ag_error_text(l->t));
        if (!y.id && quiet && !f->inert)
            fault(w, "no result and no error");
    }
    if (cleared && alone && y.id && l->told != f->told)
        fault(w, "a result, though the handler heard an error");
    observe(w, y.id != 0);
    return y.id ? learn(w, y, source, l->ends == f->ends) : -1;
}

ag_status end_anyway(frame *f, ag_status s)
{
    world *w = f->w;
    if (f->lane < 0)
        return s;
    const lane *l = &w->lanes[f->lane];
    bool cleared = !check_errors(f), alone = w->callbacks == f->callbacks;
    observe(w, s);
    if (s < 0 || s >= AG_USE_RULE)
        fault(w, "a function returned the status %d", (int)s);
    if (!s && (f->gone || f->foreign) && !cleared && alone)
        fault(w, "AG_OK for %s", f->gone ? "a tensor that is gone" : "two tapes");
    if (!f->before && !cleared && s != ag_error(l->t) && !(s && f->inert))
        fault(w, "a function returned %s, pending is %s", ag_status_name(s), ag_status_name(ag_error(l->t)));
    if (cleared && alone && !s && l->told != f->told)
        fault(w, "AG_OK, though the handler heard an error");
    if (s && chance(w, 4))
        look_around(w, w->depth == 0);
    return s;
}

ag_status end_status(frame *f, ag_status s)
{
    world *w = f->w;
    if (f->lane >= 0 && f->before && !s && w->lanes[f->lane].clears == f->clears)
        fault(w, "an action ran while an error was pending");
    return end_anyway(f, s);
}
