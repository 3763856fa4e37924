"""ag from Python: the lecture graph d = a (a + b), then a line fitted to points by gradient descent.

    AG_LIBRARY=build/libag.so python3 examples/bindings/graph.py
"""
from ag import *


def lecture_graph():
    t = tape_new(Options())
    a, b = variable(t, 4), variable(t, 3)
    c = add(a, b)
    d = mul(a, c)
    backward(d)
    check(t)
    print(f"d = {item(d):g}, dd/da = {item(grad(a)):g}, dd/db = {item(grad(b)):g}")
    tape_free(t)


def fitted_line():
    t = tape_new(Options())
    xs = [i / 10 for i in range(20)]
    ys = [2 * x - 1 for x in xs]
    slope, offset = param(variable(t, 0), b"slope"), param(variable(t, 0), b"offset")
    for _ in range(400):
        loss = mse(add(mul(slope, values(t, xs, 20)), offset), values(t, ys, 20))
        backward(loss)
        for p in (slope, offset):
            assign(p, sub(detach(p), mul_scalar(grad(p), 0.2)))
            zero_grad(p)
        tape_reset(t)
        check(t)
    print(f"slope {item(slope):.6f}, offset {item(offset):.6f}")
    tape_free(t)


def mistake():
    t = tape_new(Options(on_error=quiet()))
    add(zeros(t, F64, shape(2, 3)), zeros(t, F64, shape(4)))
    try:
        check(t)
    except RuntimeError as e:
        print(f"error: {e}")
    tape_free(t)


lecture_graph()
fitted_line()
mistake()
