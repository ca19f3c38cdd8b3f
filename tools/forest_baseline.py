#!/usr/bin/env python3
"""What tree models make of the kernel tables that `kvplan calibrate --from aiconfigurator` reads.

A random forest is what other simulators predict kernels with; gradient boosting does better on most tables of thousands of rows
and worse on those of 700. Both learn the logarithm of
the time over a rough roofline from the sizes, the work, the bytes and the waves of common tiles; rows in a random fifth, and those
in the largest fifth of the points of tokens or contexts, are held out in turn. Prints CSV: mean absolute errors as fractions.

    pip install scikit-learn
    tools/forest_baseline.py ../shared/data/kernels/aiconfigurator h100_sxm=132 > forests.csv

Each device is named with its number of multiprocessors.
"""
import csv
import gzip
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor

TILES = [(64, 64), (128, 64), (64, 128), (128, 128), (128, 256), (256, 128), (256, 256)]


def rows_of(path):
    """The table's operators: name -> {sizes: [seconds]}, and which of the sizes is the axis to extrapolate along."""
    operators = defaultdict(lambda: defaultdict(list))
    with gzip.open(path, "rt") as file:
        for row in csv.DictReader(file):
            time = float(row["latency_ms"]) * 1e-3
            if "gemm_dtype" in row:
                sizes = tuple(int(row[name]) for name in ("m", "n", "k"))
                operators[f"gemm {row['gemm_dtype']}", 0][sizes].append(time)
                continue
            is_decode = "step" in row
            length = int(row["step" if is_decode else "isl"])
            heads, kv_heads = int(row["num_heads"]), int(row["num_key_value_heads"])
            window = int(row.get("window_size", 0))
            name = ["decode" if is_decode else "prefill", "attention", row["kv_cache_dtype"], "hd" + row.get("head_dim", "128")]
            if is_decode and heads == kv_heads:
                name.append("multi-head")
            if window > 0:
                name.append("windowed")
            if not is_decode and length == 1:
                continue
            sizes = (int(row["batch_size"]), length, heads, kv_heads, window)
            operators[" ".join(name), 1][sizes].append(time)
    return operators


def features(sizes, is_decode, multiprocessors):
    """Logarithms of sizes, work and bytes, and the last wave of common tiles; and a rough roofline in arbitrary units."""
    columns = sizes.T.astype(float)
    logs = [np.log2(np.maximum(column, 1)) for column in columns]
    if len(columns) == 3:
        m, n, k = columns
        work, moved = m * n * k, m * k + n * k + m * n
        for tile_m, tile_n in TILES:
            waves = np.ceil(m / tile_m) * np.ceil(n / tile_n) / multiprocessors
            logs += [np.log2(waves), np.ceil(waves) / waves]
        logs += [n % tile / tile for tile in (128, 256, 512, 1024)]
    else:
        batch, length, heads, kv_heads, window = columns
        seen = np.where(window > 0, np.minimum(length, window), length)
        queries = 1 if is_decode else length
        work, moved = batch * seen * queries * heads, batch * seen * kv_heads
        for tile in (64, 128, 256):
            waves = batch * heads * np.ceil(length / tile) / multiprocessors
            logs += [np.log2(waves), np.ceil(waves) / waves]
            waves = batch * kv_heads * np.ceil(seen / tile) / multiprocessors
            logs += [np.log2(waves), np.ceil(waves) / waves]
        logs += [np.log2(seen), np.log2(heads / kv_heads)]
    return np.array(logs + [np.log2(work), np.log2(moved)]).T, np.maximum(work, 200 * moved)


def error(model, x, y, train, test):
    model.fit(x[train], y[train])
    return float(np.abs(np.exp(model.predict(x[test]) - y[test]) - 1).mean())


def report(device, name, axis, table, multiprocessors):
    sizes = np.array(sorted(table))
    times = np.array([np.mean(table[tuple(size)]) for size in sizes])
    x, roofline = features(sizes, name.startswith("decode"), multiprocessors)
    y = np.log(times / roofline)
    order = np.random.default_rng(0).permutation(len(sizes))
    points = np.unique(sizes[:, axis])
    is_largest = sizes[:, axis] >= points[-max(1, len(points) // 5)]
    splits = [(order[len(order) // 5:], order[:len(order) // 5]), (~is_largest, is_largest)]
    values = []
    for train, test in splits:
        forest = RandomForestRegressor(100, n_jobs=-1, random_state=0)
        boosted = HistGradientBoostingRegressor(
            loss="absolute_error", max_iter=2000, learning_rate=0.05, max_leaf_nodes=63, random_state=0)
        values += [error(model, x, y, train, test) for model in (forest, boosted)]
    print(f"{device},{name},{len(sizes)}," + ",".join(f"{value:.4f}" for value in values), flush=True)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    print("device,operator,rows,forest_interpolation,boosted_interpolation,forest_extrapolation,boosted_extrapolation")
    for argument in sys.argv[2:]:
        device, multiprocessors = argument.split("=")
        for table in ("context_attention", "generation_attention", "gemm"):
            path = Path(sys.argv[1], device, table + ".csv.gz")
            for (name, axis), rows in sorted(rows_of(path).items()):
                report(device, name, axis, rows, int(multiprocessors))


if __name__ == "__main__":
    main()
