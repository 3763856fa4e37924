"""What training takes of the machine's memory in PyTorch, as memory.c measures it: prints `memory_WORKLOAD BYTES`.

The process's resident memory at most, from after a first tiny step on, which loads and starts what there is, less what
it was then: parameters, data, values, gradients, the optimizer's state, and what the allocators and MKL keep.
"""
import sys

import torch

from peers_torch import network


def status_of(what):
    with open("/proc/self/status") as f:
        return next(1024 * int(line.split()[1]) for line in f if line.startswith(what))


def cnn():
    x, y = torch.rand(64, 1, 28, 28), torch.arange(64) % 10
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 16, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(16, 32, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
        torch.nn.Flatten(), torch.nn.Linear(32 * 7 * 7, 10))
    adam = torch.optim.Adam(net.parameters(), lr=1e-3)

    def step():
        adam.zero_grad()
        torch.nn.functional.cross_entropy(net(x), y).backward()
        adam.step()

    return step


if __name__ == "__main__":
    torch.set_num_threads(1)
    network("T4_relu")()
    try:
        with open("/proc/self/clear_refs", "w") as f:
            f.write("5")
    except OSError:
        pass
    before = status_of("VmRSS:")
    name = sys.argv[1]
    step = cnn() if name == "CNN" else network(name)
    for _ in range(3):
        step()
    print(f"memory_{name} {status_of('VmHWM:') - before}")
