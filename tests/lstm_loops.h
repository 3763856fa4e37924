/* The loops of lstm.h over one row of a batch, for one floating type: REAL, its EXP and TANH, and NAME, which makes the
 * functions' names. */

static void NAME(lstm_row)(int64_t n, REAL *restrict gates, const REAL *restrict c, REAL *restrict h_new,
                           REAL *restrict c_new, REAL *restrict squashed)
{
    REAL *i = gates, *f = gates + n, *g = gates + 2 * n, *o = gates + 3 * n;
    for (int64_t j = 0; j < 2 * n; j++) /* i and f, and then o */
        gates[j] = 1 / (1 + EXP(-gates[j]));
    for (int64_t j = 0; j < n; j++)
        g[j] = TANH(g[j]);
    for (int64_t j = 0; j < n; j++)
        o[j] = 1 / (1 + EXP(-o[j]));
    for (int64_t j = 0; j < n; j++)
        c_new[j] = f[j] * c[j] + i[j] * g[j];
    for (int64_t j = 0; j < n; j++)
        squashed[j] = TANH(c_new[j]);
    for (int64_t j = 0; j < n; j++)
        h_new[j] = o[j] * squashed[j];
}

/* dh_new and dc_new may be NULL: nothing arrived. dz: of what the gates were made from. dc may be NULL too. */
static void NAME(lstm_row_back)(int64_t n, const REAL *restrict gates, const REAL *restrict squashed,
                                const REAL *restrict c, const REAL *restrict dh_new, const REAL *restrict dc_new,
                                REAL *restrict dz, REAL *restrict dc, bool add)
{
    const REAL *i = gates, *f = gates + n, *g = gates + 2 * n, *o = gates + 3 * n;
    for (int64_t j = 0; j < n; j++) {
        const REAL dh = dh_new ? dh_new[j] : 0, t = squashed[j];
        const REAL d = (dc_new ? dc_new[j] : 0) + dh * o[j] * (1 - t * t);
        dz[j] = d * g[j] * i[j] * (1 - i[j]);
        dz[n + j] = d * c[j] * f[j] * (1 - f[j]);
        dz[2 * n + j] = d * i[j] * (1 - g[j] * g[j]);
        dz[3 * n + j] = dh * t * o[j] * (1 - o[j]);
        if (dc)
            dc[j] = (add ? dc[j] : 0) + d * f[j];
    }
}

static void NAME(lstm_add)(int64_t n, REAL *restrict to, const REAL *restrict from)
{
    for (int64_t j = 0; j < n; j++)
        to[j] += from[j];
}

#undef REAL
#undef EXP
#undef TANH
#undef NAME
