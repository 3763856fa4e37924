/* What a profile saw as rows, and as a table. */
#include "ag/show/times.h"
#include <math.h>
#include <stdlib.h>

/* ---- rows */

static int compare_texts(const char *a, const char *b)
{
    return a == b ? 0 : strcmp(a, b);
}

static int by_key(const void *a, const void *b)
{
    const ag_profile_row *r = a, *s = b;
    int order = (int)r->phase - (int)s->phase;
    order = order ? order : compare_texts(r->name, s->name);
    order = order ? order : compare_texts(r->scope, s->scope);
    return order ? order : compare_texts(r->shapes, s->shapes);
}

static int by_time(const void *a, const void *b)
{
    const ag_profile_row *r = a, *s = b;
    const bool rest = r->phase == AG_PHASE_NONE && !r->calls, other = s->phase == AG_PHASE_NONE && !s->calls;
    if (rest != other)
        return rest ? 1 : -1; /* "other" and "profile" come last */
    return r->seconds != s->seconds ? (r->seconds < s->seconds ? 1 : -1) : by_key(a, b);
}

/* `peak` is, for now, the seconds that the floating-point operations would take at the machine's peak. */
static ag_profile_row row_of(const ag_profile *p, const ag_entry *e, int phase, int by)
{
    const ag_sums *times = &e->phase[phase];
    const bool none = phase == AG_PHASE_NONE;
    const double fastest = e->dtype == AG_F32 ? p->options.flops_f32 : p->options.flops_f64;
    return (ag_profile_row){ .name = by & AG_BY_OP || none ? e->name : "",
                             .scope = by & AG_BY_SCOPE ? e->scope : "",
                             .shapes = by & AG_BY_SHAPES ? e->shapes : "",
                             .phase = (ag_phase)phase,
                             .calls = times->calls,
                             .seconds = 1e-9 * (double)times->own,
                             .total = 1e-9 * (double)times->total,
                             .flops = times->flops,
                             .bytes = times->bytes,
                             .kept = phase == AG_PHASE_FORWARD ? e->kept : 0,
                             .peak = times->flops / fastest };
}

static void merge(ag_profile_row *to, const ag_profile_row *r)
{
    to->calls += r->calls;
    to->seconds += r->seconds;
    to->total += r->total;
    to->flops += r->flops;
    to->bytes += r->bytes;
    to->kept += r->kept;
    to->peak += r->peak;
}

static void settle_peak(const ag_profile *p, ag_profile_row *r)
{
    const double bytes = r->bytes / p->options.bytes;
    r->peak = fmax(r->peak, bytes) / r->seconds;
    if (r->phase == AG_PHASE_NONE || !(r->seconds > 0) || !(r->flops + r->bytes > 0) || r->peak == 0)
        r->peak = NAN;
}

static ag_profile_row rest(const char *name, double seconds)
{
    return (ag_profile_row){ .name = name,
                             .scope = "",
                             .shapes = "",
                             .phase = AG_PHASE_NONE,
                             .seconds = seconds,
                             .total = seconds,
                             .peak = NAN };
}

static size_t merge_alike(ag_profile_row *rows, size_t count)
{
    size_t made = 0;
    qsort(rows, count, sizeof *rows, by_key);
    for (size_t i = 0; i < count; i++) {
        if (made && !by_key(&rows[made - 1], &rows[i]))
            merge(&rows[made - 1], &rows[i]);
        else
            rows[made++] = rows[i];
    }
    return made;
}

const ag_profile_row *ag_profile_rows(ag_profile *p, int by, size_t *count)
{
    const int known = AG_BY_OP | AG_BY_SCOPE | AG_BY_SHAPES;
    if (count)
        *count = 0;
    if (!p)
        return NULL;
    if (!count || by & ~known) {
        ag_fail(p->t, count ? AG_EARG : AG_ENULL,
                count ? "ag_profile_rows: %d are no flags" : "ag_profile_rows: no count", by);
        return NULL;
    }
    if (!ag_profile_grow(p->t, (void **)&p->rows, &p->row_capacity, sizeof *p->rows,
                         AG_PHASES * (uint64_t)p->entry_count + 2))
        return NULL;
    size_t made = 0;
    const double seconds = ag_profile_seconds(p);
    for (uint32_t i = 0; i < p->entry_count; i++)
        for (int phase = 0; phase < AG_PHASES; phase++)
            if (p->entries[i].phase[phase].calls)
                p->rows[made++] = row_of(p, &p->entries[i], phase, by ? by : AG_BY_OP);
    made = merge_alike(p->rows, made);
    for (size_t i = 0; i < made; i++)
        settle_peak(p, &p->rows[i]);
    p->rows[made++] = rest("other", seconds - 1e-9 * (double)p->covered);
    p->rows[made++] = rest("profile", 1e-9 * (double)p->own);
    qsort(p->rows, made, sizeof *p->rows, by_time);
    *count = made;
    return p->rows;
}

