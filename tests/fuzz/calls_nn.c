/* Modules, batches and optimizers. */
#include "tests/fuzz/fuzz.h"

/* ---- modules */

/* Keeps a module, and what it owns. */
static void keep_module(world *w, lane *l, nn_module *m)
{
    if (!m)
        return;
    l->modules[l->module_count < FEW ? l->module_count++ : draw(w, FEW)] = m;
    ag_list list = ag_error(l->t) ? (ag_list){ 0 } : nn_params(m);
    for (size_t i = 0; i < list.count; i++) {
        int place = ag_ok(list.at[i]) ? learn(w, list.at[i], -1, true) : -1;
        if (place >= 0)
            w->at[place].undated = true;
    }
}

static void module_made(world *w, frame *f, lane *l, nn_module *m)
{
    if (!f->before && f->clears == l->clears && !m != (ag_error(l->t) != AG_OK))
        fault(w, "a module and an error, or neither");
    keep_module(w, l, m);
    end_call(f);
}

static nn_module *convolution(world *w, ag_tape *t, int64_t in, int64_t out)
{
    static nn_module *(*const made[])(ag_tape *, int64_t, int64_t, ag_shape, nn_conv_config) = { nn_conv1d, nn_conv2d,
                                                                                                 nn_conv3d };
    const int which = draw(w, 3);
    const ag_shape window = { rude(w, may_odd_flags) ? draw(w, 5) : which + 1,
                              { 1 + draw(w, 3), draw(w, 4), 1 + draw(w, 2) } };
    const nn_conv_config config = { .options = { .stride = { 1, 1 + draw(w, 2), 1 }, .groups = draw(w, 4) - 1 } };
    return made[which](t, in, out, window, config);
}

static nn_module *layer_for_images(world *w, ag_tape *t, int which, int64_t in, int64_t out)
{
    const ag_shape window = { rude(w, may_odd_flags) ? draw(w, 5) : 2, { 1 + draw(w, 3), draw(w, 4) } };
    return which == 4   ? convolution(w, t, in, out)
           : which == 5 ? nn_max_pool2d(t, window, (ag_pool_options){ 0 })
           : which == 6 ? nn_avg_pool2d(t, window, (ag_pool_options){ .ceil_mode = chance(w, 2) })
                        : nn_flatten(t);
}

/* Layers that normalise, drop out, look up, remember and attend. */
static nn_module *other_layer(world *w, ag_tape *t, int64_t in, int64_t out)
{
    static nn_module *(*const recurrent[])(ag_tape *, int64_t, int64_t, nn_recurrent_config) = { nn_rnn, nn_lstm,
                                                                                                 nn_gru };
    const double p = rude(w, may_odd_flags) ? draw_number(w) : 0.25;
    const nn_recurrent_config config = { .layers = draw(w, 3),
                                         .no_bias = chance(w, 3),
                                         .dropout = chance(w, 2) ? p : 0 };
    switch (draw(w, 8)) {
    case 0:
        return nn_dropout(t, p);
    case 1:
        return nn_layer_norm(t, AG_SHAPE(in), (nn_layer_norm_config){ .eps = p, .no_affine = chance(w, 3) });
    case 2:
        return nn_batch_norm(t, in, (nn_batch_norm_config){ .momentum = p, .no_running = chance(w, 3) });
    case 3:
        return nn_embedding(t, in, out,
                            (ag_embedding_options){ .padded = chance(w, 2), .padding_idx = draw(w, 7) - 3 });
    case 4:
        return nn_rbf(t, in, out, (nn_rbf_config){ .width = p, .fixed = chance(w, 3) });
    case 5:
        return nn_multihead_attention(t, in, in, (nn_attention_config){ .dropout = p, .causal = chance(w, 2) });
    case 6:
        return nn_transformer_block(t, in, 1, out, (nn_transformer_config){ .dropout = p, .post_norm = chance(w, 2) });
    default:
        return recurrent[draw(w, 3)](t, in, out, config);
    }
}

