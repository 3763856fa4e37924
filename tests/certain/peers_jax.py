"""The mistakes of mistakes.h planted in functions of JAX's, put to jax.test_util.check_grads, reverse mode, order 2, f64 and
the default tolerances: a line "name, tab, what came out" for each that can be planted there."""
import jax

jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp
import numpy as np
from jax.test_util import check_grads

state = {"calls": 0}
random = np.random.default_rng(1)


def with_rule(f, rule):
    """f whose derivative is rule(dy, *x)"""
    g = jax.custom_vjp(f)
    g.defvjp(lambda *x: (f(*x), x), lambda x, dy: rule(dy, *x))
    return g


c = 2.5


def cube(x):
    return c * x**3


def right(dy, x):
    return dy * 3 * c * x**2


def of(rule, f=cube):
    return with_rule(f, lambda dy, x: (rule(dy, x),)), (x,)


def one_element(dy, x):
    return right(dy, x) * jnp.ones(x.size).at[5].set(1.01).reshape(x.shape)


def never_the_same(dy, x):
    state["calls"] += 1
    return right(dy, x) * (1 + 1e-5 * (state["calls"] % 7))


def value_never_the_same(x):
    state["calls"] += 1
    return cube(x) + 1e-9 * (state["calls"] % 7)


def detached(dy, x):
    return right(dy, jax.lax.stop_gradient(x))


def forward_wrong(x):
    return cube(x)


forward_wrong = jax.custom_jvp(forward_wrong)
forward_wrong.defjvp(lambda x, dx: (cube(x[0]), 2 * right(dx[0], x[0])))


def draw(low, high, *shape):
    return jnp.asarray(random.uniform(low, high, shape))


def product(rule):
    return with_rule(lambda a, b: a * b**2, rule), (a, b)


def matrix(rule):
    return with_rule(lambda a, b: a @ b, rule), (m, n)


def rows(rule):
    return with_rule(lambda a, b: a * a + 2 * b, lambda dy, a, b: (2 * dy * a, rule(2 * dy))), (r, s)


x = draw(-2, 2, 3, 4).at[0, 0].set(1.8)
a, b = draw(-2, 2, 3, 4), draw(0.5, 3, 3, 4)
m, n = draw(-2, 2, 3, 3), draw(-2, 2, 3, 3)
r, s = draw(-2, 2, 4, 3), draw(-2, 2, 3)

checks = {
    "nothing wrong": of(right),
    "wrong sign": of(lambda dy, x: -right(dy, x)),
    "twice as large": of(lambda dy, x: 2 * right(dy, x)),
    "one part in a thousand too large": of(lambda dy, x: 1.001 * right(dy, x)),
    "no gradient": of(lambda dy, x: 0 * right(dy, x)),
    "a constant added": of(lambda dy, x: right(dy, x) + 0.01),
    "the square of dy": of(lambda dy, x: right(dy**2, x)),
    "the size of dy, without its sign": of(lambda dy, x: right(jnp.abs(dy), x)),
    "one element wrong": of(one_element),
    "each element has its neighbour's": of(lambda dy, x: right(dy, jnp.roll(x, -1, 1))),
    "wrong at large x alone": of(lambda dy, x: right(dy, x) * (1 + 0.01 * (x > 1.7))),
    "a parameter ignored": of(lambda dy, x: dy * 3 * x**2),
    "no second derivative": of(detached),
    "second derivative of the wrong sign": of(lambda dy, x: 2 * detached(dy, x) - right(dy, x)),
    "a gradient that is never the same": of(never_the_same),
    "a value that is never the same": of(right, value_never_the_same),
    "a term of the product rule missing": (with_rule(lambda x: x * jnp.sin(x), lambda dy, x: (dy * jnp.sin(x),)), (x,)),
    "operands exchanged": product(lambda dy, a, b: (2 * dy * a * b, dy * b**2)),
    "a structural zero missing": (with_rule(jnp.cbrt, lambda dy, x: (dy / (3 * jnp.cbrt(x) ** 2),)), (x,)),
    "a matrix not transposed": matrix(lambda dy, p, q: (dy @ q, p.T @ dy)),
    "a gradient transposed": matrix(lambda dy, p, q: (dy @ q.T, dy.T @ p)),
    "sum over the broadcast missing": rows(lambda d: d[-1]),
    "mean over the broadcast for its sum": rows(lambda d: d.mean(0)),
    "wrong in single precision": of(lambda dy, x: right(dy, x) * (1.01 if x.dtype == jnp.float32 else 1)),
    "wrong beyond 4096 elements": of(right, lambda x: cube(x) * (1.01 if x.size > 4096 else 1)),
}


def caught(f, inputs, modes):
    try:
        check_grads(f, inputs, order=2, modes=modes)
        return "-"
    except Exception:
        return "caught"


for name, (f, inputs) in checks.items():
    print(name, caught(f, inputs, ["rev"]), sep="\t", flush=True)
print("wrong forward derivative", caught(forward_wrong, (x,), ["fwd"]), sep="\t")
