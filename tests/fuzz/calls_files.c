/* Files, whole and damaged, and the checks of derivatives. */
#include "tests/fuzz/fuzz.h"

#include <sys/stat.h>
#include <unistd.h>

/* ---- files */

static const char *draw_path(world *w)
{
    static char paths[4][128];
    static int next;
    char *path = paths[next++ % 4];
    static const char *const names[] = { "a", "b", "c", "a", "nowhere/x", "" };
    if (rude(w, may_null_list))
        return NULL;
    snprintf(path, sizeof paths[0], "%s/%s", w->directory, names[draw(w, COUNT(names))]);
    return path;
}

void remove_files(world *w)
{
    char path[128];
    for (const char *name = "abc"; *name; name++) {
        snprintf(path, sizeof path, "%s/%c", w->directory, *name);
        unlink(path);
    }
}

static void play_save(world *w)
{
    lane *l = draw_lane(w);
    nn_module *m = draw_module(w, l);
    const char *path = draw_path(w);
    frame f = begin(w, l->t, "nn_save(%s, %s)", m ? m->name : "NULL", path ? path : "NULL");
    f.inert |= !m;
    end_status(&f, nn_save(m, path));
}

static void play_load(world *w)
{
    lane *l = draw_lane(w);
    nn_module *m = draw_module(w, l);
    const char *path = draw_path(w);
    frame f = begin(w, l->t, "nn_load(%s, %s)", m ? m->name : "NULL", path ? path : "NULL");
    f.inert |= !m;
    ag_status s = nn_load(m, path);
    if (!s)
        wrote_all(w, (int)(l - w->lanes));
    end_status(&f, s);
}

/* Writes a table, pictures or what was there with a few bytes changed. */
static void play_file(world *w)
{
    static const char tables[][60] = { "a,b,c\n1,2,x\n3,4,y\n", "1;2\n3;4\n", "\"a\"\"b\",1\n\n2,3\n", "1,2\n3\n",
                                       "1e999,nan,0x1p3\n-,,\n" };
    static const char drawing[] = "P2 3 2 255 0 1 2 # a\n3 4 255";
    static const unsigned char picture[] = { 0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6 };
    const char *path = draw_path(w);
    char content[4096];
    size_t bytes = 0;
    FILE *file = path ? fopen(path, "rb") : NULL;
    int which = draw(w, 3);
    note(w, "a file %s", path ? path : "NULL");
    if (file) {
        bytes = fread(content, 1, sizeof content, file);
        fclose(file);
    }
    if (which == 0)
        bytes = strlen(strcpy(content, tables[draw(w, COUNT(tables))]));
    else if (which == 1)
        memcpy(content, picture, bytes = sizeof picture);
    else if (chance(w, 2))
        memcpy(content, drawing, bytes = sizeof drawing - 1);
    for (int n = chance(w, 2) ? draw(w, 6) : 0; n > 0 && bytes; n--)
        content[draw(w, (int)bytes)] = (char)bits(w);
    if (bytes && chance(w, 6))
        bytes -= (size_t)draw(w, (int)bytes);
    file = path ? fopen(path, "wb") : NULL;
    if (file) {
        fwrite(content, 1, bytes, file);
        fclose(file);
    }
}

static void play_read(world *w)
{
    lane *l = draw_lane(w);
    const char *x = draw_path(w), *y = chance(w, 2) ? draw_path(w) : NULL;
    bool csv = chance(w, 2);
    nn_classes classes = { 0 };
    nn_csv_config c = { .separator = chance(w, 4) ? ';' : 0,
                        .no_header = chance(w, 2),
                        .no_label = chance(w, 3),
                        .regression = chance(w, 3),
                        .label_column = draw(w, 5) - 2,
                        .classes = chance(w, 2) ? &classes : NULL };
    if (chance(w, 4))
        c.columns[draw(w, 3)] = draw(w, 5) - 1;
    frame f = begin(w, l->t, "%s(%s, %s)", csv ? "nn_read_csv" : "nn_read_idx", x ? x : "NULL", y ? y : "NULL");
    nn_dataset d = csv ? nn_read_csv(l->t, x, c) : nn_read_idx(l->t, x, y);
    if (!f.before && f.clears == l->clears && (d.x.id != 0) == (ag_error(l->t) != AG_OK))
        fault(w, "data and an error, or neither");
    if (d.x.id)
        learn(w, d.x, -1, true);
    if (d.y.id)
        learn(w, d.y, -1, true);
    end_call(&f);
    if (chance(w, 8))
        remove_files(w);
}

