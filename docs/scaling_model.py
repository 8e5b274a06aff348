#!/usr/bin/env python3
"""The model of docs/scaling.md: seconds of a step on n nodes, from measured constants. Prints the tables.

    t(n) = pairs · pair_seconds / n · imbalance  +  node(b)  +  ring(n, b)  +  small(n)

    node(b)    = b · NODE_SECONDS_PER_BYTE          the sum inside a node, through shared memory
    ring(n, b) = 2 (n − 1) / n · b / bandwidth + 2 (n − 1) · latency
    small(n)   = 2 · ⌈log₂ n⌉ · latency             a barrier and the sum of the losses
"""
import math

# Measured on the machine of docs/performance.md; see docs/scaling.md for how.
NODE_SECONDS_PER_BYTE = 0.050 / 540e6
TCP_PAYLOAD = 0.94  # bytes of a vector for each byte on an Ethernet link: headers and acknowledgements
IMBALANCE = 1.03

# Bits a second and seconds of one message's way. The first is what the namespace hosts are limited to; the others are
# assumed, the latency as Ethernet with TCP commonly has it.
NETWORKS = {"1 Gbit/s": (1e9, 60e-6), "10 Gbit/s": (10e9, 30e-6), "100 Gbit/s": (100e9, 15e-6)}

# name: (bytes of gradients, seconds of a pair on a node, pairs of a step)
# A node of 64 cores is taken for 32 times the measured machine of 2.
RUNS = {
    "135M, all weights (538 MB), node of 2 cores": (538e6, 1.5, 64),
    "135M, all weights (538 MB), node of 64 cores": (538e6, 1.5 / 32, 512),
    "135M, LoRA r 16 (19.5 MB), node of 64 cores": (19.5e6, 1.0 / 32, 512),
    "7B, LoRA r 64 on q and v (134 MB), node of 64 cores": (134e6, 50.0 / 32, 512),
}


def ring(nodes, size, bandwidth, latency):
    if nodes == 1:
        return 0.0
    return 2 * (nodes - 1) / nodes * 8 * size / (bandwidth * TCP_PAYLOAD) + 2 * (nodes - 1) * latency


def step(nodes, size, pair, pairs, bandwidth, latency):
    # A node can't compute less than one pair.
    compute = max(math.ceil(pairs / nodes), 1) * pair * (IMBALANCE if nodes > 1 else 1)
    small = 2 * math.ceil(math.log2(nodes)) * latency if nodes > 1 else 0
    return compute + size * NODE_SECONDS_PER_BYTE + ring(nodes, size, bandwidth, latency) + small


def main():
    counts = [8, 16, 32, 64, 128, 256, 512, 1024]
    for name, (size, pair, pairs) in RUNS.items():
        alone = step(1, size, pair, pairs, 1e9, 0)
        print(f"\n### {name}, {pairs} pairs a step: {alone:.1f} s on one node\n")
        print("| nodes | " + " | ".join(NETWORKS) + " | 1 Gbit/s, bfloat16 |")
        print("|---" * (len(NETWORKS) + 2) + "|")
        for nodes in counts:
            cells = []
            for factor, (bandwidth, latency) in [(1, n) for n in NETWORKS.values()] + [(0.5, NETWORKS["1 Gbit/s"])]:
                seconds = step(nodes, size, pair, pairs, bandwidth, latency)
                seconds -= (1 - factor) * 2 * (nodes - 1) / nodes * 8 * size / (bandwidth * TCP_PAYLOAD)
                cells.append(f"{seconds:.2f} s, {100 * alone / seconds / nodes:.0f} %")
            print(f"| {nodes} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