/* ---- the table */

static const char *number(double x, char text[16])
{
    if (x > 0)
        snprintf(text, 16, x < 9.995 ? "%.2f" : x < 99.95 ? "%.1f" : "%.0f", x);
    else
        snprintf(text, 16, "-");
    return text;
}

static void put_row(const ag_profile *p, const ag_profile_row *r, double seconds, FILE *to)
{
    static const char *const phases[] = { "", " backward", " in a rule", "" };
    const double steps = p->steps ? (double)p->steps : 1;
    char text[5][16], share[16] = "-";
    if (r->peak > 1.05)
        snprintf(share, sizeof share, "cache");
    else if (r->peak == r->peak)
        snprintf(share, sizeof share, "%.0f %%", 100 * r->peak);
    fprintf(to, "%5.1f %% %10.2f %9lld %9s %8s %8s %9s  ", seconds > 0 ? 100 * r->seconds / seconds : 0,
            1e6 * r->seconds / steps, (long long)r->calls, number(1e-9 * r->flops / r->seconds, text[0]),
            number(1e-9 * r->bytes / r->seconds, text[1]), share, r->kept ? ag_bytes_text(r->kept, text[2]) : "-");
    const bool scope = *r->scope || (!*r->name && r->phase != AG_PHASE_NONE);
    if (scope)
        fprintf(to, "%s%s", *r->scope ? r->scope : "(no scope)", *r->name ? ": " : "");
    fprintf(to, "%s%s%s%s\n", r->name, phases[r->phase], *r->shapes ? " " : "", r->shapes);
}

static ag_status put_table(ag_profile *p, int by, FILE *to)
{
    size_t count;
    const ag_profile_row *rows = ag_profile_rows(p, by, &count);
    if (!rows)
        return p->t->error.status;
    const double seconds = ag_profile_seconds(p);
    fprintf(to, "\n%7s %10s %9s %9s %8s %8s %9s\n", "time", "us a step", "calls", "GFLOP/s", "GB/s", "of peak", "kept");
    for (size_t i = 0; i < count; i++)
        put_row(p, &rows[i], seconds, to);
    return AG_OK;
}

static bool any_scope(const ag_profile *p)
{
    for (uint32_t i = 0; i < p->entry_count; i++)
        if (*p->entries[i].scope)
            return true;
    return false;
}

ag_status ag_profile_print(ag_profile *p, int by, FILE *to)
{
    char text[3][16];
    if (!p)
        return AG_ENULL;
    if (!to)
        return ag_fail(p->t, AG_ENULL, "ag_profile_print: the file is NULL");
    const ag_profile_options *o = &p->options;
    fprintf(to, "%lld steps of %.2f us on %d thread%s; the machine: %s GFLOP/s in f32, %s in f64, %s GB/s\n",
            (long long)p->steps, 1e6 * ag_profile_seconds(p) / (p->steps ? (double)p->steps : 1), p->t->options.threads,
            p->t->options.threads == 1 ? "" : "s", number(isinf(o->flops_f32) ? 0 : 1e-9 * o->flops_f32, text[0]),
            number(isinf(o->flops_f64) ? 0 : 1e-9 * o->flops_f64, text[1]),
            number(isinf(o->bytes) ? 0 : 1e-9 * o->bytes, text[2]));
    ag_status status = put_table(p, by ? by : AG_BY_OP, to);
    if (!status && !by && any_scope(p))
        status = put_table(p, AG_BY_SCOPE, to);
    if (!status && (ferror(to) || fflush(to)))
        status = ag_fail(p->t, AG_EFILE, "ag_profile_print: cannot write");
    return status;
}
