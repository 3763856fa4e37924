"""Random statements: what may follow, given the tensors that are there."""
import dataclasses
import random
import torch
from language import DOMAIN, Reject, Run, Statement

UNARY = ["neg", "square", "sqrt", "exp", "log", "sin", "cos", "tanh", "sigmoid", "softplus", "relu", "abs", "sign"]
CONSTANT = ["add_scalar", "mul_scalar", "scalar_sub", "scalar_div", "pow_scalar", "leaky_relu", "maximum_scalar",
            "minimum_scalar", "heaviside"]
BINARY = ["add", "sub", "mul", "div", "pow", "maximum", "minimum", "chain"]
COMPARE = ["less", "less_equal", "greater", "greater_equal", "equal", "not_equal"]
OVER = ["sum_over", "mean_over", "max_over", "min_over", "logsumexp"]
WHOLE = ["sum", "mean", "max", "min"]
SAME = ["cast", "squeeze", "flatten", "reshape", "expand"]  # may return their operand
POSITIVE = ["square", "exp", "sigmoid", "softplus", "abs"]


class Writer:
    """A program that grows. Each tensor has a tag: float (the tape's), f32, f64 (cast to it) or an integer's."""

    def __init__(self, number, limit=120):
        self.r = random.Random(number)
        self.run = Run(torch.float64)
        self.statements, self.tags, self.used = [], [], set()
        self.leaves, self.limit = 0, limit
        self.integers = self.r.random() < 0.15  # leaves on a grid of integers: ties, and values on kinks
        self.empty = self.r.random() < 0.04

    # ---- adding

    def add(self, s, tag=None):
        x = [self.run.env[i] for i in s.operands]
        self.run.do(s)
        if not s.makes_tensor():
            self.statements.append(s)
            return None
        y = self.run.env[-1]
        if y.numel() > self.limit or y.dim() > 6:
            self.run.env.pop(), self.run.exact.pop(), self.run.words.pop()
            raise Reject("large")
        self.statements.append(s)
        self.used.update(s.operands)
        if tag is None:
            tag = {torch.uint8: "u8", torch.int64: "i64", torch.int32: "i32"}.get(y.dtype)
        if tag is None:  # ranked operands decide
            tags = [self.tags[i] for i, t in zip(s.operands, x) if t.is_floating_point()]
            ranked = [self.tags[i] for i, t in zip(s.operands, x) if t.is_floating_point() and t.dim()]
            tag = ranked[0] if ranked else tags[0] if len(set(tags)) == 1 else "f64" if "f64" in tags else "float"
        self.tags.append(tag)
        return len(self.tags) - 1

    def op(self, word, *operands, p=(), tag=None):
        return self.add(Statement(word, operands, tuple(p)), tag)

    def leaf(self, shape, kind=None, dtype="float", low=-2, high=2, grid=None):
        if kind is None:
            kind = self.r.choice("vvvpppqcb" if dtype[0] == "f" else "cb")
        if grid is None:
            grid = 1 if self.integers and self.r.random() < 0.7 else 8192
        s = Statement("leaf", kind=kind, dtype=dtype, shape=tuple(shape), seed=self.r.randrange(10000), low=low, high=high,
                      grid=grid)
        self.leaves += 1
        return self.add(s, dtype)

    # ---- choosing

    def candidates(self, fits, tag="float"):
        return [i for i, t in enumerate(self.run.env) if self.tags[i] == tag and fits(t)]

    def pick(self, fits=lambda t: True, tag="float"):
        at = self.candidates(fits, tag)
        if not at:
            raise Reject("no such operand")
        if self.r.random() < 0.5:
            return self.r.choice(at[-3:])
        return self.r.choice(at)

    def shape(self, rank=None):
        rank = self.r.choice([0, 0, 1, 1, 1, 2, 2, 2, 2, 3, 3, 4, 5]) if rank is None else rank
        s = [self.r.choice([1, 2, 2, 3, 3, 4, 5] if rank < 4 else [1, 1, 2, 2, 3]) for _ in range(rank)]
        if self.empty and s and self.r.random() < 0.6:
            s[self.r.randrange(rank)] = 0
        return s

    def axis(self, rank):
        return self.r.randrange(-rank, rank)

    def number(self):
        return self.r.choice([-1.5, -1.0, -0.5, 0.25, 0.5, 1.0, 2.0]) if self.r.random() < 0.6 else round(self.r.uniform(-2, 2), 2)

    def partner(self, x):
        """Something that broadcasts with x: itself, another result, a leaf of a related shape."""
        t, way = self.run.env[x], self.r.random()
        if way < 0.12:
            return x
        if way < 0.6:
            def fits(o):
                return all(a == b or a == 1 or b == 1 for a, b in zip(reversed(o.shape), reversed(t.shape)))
            at = self.candidates(fits, self.tags[x])
            if self.r.random() < 0.3 and t.is_floating_point():  # where one is of rank 0, dtypes may differ
                for tag in ("float", "f32", "f64"):
                    at += self.candidates(lambda o: o.dim() == 0 or t.dim() == 0, tag)
            return self.r.choice(at)
        if self.tags[x] not in ("float", "f64"):
            raise Reject("no such operand")
        s = [1 if self.r.random() < 0.3 else self.r.choice([2, 3]) if n == 1 and self.r.random() < 0.4 else n for n in t.shape]
        if s and self.r.random() < 0.3:
            s = s[self.r.randrange(len(s) + 1):]
        elif len(s) < 4 and self.r.random() < 0.2:
            s = [self.r.choice([1, 2, 3])] + s
        return self.leaf(s, dtype=self.tags[x])

    def above_zero(self, x):
        x = self.op(self.r.choice(POSITIVE), x)
        return self.op("add_scalar", x, p=[self.r.choice([0.25, 0.5, 1.0])])

    def tame(self, x):
        t = self.run.env[x].detach()
        if t.is_floating_point() and t.numel() and float(t.abs().max()) > 6:
            return self.op(self.r.choice(["tanh", "sin", "sigmoid", "cos"]), x)
        return x

    # ---- statements

    def unary(self):
        word = self.r.choice(UNARY + CONSTANT + ["clamp"])
        x = self.pick(tag=self.r.choice(["float"] * 8 + ["f32", "f64"]))
        p = [self.number()] if word in CONSTANT else []
        if word == "pow_scalar":
            p = [self.r.choice([0.0, 1.0, 2.0, 3.0, -1.0, -2.0, 0.5, 1.5, 2.5])]
        if word == "clamp":
            p = sorted([self.number(), self.number()])
        if word == "sqrt" and self.r.random() < 0.2:  # a kink's other side is not looked at
            x = self.op("add_scalar", self.op("relu", x), p=[0.5])
        if word in DOMAIN and self.run.env[x].numel() and not DOMAIN[word](self.run.env[x], *p):
            x = self.above_zero(x)
        return self.op(word, x, p=p)

    def binary(self):
        word = self.r.choice(BINARY)
        a = self.pick(tag=self.r.choice(["float"] * 8 + ["f32", "f64"]))
        b = self.partner(a)
        if self.r.random() < 0.5:
            a, b = b, a
        if word == "div" and self.run.env[b].numel() and not DOMAIN[word](self.run.env[a], self.run.env[b]):
            b = self.above_zero(b)
        if word == "pow" and self.r.random() < 0.2:
            b = self.leaf(self.run.env[b].shape, "c", self.tags[b], grid=1)
        elif word == "pow":
            a = self.above_zero(a)
            if self.run.env[b].detach().abs().sum() > 30:
                b = self.op("tanh", b)
        return self.op(word, a, b)

    def masked(self):
        """An infinite derivative behind one that is 0: nothing comes of it."""
        x, zero = self.pick(), self.leaf([], "c", low=0, high=0)
        m = self.r.choice([
            lambda: self.op("relu", x), lambda: self.op("maximum_scalar", x, p=[0.0]), lambda: self.op("clamp", x, p=[0.0, 9.0]),
            lambda: self.op("where", self.op("greater", x, zero), x, zero)])()
        if self.r.random() < 0.3:
            m = self.view_of(m)
        finite = [("sqrt", []), ("sqrt", []), ("pow_scalar", [0.5]), ("pow_scalar", [1.5])]
        infinite = [("log", []), ("scalar_div", [1.5]), ("pow_scalar", [-1.0])]
        word, p = self.r.choice(finite + infinite)
        y = self.op(word, m, p=p)
        return y if (word, p) in finite else self.op("where", self.op("greater", m, zero), y, zero)

    def assign(self):
        """Behind ops that do not look at the values on the way back."""
        blind = ("add", "sub", "neg", "add_scalar", "mul_scalar", "scalar_sub", "sum", "mean")
        made = [s for s in self.statements if s.makes_tensor()]
        at = [i for i, s in enumerate(made) if s.kind and s.kind in "pqb" and not any(
            i in o.operands and o.word not in blind for o in self.statements)]
        if not at:
            raise Reject("nothing to assign")
        i = self.r.choice(at)
        s = dataclasses.replace(made[i], word="assign", operands=(i,), kind="", seed=self.r.randrange(10000))
        self.add(s)
        return None

    def condition(self, like):
        if self.r.random() < 0.3:
            return self.leaf(self.run.env[like].shape, dtype="u8", low=0, high=2, grid=1)
        return self.op(self.r.choice(COMPARE), like, self.partner(like))

    def where(self):
        a = self.pick()
        b = self.partner(a)
        c = self.condition(self.r.choice([a, b]))
        if self.r.random() < 0.2:
            return self.op("cast", c, p=[0], tag="float")
        return self.op("where", c, a, b)

    def axes(self, rank):
        chosen = self.r.sample(range(rank), self.r.randint(1, rank)) if rank else []
        return [a - rank if self.r.random() < 0.3 else a for a in chosen]

    def reduce(self):
        x = self.pick(lambda t: t.numel() > 1 or self.empty)
        if self.r.random() < 0.25:
            return self.op(self.r.choice(WHOLE), x)
        word, rank = self.r.choice(OVER), self.run.env[x].dim()
        axes = [] if self.r.random() < 0.15 else self.axes(rank)
        return self.op(word, x, p=[self.r.randrange(2), *axes])

    def softmax(self):
        x = self.pick(lambda t: t.dim() > 0)
        return self.op(self.r.choice(["softmax", "log_softmax"]), x, p=[self.axis(self.run.env[x].dim())])

    def factors(self, n):
        s = []
        while len(s) < 4 and self.r.random() < 0.8:
            d = self.r.choice([k for k in range(1, n + 1) if n % k == 0]) if n else 0
            s.append(d)
            n = n // d if d else 0
        return s + [n] if n != 1 or not s else s

    def view(self):
        tag = self.r.choice(["float"] * 10 + ["f32", "i64", "u8"])
        word = self.r.choice(["transpose", "permute", "reshape", "flatten", "unsqueeze", "squeeze", "slice", "slice", "select",
                              "expand", "embed", "concat", "stack"])
        x = self.pick(lambda t: t.dim() > 0 or word in ("reshape", "unsqueeze", "expand", "flatten", "stack"), tag)
        t = self.run.env[x]
        return getattr(self, "make_" + word)(x, t, t.dim())

    def view_of(self, x):
        t = self.run.env[x]
        return getattr(self, self.r.choice(["make_reshape", "make_unsqueeze", "make_expand"]))(x, t, t.dim())

    def make_transpose(self, x, t, rank):
        return self.op("transpose", x, p=[self.axis(rank), self.axis(rank)])

    def make_permute(self, x, t, rank):
        return self.op("permute", x, p=[a - rank if self.r.random() < 0.2 else a for a in self.r.sample(range(rank), rank)])

    def make_reshape(self, x, t, rank):
        s = self.factors(t.numel())
        if t.numel() and s and self.r.random() < 0.4:
            s[self.r.randrange(len(s))] = -1
        return self.op("reshape", x, p=s)

    def make_flatten(self, x, t, rank):
        first, last = sorted([self.r.randrange(rank), self.r.randrange(rank)]) if rank else (0, 0)
        return self.op("flatten", x, p=[first, last - rank if rank and self.r.random() < 0.3 else last])

    def make_unsqueeze(self, x, t, rank):
        return self.op("unsqueeze", x, p=[self.r.randrange(-rank - 1, rank + 1)])

    def make_squeeze(self, x, t, rank):
        ones = [i for i in range(rank) if t.shape[i] == 1]
        return self.op("squeeze", x, p=[self.r.choice(ones) if ones and self.r.random() < 0.8 else self.axis(rank)])

    def make_slice(self, x, t, rank):
        axis = self.axis(rank)
        n = t.shape[axis]
        start, stop = self.r.randint(-n - 1, n), self.r.choice([self.r.randint(-n, n + 1), n, 2**62])
        step = self.r.choice([1, 1, 2, 3])
        if not self.empty and t.numel() and len(range(*slice(start, stop, step).indices(n))) == 0:
            start, stop = 0, n
        return self.op("slice", x, p=[axis, start, stop, step])

    def make_select(self, x, t, rank):
        axis = self.axis(rank)
        if t.shape[axis] == 0:
            raise Reject("nothing to select")
        return self.op("select", x, p=[axis, self.r.randrange(-t.shape[axis], t.shape[axis])])

    def make_expand(self, x, t, rank):
        s = [self.r.choice([2, 3]) if n == 1 else self.r.choice([n, n, -1]) for n in t.shape]
        return self.op("expand", x, p=[self.r.choice([1, 2, 3]) for _ in range(self.r.choice([0, 1, 1, 2]))] + s)

    def make_embed(self, x, t, rank):
        axis, start, step = self.axis(rank), self.r.randrange(3), self.r.choice([1, 1, 2, 3])
        need = start + max(t.shape[axis] - 1, 0) * step + 1
        return self.op("embed", x, p=[axis, need + self.r.randrange(3), start, step])

    def make_concat(self, x, t, rank):
        axis = self.r.randrange(rank)
        at = self.candidates(lambda o: o.dim() == rank and all(
            o.shape[i] == t.shape[i] for i in range(rank) if i != axis), self.tags[x])
        return self.op("concat", *[self.r.choice(at) for _ in range(self.r.randint(1, 4))],
                       p=[axis - rank if self.r.random() < 0.3 else axis])

    def make_stack(self, x, t, rank):
        at = self.candidates(lambda o: o.shape == t.shape, self.tags[x])
        return self.op("stack", *[self.r.choice(at) for _ in range(self.r.randint(1, 4))], p=[self.r.randrange(-rank - 1, rank + 1)])

    def product(self):
        word = self.r.choice(["matmul", "matmul", "dot", "linear"])
        x = self.pick(lambda t: t.dim() > 0)
        t = self.run.env[x]
        n = t.shape[-1]
        if word == "dot":
            x = x if t.dim() == 1 else self.op("flatten", x, p=[0, -1])
            n = self.run.env[x].shape[0]
            at = self.candidates(lambda o: o.shape == (n,))
            return self.op("dot", x, self.r.choice(at) if self.r.random() < 0.5 else self.leaf([n]))
        if word == "linear":
            m = self.r.choice([1, 2, 3, 4])
            w = self.existing_or_leaf([m, n])
            return self.op("linear", x, w, *([self.leaf([m])] if self.r.random() < 0.6 else []))
        if self.r.random() < 0.4:
            at = self.candidates(lambda o: o.dim() > 0 and (o.shape[-2] if o.dim() > 1 else o.shape[-1]) == n)
            if at:
                return self.op("matmul", x, self.r.choice(at))
        batch = [1 if self.r.random() < 0.3 else d for d in t.shape[:-2]][self.r.randrange(max(t.dim() - 2, 0) + 1):]
        if not batch and t.dim() < 3 and self.r.random() < 0.2:
            batch = [self.r.choice([2, 3])]
        other = [n] if self.r.random() < 0.2 else [*batch, n, self.r.choice([1, 2, 3, 4])]
        return self.op("matmul", x, self.leaf(other))

    def existing_or_leaf(self, shape):
        at = self.candidates(lambda o: list(o.shape) == list(shape))
        return self.r.choice(at) if at and self.r.random() < 0.4 else self.leaf(shape)

    def loss(self):
        word = self.r.choice(["mse", "bce", "bce_logits", "cross_entropy"])
        if word == "cross_entropy":
            x = self.pick(lambda t: t.dim() in (1, 2) and t.numel() > 0)
            t = self.run.env[x]
            if t.dim() == 2 and self.r.random() < 0.4:
                target = self.op("softmax", self.existing_or_leaf(t.shape), p=[-1])
            else:
                dtype = self.r.choice(["i64", "i32", "u8"] if t.shape[-1] < 256 else ["i64", "i32"])
                target = self.leaf(t.shape[:-1], dtype=dtype, low=0, high=t.shape[-1], grid=1)
            return self.op(word, x, target)
        x = self.pick(lambda t: t.numel() > 0)
        y = self.existing_or_leaf(self.run.env[x].shape)
        if word == "bce":
            x = self.op("sigmoid", self.op("tanh", x))
        if word != "mse" and self.r.random() < 0.7:
            y = self.op("sigmoid", y)
        return self.op(word, x, y)

    def integer(self):
        way = self.r.randrange(5)
        if way == 0:
            n = self.r.randint(2, 4)
            c = self.leaf(self.shape(self.r.choice([0, 1, 2])), dtype=self.r.choice(["i64", "i32", "u8"]), low=0, high=n, grid=1)
            dtype = self.r.choice(["i64", "u8", "i32", "f32", "f64"])
            hot = self.op("one_hot", c, p=[n, dtype], tag=dtype)
            return self.op("cast", hot, p=[0], tag="float")
        if way == 1:
            return self.op("cast", self.pick(), p=[self.r.choice(["i64", "i32"])])
        at = [i for i, t in enumerate(self.tags) if t in ("u8", "i64", "i32")]
        if not at:
            raise Reject("no such operand")
        x = self.r.choice(at)
        if way == 2:
            return self.op("cast", x, p=[0], tag="float")
        if way == 3:
            return self.op("sum_over", x, p=[0, *self.axes(self.run.env[x].dim())])
        y = self.r.choice([i for i in at if self.tags[i] == self.tags[x] and self.run.env[i].shape == self.run.env[x].shape])
        return self.op(self.r.choice(COMPARE), x, y)

    def cast(self):
        tag = self.r.choice(["float", "float", "f32", "f64"])
        x = self.pick(tag=tag)
        to = self.r.choice([0, "f32", "f64", "f64"]) if tag == "float" else 0
        return self.op("cast", x, p=[to], tag=to or "float")

    def history(self):
        """Results without history, leaves made of results, intermediate results whose gradient is kept."""
        x, way = self.pick(), self.r.randrange(4)
        if way == 0:
            return self.op("detach", x)
        if way == 1:
            return self.op("require_grad", self.op("detach", x))
        if way == 2:
            made = [s for s in self.statements if s.makes_tensor()][x]
            itself = len(made.operands) == 1 and self.run.env[x].shape == self.run.env[made.operands[0]].shape
            if not self.run.env[x].requires_grad or self.run.env[x].is_leaf or (itself and made.word in SAME):
                raise Reject("no intermediate result")
            self.add(Statement("retain", (x,)))
            return None
        self.add(Statement("no_grad"))
        for _ in range(self.r.randint(1, 3)):
            try:
                self.r.choice([self.unary, self.reduce, self.softmax])()
            except Reject:
                pass
        self.add(Statement("grad"))
        return None
