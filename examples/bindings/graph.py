"""ag from Python by ctypes: the lecture graph d = a (a + b), then a line fitted to points by gradient descent.

    python3 examples/bindings/graph.py build/libag.so

Handles and shapes are plain structs that are passed by value; every C function is called with the argument and result
types of its prototype in ag/ag.h. An error is a status on the tape: `check` turns it into an exception.
"""
import ctypes
import sys

F64 = 2  # enum ag_dtype
MAX_RANK = 8


class Tensor(ctypes.Structure):
    _fields_ = [("tape", ctypes.c_void_p), ("id", ctypes.c_uint32), ("epoch", ctypes.c_uint32)]


class Shape(ctypes.Structure):
    _fields_ = [("rank", ctypes.c_int), ("dim", ctypes.c_int64 * MAX_RANK)]


class Allocator(ctypes.Structure):
    _fields_ = [("allocate", ctypes.c_void_p), ("release", ctypes.c_void_p), ("user", ctypes.c_void_p), ("resize", ctypes.c_void_p)]


class Options(ctypes.Structure):
    _fields_ = [
        ("dtype", ctypes.c_int),
        ("threads", ctypes.c_int),
        ("seed", ctypes.c_uint64),
        ("keep_grads", ctypes.c_bool),
        ("on_error", ctypes.c_void_p),
        ("user", ctypes.c_void_p),
        ("allocator", Allocator),
        ("memory_limit", ctypes.c_uint64),
    ]


def shape(*dims):
    return Shape(len(dims), (ctypes.c_int64 * MAX_RANK)(*dims))


ag = ctypes.CDLL(sys.argv[1] if len(sys.argv) > 1 else "libag.so")


def declare(name, result, *arguments):
    function = getattr(ag, name)
    function.restype, function.argtypes = result, arguments
    return function


Tape = ctypes.c_void_p
Double = ctypes.c_double
tape_new = declare("ag_tape_new", Tape, Options)
tape_free = declare("ag_tape_free", None, Tape)
tape_reset = declare("ag_tape_reset", ctypes.c_int, Tape)
variable = declare("ag_variable", Tensor, Tape, Double)
from_memory = declare("ag_from", Tensor, Tape, ctypes.c_int, Shape, ctypes.c_void_p, ctypes.c_size_t)
zeros = declare("ag_zeros", Tensor, Tape, ctypes.c_int, Shape)
param = declare("ag_param", Tensor, Tensor, ctypes.c_char_p)
assign = declare("ag_assign", ctypes.c_int, Tensor, Tensor)
add = declare("ag_add", Tensor, Tensor, Tensor)
sub = declare("ag_sub", Tensor, Tensor, Tensor)
mul = declare("ag_mul", Tensor, Tensor, Tensor)
mul_scalar = declare("ag_mul_scalar", Tensor, Tensor, Double)
mse = declare("ag_mse", Tensor, Tensor, Tensor)
detach = declare("ag_detach", Tensor, Tensor)
backward = declare("ag_backward", ctypes.c_int, Tensor)
grad = declare("ag_grad", Tensor, Tensor)
zero_grad = declare("ag_zero_grad", ctypes.c_int, Tensor)
item = declare("ag_item", Double, Tensor)
error = declare("ag_error", ctypes.c_int, Tape)
error_text = declare("ag_error_text", ctypes.c_char_p, Tape)


def check(tape):
    if error(tape):
        raise RuntimeError(error_text(tape).decode())


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

    def points(v):
        memory = (Double * len(v))(*v)
        return from_memory(t, F64, shape(len(v)), memory, ctypes.sizeof(memory))

    slope, offset = param(variable(t, 0), b"slope"), param(variable(t, 0), b"offset")
    for _ in range(400):
        loss = mse(add(mul(slope, points(xs)), offset), points(ys))
        backward(loss)
        for p in (slope, offset):
            assign(p, sub(detach(p), mul_scalar(grad(p), 0.2)))
            zero_grad(p)
        tape_reset(t)
        check(t)
    print(f"slope {item(slope):.6f}, offset {item(offset):.6f}")
    tape_free(t)


def mistake():
    t = tape_new(Options(on_error=ctypes.cast(ag.ag_quiet, ctypes.c_void_p).value))
    add(zeros(t, F64, shape(2, 3)), zeros(t, F64, shape(4)))
    try:
        check(t)
    except RuntimeError as e:
        print(f"error: {e}")
    tape_free(t)


lecture_graph()
fitted_line()
mistake()
