/* 1.7. A layer on a batch: Z = X W + B, A = sigma(Z).
 *
 * The rows of the design matrix X [m,k] are the samples. One product handles them all: Z = X W + B with W [k,n] and the
 * bias [n], which is repeated in every row. The same is computed here sample by sample, z = x W + b, and compared,
 * values and gradients: the gradient of a sum over the batch is the sum of the samples' gradients. */
#include "ag/ag.h"
#include <math.h>
#include <sys/stat.h>

enum { M = 5, K = 3, N = 2 };

static ag_tensor layer(ag_tensor x, ag_tensor w, ag_tensor b)
{
    return ag_sigmoid(ag_add(ag_matmul(x, w), b));
}

static void print_shape(const char *name, ag_tensor x)
{
    ag_shape s = ag_shape_of(x);
    printf("%-11s [", name);
    for (int i = 0; i < s.rank; i++)
        printf(i ? ",%lld" : "%lld", (long long)s.dim[i]);
    printf("]\n");
}

static double distance(ag_tensor x, ag_tensor y)
{
    return ag_item(ag_max(ag_abs(ag_sub(x, y))));
}

int main(void)
{
    ag_tape *t = ag_tape_new((ag_options){ 0 });
    ag_tensor x = AG_VALUES(t, AG_SHAPE(M, K), 1, 2, 3, 0, -1, 1, 0.5, 0, -0.5, 2, -2, 1, -1, 0, 4);
    ag_tensor w = ag_require_grad(AG_VALUES(t, AG_SHAPE(K, N), 0.1, -0.2, 0.3, 0.4, -0.5, 0.6));
    ag_tensor b = ag_require_grad(AG_VALUES(t, AG_SHAPE(N), 0.05, -0.1));
    ag_tensor z = ag_add(ag_matmul(x, w), b), a = ag_sigmoid(z);
    ag_name(x, "X");
    ag_name(w, "W");
    ag_name(b, "B");
    ag_name(z, "Z");
    ag_name(a, "A");
    print_shape("X", x);
    print_shape("W", w);
    print_shape("B", b);
    print_shape("Z = X W + B", z);
    print_shape("A = sigma Z", a);

    ag_tensor gradients[2], sum[2] = { ag_constant(t, 0), ag_constant(t, 0) };
    ag_gradients(ag_sum(a), AG_LIST(w, b), 0, gradients);
    double difference = 0;
    printf("\nsample   z                   a\n");
    for (int i = 0; i < M; i++) {
        ag_tensor row = ag_select(x, 0, i), own = layer(row, w, b), g[2];
        printf("%4d    %8.4f %8.4f   %.12f %.12f\n", i, ag_item_at(z, N * i), ag_item_at(z, N * i + 1),
               ag_item_at(a, N * i), ag_item_at(a, N * i + 1));
        difference = fmax(difference, distance(own, ag_select(a, 0, i)));
        ag_gradients(ag_sum(own), AG_LIST(w, b), 0, g);
        sum[0] = ag_add(sum[0], g[0]);
        sum[1] = ag_add(sum[1], g[1]);
    }
    printf("\nbatch against sample by sample, largest difference: values %.2g, gradients by W %.2g, by B %.2g\n",
           difference, distance(sum[0], gradients[0]), distance(sum[1], gradients[1]));
    mkdir("out", 0777);
    mkdir("out/1_backpropagation", 0777);
    ag_tensor total = ag_name(ag_sum(a), "sum");
    ag_draw_file(total, "out/1_backpropagation/07_batch_layer.png");
    ag_draw_html(total, "out/1_backpropagation/07_batch_layer.html");
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