static void play_layer(world *w)
{
    lane *l = draw_lane(w);
    int64_t in = rude(w, may_absurd_shape) ? draw_extent(w) : 3, out = rude(w, may_absurd_shape) ? draw_extent(w) : 2;
    int kind = rude(w, may_odd_flags) ? draw(w, 12) - 3 : draw(w, 7), which = draw(w, 10);
    nn_module *two[2] = { draw_module(w, l), draw_module(w, l) };
    nn_mlp_config mlp = { .sizes = { 3, 2 + draw(w, 3), 1 }, .activation = kind, .no_bias = chance(w, 3) };
    if (rude(w, may_absurd_shape))
        mlp.sizes[draw(w, NN_MLP_SIZES)] = draw(w, 9) - 4;
    frame f = begin(w, l->t, "%s",
                    which == 0   ? "nn_linear"
                    : which == 1 ? "nn_activation"
                    : which == 2 ? "nn_sequential"
                    : which == 3 ? "nn_mlp"
                    : which < 8  ? "a layer for images"
                                 : "another layer");
    nn_module *m = which == 0   ? nn_linear(l->t, in, out, (nn_linear_config){ chance(w, 3) })
                   : which == 1 ? nn_activation(l->t, kind)
                   : which == 2 ? nn_sequential(l->t, two, 2)
                   : which == 3 ? nn_mlp(l->t, mlp)
                   : which < 8  ? layer_for_images(w, l->t, which, in, out)
                                : other_layer(w, l->t, in, out);
    module_made(w, &f, l, m);
}

/* A module of one's own: its forward function does what it likes. */
static ag_tensor odd_forward(nn_module *m, ag_tensor x)
{
    world *w = ((own_module *)(void *)m)->lane->world;
    w->callbacks++;
    if (chance(w, 4) && !fuzz_without[may_forward_calls])
        play_inside(w);
    if (chance(w, 4))
        return pick(w).x;
    return chance(w, 2) ? ag_tanh(x) : x;
}

static void play_own(world *w)
{
    lane *l = draw_lane(w);
    if (l->own_count == FEW)
        return;
    own_module *own = &l->own[l->own_count++];
    const char *name = draw_name(w);
    frame f = begin(w, l->t, "nn_init(%s)", name ? name : "NULL");
    nn_init(&own->module, l->t, name, chance(w, 5) ? NULL : odd_forward);
    own->lane = l;
    nn_init(NULL, l->t, name, NULL);
    keep_module(w, l, &own->module);
    end_call(&f);
}

static void play_entry(world *w)
{
    lane *l = draw_lane(w);
    nn_module *m = draw_module(w, l);
    argument x = pick(w);
    const char *name = draw_name(w);
    int which = draw(w, 3);
    frame f = begin(w, m ? l->t : x.x.tape, "%s(m, %s, %s)",
                    which == 0   ? "nn_param"
                    : which == 1 ? "nn_buffer"
                                 : "nn_share",
                    text_of(w, x), name ? name : "NULL");
    f.foreign |= x.x.tape && x.x.tape != l->t;
    f.inert |= !m;
    ag_tensor y = which == 0 ? nn_param(m, x.x, name) : which == 1 ? nn_buffer(m, x.x, name) : nn_share(m, x.x, name);
    end_tensor(&f, y, which == 2 ? x.place : -1);
}

static void play_child(world *w)
{
    lane *l = draw_lane(w), *other = chance(w, 9) ? draw_lane(w) : l;
    nn_module *m = draw_module(w, l), *child = draw_module(w, other);
    const char *name = draw_name(w);
    frame f = begin(w, l->t, "nn_child(m, m, %s)", name ? name : "NULL");
    const nn_module *made = nn_child(m, child, name);
    if (made && (made != child || m->tape != child->tape))
        fault(w, "nn_child returned another module");
    end_call(&f);
}

