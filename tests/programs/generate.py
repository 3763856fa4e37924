#!/usr/bin/env python3
"""generate.py [--count N] [--seed S] [--fixture] - random programs over ag's ops with what PyTorch computes, on stdout.

Needs torch (2.x) and numpy. The language is described in tests/programs.h, which plays the programs. Each is made from its number
alone, S, S+1 ...; what PyTorch and ag need not agree on is left out: values within 0.002 of a kink but not on it, numbers
above 1000 or gradients above 1e5, gradients that are no numbers in PyTorch (the reasons are counted on stderr). Second
and third gradients that are no numbers there, behind an infinite first derivative, stand as nan and are not compared.
--fixture: small programs; tests/fixtures/programs.txt holds 400 of them."""
import argparse
import collections
import math
import sys
import torch
from choose import Writer
from language import OPS, LISTS, Reject, Run, differentiate

STEEPEST, LOOSEST = 1e5, 0.02
torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


def grow(w, size):
    ways = {w.unary: 8, w.binary: 8, w.where: 2, w.reduce: 4, w.softmax: 1, w.view: 7, w.product: 3, w.loss: 1, w.integer: 1,
            w.history: 1.2, w.cast: 0.5, w.masked: 1, w.assign: 0.5}
    for _ in range(w.r.choice([1, 1, 2, 3])):
        w.leaf(w.shape(), kind=w.r.choice("vpq"))
    for _ in range(8 * size):
        if len(w.statements) >= size:
            return
        way = w.r.choices(list(ways), ways.values())[0]
        if w.leaves > 6 and way in (w.product, w.loss):
            continue
        try:
            x = way()
            if x is not None:
                w.tame(x)
        except Reject:
            continue


def deep(w, size):
    """A long chain of small results, each of which uses some before it."""
    for _ in range(2):
        w.leaf(w.r.choice([[], [2]]), kind=w.r.choice("vp"))
    while len(w.statements) < size:
        try:
            x = w.r.choice([w.unary, w.binary, w.binary])()
            w.tame(x)
        except Reject:
            continue


def wide(w):
    """Few ops on many elements, which kernels share out among threads."""
    shape = w.r.choice([[70000], [300, 200], [2, 40000], [40000, 2], [20, 50, 60]])
    for _ in range(2):
        w.leaf(shape, kind=w.r.choice("vp"))
    grow(w, w.r.randint(5, 9))


def finish(w):
    """Losses out of what is not used yet. Those of several elements are weighted by both sides."""
    sinks = [i for i, t in enumerate(w.run.env) if t.is_floating_point() and i not in w.used and t.requires_grad]
    if not sinks:
        raise Reject("nothing to differentiate")
    scalars = []
    for x in sinks:
        if w.r.random() < 0.1:
            continue
        if w.tags[x] != "float":
            x = w.op("cast", x, p=[0], tag="float")
        t = w.run.env[x]
        way = w.r.random()
        if t.numel() == 1 and t.dim() == 0 or way < 0.15:
            scalars.append(x)
        elif way < 0.5 or t.numel() == 0:
            scalars.append(w.op("sum", x))
        elif way < 0.75:
            scalars.append(w.op("mean", w.op(w.r.choice(["square", "sin", "tanh"]), x)))
        else:
            scalars.append(w.op("logsumexp", x, p=[0]))
    losses = []
    for x in scalars:
        mergeable = w.run.env[x].dim() == 0 and losses and w.run.env[losses[-1]].dim() == 0
        if mergeable and (len(losses) > 2 or w.r.random() < 0.7):
            losses[-1] = w.op(w.r.choice(["add", "add", "sub", "mul"]), losses[-1], x)
        else:
            losses.append(x)
    if not losses:
        raise Reject("nothing to differentiate")
    return losses[:8]


def write(number, fixture):
    r = Writer(number).r
    kind = r.random()
    wideness = kind < 0.004 and not fixture
    w = Writer(number, 200000 if wideness else 40 if fixture else 120)
    if wideness:
        wide(w)
    elif kind < 0.025:
        deep(w, 60 if fixture else w.r.choice([50, 100, 300]))
    else:
        grow(w, w.r.randint(3, 9 if fixture else 24))
    losses = finish(w)
    return w.statements, losses, w.run


