/* Initial values of weights. */
#include "nn/internal.h"
#include <math.h>

/* False: reported. As doubles, so that no product overflows. */
static bool fans(ag_tape *t, ag_shape s, const char *who, double *in, double *out)
{
    if (!t)
        return false;
    if (s.rank < 2 || s.rank > AG_MAX_RANK) {
        ag_fail(t, AG_ESHAPE, "%s: a shape of rank %d has no fan-in and fan-out; it takes at least 2 dimensions", who,
                s.rank);
        return false;
    }
    for (int i = 0; i < s.rank; i++) {
        if (s.dim[i] < 0) {
            ag_fail(t, AG_ESHAPE, "%s: extent %d of the shape is %lld", who, i + 1, (long long)s.dim[i]);
            return false;
        }
    }
    double rest = 1;
    for (int i = 2; i < s.rank; i++)
        rest *= (double)s.dim[i];
    *in = (double)s.dim[1] * rest;
    *out = (double)s.dim[0] * rest;
    return true;
}

/* Zero mean and the given variance, which is not finite for an empty tensor. */
static ag_tensor draw(ag_tape *t, ag_shape s, double variance, bool normal)
{
    double deviation = isfinite(variance) && variance > 0 ? sqrt(variance) : 0, bound = sqrt(3.0) * deviation;
    return normal ? ag_randn(t, AG_FLOAT, s, 0, deviation) : ag_rand(t, AG_FLOAT, s, -bound, bound);
}

ag_tensor nn_xavier_uniform(ag_tape *t, ag_shape s)
{
    double in, out;
    return fans(t, s, "nn_xavier_uniform", &in, &out) ? draw(t, s, 2 / (in + out), false) : nn_inert(t);
}

ag_tensor nn_xavier_normal(ag_tape *t, ag_shape s)
{
    double in, out;
    return fans(t, s, "nn_xavier_normal", &in, &out) ? draw(t, s, 2 / (in + out), true) : nn_inert(t);
}

ag_tensor nn_kaiming_uniform(ag_tape *t, ag_shape s)
{
    double in, out;
    return fans(t, s, "nn_kaiming_uniform", &in, &out) ? draw(t, s, 2 / in, false) : nn_inert(t);
}

ag_tensor nn_kaiming_normal(ag_tape *t, ag_shape s)
{
    double in, out;
    return fans(t, s, "nn_kaiming_normal", &in, &out) ? draw(t, s, 2 / in, true) : nn_inert(t);
}
