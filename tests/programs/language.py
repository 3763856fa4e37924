"""The language of tests/programs.h on PyTorch's side: statements, the ops, and running a program."""
import dataclasses
import functools
import numpy
import torch
import torch.nn.functional as F

DTYPES = {"f32": torch.float32, "f64": torch.float64, "i32": torch.int32, "i64": torch.int64, "u8": torch.uint8}
REDUCTIONS = ("sum_over", "mean_over", "max_over", "min_over", "logsumexp")  # parameters: keep the axes?, the axes
LISTED = ("permute", "reshape", "expand")  # parameters: the axes, the extents
MARGIN = 2e-3  # how near a kink a value may lie, unless it lies on it exactly
LARGEST = 1e3


class Reject(Exception):
    """The program is none that both sides must agree on; the text says why."""


@dataclasses.dataclass
class Statement:
    word: str
    operands: tuple = ()
    parameters: tuple = ()
    kind: str = ""  # of a leaf, and what follows
    dtype: str = ""  # "float": the tape's
    shape: tuple = ()
    seed: int = 0
    low: float = 0
    high: float = 0
    grid: int = 1

    def text(self):
        if self.word == "leaf":
            shape = ",".join(map(str, self.shape)) or "-"
            return f"leaf {self.kind} {self.dtype} {shape} {self.seed} {self.low:g} {self.high:g} {self.grid}"
        if self.word == "assign":
            return f"assign {self.operands[0]} : {self.seed}"
        parameters = [str(p) if isinstance(p, (int, str)) else repr(p) for p in self.as_in_c()]
        return " ".join([self.word, *map(str, self.operands), *([":"] if parameters else []), *parameters])

    def as_in_c(self):
        """The parameters in the order of the C function's; before a list stands its length, -1 for all axes."""
        if self.word in REDUCTIONS:
            keep, *axes = self.parameters
            return [len(axes) or -1, *axes, keep]
        return [len(self.parameters), *self.parameters] if self.word in LISTED else self.parameters

    def makes_tensor(self):
        return self.word not in ("assign", "retain", "no_grad", "grad")


# ---- numbers that ag's side draws in the same way


def scramble(z):
    z ^= z >> numpy.uint64(31)
    z *= numpy.uint64(0x94D049BB133111EB)
    z ^= z >> numpy.uint64(29)
    z *= numpy.uint64(0xBF58476D1CE4E5B9)
    return z ^ z >> numpy.uint64(32)


def leaf_values(s, step):
    count = int(numpy.prod(s.shape, dtype=numpy.int64))
    first = numpy.uint64((s.seed + step * 1000003) * 0x9E3779B97F4A7C15 % 2**64)
    z = first + numpy.arange(count, dtype=numpy.uint64) * numpy.uint64(0xD1342543DE82EF95)
    k = (scramble(scramble(z)) >> numpy.uint64(48)).astype(numpy.float64)
    return s.low + numpy.floor(k * (s.high - s.low) * s.grid / 65536) / s.grid


@functools.lru_cache(maxsize=1000)
def weights_of(n):
    i = numpy.arange(n, dtype=numpy.uint64)
    w = 1 + ((i * numpy.uint64(2654435761) >> numpy.uint64(16)) % numpy.uint64(65536)).astype(numpy.float64) / 65536
    return torch.from_numpy(w)


def weights(t):
    return weights_of(t.numel()).reshape(t.shape).to(t.dtype)


# ---- ops: functions of operands and parameters


def over(f):
    return lambda x, keep, *axes: f(x, tuple(axes) or tuple(range(x.dim())), bool(keep))


def mean_over(x, axes, keep):
    return x.mean(axes, keepdim=keep) if axes else x.mean()


def sum_over(x, axes, keep):
    return x.sum(axes, keepdim=keep) if axes else x.sum()


def logsumexp(x, axes, keep):
    return torch.logsumexp(x, axes, keepdim=keep) if axes else x.clone()