def replay(statements, dtype, step, careful=True):
    run = Run(dtype, step, careful)
    for s in statements:
        run.do(s)
    return run


def find(run, statements, losses, order):
    made = [s for s in statements if s.makes_tensor()]
    leaves = [i for i, s in enumerate(made) if (s.word == "leaf" and s.kind in "vpq") or s.word == "require_grad"]
    retained = sorted({s.operands[0] for s in statements if s.word == "retain"})
    if any(not run.env[i].requires_grad for i in losses):
        raise Reject("nothing to differentiate")
    found = differentiate(run, losses, leaves, retained, order)
    if not all(math.isfinite(g[0][0]) for g in found.gradients.values()):
        raise Reject("PyTorch's gradient is no number")
    if found.largest > STEEPEST:
        raise Reject("steep")
    return found


def error(found, other):
    """The largest relative difference."""
    pairs = list(zip(found.values, other.values))
    for i in found.gradients:
        pairs += zip(found.gradients[i], other.gradients[i])
    pairs = [p for p in pairs if math.isfinite(p[0][1])]
    return max((abs(a - b) / max(1, scale) if math.isfinite(b) else 1 for (a, scale), (b, _) in pairs), default=0.0)


def cancels(run, statements):
    """Are there results whose derivatives depend on the last bit of them?"""
    made = [s for s in statements if s.makes_tensor()]
    ones = [x.detach().abs() for s, x in zip(made, run.env) if s.word in ("tanh", "sigmoid")]
    return any(s.word == "div" and s.operands[0] == s.operands[1] for s in made) or any(
        bool((x > 0.999).any()) for x in ones)


def tolerances(run, statements, losses, order, steps):
    """In f64 and in f32, which may be 0: too inexact there. What loses digits in f32 does so in f64."""
    exact = not any("f32" in s.parameters for s in statements)
    try:
        off = max(error(f, find(replay(statements, torch.float32, i, False), statements, losses, order)) for i, f in enumerate(steps))
    except Reject:
        off = 1
    steep = min(1e-6 * max(f.largest for f in steps), LOOSEST)  # what a derivative makes of a last bit
    last_bit = cancels(run, statements)
    f32 = max(LOOSEST if last_bit else 3e-5, 50 * off, steep)
    if f32 > LOOSEST:
        if not exact:
            raise Reject("inexact in f32")
        f32 = 0
    return max(1e-10, 1e-8 * min(off, 1), 1e-8 * last_bit) if exact else f32, f32


def numbers(values):
    return " = " + " ".join(f"{v:.13g}" for v in values)


def make(number, fixture=False):
    """The program's text, or Reject."""
    statements, losses, run = write(number, fixture)
    order = 3 if number % 5 == 0 else 2
    steps = [find(run, statements, losses, order)]
    if number % 3 == 0:
        try:
            steps.append(find(replay(statements, torch.float64, 1), statements, losses, order))
        except Reject:
            pass
    f64, f32 = tolerances(run, statements, losses, order, steps)
    lines, made = [f"program {number} {f64:.1g} {f32:.1g}"], 0
    for s in statements:
        shown = s.text()
        if s.word in OPS or s.word in LISTS or s.word == "cast":
            shown += numbers(f.values[made][0] for f in steps)
        made += s.makes_tensor()
        lines.append(shown)
    lines.append("loss " + " ".join(map(str, losses)))
    for i in steps[0].gradients:
        lines.append(f"gradient {i}" + numbers(v for f in steps for v, _ in f.gradients[i]))
    return "\n".join(lines)


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--count", type=int, default=1000)
    a.add_argument("--seed", type=int, default=1)
    a.add_argument("--fixture", action="store_true")
    a = a.parse_args()
    reasons = collections.Counter()
    number = a.seed
    print("# PyTorch", torch.__version__.split("+")[0])
    while reasons["made"] < a.count:
        try:
            print(make(number, a.fixture))
            reasons["made"] += 1
        except Reject as e:
            reasons[str(e)] += 1
        number += 1
    print(f"programs {a.seed} to {number - 1}:", ", ".join(f"{n} {why}" for why, n in reasons.most_common()), file=sys.stderr)


if __name__ == "__main__":
    main()
