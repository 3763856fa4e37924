"""The workloads of peers.sh in PyTorch, one thread, as fast as its eager mode does them: prints `WORKLOAD SECONDS`."""
import gzip
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

DIRECTORY = "/usr/share/datasets/fashion-mnist/"


def idx(name, header):
    with gzip.open(DIRECTORY + name) as f:
        return np.frombuffer(f.read(), np.uint8)[header:]


def epoch():
    """Fashion-MNIST, 784-128-10, ReLU, cross entropy, Adam, batches of 64: seconds of an epoch."""
    x = torch.from_numpy(idx("train-images-idx3-ubyte.gz", 16).reshape(-1, 784).astype(np.float32) / 255)
    y = torch.from_numpy(idx("train-labels-idx1-ubyte.gz", 8).astype(np.int64))
    net = torch.nn.Sequential(torch.nn.Linear(784, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))
    adam = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        for rows in torch.randperm(len(x)).split(64):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            adam.zero_grad()
            loss.backward()
            adam.step()
        best = min(best, time.perf_counter() - start)
    return best


def steps(step, count):
    """Seconds of one call, the best of five series."""
    for _ in range(count // 10):
        step()
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(count):
            step()
        best = min(best, (time.perf_counter() - start) / count)
    return best


def descend(parameters, rate):
    with torch.no_grad():
        for p in parameters:
            p -= rate * p.grad
            p.grad = None


def circle():
    """1000 points against a circle of three scalar parameters, sigmoid and mean BCE: seconds of a step."""
    x = torch.rand(1000, 2) * 4 - 2
    x0, x1 = x[:, 0].contiguous(), x[:, 1].contiguous()
    y = ((x0 - 0.5) ** 2 + (x1 + 0.25) ** 2 > 1.44).float()
    a, b, r = parameters = [torch.tensor(v, requires_grad=True) for v in (0.1, 0.1, 0.5)]

    def step():
        z = (x0 - a).square() + (x1 - b).square() - r.square()
        F.binary_cross_entropy_with_logits(z, y).backward()
        descend(parameters, 0.1)

    return steps(step, 2000)


def net():
    """64-1000-100-10, ReLU, sum of squares: seconds of a step."""
    x, y = torch.randn(64, 1000), torch.randn(64, 10)
    w1 = (torch.randn(1000, 100) * 0.03).requires_grad_()
    w2 = (torch.randn(100, 10) * 0.1).requires_grad_()

    def step():
        (x.mm(w1).clamp(min=0).mm(w2) - y).square().sum().backward()
        descend((w1, w2), 1e-6)

    return steps(step, 500)


# Sizes, batch, activation, loss, optimizer; data and weights are of the sizes that workloads.h has.
NETWORKS = {
    "T3_momentum": ((784, 128, 10), 64, torch.nn.ReLU, F.cross_entropy, "momentum"),
    "T3_adam": ((784, 128, 10), 64, torch.nn.ReLU, F.cross_entropy, "adam"),
    "T4_relu": ((2, 16, 16, 1), 100, torch.nn.ReLU, F.binary_cross_entropy_with_logits, "sgd"),
    "T4_tanh": ((2, 16, 16, 1), 100, torch.nn.Tanh, F.binary_cross_entropy_with_logits, "sgd"),
    "T5": ((256,) * 17, 256, torch.nn.ReLU, F.mse_loss, "adam"),
    "T6": ((4096,) * 3, 512, torch.nn.ReLU, F.mse_loss, "sgd"),
}


def network(name, compiled=False):
    """A step of one of these networks, as a function."""
    sizes, batch, activation, loss, rule = NETWORKS[name]
    x, y = torch.rand(batch, sizes[0]), torch.rand(batch, sizes[-1])
    if loss is F.cross_entropy:
        y = torch.arange(batch) % sizes[-1]
    layers = []
    for i, o in zip(sizes, sizes[1:]):
        layers += [torch.nn.Linear(i, o), activation()]
    net = torch.nn.Sequential(*layers[:-1])
    if rule == "adam":
        optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)
    else:
        optimizer = torch.optim.SGD(net.parameters(), lr=1e-2, momentum=0.9 if rule == "momentum" else 0, fused=True)

    def forward():
        return loss(net(x), y)

    if compiled:
        forward = torch.compile(forward)

    def step():
        optimizer.zero_grad()
        forward().backward()
        optimizer.step()

    return step


def measured(name, compiled=False):
    """Seconds of a step of the network."""
    count = {"T5": 10, "T6": 2}.get(name, 500)
    return steps(network(name, compiled), count)


def F1(x, a, b):
    """mean(tanh(a x + b) sigmoid(x) + exp(-x x))"""
    return (torch.tanh(a * x + b) * torch.sigmoid(x) + torch.exp(-x * x)).mean()


def F2(x, w, b):
    """A layer norm and x sigmoid(1.702 x), of elementwise ops and means."""
    d = x - x.mean(-1, keepdim=True)
    z = d * (1 / (d.square().mean(-1, keepdim=True) + 1e-5).sqrt()) * w + b
    return (z * torch.sigmoid(z * 1.702)).mean()


# Function, shape of x, shape of the parameters.
CHAINS = {"F1": (F1, (10_000_000,), ()), "F2": (F2, (512, 4096), (4096,))}


def chain(name, compiled=False):
    """Seconds of a value with its gradients to all."""
    function, shape, parameters = CHAINS[name]
    p = [torch.randn(shape)] + [torch.full(parameters, v) for v in (1.5, 0.3)]
    for q in p:
        q.requires_grad_()
    if compiled:
        function = torch.compile(function)

    def step():
        for q in p:
            q.grad = None
        function(*p).backward()

    return steps(step, 4)


def attention():
    """4 heads of 1024 queries and keys of 64 numbers, causal, sum of squares: seconds of a step."""
    parameters = [torch.randn(1, 4, 1024, 64).requires_grad_() for _ in range(3)]

    def step():
        F.scaled_dot_product_attention(*parameters, is_causal=True).square().sum().backward()
        descend(parameters, 1e-6)

    return steps(step, 10)


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.manual_seed(1)
    names = {"T1": "circle", "T2": "net"}
    compiled = "--compiled" in sys.argv
    for name in sys.argv[1:]:
        if name in NETWORKS:
            print(name, f"{measured(name, compiled):.9f}", flush=True)
        elif name in CHAINS:
            print(name, f"{chain(name, compiled):.9f}", flush=True)
        elif name != "--compiled":
            print(name, f"{globals()[names.get(name, name)]():.9f}", flush=True)
