"""The workloads of peers.sh in JAX, each step compiled whole, one thread: prints `WORKLOAD SECONDS`."""
import gzip
import os
import sys
import time

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import jax
import jax.numpy as jnp
import numpy as np

DIRECTORY = "/usr/share/datasets/fashion-mnist/"


def idx(name, header):
    with gzip.open(DIRECTORY + name) as f:
        return np.frombuffer(f.read(), np.uint8)[header:]


def linear_init(key, inputs, outputs):
    bound = inputs**-0.5
    k1, k2 = jax.random.split(key)
    w = jax.random.uniform(k1, (inputs, outputs), minval=-bound, maxval=bound)
    return w, jax.random.uniform(k2, (outputs,), minval=-bound, maxval=bound)


def epoch():
    x = idx("train-images-idx3-ubyte.gz", 16).reshape(-1, 784).astype(np.float32) / 255
    y = idx("train-labels-idx1-ubyte.gz", 8).astype(np.int32)
    keys = jax.random.split(jax.random.PRNGKey(1))
    p = linear_init(keys[0], 784, 128) + linear_init(keys[1], 128, 10)
    m, v = [tuple(jnp.zeros_like(q) for q in p) for _ in range(2)]

    def loss(p, x, y):
        z = jax.nn.relu(x @ p[0] + p[1]) @ p[2] + p[3]
        return jnp.mean(jax.nn.logsumexp(z, axis=1) - jnp.take_along_axis(z, y[:, None], 1)[:, 0])

    def step(p, m, v, t, x, y):
        g = jax.grad(loss)(p, x, y)
        m = tuple(0.9 * a + 0.1 * b for a, b in zip(m, g))
        v = tuple(0.999 * a + 0.001 * b * b for a, b in zip(v, g))
        c1, c2 = 1 - 0.9**t, 1 - 0.999**t
        p = tuple(a - 1e-3 * (b / c1) / (jnp.sqrt(c / c2) + 1e-8) for a, b, c in zip(p, m, v))
        return p, m, v, t + 1

    step = jax.jit(step, donate_argnums=(0, 1, 2, 3))
    t = jnp.float32(1)
    generator = np.random.default_rng(1)
    best = float("inf")
    for _ in range(4):  # the first compiles
        start = time.perf_counter()
        order = generator.permutation(len(x))
        for i in range(0, len(x), 64):
            rows = order[i : i + 64]
            p, m, v, t = step(p, m, v, t, x[rows], y[rows])
        p[0].block_until_ready()
        best = min(best, time.perf_counter() - start)
    return best


def steps(step, p, count):
    step = jax.jit(step, donate_argnums=0)
    best = float("inf")
    for _ in range(6):
        start = time.perf_counter()
        for _ in range(count):
            p = step(p)
        p[0].block_until_ready()
        best = min(best, (time.perf_counter() - start) / count)
    return best


def descend(loss, rate):
    return lambda p: tuple(a - rate * b for a, b in zip(p, jax.grad(loss)(p)))


def circle():
    x = jax.random.uniform(jax.random.PRNGKey(1), (1000, 2), minval=-2, maxval=2)
    y = ((x[:, 0] - 0.5) ** 2 + (x[:, 1] + 0.25) ** 2 > 1.44).astype(jnp.float32)

    def loss(p):
        z = (x[:, 0] - p[0]) ** 2 + (x[:, 1] - p[1]) ** 2 - p[2] ** 2
        return jnp.mean(jnp.maximum(z, 0) - z * y + jnp.log1p(jnp.exp(-jnp.abs(z))))

    return steps(descend(loss, 0.1), tuple(jnp.float32(v) for v in (0.1, 0.1, 0.5)), 5000)


def net():
    k = jax.random.split(jax.random.PRNGKey(1), 4)
    x, y = jax.random.normal(k[0], (64, 1000)), jax.random.normal(k[1], (64, 10))
    p = jax.random.normal(k[2], (1000, 100)) * 0.03, jax.random.normal(k[3], (100, 10)) * 0.1

    def loss(p):
        return jnp.sum(jnp.square(jnp.maximum(x @ p[0], 0) @ p[1] - y))

    return steps(descend(loss, 1e-6), p, 1000)


# Sizes, batch, activation, loss, optimizer: as in peers_torch.py.
NETWORKS = {
    "T3_momentum": ((784, 128, 10), 64, jax.nn.relu, "classes", "momentum"),
    "T3_adam": ((784, 128, 10), 64, jax.nn.relu, "classes", "adam"),
    "T4_relu": ((2, 16, 16, 1), 100, jax.nn.relu, "binary", "sgd"),
    "T4_tanh": ((2, 16, 16, 1), 100, jnp.tanh, "binary", "sgd"),
    "T5": ((256,) * 17, 256, jax.nn.relu, "squares", "adam"),
    "T6": ((4096,) * 3, 512, jax.nn.relu, "squares", "sgd"),
}