static void play_pictures(world *w)
{
    lane *l = draw_lane(w);
    const char *paths[] = { draw_path(w), draw_path(w) };
    frame f = begin(w, l->t, "nn_read_pgm(%s, %s)", paths[0] ? paths[0] : "NULL", paths[1] ? paths[1] : "NULL");
    ag_tensor x = nn_read_pgm(l->t, rude(w, may_absent) ? NULL : paths, (size_t)draw(w, 3));
    if (!f.before && f.clears == l->clears && (x.id != 0) == (ag_error(l->t) != AG_OK))
        fault(w, "pictures and an error, or neither");
    if (x.id)
        learn(w, x, -1, true);
    end_call(&f);
}

const move file_moves[] = {
    { .name = "save", 2, play_save },         { .name = "load", 3, play_load, .writes = true },
    { .name = "file", 4, play_file },         { .name = "read", 4, play_read },
    { .name = "pictures", 2, play_pictures }, { .name = NULL },
};

/* ---- checks */

static ag_tensor odd_function(ag_list x, void *user)
{
    world *w = user;
    w->callbacks++;
    if (chance(w, 30))
        play_inside(w);
    if (chance(w, 30))
        return pick(w).x;
    ag_tensor y = x.count ? ag_tanh(x.at[0]) : (ag_tensor){ 0 };
    for (size_t i = 1; i < x.count; i++)
        y = ag_add(y, ag_sum(ag_square(x.at[i])));
    return y;
}

static ag_tensor plain_function(ag_list x, void *user)
{
    (void)user;
    return x.count ? ag_sin(x.at[x.count - 1]) : (ag_tensor){ 0 };
}

static void play_gradcheck(world *w)
{
    ag_tensor at[3];
    size_t count = (size_t)draw(w, 4);
    for (size_t i = 0; i < count; i++)
        at[i] = pick_of(w, is_small).x;
    ag_list list = { at, count };
    ag_check_options o = { .order = draw(w, 3), .directions = draw(w, 3), .step = chance(w, 8) ? draw_number(w) : 0 };
    if (rude(w, may_odd_flags))
        o.order = draw(w, 9) - 3;
    ag_check_report r;
    bool with = chance(w, 2), plain = chance(w, 2);
    ag_tape *t = count ? at[0].tape : NULL;
    frame f =
        begin(w, t, "ag_gradcheck%s(%s, %s)", with ? "_with" : "", plain ? "plain" : "odd", text_of_list(w, list));
    int lane = f.lane;
    uint64_t before = lane >= 0 ? grads_hash(w, lane) : 0;
    ag_function *function = plain ? plain_function : odd_function;
    ag_verdict v = with ? ag_gradcheck_with(function, w, list, o, chance(w, 4) ? NULL : &r)
                        : ag_gradcheck(function, w, list, NULL);
    observe(w, v);
    if (w->callbacks != f.callbacks) /* what was written while a value was perturbed was put right again */
        for (int i = 0; i < TAPES; i++)
            wrote_all(w, i);
    if (!ag_verdict_name(v) || v < AG_INCONCLUSIVE || v > AG_KINK)
        fault(w, "the verdict %d", (int)v);
    if (lane >= 0 && w->callbacks == f.callbacks && grads_changed(w, lane, before))
        fault(w, "a gradient check changed a gradient");
    end_call(&f);
}

static void play_check_op(world *w)
{
    char params[FUZZ_PARAMS];
    size_t count;
    const ag_op *const *ops = ag_ops(&count);
    const ag_op *op = chance(w, 30) ? ops[draw(w, (int)count)] : chance(w, 8) ? NULL : user_op(w, params);
    note(w, "ag_check_op(%s)", op ? op->name : "NULL");
    observe(w, ag_check_op(op, NULL));
}

const move check_moves[] = {
    { .name = "gradcheck", 40, play_gradcheck, .differentiates = true },
    { .name = "check_op", 1, play_check_op },
    { .name = NULL },
};
