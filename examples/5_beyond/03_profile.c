/* Where the time of a training step goes: which ops, in which module, forward and backward, and how far each is from what
 * the machine can do. Beside it what the tape holds. The trace in out/5_beyond/03_profile.json opens in chrome://tracing and in
 * ui.perfetto.dev, where the modules enclose their ops. */
#include "nn/nn.h"
#include "optim/optim.h"
#include <sys/stat.h>

enum { BATCH = 64, STEPS = 50 };

int main(void)
{
    ag_tape *t = ag_tape_new((ag_options){ .dtype = AG_F32, .seed = 1, .threads = 1 });
    ag_tensor x = ag_buffer(ag_randn(t, AG_FLOAT, AG_SHAPE(BATCH, 784), 0, 1), "x");
    ag_tensor y = ag_buffer(ag_cast(ag_rand(t, AG_FLOAT, AG_SHAPE(BATCH), 0, 10), AG_I64), "y");
    nn_module *net = nn_mlp(t, (nn_mlp_config){ .sizes = { 784, 128, 10 }, .activation = NN_RELU });
    optim *adam = optim_adam(nn_params(net), (optim_adam_config){ .lr = 1e-3 });

    mkdir("out", 0777), mkdir("out/5_beyond", 0777);
    ag_profile *p = ag_profile_begin(t, (ag_profile_options){ .trace = "out/5_beyond/03_profile.json" });
    for (int step = 0; step < STEPS; step++) {
        ag_tensor loss = ag_cross_entropy(nn_forward(net, x), y);
        optim_zero_grad(adam);
        ag_backward(loss);
        optim_step(adam);
        if (step == STEPS - 1)
            ag_print_memory(t, stdout); /* of a step that is about to end */
        ag_tape_reset(t);
    }
    ag_profile_end(p);

    printf("\n");
    ag_profile_print(p, 0, stdout); /* by op, then by module */

    /* What was seen is there for programs too: here how much of the time the products took. */
    size_t count;
    double products = 0;
    const ag_profile_row *rows = ag_profile_rows(p, AG_BY_OP, &count);
    for (size_t i = 0; i < count; i++)
        if (rows[i].flops > 10 * rows[i].bytes / 4)
            products += rows[i].seconds;
    printf("\nin products: %.0f %% of %.4f s\n", 100 * products / ag_profile_seconds(p), ag_profile_seconds(p));

    ag_status status = ag_error(t);
    ag_tape_free(t); /* and the profile with it */
    return status;
}