def embed(x, axis, extent, start, step):
    shape = list(x.shape)
    shape[axis] = extent
    index = start + step * torch.arange(x.shape[axis])
    return torch.zeros(shape, dtype=x.dtype).index_copy(axis, index, x)


def slices(x, axis, start, stop, step):
    at = [slice(None)] * x.dim()
    at[axis] = slice(start, stop, step)
    return x[tuple(at)]


def cross_entropy(z, target):
    return F.cross_entropy(z, target if target.is_floating_point() else target.long())


def compare(f):
    return lambda a, b: f(a.detach(), b.detach()).to(torch.uint8)


def constant(f):
    return lambda x, c: f(x, torch.tensor(c, dtype=x.dtype))


def power(a, b):
    """PyTorch's derivative by a is a constant 0 where b is 0; it grows with b, as 1/a."""
    smooth = (b == 0) & (a > 0)
    return torch.where(smooth, torch.exp(b * torch.log(torch.where(smooth, a, 1.0))), torch.pow(a, torch.where(smooth, 1.0, b)))


OPS = {
    "neg": torch.neg, "square": torch.square, "sqrt": torch.sqrt, "exp": torch.exp, "log": torch.log, "sin": torch.sin,
    "cos": torch.cos, "tanh": torch.tanh, "sigmoid": torch.sigmoid, "relu": torch.relu, "abs": torch.abs,
    "softplus": lambda x: F.softplus(x, threshold=500), "sign": lambda x: torch.sign(x.detach()),
    "add_scalar": lambda x, c: x + c, "mul_scalar": lambda x, c: x * c, "scalar_sub": lambda x, c: c - x,
    "scalar_div": lambda x, c: c / x, "pow_scalar": torch.pow, "leaky_relu": F.leaky_relu,
    "maximum_scalar": constant(torch.maximum), "minimum_scalar": constant(torch.minimum),
    "heaviside": lambda x, c: torch.heaviside(x.detach(), torch.tensor(c, dtype=x.dtype)),
    "clamp": lambda x, low, high: torch.clamp(x, low, high),
    "add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div, "pow": power, "maximum": torch.maximum,
    "minimum": torch.minimum, "chain": torch.mul,
    "less": compare(torch.lt), "less_equal": compare(torch.le), "greater": compare(torch.gt),
    "greater_equal": compare(torch.ge), "equal": compare(torch.eq), "not_equal": compare(torch.ne),
    "sum": torch.sum, "mean": torch.mean, "max": torch.amax, "min": torch.amin,
    "sum_over": over(sum_over), "mean_over": over(mean_over), "max_over": over(torch.amax), "min_over": over(torch.amin),
    "logsumexp": over(logsumexp), "softmax": lambda x, axis: x.softmax(axis),
    "log_softmax": lambda x, axis: x.log_softmax(axis), "matmul": torch.matmul, "dot": torch.dot, "linear": F.linear,
    "cross_entropy": cross_entropy, "mse": F.mse_loss, "bce": F.binary_cross_entropy,
    "bce_logits": F.binary_cross_entropy_with_logits,
    "one_hot": lambda x, n, d: F.one_hot(x.long(), n).to(DTYPES[d]),
    "transpose": torch.transpose, "permute": lambda x, *axes: x.permute(axes), "reshape": lambda x, *s: x.reshape(s),
    "flatten": torch.flatten, "unsqueeze": torch.unsqueeze, "squeeze": torch.squeeze, "slice": slices,
    "select": torch.select, "embed": embed, "expand": lambda x, *s: x.expand(s),
    "where": lambda c, a, b: torch.where(c != 0, a, b),
}
LISTS = {"concat": torch.cat, "stack": torch.stack}

# ---- kinks: how far from one every element is


