/* 1.8. Jacobians of products.
 *
 * The Jacobian J of y by x is laid out J[i,j] = dy_i / dx_j: a row for each result, a column for each argument
 * (numerator layout). A backward pass computes v' J without J (a vector-Jacobian product, vjp); with v a unit vector
 * that is a row of J, so that m passes give the whole: as it is done here, to see it, and as ag_jacobian does, which makes
 * the passes together. Matrices are taken row by row as vectors.
 *
 *     y = W x        dy/dx = W
 *     y = x W        dy/dx = W'
 *     y = W x        dy/dW: t[i,j,k] = dy_k / dW_ij = x_j if i = k, else 0
 *     Y = X W        dY[r,.] / dX[s,.] = W' if r = s, else 0: rows do not mix
 *     y = V W x      dy/dx = V W, the product of the Jacobians: the chain rule */
#include "nn/nn.h"
#include <stdlib.h>

enum { LARGEST = 64 };

/* J [size of y, size of x], row-major. */
static void jacobian(ag_tensor y, ag_tensor x, double *j)
{
    int64_t m = ag_size_of(y), n = ag_size_of(x);
    for (int64_t i = 0; i < m; i++) {
        ag_tensor unit = ag_reshape(ag_select(ag_eye(y.tape, AG_F64, m), 0, i), ag_shape_of(y));
        ag_copy_out(ag_vjp(y, unit, x), AG_F64, j + i * n, (size_t)n * sizeof *j);
    }
}

/* As numbers and, blue below 0 and red above, as a picture */
static void show(nn_plot *p, const char *title, const double *j, int64_t rows, int64_t columns)
{
    nn_plot_panel(p, title, NULL, NULL);
    nn_plot_grid(p, ag_values(nn_plot_tape(p), AG_SHAPE(1, rows, columns), j, (size_t)(rows * columns)),
                 AG_SHAPE(rows, columns), (nn_plot_grid_config){ 0 });
    printf("\n%s\n", title);
    for (int64_t i = 0; i < rows * columns; i++) /* + 0: -0 is 0 here */
        printf("%5g%s", j[i] + 0, (i + 1) % columns ? " " : "\n");
}

/* Compares with what the formula says and prints the verdict. */
static bool same(const char *what, const double *j, ag_tensor formula)
{
    bool equal = true;
    for (int64_t i = 0; i < ag_size_of(formula); i++)
        equal &= j[i] == ag_item_at(formula, i);
    printf("%s: %s\n", what, equal ? "exact" : "WRONG");
    return equal;
}

int main(void)
{
    ag_tape *t = ag_tape_new((ag_options){ 0 });
    double j[LARGEST];
    nn_plot *p = nn_plot_new(t, (nn_plot_config){ .columns = 3 });
    ag_tensor w = ag_require_grad(AG_VALUES(t, AG_SHAPE(4, 3), 1, -2, 3, 4, 5, -6, 7, 8, 9, -10, 11, 12));
    ag_tensor v = AG_VALUES(t, AG_SHAPE(2, 4), 1, 0, 2, -1, 3, 1, 0, 2);
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(3), 0.5, -2, 3)), y = ag_matmul(w, x);

    jacobian(y, x, j);
    show(p, "y = W x, W 4 x 3: dy/dx", j, 4, 3);
    bool good = same("dy/dx = W", j, w);

    ag_tensor r = ag_require_grad(AG_VALUES(t, AG_SHAPE(4), 1, -1, 2, 0.5));
    jacobian(ag_matmul(r, w), r, j);
    show(p, "y = x W: dy/dx", j, 3, 4);
    good &= same("dy/dx = W'", j, ag_transpose(w, 0, 1));

    /* dy/dW arrives as [k][i,j]; the lecture's tensor has k last. */
    jacobian(y, w, j);
    double tensor[4 * 3 * 4];
    for (int k = 0; k < 4; k++)
        for (int ij = 0; ij < 12; ij++)
            tensor[4 * ij + k] = j[12 * k + ij];
    show(p, "y = W x: dy/dW as t[i,j,k], a line for each (i,j)", tensor, 12, 4);
    ag_tensor expected = ag_mul(ag_reshape(ag_eye(t, AG_F64, 4), AG_SHAPE(4, 1, 4)), ag_reshape(x, AG_SHAPE(1, 3, 1)));
    good &= same("t[i,j,k] = x_j if i = k, else 0", tensor, expected);

    ag_tensor batch = ag_require_grad(AG_VALUES(t, AG_SHAPE(2, 4), 1, 2, 3, 4, 5, 6, 7, 8));
    jacobian(ag_matmul(batch, w), batch, j);
    show(p, "Y = X W, X 2 x 4: dY/dX, rows (r,i), columns (s,j)", j, 6, 8);
    ag_tensor blocks = ag_mul(ag_reshape(ag_eye(t, AG_F64, 2), AG_SHAPE(2, 1, 2, 1)),
                              ag_reshape(ag_transpose(w, 0, 1), AG_SHAPE(1, 3, 1, 4)));
    good &= same("dY/dX = W' where r = s, else 0", j, blocks);

    jacobian(ag_matmul(v, ag_matmul(w, x)), x, j);
    show(p, "y = V W x: dy/dx", j, 2, 3);
    good &= same("dy/dx = V W", j, ag_matmul(v, w));
    good &= same("the same by ag_jacobian", j, ag_jacobian(ag_matmul(v, ag_matmul(w, x)), x));

    nn_plot_save(p, "out/1_backpropagation/08_jacobians.png");
    ag_draw_html(ag_name(ag_sum(ag_matmul(ag_name(v, "V"), ag_matmul(ag_name(w, "W"), ag_name(x, "x")))), "sum"),
                 "out/1_backpropagation/08_jacobians.html");
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status ? (int)status : good ? EXIT_SUCCESS : EXIT_FAILURE;
}