static void play_forward(world *w)
{
    lane *l = draw_lane(w);
    nn_module *m = draw_module(w, l);
    argument x = pick(w);
    frame f = begin(w, m ? l->t : x.x.tape, "nn_forward(%s, %s)", m ? m->name : "NULL", text_of(w, x));
    f.inert |= !m;
    int before = w->callbacks;
    ag_tensor y = nn_forward(m, x.x);
    bool sure = x.place < 0 || w->at[x.place].life == ALIVE;
    if (w->callbacks != before || !sure || (m && x.x.tape != l->t)) { /* what it was given may come out */
        end_call(&f);
        return;
    }
    end_tensor(&f, y, x.place);
}

/* Several inputs, which may be anything. */
static void play_sequence(world *w)
{
    lane *l = draw_lane(w);
    nn_module *m = draw_module(w, l);
    const bool attends = chance(w, 2);
    argument x[4] = { pick(w), pick(w), pick(w), { { 0 }, -1 } };
    if (chance(w, 2))
        x[2].x = x[1].x = attends ? x[0].x : x[3].x;
    if (chance(w, 4))
        x[3] = pick(w);
    frame f = begin(w, l->t, "%s(%s, %s, %s, %s)", attends ? "nn_attend" : "nn_unroll", m ? m->name : "NULL",
                    text_of(w, x[0]), text_of(w, x[1]), text_of(w, x[2]));
    if (attends)
        nn_attend(m, x[0].x, x[1].x, x[2].x, x[3].x);
    else
        nn_unroll(m, x[0].x, x[1].x, x[2].x);
    end_call(&f);
}

static void play_positions(world *w)
{
    lane *l = draw_lane(w);
    const int64_t length = rude(w, may_absurd_shape) ? draw_extent(w) : 4, features = 1 + draw(w, 5);
    frame f = begin(w, l->t, "nn_positions(%lld, %lld)", (long long)length, (long long)features);
    end_tensor(&f, nn_positions(l->t, length, features), -1);
}

static void play_module(world *w)
{
    lane *l = draw_lane(w);
    nn_module *m = draw_module(w, l);
    static const char *const paths[] = { "0.weight", "bias", "a", "", NULL, "..", "0.", "2.weight" };
    const char *path = paths[draw(w, COUNT(paths))];
    frame f = begin(w, l->t, "nn_find(m, %s) and the like", path ? path : "NULL");
    nn_train(m, chance(w, 2));
    ag_list list = nn_params(m);
    observe(w, list.count);
    f.inert |= !m;
    ag_tensor y = m ? nn_find(m, path) : (ag_tensor){ l->t, 0, 0 };
    int place = ag_ok(y) ? learn(w, y, -1, true) : -1;
    if (place >= 0)
        w->at[place].undated = true;
    end_call(&f);
}

static void play_initial(world *w)
{
    static ag_tensor (*const calls[])(ag_tape *, ag_shape) = { nn_xavier_uniform, nn_xavier_normal, nn_kaiming_uniform,
                                                               nn_kaiming_normal };
    lane *l = draw_lane(w);
    ag_shape s = draw_shape(w);
    int i = draw(w, 4);
    frame f = begin(w, l->t, "nn_xavier_uniform or the like (%d) (%s)", i, text_of_shape(s));
    end_tensor(&f, calls[i](l->t, s), -1);
}

/* ---- batches */

static void play_batches(world *w)
{
    argument x = pick_of(w, is_persistent), y = { { 0 }, -1 };
    if (chance(w, 2))
        y = pick_of(w, is_persistent);
    nn_batches_config c = { .size = draw_index(w), .shuffle = chance(w, 2), .drop_last = chance(w, 2) };
    c.scale = chance(w, 3) ? draw_number(w) : 0;
    lane *l = &w->lanes[x.x.tape == w->lanes[1].t];
    frame f = begin(w, x.x.tape, "nn_batches_new(%s, %s, %lld, %g)", text_of(w, x), text_of(w, y), (long long)c.size,
                    c.scale);
    nn_batches *b = nn_batches_new((nn_dataset){ x.x, y.x }, c);
    if (b && l->batch_count < FEW)
        l->batches[l->batch_count++] = b;
    if (b && (f.gone || f.foreign))
        fault(w, "batches of what is gone or of another tape");
    end_call(&f);
}

