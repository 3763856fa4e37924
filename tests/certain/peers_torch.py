"""The mistakes of mistakes.h planted in functions of PyTorch's, put to torch.autograd.gradcheck and gradgradcheck as they
are documented, f64 and the default tolerances: a line "name, tab, slow mode, tab, fast mode" for each."""
import warnings

import torch
from torch.autograd import Function, gradcheck, gradgradcheck

warnings.filterwarnings("ignore")
torch.manual_seed(1)
torch.set_num_threads(1)
state = {"calls": 0, "kept": None}


def cube(rule, forward=None, jvp=None):
    """c x^3 whose derivative is rule(dy, x, c)"""

    class Cube(Function):
        @staticmethod
        def forward(ctx, x, c):
            ctx.save_for_backward(x)
            ctx.save_for_forward(x)
            ctx.c = c
            return forward(x, c) if forward else c * x**3

        @staticmethod
        def backward(ctx, dy):
            return rule(dy, ctx.saved_tensors[0], ctx.c), None

        @staticmethod
        def jvp(ctx, dx, _):
            return jvp(dx, ctx.saved_tensors[0], ctx.c)

    return Cube.apply


def right(dy, x, c):
    return dy * 3 * c * x**2


def one_element(dy, x, c):
    factor = torch.ones_like(x)
    factor.view(-1)[5] = 1.01
    return right(dy, x, c) * factor


def never_the_same(dy, x, c):
    state["calls"] += 1
    return right(dy, x, c) * (1 + 1e-5 * (state["calls"] % 7))


def value_never_the_same(x, c):
    state["calls"] += 1
    return c * x**3 + 1e-9 * (state["calls"] % 7)


def by_kernel(factor):
    """wrong in a plain pass, right where a graph is made"""
    return lambda dy, x, c: right(dy, x, c) * (1 if torch.is_grad_enabled() else factor)


def unwritten(dy, x, c):
    dx = torch.full_like(x, float("nan"))  # what memory may hold
    full = right(dy, x, c)
    mask = torch.ones_like(x, dtype=torch.bool)
    mask.view(-1)[5] = False
    return torch.where(mask, full, dx)


def far_forward(x, c):
    y = c * x**3
    if x.numel() > 4096:
        y.view(-1)[4097:] *= 1.01
    return y


def keeping_forward(x, c):
    state["kept"] = x.detach().clone()
    return c * x**3


def writing_forward(x, c):
    y = c * x**3
    x.detach().div_(2)
    return y


class Wave(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x.sin()

    @staticmethod
    def backward(ctx, dy):
        return dy * ctx.saved_tensors[0].sin()


class Root(Function):
    @staticmethod
    def forward(ctx, x):
        y = x.sign() * x.abs() ** (1 / 3)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, dy):
        return dy / (3 * ctx.saved_tensors[0] ** 2)


def product(needy):
    class Product(Function):
        @staticmethod
        def forward(ctx, a, b):
            ctx.save_for_backward(a, b)
            return a * b**2

        @staticmethod
        def backward(ctx, dy):
            a, b = ctx.saved_tensors
            both = dy * b**2, 2 * dy * a * b
            return both if needy and all(ctx.needs_input_grad) else both[::-1]

    return Product.apply


def matrix(rule):
    class Matrix(Function):
        @staticmethod
        def forward(ctx, a, b):
            ctx.save_for_backward(a, b)
            return a @ b

        @staticmethod
        def backward(ctx, dy):
            return rule(dy, *ctx.saved_tensors)

    return Matrix.apply


def rows(rule):
    class Rows(Function):
        @staticmethod
        def forward(ctx, a, b):
            ctx.save_for_backward(a)
            return a * a + 2 * b

        @staticmethod
        def backward(ctx, dy):
            return 2 * dy * ctx.saved_tensors[0], rule(2 * dy)

    return Rows.apply


def draw(low, high, *shape):
    return (low + (high - low) * torch.rand(*shape, dtype=torch.float64)).requires_grad_()


