"""ag from Python by ctypes: the structs, and the functions that the programs beside this file call.

Handles and shapes are plain structs that are passed by value; every C function is called with the argument and result
types of its prototype in ag/ag.h: `declare` takes them. An error is a status on the tape: `check` turns it into an
exception. The library is libag.so where the system looks for it, or what AG_LIBRARY names.
"""
import ctypes
import os

FLOAT, F32, F64, I32, I64, U8 = range(6)  # enum ag_dtype
MAX_RANK = 8

Tape = ctypes.c_void_p
Double = ctypes.c_double
Int = ctypes.c_int
Int64 = ctypes.c_int64
Pointer = ctypes.c_void_p
Size = ctypes.c_size_t
Text = ctypes.c_char_p


class Tensor(ctypes.Structure):
    _fields_ = [("tape", Tape), ("id", ctypes.c_uint32), ("epoch", ctypes.c_uint32)]


class Shape(ctypes.Structure):
    _fields_ = [("rank", Int), ("dim", Int64 * MAX_RANK)]


class Allocator(ctypes.Structure):
    _fields_ = [("allocate", Pointer), ("release", Pointer), ("user", Pointer), ("resize", Pointer)]


class Options(ctypes.Structure):
    _fields_ = [
        ("dtype", Int),
        ("threads", Int),
        ("seed", ctypes.c_uint64),
        ("keep_grads", ctypes.c_bool),
        ("check_finite", ctypes.c_bool),
        ("on_error", Pointer),
        ("user", Pointer),
        ("allocator", Allocator),
        ("memory_limit", ctypes.c_uint64),
        ("debug", ctypes.c_bool),
        ("on_warning", Pointer),
        ("fuse", Int64),
        ("repeat", Int),
    ]


def shape(*dims):
    return Shape(len(dims), (Int64 * MAX_RANK)(*dims))


library = ctypes.CDLL(os.environ.get("AG_LIBRARY") or "libag.so")


def declare(name, result, *arguments):
    function = getattr(library, name)
    function.restype, function.argtypes = result, arguments
    return function


tape_new = declare("ag_tape_new", Tape, Options)
tape_free = declare("ag_tape_free", None, Tape)
tape_reset = declare("ag_tape_reset", Int, Tape)
error = declare("ag_error", Int, Tape)
error_text = declare("ag_error_text", Text, Tape)
variable = declare("ag_variable", Tensor, Tape, Double)
from_memory = declare("ag_from", Tensor, Tape, Int, Shape, Pointer, Size)
zeros = declare("ag_zeros", Tensor, Tape, Int, Shape)
param = declare("ag_param", Tensor, Tensor, Text)
assign = declare("ag_assign", Int, Tensor, Tensor)
size_of = declare("ag_size_of", Int64, Tensor)
item = declare("ag_item", Double, Tensor)
copy_out = declare("ag_copy_out", Int, Tensor, Int, Pointer, Size)
add = declare("ag_add", Tensor, Tensor, Tensor)
sub = declare("ag_sub", Tensor, Tensor, Tensor)
mul = declare("ag_mul", Tensor, Tensor, Tensor)
mul_scalar = declare("ag_mul_scalar", Tensor, Tensor, Double)
softmax = declare("ag_softmax", Tensor, Tensor, Int)
mse = declare("ag_mse", Tensor, Tensor, Tensor)
detach = declare("ag_detach", Tensor, Tensor)
backward = declare("ag_backward", Int, Tensor)
grad = declare("ag_grad", Tensor, Tensor)
zero_grad = declare("ag_zero_grad", Int, Tensor)


def quiet():
    """The error handler that does nothing, as Options(on_error=quiet()) takes it."""
    return ctypes.cast(library.ag_quiet, Pointer).value


def check(tape):
    if error(tape):
        raise RuntimeError(error_text(tape).decode())


def values(tape, numbers, *dims):
    """An f64 tensor of the shape `dims` with these numbers."""
    memory = (Double * len(numbers))(*numbers)
    return from_memory(tape, F64, shape(*dims), memory, ctypes.sizeof(memory))


def to_list(x):
    """The elements, row by row; [] on error."""
    memory = (Double * max(size_of(x), 0))()
    return [] if copy_out(x, F64, memory, ctypes.sizeof(memory)) else list(memory)
