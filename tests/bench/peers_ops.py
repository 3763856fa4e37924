"""Single ops of peers.sh in PyTorch, one thread, f32, with the operands of ops.c: lines `NAME.DIRECTION SECONDS`, of the processor."""
import sys
import time

import torch
import torch.nn.functional as F


def floats(*shape):
    return torch.randn(*shape, requires_grad=True)


def indices(below, *shape):
    return torch.randint(below, shape)


MATRIX = (1024, 1024)
IMAGES = (16, 32, 64, 64)
WIDE = (32, 64, 56, 56)
DEEP = (64, 256, 14, 14)
CLASSES = (128, 32000)


def layer_norm(n):
    return lambda x, w, b: F.layer_norm(x, (n,), w, b)


def batch_norm(x, w, b):
    return F.batch_norm(x, None, None, w, b, training=True)


def batch_norm_eval(x, w, b):
    return F.batch_norm(x, b.detach(), w.detach() ** 2, w, b)


OPS = {
    "gather_last": (lambda x, i: x.gather(-1, i), floats(*MATRIX), indices(1024, *MATRIX)),
    "gather_first": (lambda x, i: x.gather(0, i), floats(*MATRIX), indices(1024, *MATRIX)),
    "scatter_add_last": (lambda x, i, s: x.scatter_add(-1, i, s), floats(*MATRIX), indices(1024, *MATRIX), floats(*MATRIX)),
    "scatter": (lambda x, i, s: x.scatter(-1, i, s), floats(*MATRIX), indices(1024, *MATRIX), floats(*MATRIX)),
    "scatter_add_first": (lambda x, i, s: x.scatter_add(0, i, s), floats(*MATRIX), indices(1024, *MATRIX), floats(*MATRIX)),
    "index_select_first": (lambda x, i: x.index_select(0, i), floats(4096, 256), indices(4096, 8192)),
    "index_select_last": (lambda x, i: x.index_select(-1, i), floats(*MATRIX), indices(1024, 1024)),
    "cumsum_last": (lambda x: x.cumsum(-1), floats(*MATRIX)),
    "cumsum_first": (lambda x: x.cumsum(0), floats(*MATRIX)),
    "pad_zeros": (lambda x: F.pad(x, (1, 1, 1, 1)), floats(*IMAGES)),
    "pad_reflect": (lambda x: F.pad(x, (1, 1, 1, 1), mode="reflect"), floats(*IMAGES)),
    "max_pool_2": (lambda x: F.max_pool2d(x, 2), floats(*IMAGES)),
    "max_pool_3": (lambda x: F.max_pool2d(x, 3, 2, 1), floats(*IMAGES)),
    "avg_pool_2": (lambda x: F.avg_pool2d(x, 2), floats(*IMAGES)),
    "layer_norm": (layer_norm(512), floats(4096, 512), floats(512), floats(512)),
    "layer_norm_768": (layer_norm(768), floats(8192, 768), floats(768), floats(768)),
    "layer_norm_long": (layer_norm(4096), floats(512, 4096), floats(4096), floats(4096)),
    "layer_norm_small": (layer_norm(128), floats(64, 128), floats(128), floats(128)),
    "group_norm": (lambda x, w, b: F.group_norm(x, 8, w, b), floats(*IMAGES), floats(32), floats(32)),
    "group_norm_32": (lambda x, w, b: F.group_norm(x, 32, w, b), floats(*WIDE), floats(64), floats(64)),
    "group_norm_7x7": (lambda x, w, b: F.group_norm(x, 32, w, b), floats(64, 256, 7, 7), floats(256), floats(256)),
    "batch_norm": (batch_norm, floats(*IMAGES), floats(32), floats(32)),
    "batch_norm_wide": (batch_norm, floats(*WIDE), floats(64), floats(64)),
    "batch_norm_14x14": (batch_norm, floats(*DEEP), floats(256), floats(256)),
    "batch_norm_rows": (batch_norm, floats(128, 512), floats(512), floats(512)),
    "batch_norm_eval": (batch_norm_eval, floats(*IMAGES), floats(32), floats(32)),
    "batch_norm_eval_wide": (batch_norm_eval, floats(*WIDE), floats(64), floats(64)),
    "batch_norm_eval_14x14": (batch_norm_eval, floats(*DEEP), floats(256), floats(256)),
    "batch_norm_eval_rows": (batch_norm_eval, floats(128, 512), floats(512), floats(512)),
    "instance_norm": (lambda x, w, b: F.instance_norm(x, weight=w, bias=b), floats(*IMAGES), floats(32), floats(32)),
    "rms_norm": (lambda x, w: F.rms_norm(x, (512,), w), floats(4096, 512), floats(512)),
    "rms_norm_long": (lambda x, w: F.rms_norm(x, (4096,), w), floats(512, 4096), floats(4096)),
    "softmax": (lambda x: x.softmax(-1), floats(*MATRIX)),
    "softmax_long": (lambda x: x.softmax(-1), floats(*CLASSES)),
    "softmax_short": (lambda x: x.softmax(-1), floats(32768, 10)),
    "log_softmax": (lambda x: x.log_softmax(-1), floats(*MATRIX)),
    "log_softmax_long": (lambda x: x.log_softmax(-1), floats(*CLASSES)),
    "log_softmax_short": (lambda x: x.log_softmax(-1), floats(32768, 10)),
    "sort": (lambda x: x.sort(-1).values, floats(*MATRIX)),
    "topk_long": (lambda x: x.topk(10, -1).values, floats(256, 4096)),
    "topk_short": (lambda x: x.topk(10, -1).values, floats(16384, 64)),
    "bilinear": (lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"), floats(8, 32, 64, 64)),
    "conv_3x3": (lambda x, w, b: F.conv2d(x, w, b, padding=1), floats(16, 64, 32, 32), floats(64, 64, 3, 3), floats(64)),
    "conv_1x1": (F.conv2d, floats(16, 64, 32, 32), floats(64, 64, 1, 1), floats(64)),
    "conv_depthwise": (lambda x, w, b: F.conv2d(x, w, b, padding=1, groups=64), floats(16, 64, 32, 32), floats(64, 1, 3, 3), floats(64)),
    "conv_transpose": (lambda x, w, b: F.conv_transpose2d(x, w, b, 2, 1, 1), floats(16, 64, 16, 16), floats(64, 32, 3, 3), floats(32)),
    "cross_entropy": (F.cross_entropy, floats(*CLASSES), indices(32000, 128)),
    "cdist": (torch.cdist, floats(1024, 64), floats(1024, 64)),
    "norm_of_rows": (lambda x: torch.linalg.vector_norm(x, 2, -1), floats(8192, 512)),
    "norm_of_32": (lambda x: torch.linalg.vector_norm(x, 2, -1), floats(1 << 17, 32)),
    "norm_of_3": (lambda x: torch.linalg.vector_norm(x, 2, -1), floats(1 << 20, 3)),
    "embedding_bag": (lambda w, i: F.embedding_bag(i, w), floats(10000, 128), indices(10000, 512, 32)),
    "cumsum_long": (lambda x: x.cumsum(-1), floats(64, 32768)),
    "cumsum_short": (lambda x: x.cumsum(-1), floats(4096, 64)),
    "cumprod_last": (lambda x: x.cumprod(-1), floats(*MATRIX)),
    "cummax_last": (lambda x: x.cummax(-1).values, floats(*MATRIX)),
    "logcumsumexp_last": (lambda x: x.logcumsumexp(-1), floats(*MATRIX)),
    "scatter_add_few": (lambda x, i, s: x.scatter_add(-1, i, s), floats(*MATRIX), indices(8, *MATRIX), floats(*MATRIX)),
    "gather_short": (lambda x, i: x.gather(-1, i), floats(4096, 64), indices(64, 4096, 16)),
    "pad_zeros_wide": (lambda x: F.pad(x, (1, 1, 1, 1)), floats(*WIDE)),
    "pad_replicate": (lambda x: F.pad(x, (1, 1, 1, 1), mode="replicate"), floats(*IMAGES)),
    "pad_reflect_3": (lambda x: F.pad(x, (3, 3, 3, 3), mode="reflect"), floats(*WIDE)),
    "max_pool_3_wide": (lambda x: F.max_pool2d(x, 3, 2, 1), floats(*WIDE)),
    "adaptive_max": (lambda x: F.adaptive_max_pool2d(x, 7), floats(*IMAGES)),
    "global_avg": (lambda x: F.adaptive_avg_pool2d(x, 1), floats(*WIDE)),
    "global_avg_7x7": (lambda x: F.adaptive_avg_pool2d(x, 1), floats(64, 2048, 7, 7)),
    "conv_stride_2": (lambda x, w, b: F.conv2d(x, w, b, 2, 1), floats(16, 64, 32, 32), floats(64, 64, 3, 3), floats(64)),
    "conv_3x3_28x28": (lambda x, w, b: F.conv2d(x, w, b, padding=1), floats(16, 128, 28, 28), floats(128, 128, 3, 3), floats(128)),
    "conv_3x3_14x14": (lambda x, w, b: F.conv2d(x, w, b, padding=1), floats(16, 256, 14, 14), floats(256, 256, 3, 3), floats(256)),
    "conv_3x3_7x7": (lambda x, w, b: F.conv2d(x, w, b, padding=1), floats(16, 512, 7, 7), floats(512, 512, 3, 3), floats(512)),
    "conv_5x5_gray": (F.conv2d, floats(64, 1, 28, 28), floats(32, 1, 5, 5), floats(32)),
    "conv_5x5_12x12": (F.conv2d, floats(64, 6, 12, 12), floats(16, 6, 5, 5), floats(16)),
    "conv_transpose_7x7": (lambda x, w, b: F.conv_transpose2d(x, w, b, 2, 1), floats(64, 128, 7, 7), floats(128, 64, 4, 4), floats(64)),
    "max_pool_2_12x12": (lambda x: F.max_pool2d(x, 2), floats(64, 16, 12, 12)),
    "max_pool_3_14x14": (lambda x: F.max_pool2d(x, 3, 2, 1), floats(64, 32, 14, 14)),
}


def best(step):
    """The least seconds that step tells of as many as a tenth of a second has, at least three."""
    begin = time.process_time()
    times = []
    while len(times) < 3 or time.process_time() - begin < 0.1:
        times.append(step())
    return min(times)


def measure(run, *operands):
    """Seconds of forward and of backward by themselves."""
    wanted = [x for x in operands if x.requires_grad]
    dy = torch.randn_like(run(*operands))

    def forward():
        start = time.process_time()
        y = run(*operands)
        return time.process_time() - start

    def backward():
        y, arrived = run(*operands), dy.clone()  # as what comes after would have left it
        start = time.process_time()
        torch.autograd.grad(y, wanted, arrived)
        return time.process_time() - start

    return best(forward), best(backward)


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.manual_seed(1)
    for name in sys.argv[1:] or OPS:
        forward, backward = measure(*OPS[name])
        print(f"{name}.forward {forward:.9f}\n{name}.backward {backward:.9f}", flush=True)
