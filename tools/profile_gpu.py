#!/usr/bin/env python3
"""Times kernels of the GPU at hand and writes them in kvplan's layout (docs/CALIBRATION.md).

    python3 tools/profile_gpu.py measurements/
    kvplan calibrate --from kvplan measurements/ --device l40s --name my-l40s --output my-l40s.json

Needs PyTorch with CUDA. Attention is PyTorch's own scaled_dot_product_attention over contiguous keys
and values, so that a paged kernel of an engine may differ. Not run here: no GPU was at hand when it was
written.
"""

import csv
import pathlib
import statistics
import sys

import torch

REPEATS = 20


def time_us(call):
    """Median of REPEATS calls in microseconds, after three that are not counted."""
    for _ in range(3):
        call()
    times = []
    for _ in range(REPEATS):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        call()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end) * 1000)
    return statistics.median(times)


def write(folder, name, columns, rows):
    with open(folder / f"{name}.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)


def tensor(*shape):
    return torch.randn(*shape, dtype=torch.bfloat16, device="cuda")


def gemm():
    for n in (1024, 4096, 6144, 8192, 14336, 28672):
        for k in (1024, 4096, 8192, 14336):
            weights = tensor(k, n)
            for m in (1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192):
                x = tensor(m, k)
                yield m, n, k, time_us(lambda: x @ weights)


def attention(sequences, heads, kv_heads, tokens, context, head_dim):
    q = tensor(sequences, heads, tokens, head_dim)
    k, v = (tensor(sequences, kv_heads, context, head_dim) for _ in range(2))
    return time_us(
        lambda: torch.nn.functional.scaled_dot_product_attention(
            q, k, v, is_causal=tokens > 1, enable_gqa=True
        )
    )


def decode():
    for heads, kv_heads in ((8, 8), (8, 2), (32, 8), (64, 8)):
        for sequences in (1, 2, 4, 8, 16, 32, 64, 128, 256):
            for context in (128, 512, 1024, 2048, 4096, 8192, 32768):
                if sequences * context * kv_heads <= 1 << 24:
                    time = attention(sequences, heads, kv_heads, 1, context, 128)
                    yield sequences, heads, kv_heads, context, 128, time


def prefill():
    for heads, kv_heads in ((8, 2), (32, 8), (64, 8)):
        for sequences in (1, 2, 4, 8):
            for tokens in (64, 128, 256, 512, 1024, 2048, 4096, 8192):
                time = attention(sequences, heads, kv_heads, tokens, tokens, 128)
                yield sequences, heads, kv_heads, tokens, 0, 128, time


def streaming():
    for exponent in range(12, 29):
        x = tensor(1 << exponent)
        # Bytes read and written.
        yield 4 << exponent, time_us(lambda: torch.nn.functional.silu(x))


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    write(folder, "gemm", ["m", "n", "k", "time_us"], gemm())
    heads = ["sequences", "heads", "kv_heads"]
    write(folder, "decode_attention", heads + ["context", "head_dim", "time_us"], decode())
    write(
        folder, "prefill_attention", heads + ["tokens", "context", "head_dim", "time_us"], prefill()
    )
    write(folder, "streaming", ["bytes", "time_us"], streaming())


if __name__ == "__main__":
    main()