x = draw(-2, 2, 3, 4)
with torch.no_grad():
    x[0, 0] = 1.8
a, b = draw(-2, 2, 3, 4), draw(0.5, 3, 3, 4)
m, n = draw(-2, 2, 3, 3), draw(-2, 2, 3, 3)
r, s = draw(-2, 2, 4, 3), draw(-2, 2, 3)
c = 2.5


def of(rule, forward=None):
    f = cube(rule, forward)
    return lambda v: f(v, c), (x,)


checks = {
    "nothing wrong": of(right),
    "wrong sign": of(lambda dy, x, c: -right(dy, x, c)),
    "twice as large": of(lambda dy, x, c: 2 * right(dy, x, c)),
    "one part in a thousand too large": of(lambda dy, x, c: 1.001 * right(dy, x, c)),
    "no gradient": of(lambda dy, x, c: 0 * right(dy, x, c)),
    "a constant added": of(lambda dy, x, c: right(dy, x, c) + 0.01),
    "the square of dy": of(lambda dy, x, c: right(dy**2, x, c)),
    "the size of dy, without its sign": of(lambda dy, x, c: right(dy.abs(), x, c)),
    "one element wrong": of(one_element),
    "each element has its neighbour's": of(lambda dy, x, c: right(dy, x.roll(-1, 1), c)),
    "wrong at large x alone": of(lambda dy, x, c: right(dy, x, c) * (1 + 0.01 * (x > 1.7))),
    "a parameter ignored": of(lambda dy, x, c: right(dy, x, 1)),
    "no second derivative": of(lambda dy, x, c: right(dy, x.detach(), c)),
    "second derivative of the wrong sign": of(lambda dy, x, c: 2 * right(dy, x.detach(), c) - right(dy, x, c)),
    "a gradient that is never the same": of(never_the_same),
    "a value that is never the same": of(right, value_never_the_same),
    "a term of the product rule missing": (Wave.apply, (x,)),
    "operands exchanged": (product(False), (a, b)),
    "right only where both gradients are wanted": (product(True), (a, b)),
    "a structural zero missing": (Root.apply, (x,)),
    "a matrix not transposed": (matrix(lambda dy, p, q: (dy @ q, p.T @ dy)), (m, n)),
    "a gradient transposed": (matrix(lambda dy, p, q: (dy @ q.T, dy.T @ p)), (m, n)),
    "sum over the broadcast missing": (rows(lambda d: d[-1]), (r, s)),
    "mean over the broadcast for its sum": (rows(lambda d: d.mean(0)), (r, s)),
    "kernel that is not what the rule says": of(by_kernel(1.01)),
    "an element that is never written": of(unwritten),
    "wrong for strided operands": of(lambda dy, x, c: right(dy, x, c) * (1 if x.is_contiguous() else 2)),
    "wrong in single precision": of(lambda dy, x, c: right(dy, x, c) * (1.01 if x.dtype == torch.float32 else 1)),
    "wrong beyond 4096 elements": of(right, far_forward),
    "values of the last call kept": of(lambda dy, x, c: right(dy, state["kept"] + 0 * x, c), keeping_forward),
    "an operand written": of(right, writing_forward),
}


def caught(f, inputs, **how):
    inputs = [v.detach().clone().requires_grad_() for v in inputs]
    try:
        return "-" if gradcheck(f, inputs, **how) and gradgradcheck(f, inputs, **how) else "caught"
    except Exception:
        return "caught"


for name, (f, inputs) in checks.items():
    print(name, caught(f, inputs), caught(f, inputs, fast_mode=True), sep="\t", flush=True)
wrong = cube(right, jvp=lambda dx, x, c: 2 * right(dx, x, c))
f = lambda v: wrong(v, c)


def caught_forward(**how):
    try:
        return "-" if gradcheck(f, (x,), check_forward_ad=True, **how) else "caught"
    except Exception:
        return "caught"


print("wrong forward derivative", caught_forward(), caught_forward(fast_mode=True), sep="\t")
