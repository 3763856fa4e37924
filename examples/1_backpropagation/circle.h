/* What the three examples of the learned circle share: the data, where learning starts, and how long it goes on.
 *
 * A point x belongs to class 1 (outside) or 0 (inside) of a circle. The model has three parameters,
 *
 *     z = (x1 - w1)^2 + (x2 - w2)^2 - w0^2,  p = sigma(z), the probability of class 1,
 *
 * centre (w1, w2) and radius w0; p is 0.5 on the circle, where z = 0. */
#ifndef EXAMPLES_CIRCLE_H
#define EXAMPLES_CIRCLE_H

#include "ag/ag.h"

enum { CIRCLE_SAMPLES = 10000, CIRCLE_STEPS = 100 };
static const double circle_rate = 0.2; /* of learning */
typedef struct circle_numbers {
    double x1, x2, radius;
} circle_numbers;
static const circle_numbers circle_truth = { 0.5, -0.25, 1.2 }, circle_start = { 0.1, 0.1, 0.5 };

/* x [m,2] in the square from -2 to 2. Two kinds of labels [m]: hard, 1 where z > 0; and drawn, 1 with probability
 * sigma(z), z being that of the true circle. */
typedef struct circle_data {
    ag_tensor x, hard, drawn;
} circle_data;

static inline circle_data circle_make(ag_tape *t)
{
    const circle_numbers w = circle_truth;
    const ag_shape m = AG_SHAPE(CIRCLE_SAMPLES);
    ag_tensor x = ag_rand(t, AG_F64, AG_SHAPE(CIRCLE_SAMPLES, 2), -2, 2);
    ag_tensor squares = ag_square(ag_sub(x, AG_VALUES(t, AG_SHAPE(2), w.x1, w.x2)));
    ag_tensor z = ag_add_scalar(ag_sum_over(squares, AG_AXES(1), 0), -w.radius * w.radius);
    ag_tensor hard = ag_greater(z, ag_constant(t, 0)), drawn = ag_less(ag_rand(t, AG_F64, m, 0, 1), ag_sigmoid(z));
    circle_data d = { ag_buffer(x, "x"), ag_buffer(ag_cast(hard, AG_F64), "hard"),
                      ag_buffer(ag_cast(drawn, AG_F64), "drawn") };
    ag_tape_reset(t);
    return d;
}

/* A line of the table of progress. Step 0 comes with its head, -1 stands for the truth. */
static inline void circle_print(const char *title, int step, double loss, circle_numbers w)
{
    if (step == 0)
        printf("%s\n  step  loss      centre                                radius\n", title);
    if (step < 0)
        printf("the truth       ");
    else
        printf("%6d  %.6f", step, loss);
    printf("  % .15f  % .15f  %.15f\n", w.x1, w.x2, w.radius);
}

/* Whether a line is printed for a step: often at first */
static inline bool circle_reports(int step)
{
    return step % 20 == 0 || step == 10;
}

#endif
