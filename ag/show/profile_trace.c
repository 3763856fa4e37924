/* A profile as a trace for chrome://tracing and Perfetto: one complete event for each op and region, and for each module
 * that encloses a row of them. */
#include "ag/show/times.h"
#include <errno.h>
#include <stdlib.h>

typedef struct writer {
    const ag_profile *p;
    FILE *to;
    bool any;
} writer;

static void put_time(FILE *to, uint64_t nanoseconds) /* as microseconds */
{
    fprintf(to, "%" PRIu64 ".%03" PRIu64, nanoseconds / 1000, nanoseconds % 1000);
}

static void begin_event(writer *w, const char *name, const char *category, uint64_t begin, uint64_t end)
{
    fprintf(w->to, "%s\n{\"ph\":\"X\",\"pid\":1,\"tid\":1,\"name\":", w->any ? "," : "");
    w->any = true;
    ag_json_text(w->to, name);
    fprintf(w->to, ",\"cat\":\"%s\",\"ts\":", category);
    put_time(w->to, begin - w->p->begin);
    fprintf(w->to, ",\"dur\":");
    put_time(w->to, end - begin);
}

static void put_slice(writer *w, const ag_interval *s)
{
    static const char *const categories[] = { "forward", "backward", "rule", "region" };
    static const char *const after[] = { "", " backward", "", "" };
    const ag_entry *e = &w->p->entries[s->entry];
    char name[160];
    snprintf(name, sizeof name, "%s%s", e->name, after[s->phase]);
    begin_event(w, name, categories[s->phase], s->begin, s->end);
    if (e->op) {
        fprintf(w->to, ",\"args\":{\"scope\":");
        ag_json_text(w->to, e->scope);
        fprintf(w->to, ",\"shapes\":");
        ag_json_text(w->to, e->shapes);
        fprintf(w->to, ",\"dtype\":\"%s\"}", ag_dtype_name(e->dtype));
    }
    fprintf(w->to, "}");
}

/* ---- modules: of a run of slices whose scopes begin alike */

typedef struct open_module {
    size_t length; /* of its scope's text */
    uint64_t begin;
} open_module;

static bool is_within(const char *scope, const char *module, size_t length)
{
    return !strncmp(scope, module, length) && (!scope[length] || scope[length] == '.');
}

static void close_module(writer *w, const open_module *m, const char *scope, uint64_t end)
{
    char name[AG_KEY];
    size_t at = m->length;
    while (at && scope[at - 1] != '.')
        at--;
    snprintf(name, sizeof name, "%.*s", (int)(m->length - at), scope + at);
    begin_event(w, name, "module", m->begin, end);
    fprintf(w->to, "}");
}

/* Slices that lie in no other, in the order of time: forward ops, backward ops within a pass. */
static void put_modules(writer *w, const ag_interval *slices, size_t count)
{
    open_module open[AG_SCOPES];
    int depth = 0;
    const char *scope = "";
    uint64_t end = 0;
    ag_phase phase = AG_PHASE_NONE;
    for (size_t i = 0; i <= count; i++) {
        const bool over = i == count || slices[i].phase != phase;
        const char *next = i < count ? w->p->entries[slices[i].entry].scope : "";
        while (depth && (over || !is_within(next, scope, open[depth - 1].length)))
            close_module(w, &open[--depth], scope, end);
        if (i == count)
            break;
        size_t at = depth ? open[depth - 1].length + 1 : 0;
        const size_t length = strlen(next);
        while (at < length && depth < AG_SCOPES) {
            at += strcspn(next + at, ".");
            open[depth++] = (open_module){ at++, slices[i].begin };
        }
        scope = next;
        end = slices[i].end;
        phase = slices[i].phase;
    }
}

static int by_begin(const void *a, const void *b)
{
    const ag_interval *r = a, *s = b;
    if (r->begin != s->begin)
        return r->begin < s->begin ? -1 : 1;
    return r->end < s->end ? 1 : r->end > s->end ? -1 : 0;
}

/* In the order of time; those of regions end a row of ops, as what lies between two of a module's calls. */
static void put_slices(writer *w, ag_interval *slices, size_t count)
{
    size_t kept = 0;
    uint64_t end = 0;
    if (count)
        qsort(slices, count, sizeof *slices, by_begin);
    for (size_t i = 0; i < count; i++)
        put_slice(w, &slices[i]);
    for (size_t i = 0; i < count; i++) {
        const ag_interval s = slices[i];
        if (s.phase != AG_PHASE_NONE && s.begin < end)
            continue; /* within an op of a pass */
        end = s.phase != AG_PHASE_NONE ? s.end : end;
        slices[kept++] = s;
    }
    put_modules(w, slices, kept);
}

ag_status ag_write_trace(const ag_profile *p)
{
    ag_tape *t = p->t;
    FILE *to = fopen(p->path, "w");
    if (!to)
        return ag_fail(t, AG_EFILE, "ag_profile_end: cannot write %s: %s", p->path, strerror(errno));
    writer w = { .p = p, .to = to, .any = true };
    fprintf(to, "{\"displayTimeUnit\":\"ns\",\"otherData\":{\"steps\":%" PRId64 ",\"dropped\":%" PRIu64 "},\n",
            p->steps, p->dropped);
    fprintf(to, "\"traceEvents\":[\n{\"ph\":\"M\",\"pid\":1,\"name\":\"process_name\",\"args\":{\"name\":\"ag\"}}");
    put_slices(&w, p->slices, p->slice_count);
    fprintf(to, "]}\n");
    const bool failed = ferror(to);
    if (fclose(to) || failed)
        return ag_fail(t, AG_EFILE, "ag_profile_end: cannot write %s: %s", p->path, strerror(errno));
    return AG_OK;
}