static void play_next(world *w)
{
    lane *l = draw_lane(w);
    nn_batches *b = l->batch_count && !rude(w, may_absent) ? l->batches[draw(w, l->batch_count)] : NULL;
    frame f = begin(w, l->t, "nn_batches_next");
    bool more = nn_batches_next(b);
    if (more && (!b || f.before))
        fault(w, "a batch from nowhere, or while an error is pending");
    if (b && more != (b->count > 0) && b->x.tape)
        fault(w, "a batch of %lld samples", (long long)b->count);
    if (more && f.ends == l->ends) {
        learn(w, b->x, -1, true);
        learn(w, b->index, -1, true);
    }
    end_call(&f);
}

/* Parts of data, which persist. */
static void play_parts(world *w)
{
    argument x = pick(w), y = { { 0 }, -1 }, groups = y;
    if (chance(w, 2))
        y = pick(w);
    if (chance(w, 3))
        groups = pick_of(w, is_integer);
    const nn_split_config c = { .seed = (uint64_t)draw(w, 5), .in_order = chance(w, 3), .groups = groups.x };
    const bool folds = chance(w, 2);
    const double fraction = rude(w, may_odd_flags) ? draw_number(w) : 0.5;
    frame f = begin(w, x.x.tape, "%s(%s, %s, %s)", folds ? "nn_kfold" : "nn_split", text_of(w, x), text_of(w, y),
                    text_of(w, groups));
    const nn_dataset d = { x.x, y.x };
    const nn_parts p = folds ? nn_kfold(d, draw(w, 5), draw(w, 4), c) : nn_split(d, fraction, c);
    if (!p.train.x.id != !p.test.x.id)
        fault(w, "one part of two");
    if (p.train.x.id) {
        learn(w, p.train.x, -1, true);
        learn(w, p.test.x, -1, true);
    }
    end_call(&f);
}

static void play_standardize(world *w)
{
    argument x = pick(w);
    lane *l = &w->lanes[x.x.tape == w->lanes[1].t];
    frame f = begin(w, x.x.tape, "nn_standardize(%s)", text_of(w, x));
    nn_module *m = nn_standardize(x.x);
    if (m && (f.gone || f.foreign))
        fault(w, "a module of what is gone");
    keep_module(w, l, m);
    end_call(&f);
}

static void play_correct(world *w)
{
    argument x = pick(w), y = pick_of(w, is_integer);
    frame f = begin(w, x.x.tape, "nn_correct(%s, %s) or the like", text_of(w, x), text_of(w, y));
    const int which = draw(w, 3);
    if (which == 0)
        nn_confusion_matrix(x.x, y.x);
    else
        observe(w, (uint64_t)(which == 1 ? nn_correct(x.x, y.x) : nn_accuracy(x.x, y.x) > 0.5));
    end_call(&f);
}

const move module_moves[] = {
    { .name = "layer", 5, play_layer },
    { .name = "own", 1, play_own },
    { .name = "entry", 4, play_entry },
    { .name = "child", 2, play_child },
    { .name = "forward", 8, play_forward },
    { .name = "sequence", 2, play_sequence },
    { .name = "positions", 1, play_positions },
    { .name = "module", 3, play_module },
    { .name = "initial", 1, play_initial },
    { .name = "batches", 3, play_batches },
    { .name = "next", 6, play_next },
    { .name = "parts", 2, play_parts },
    { .name = "standardize", 1, play_standardize },
    { .name = "correct", 1, play_correct },
    { .name = NULL },
};
