/* Powers of square matrices. */
#include "ag/ops/linear_algebra/matrices.h"

/* ag_matrix_power - matrices x[..,n,n] multiplied with themselves, p factors: the identity where p = 0, powers of the
 * inverse where p < 0. By repeated squares; its derivatives are those of ag_matmul and ag_inverse.
 *   y = x^p
 * Errors: AG_ESHAPE if the matrices are not square; AG_EARG where p < 0 and one is singular. */
AG_API ag_tensor ag_matrix_power(ag_tensor x, int64_t p)
{
    const ag_shape s = ag_shape_of(x);
    if (s.rank < 0)
        return ag_inert(x.tape);
    if (s.rank < 2 || s.dim[s.rank - 1] != s.dim[s.rank - 2]) {
        char text[128];
        ag_fail(x.tape, AG_ESHAPE, "ag_matrix_power: the matrix must be square, but x is %s",
                ag_shape_text(s, text, sizeof text));
        return ag_inert(x.tape);
    }
    const uint64_t factors = p < 0 ? -(uint64_t)p : (uint64_t)p;
    ag_tensor square = p < 0 ? ag_inverse(x) : x, y = { 0 };
    for (uint64_t left = factors; left > 0 && ag_ok(square); left >>= 1) {
        if (left & 1)
            y = y.tape ? ag_matmul(y, square) : square;
        if (left > 1)
            square = ag_matmul(square, square);
    }
    if (p == 0)
        return ag_expand(ag_eye(x.tape, ag_dtype_of(x), s.dim[s.rank - 1]), s);
    return ag_ok(square) ? y : ag_inert(x.tape);
}