def gap(x, axes):
    """Between the two largest elements of each group."""
    if x.dim() == 0:
        return torch.tensor([])
    axes = [a % x.dim() for a in axes] if axes else list(range(x.dim()))
    rest = [a for a in range(x.dim()) if a not in axes]
    rows = x.permute(*rest, *axes).reshape(*[x.shape[a] for a in rest], -1)
    if rows.numel() == 0 or rows.shape[-1] < 2:
        return torch.tensor([])
    top = rows.topk(2, dim=-1).values
    return top[..., 0] - top[..., 1]


def at_zero(x, *_):
    return x.abs()


def between(a, b):
    return (a - b).abs() if a.is_floating_point() else torch.tensor([])


KINKS = {
    "relu": at_zero, "abs": at_zero, "sign": at_zero, "leaky_relu": at_zero, "heaviside": at_zero,
    "maximum_scalar": lambda x, c: (x - c).abs(), "minimum_scalar": lambda x, c: (x - c).abs(),
    "clamp": lambda x, low, high: torch.minimum((x - low).abs(), (x - high).abs()),
    "max": lambda x: gap(x, ()), "min": lambda x: gap(-x, ()),
    "max_over": lambda x, keep, *axes: gap(x, axes), "min_over": lambda x, keep, *axes: gap(-x, axes),
    "cast": lambda x, d: (x - x.round()).abs() if x.is_floating_point() and d in ("i32", "i64", "u8") else torch.tensor([]),
    **{name: between for name in ("maximum", "minimum", "less", "less_equal", "greater", "greater_equal", "equal", "not_equal")},
}


def away(x):
    """From 0, or on it: there the derivative is infinite, and counts if nothing is behind it that is 0."""
    return ((x > 0.02) | (x == 0)).all()


DOMAIN = {  # what lies outside has no value, or no derivative
    "sqrt": away, "log": away, "pow": lambda a, b: away(a) or (away(a.abs()) and (b == b.round()).all()), "scalar_div": lambda x, c: away(x.abs()),
    "div": lambda a, b: away(b.abs()),
    "pow_scalar": lambda x, c: away(x) or c in (0, 1, 2, 3),
    "bce": lambda p, y: p.min() > 0.01 and p.max() < 0.99,
}
PRODUCTS = ("matmul", "linear", "dot", "mul", "chain", "sum", "sum_over", "mul_scalar")
INFINITE = ("log", "scalar_div", "div", "pow_scalar", "pow")  # may be, at 0
EXACT = {"neg", "square", "relu", "abs", "sign", "add_scalar", "mul_scalar", "scalar_sub", "maximum_scalar", "minimum_scalar",
         "heaviside", "clamp", "add", "sub", "mul", "maximum", "minimum", "sum", "max", "min", "sum_over", "max_over", "min_over",
         "transpose", "permute", "reshape", "flatten", "unsqueeze", "squeeze", "slice", "select", "embed", "expand", "concat",
         "stack", "where", "one_hot", "cast", "detach", "require_grad"}


# ---- running


