/* The files of a training that is watched: a table, and a page with its numbers in it. */
#include "nn/watch_internal.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static void put(nn_output *o, const char *text)
{
    nn_put(o, text, strlen(text));
}

/* ---- the table */

static void put_field(nn_output *o, const char *text)
{
    put(o, "\"");
    for (; *text; text++)
        nn_print(o, "%s%c", *text == '"' ? "\"" : "", *text);
    put(o, "\"");
}

/* Points, and the values of which there is none yet as a last one. */
static int points_of(const nn_curve *c, int i, double *x, double *y)
{
    const int count = c->count + (c->held > 0);
    if (i < c->count) {
        *x = c->x[i];
        *y = c->y[i];
    } else if (i < count) {
        *x = c->at;
        *y = c->sum / (double)c->held;
    }
    return count;
}

static void put_rows(nn_output *o, const nn_curve *c, const char *before)
{
    char name[NN_NAME + 32];
    double x, y;
    snprintf(name, sizeof name, "%s%s", before, c->name);
    for (int i = 0; i < points_of(c, i, &x, &y); i++) {
        put_field(o, name);
        nn_print(o, ",%.0f,%.9g\n", x, y);
    }
}

static void put_table(nn_output *o, const nn_watching *w)
{
    put(o, "name,step,value\n");
    for (int i = 0; i < w->value_count; i++)
        put_rows(o, &w->values[i], "");
    put_rows(o, &w->norm, "gradient norm of ");
    for (size_t i = 0; i < w->shown; i++)
        put_rows(o, &w->watched[i].norm, "gradient norm of ");
}

/* ---- the page */

/* A string of JSON that is no end of a script either. */
static void put_string(nn_output *o, const char *text)
{
    put(o, "\"");
    for (; *text; text++)
        if (*text == '"' || *text == '\\' || *text == '<' || (unsigned char)*text < 0x20)
            nn_print(o, "\\u%04x", (unsigned)(unsigned char)*text);
        else
            nn_print(o, "%c", *text);
    put(o, "\"");
}

static void put_number(nn_output *o, double v)
{
    if (isfinite(v))
        nn_print(o, "%.6g", v);
    else
        put(o, "null");
}

static void put_points(nn_output *o, const nn_curve *c)
{
    double x, y;
    put(o, "\"x\":[");
    for (int i = 0; i < points_of(c, i, &x, &y); i++)
        nn_print(o, "%s%.0f", i ? "," : "", x);
    put(o, "],\"y\":[");
    for (int i = 0; i < points_of(c, i, &x, &y); i++) {
        put(o, i ? "," : "");
        put_number(o, y);
    }
    put(o, "]");
}

static void put_bins(nn_output *o, const char *name, const nn_bins *b)
{
    const double all[] = { b->low, b->high, b->mean, b->deviation };
    static const char *const names[] = { "low", "high", "mean", "deviation" };
    nn_print(o, "\"%s\":{\"bad\":%" PRId64, name, b->bad);
    for (int i = 0; i < 4; i++) {
        nn_print(o, ",\"%s\":", names[i]);
        put_number(o, all[i]);
    }
    put(o, ",\"count\":[");
    for (int i = 0; i < NN_WATCH_BINS; i++)
        nn_print(o, "%s%" PRId64, i ? "," : "", b->count[i]);
    put(o, "]}");
}

static void put_parameter(nn_output *o, const nn_watched *p)
{
    put(o, "{\"name\":");
    put_string(o, p->norm.name);
    put(o, ",\"shape\":\"[");
    for (int i = 0; i < p->shape.rank; i++)
        nn_print(o, "%s%" PRId64, i ? "," : "", p->shape.dim[i]);
    put(o, "]\",\"norm\":{");
    put_points(o, &p->norm);
    put(o, "},");
    put_bins(o, "first", &p->first);
    put(o, ",");
    put_bins(o, "now", &p->now);
    put(o, "}");
}

static void put_data(nn_output *o, const nn_watching *w, const char *state)
{
    put(o, "{\"title\":");
    put_string(o, w->config.title);
    put(o, ",\"state\":");
    put_string(o, state);
    nn_print(o, ",\"running\":%s,\"every\":%.6g,\"steps\":%" PRId64, w->ended ? "false" : "true", w->config.every,
             w->head.steps);
    nn_print(o, ",\"seconds\":%.6g,\"written\":%lld,\n\"values\":[", nn_seconds() - w->start, (long long)time(NULL));
    for (int i = 0; i < w->value_count; i++) {
        put(o, i ? ",\n{\"name\":" : "\n{\"name\":");
        put_string(o, w->values[i].name);
        put(o, ",");
        put_points(o, &w->values[i]);
        put(o, "}");
    }
    put(o, "],\n\"norm\":{");
    put_points(o, &w->norm);
    nn_print(o, "},\n\"more\":%zu,\"params\":[", w->count - w->shown);
    for (size_t i = 0; i < w->shown; i++) {
        put(o, i ? ",\n" : "\n");
        put_parameter(o, &w->watched[i]);
    }
    put(o, "]}\n");
}

/* NULL: where the numbers belong */
static const char *const page_lines[] = {
#include "watch_page.inc"
};

static void put_page(nn_output *o, const nn_watching *w, const char *state)
{
    for (size_t i = 0; i < sizeof page_lines / sizeof *page_lines; i++)
        if (page_lines[i])
            put(o, page_lines[i]);
        else
            put_data(o, w, state);
}

/* ---- files */

bool nn_watch_write(nn_watching *w, const char *state)
{
    nn_output table, page = { 0 };
    bool good = nn_output_begin(&table, w->head.tape, "nn_watch") && nn_output_begin(&page, w->head.tape, "nn_watch");
    if (good) {
        put_table(&table, w);
        put_page(&page, w, state);
    }
    nn_output_end(&page);
    nn_output_end(&table);
    good = good && nn_output_save(&table, w->csv) && nn_output_save(&page, w->html);
    nn_memory_free(&table.text);
    nn_memory_free(&page.text);
    return good;
}
