/* The loops of batch_norm.h over one row of a batch, for one floating type: REAL, and NAME, which makes the functions'
 * names. Sums over the rows are kept in double precision, a number per column. */

static void NAME(batch_norm_sum)(int64_t n, const REAL *restrict x, double *restrict sum)
{
    for (int64_t j = 0; j < n; j++)
        sum[j] += (double)x[j];
}

static void NAME(batch_norm_squares)(int64_t n, const REAL *restrict x, const double *restrict mean,
                                     double *restrict sum)
{
    for (int64_t j = 0; j < n; j++)
        sum[j] += ((double)x[j] - mean[j]) * ((double)x[j] - mean[j]);
}

static void NAME(batch_norm_row)(int64_t n, const REAL *restrict x, const REAL *restrict mean,
                                 const REAL *restrict inverse, const REAL *restrict gamma, const REAL *restrict beta,
                                 REAL *restrict y)
{
    for (int64_t j = 0; j < n; j++)
        y[j] = (x[j] - mean[j]) * inverse[j] * gamma[j] + beta[j];
}

/* The sums of dy, and of dy times the normalised x. */
static void NAME(batch_norm_sums_back)(int64_t n, const REAL *restrict dy, const REAL *restrict x,
                                       const REAL *restrict mean, const REAL *restrict inverse, double *restrict sum,
                                       double *restrict product)
{
    for (int64_t j = 0; j < n; j++) {
        sum[j] += (double)dy[j];
        product[j] += (double)(dy[j] * ((x[j] - mean[j]) * inverse[j]));
    }
}

/* dx = dy scale + (x - mean) slope + shift, a scale, slope and shift per column. dy may be NULL: nothing arrived. */
static void NAME(batch_norm_row_back)(int64_t n, const REAL *restrict dy, const REAL *restrict x,
                                      const REAL *restrict mean, const double *restrict scale,
                                      const double *restrict slope, const double *restrict shift, REAL *restrict dx,
                                      bool add)
{
    for (int64_t j = 0; j < n; j++)
        dx[j] = (add ? dx[j] : 0) +
                (REAL)((dy ? (double)dy[j] : 0) * scale[j] + (double)(x[j] - mean[j]) * slope[j] + shift[j]);
}

static void NAME(batch_norm_store)(int64_t n, const double *restrict from, REAL *restrict to, bool add)
{
    for (int64_t j = 0; j < n; j++)
        to[j] = (add ? to[j] : 0) + (REAL)from[j];
}

#undef REAL
#undef NAME
