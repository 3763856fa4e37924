/* Places in callers' code: of the call under way, of what made a tensor, ended its step or wrote it. They are kept for
 * messages alone: where there is no memory for them, messages say less. */
#include "ag/tape/tape.h"

/* ---- the log of what was made where */

/* Memory for one entry more, without an error where there is none. */
static bool reserve(ag_tape *t, ag_site_log *l)
{
    if (l->count < l->capacity)
        return true;
    uint32_t capacity = l->capacity ? 2 * l->capacity : 64;
    size_t before = l->capacity * sizeof *l->at, bytes = capacity * sizeof *l->at;
    ag_made *at = l->capacity < UINT32_MAX / 4 ? ag_try_obtain(t, bytes) : NULL;
    if (!at)
        return false;
    if (l->count)
        memcpy(at, l->at, l->count * sizeof *at);
    ag_give_back(t, l->at, before);
    *l = (ag_site_log){ at, l->count, capacity };
    return true;
}

/* What is made from here on is made at the place where the tape is now. */
static void note(ag_tape *t)
{
    ag_site_log *l = &t->sites.made;
    const ag_made now = { ag_next(t), (uint32_t)(t->base >> 32), t->sites.now };
    while (l->count && l->at[l->count - 1].first >= now.first) /* nothing was made there, or it is gone */
        l->count--;
    const ag_made *last = l->count ? &l->at[l->count - 1] : NULL;
    bool same = last ? last->epoch == now.epoch && last->site.line == now.site.line && last->site.file == now.site.file
                     : !now.site.file;
    if (same)
        return;
    if (!reserve(t, l))
        l->count = 0; /* rather nothing than a wrong place */
    else
        l->at[l->count++] = now;
}

static ag_site find(const ag_site_log *l, uint32_t index, uint32_t epoch)
{
    const uint32_t after = ag_first_from(l->at, l->count, sizeof *l->at, offsetof(ag_made, first), index + 1);
    bool known = after && l->at[after - 1].epoch == epoch;
    return known ? l->at[after - 1].site : (ag_site){ 0 };
}

/* ---- calls */

ag_site ag_site_enter(ag_tape *t, const char *file, int line)
{
    ag_site before = { 0 };
    if (!t)
        return before;
    before = t->sites.now;
    if (!file)
        return before;
    t->sites.now = (ag_site){ file, line };
    note(t);
    return before;
}

void ag_site_leave(ag_tape *t, ag_site before)
{
    if (!t)
        return;
    t->sites.now = before;
    note(t);
}

/* ---- steps */

void ag_sites_end_step(ag_tape *t)
{
    ag_sites *s = &t->sites;
    ag_site_log gone = s->made;
    s->made = s->gone;
    s->made.count = 0;
    s->gone = gone;
    s->write_count = 0;
    s->rewound = false;
    s->resets[s->reset_count++ % AG_RESETS] = (ag_made){ 1, t->reset_epoch, s->now };
}

void ag_sites_rewind(ag_tape *t, uint32_t index)
{
    ag_sites *s = &t->sites;
    s->rewound = true;
    s->rewind = s->now;
    uint32_t kept = s->made.count;
    while (kept && s->made.at[kept - 1].first >= index)
        kept--;
    s->gone.count = 0;
    for (uint32_t i = kept ? kept - 1 : 0; i < s->made.count && reserve(t, &s->gone); i++)
        s->gone.at[s->gone.count++] = s->made.at[i];
    s->made.count = kept;
}

/* Called at each write from a known place, and after one in this step at every other. */
void ag_sites_written(ag_tape *t, uint32_t owner)
{
    ag_sites *s = &t->sites;
    uint32_t index = t->nodes[owner].id;
    s->writes[s->write_count++ % AG_WRITES] = (ag_made){ index, ag_epoch_of(t, index), s->now };
}

void ag_sites_free(ag_tape *t)
{
    ag_give_back(t, t->sites.made.at, t->sites.made.capacity * sizeof *t->sites.made.at);
    ag_give_back(t, t->sites.gone.at, t->sites.gone.capacity * sizeof *t->sites.gone.at);
}

/* ---- texts */

const char *ag_site_text(ag_site s, const char *before, char *text, size_t bytes)
{
    const char *name = s.file ? strrchr(s.file, '/') : NULL;
    text[0] = 0;
    if (s.file)
        snprintf(text, bytes, "%s%s:%d", before, name ? name + 1 : s.file, s.line);
    return text;
}

const char *ag_written_text(const ag_tape *t, uint32_t owner, char *text, size_t bytes)
{
    const ag_sites *s = &t->sites;
    uint32_t index = t->nodes[owner].id, epoch = ag_epoch_of(t, index), i = s->write_count;
    uint32_t oldest = i > AG_WRITES ? i - AG_WRITES : 0;
    text[0] = 0;
    while (i > oldest) {
        const ag_made *w = &s->writes[--i % AG_WRITES];
        if (w->first == index && w->epoch == epoch)
            return ag_site_text(w->site, " at ", text, bytes);
    }
    return text;
}

/* The steps that have ended since the epoch, AG_RESETS for as many or more, and where the first of them did. */
static uint32_t steps_since(const ag_sites *s, uint32_t epoch, ag_site *where)
{
    uint32_t n = 0;
    *where = (ag_site){ 0 };
    for (; n < AG_RESETS && n < s->reset_count; n++) {
        const ag_made *r = &s->resets[(s->reset_count - 1 - n) % AG_RESETS];
        if ((int32_t)(r->epoch - epoch) <= 0)
            break;
        *where = r->site;
    }
    return n;
}

const char *ag_stale_text(const ag_tape *t, ag_tensor x, char *text, size_t bytes)
{
    const ag_sites *s = &t->sites;
    char made[AG_PLACE], end[AG_PLACE];
    ag_site ended;
    uint32_t steps = steps_since(s, x.epoch, &ended);
    ag_site_text(find(&s->gone, AG_INDEX(x.id), x.epoch), " at ", made, sizeof made);
    if ((int32_t)(t->epoch - x.epoch) < 0) {
        snprintf(text, bytes, "is no tensor of this tape's: was it ever set?");
    } else if (steps) {
        ag_site_text(ended, " at ", end, sizeof end);
        if (steps == 1)
            snprintf(text, bytes, "is stale: it was made%s in the step before, which ag_tape_reset%s ended;", made,
                     end);
        else if (steps < AG_RESETS)
            snprintf(text, bytes, "is stale: it was made%s %u steps ago, in one that ag_tape_reset%s ended;", made,
                     steps, end);
        else
            snprintf(text, bytes, "is stale: it was made %d or more steps ago, in one that ag_tape_reset ended;",
                     AG_RESETS);
    } else if (s->rewound) {
        ag_site_text(s->rewind, " at ", end, sizeof end);
        snprintf(text, bytes, "is stale: it was made%s after a mark to which ag_tape_rewind%s returned%s;", made,
                 *made ? end : "", *made ? "" : ", or in a rule, which is over");
    } else {
        snprintf(text, bytes, "is stale: it was made in a rule or a gradient check, which is over;");
    }
    return text;
}