class Run:
    """The tensors of a program at a step, made one statement after the other."""

    def __init__(self, dtype, step=0, careful=True):
        self.dtype, self.step, self.careful = dtype, step, careful
        self.env, self.exact, self.words, self.enabled = [], [], [], True

    def do(self, s):
        if s.word in ("no_grad", "grad"):
            self.enabled = s.word == "grad"
        if s.word == "assign":
            with torch.no_grad():
                x = self.env[s.operands[0]]
                x.copy_(torch.from_numpy(leaf_values(s, self.step)).reshape(s.shape))
        if not s.makes_tensor():
            return
        x = self.leaf(s) if s.word == "leaf" else self.op(s, [self.env[i] for i in s.operands])
        exact = s.grid <= 4 if s.word == "leaf" else s.word in EXACT and all(self.exact[i] for i in s.operands)
        if self.careful:
            size = x.detach()[x.detach().abs() != torch.inf] if s.word in INFINITE else x.detach()
            if size.numel() and not float(size.abs().max()) <= LARGEST:
                raise Reject("too large, or not a number")
        self.env.append(x)
        self.words.append(s.word)
        self.exact.append(exact and all(p * 4 == int(p * 4) for p in s.parameters if isinstance(p, float)))

    def leaf(self, s):
        dtype = self.dtype if s.dtype == "float" else DTYPES[s.dtype]
        x = torch.from_numpy(leaf_values(s, self.step)).reshape(s.shape).to(dtype)
        return x.requires_grad_() if s.kind in "vpq" else x

    def op(self, s, x):
        if s.word == "detach":
            return x[0].detach()
        if s.word == "require_grad":
            return x[0].detach().requires_grad_()
        if self.careful:
            self.check(s, [i.detach() for i in x])
        try:
            with torch.set_grad_enabled(self.enabled):
                if s.word == "cast":
                    return x[0].to(self.dtype if s.parameters[0] == 0 else DTYPES[s.parameters[0]])
                if s.word in LISTS:
                    return LISTS[s.word](x, *s.parameters)
                return OPS[s.word](*x, *s.parameters)
        except (RuntimeError, IndexError, ValueError) as e:
            raise Reject("PyTorch refuses") from e

    def check(self, s, x):
        if s.word in DOMAIN and x[-1].numel() and x[0].numel() and not DOMAIN[s.word](*x, *s.parameters):
            raise Reject("outside of the domain")
        if s.word in INFINITE and any(bool(((i == 0) & (i.signbit() | (self.words[at] in PRODUCTS))).any())
                                      for i, at in zip(x, s.operands)):
            raise Reject("the sign of a zero")
        if s.word == "cast" and x[0].is_floating_point() and not bool(x[0].isfinite().all()):
            raise Reject("a cast of infinity")
        if s.word == "pow" and self.env[s.operands[1]].requires_grad and bool(((x[1] == 0) | (x[1] == 1)).any()):
            raise Reject("an exponent of 0")  # b a^(b-1) has the derivative 1/a by b there, which PyTorch takes for 0
        if s.word not in KINKS:
            return
        try:
            d = KINKS[s.word](*x, *s.parameters)
        except (RuntimeError, IndexError) as e:
            raise Reject("PyTorch refuses") from e
        exact = all(self.exact[i] for i in s.operands) or (len(set(s.operands)) == 1 and len(s.operands) == 2)
        if exact and s.word != "clamp":  # whose derivative on a bound is 1 in ag, 0 or 1 in versions of PyTorch
            d = d[d > 0]
        if d.numel() and float(d.min()) < MARGIN:
            raise Reject("near a kink")


def weighted(t):
    """The weighted sum, and that of the magnitudes."""
    t = t.detach().double()
    t = t * weights(t)
    return float(t.sum()), float(t.abs().sum())


@dataclasses.dataclass
class Found:
    """What PyTorch computes: pairs as of weighted()."""
    values: list  # of each tensor
    gradients: dict  # lists of the first, second .. of leaves; of retained results the first
    largest: float  # element of a gradient that is a number


def gradient(y, xs, graph):
    if not y.requires_grad:
        return [torch.zeros_like(x) for x in xs]
    try:
        dx = torch.autograd.grad(y, xs, create_graph=graph, retain_graph=True, allow_unused=True)
    except RuntimeError as e:
        raise Reject("PyTorch refuses to differentiate") from e
    return [torch.zeros_like(x) if d is None else d for x, d in zip(xs, dx)]


def differentiate(run, losses, leaves, retained, order):
    y = sum((run.env[i] * weights(run.env[i])).sum() for i in losses)
    found = Found([weighted(x) for x in run.env], {i: [] for i in leaves + retained}, 0.0)
    for n in range(1, order + 1):
        wanted = leaves + retained if n == 1 else leaves
        dx = gradient(y, [run.env[i] for i in wanted], n < order)
        y = sum(((d * weights(d)).sum() for d in dx[: len(leaves)]), torch.zeros(()))
        for i, d in zip(wanted, dx):
            found.gradients[i].append(weighted(d))
            if d.numel():
                found.largest = max(found.largest, float(d.detach().nan_to_num(0).abs().max()))
    return found