def loss_of(kind, z, y):
    if kind == "classes":
        return jnp.mean(jax.nn.logsumexp(z, axis=1) - jnp.take_along_axis(z, y[:, None], 1)[:, 0])
    if kind == "binary":
        return jnp.mean(jnp.maximum(z, 0) - z * y + jnp.log1p(jnp.exp(-jnp.abs(z))))
    return jnp.mean(jnp.square(z - y))


def updated(rule, p, m, v, t, g):
    each = jax.tree_util.tree_map
    if rule == "sgd":
        return each(lambda a, b: a - 1e-2 * b, p, g), m, v, t
    if rule == "momentum":
        m = each(lambda a, b: 0.9 * a + b, m, g)
        return each(lambda a, b: a - 1e-2 * b, p, m), m, v, t
    m = each(lambda a, b: 0.9 * a + 0.1 * b, m, g)
    v = each(lambda a, b: 0.999 * a + 0.001 * b * b, v, g)
    c1, c2 = 1 - 0.9**t, 1 - 0.999**t
    return each(lambda a, b, c: a - 1e-3 * (b / c1) / (jnp.sqrt(c / c2) + 1e-8), p, m, v), m, v, t + 1


def measured(name):
    """Seconds of a step of the network."""
    sizes, batch, activation, kind, rule = NETWORKS[name]
    keys = jax.random.split(jax.random.PRNGKey(1), len(sizes) + 1)
    p = [linear_init(k, i, o) for k, i, o in zip(keys, sizes, sizes[1:])]
    x, y = jax.random.uniform(keys[-1], (batch, sizes[0])), jax.random.uniform(keys[-2], (batch, sizes[-1]))
    if kind == "classes":
        y = jnp.arange(batch) % sizes[-1]

    def loss(p):
        h = x
        for w, b in p[:-1]:
            h = activation(h @ w + b)
        return loss_of(kind, h @ p[-1][0] + p[-1][1], y)

    zeros = [jax.tree_util.tree_map(jnp.zeros_like, p) if rule != "sgd" else () for _ in range(2)]
    state = (p, zeros[0], zeros[1] if rule == "adam" else (), jnp.float32(1))
    step = jax.jit(lambda s: updated(rule, *s, jax.grad(loss)(s[0])), donate_argnums=0)
    best, count = float("inf"), {"T5": 10, "T6": 2}.get(name, 500)
    for _ in range(6):  # the first compiles
        start = time.perf_counter()
        for _ in range(count):
            state = step(state)
        jax.block_until_ready(state)
        best = min(best, (time.perf_counter() - start) / count)
    return best


def F1(p):
    x, a, b = p
    return jnp.mean(jnp.tanh(a * x + b) * jax.nn.sigmoid(x) + jnp.exp(-x * x))


def F2(p):
    x, w, b = p
    d = x - jnp.mean(x, -1, keepdims=True)
    z = d * (1 / jnp.sqrt(jnp.mean(d * d, -1, keepdims=True) + 1e-5)) * w + b
    return jnp.mean(z * jax.nn.sigmoid(1.702 * z))


# Function, shape of x, shape of the parameters: as in peers_torch.py.
CHAINS = {"F1": (F1, (10_000_000,), ()), "F2": (F2, (512, 4096), (4096,))}


def chain(name):
    """Seconds of a value with its gradients to all."""
    function, shape, parameters = CHAINS[name]
    p = (jax.random.normal(jax.random.PRNGKey(1), shape), jnp.full(parameters, 1.5), jnp.full(parameters, 0.3))
    step, best = jax.jit(jax.value_and_grad(function)), float("inf")
    for _ in range(10):  # the first compiles
        start = time.perf_counter()
        jax.block_until_ready(step(p))
        best = min(best, time.perf_counter() - start)
    return best


def attention():
    p = tuple(jax.random.normal(k, (1, 1024, 4, 64)) for k in jax.random.split(jax.random.PRNGKey(1), 3))

    def loss(p):
        return jnp.sum(jnp.square(jax.nn.dot_product_attention(*p, is_causal=True)))

    return steps(descend(loss, 1e-6), p, 10)


if __name__ == "__main__":
    names = {"T1": "circle", "T2": "net"}
    for name in sys.argv[1:]:
        seconds = (
            measured(name) if name in NETWORKS else chain(name) if name in CHAINS else globals()[names.get(name, name)]()
        )
        print(name, f"{seconds:.9f}", flush=True)
