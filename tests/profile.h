/* What the tests of profiles share: a machine that is known, a small training. */
#ifndef TESTS_PROFILE_H
#define TESTS_PROFILE_H

#include "ag/show/times.h"
#include "support.h"

static const ag_profile_options known_machine = { .flops_f32 = 1e12, .flops_f64 = 5e11, .bytes = 1e11 };

static UNUSED ag_profile *begin(ag_tape *t)
{
    ag_profile *p = ag_profile_begin(t, known_machine);
    assert_non_null(p);
    return p;
}

typedef struct training {
    ag_tape *t;
    ag_tensor x, y;
    nn_module *net;
    optim *sgd;
} training;

static UNUSED training new_training(ag_tape *t)
{
    training m = { .t = t };
    m.x = ag_buffer(ag_randn(t, AG_FLOAT, AG_SHAPE(8, 3), 0, 1), "x");
    m.y = ag_buffer(ag_randn(t, AG_FLOAT, AG_SHAPE(8, 2), 0, 1), "y");
    m.net = nn_mlp(t, (nn_mlp_config){ .sizes = { 3, 4, 2 }, .activation = NN_TANH });
    m.sgd = optim_sgd(nn_params(m.net), (optim_sgd_config){ .lr = 0.1 });
    ag_tape_reset(t);
    return m;
}

static UNUSED double step(const training *m)
{
    ag_tensor loss = ag_mean(ag_square(ag_sub(nn_forward(m->net, m->x), m->y)));
    optim_zero_grad(m->sgd);
    ag_backward(loss);
    optim_step(m->sgd);
    const double value = ag_item(loss);
    ag_tape_reset(m->t);
    return value;
}

#endif
