#!/usr/bin/env python3
"""The model of docs/scaling.md: seconds of a step on n nodes, from measured constants. Prints the tables.

    t(n) = pairs · pair_seconds / n · imbalance  +  node(b)  +  ring(n, b)  +  small(n)

    node(b)    = b · NODE_SECONDS_PER_BYTE          the sum inside a node, through shared memory
    ring(n, b) = 2 (n − 1) / n · b / bandwidth + 2 (n − 1) · latency
    small(n)   = 2 · ⌈log₂ n⌉ · latency             a barrier and the sum of the losses

With overlap_comm ring(n, b) becomes the larger of ring(n, b) − window and ring(n, b) / parts: what the backward pass of the
last micro-batch doesn't hide, but never less than the part that is summed last.
"""
import math

# Measured on the machine of docs/performance.md; see docs/scaling.md for how.
NODE_SECONDS_PER_BYTE = 0.050 / 540e6
TCP_PAYLOAD = 0.94  # bytes of a vector for each byte on an Ethernet link: headers and acknowledgements
IMBALANCE = 1.03
# Of a micro-batch's time the backward pass, with frozen matrices: half of the products, and a little more for attention and
# adapters. With all weights trained it is two thirds.
BACKWARD = {"LoRA": 0.5, "all weights": 0.66}
MICRO_BATCH_PAIRS = 4

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


def step(nodes, size, pair, pairs, bandwidth, latency, carried=1.0, backward=0.0):
    """`carried`: bytes on the network for each byte of the vector; `backward`: the share of the last micro-batch that hides
    what is sent, 0 for none."""
    # A node can't compute less than one pair.
    own = max(math.ceil(pairs / nodes), 1)
    compute = own * pair * (IMBALANCE if nodes > 1 else 1)
    small = 2 * math.ceil(math.log2(nodes)) * latency if nodes > 1 else 0
    sent = ring(nodes, carried * size, bandwidth, latency)
    if backward:
        # As BackgroundSum.buckets has it. Each part goes around by itself.
        part = max(min(max(2 << 20, nodes << 17), size / 8), nodes << 14)
        parts = max(1, size // part)
        sent += (parts - 1) * 2 * (nodes - 1) * latency
        window = backward * min(own, MICRO_BATCH_PAIRS) * pair if parts > 1 else 0
        sent = max(sent - window, sent / parts)
    return compute + size * NODE_SECONDS_PER_BYTE + sent + small


def main():
    counts = [8, 16, 32, 64, 128, 256, 512, 1024]
    for name, (size, pair, pairs) in RUNS.items():
        alone = step(1, size, pair, pairs, 1e9, 0)
        print(f"\n### {name}, {pairs} pairs a step: {alone:.1f} s on one node\n")
        backward = next(share for kind, share in BACKWARD.items() if kind in name)
        slow = NETWORKS["1 Gbit/s"]
        columns = [(*network, 1, 0) for network in NETWORKS.values()]
        columns += [(*slow, 0.5, 0), (*slow, 1, backward), (*slow, 0.5, backward)]
        titles = list(NETWORKS) + ["1 Gbit/s, bfloat16", "1 Gbit/s, overlap", "1 Gbit/s, both"]
        print("| nodes | " + " | ".join(titles) + " |")
        print("|---" * (len(titles) + 1) + "|")
        for nodes in counts:
            cells = []
            for bandwidth, latency, carried, backward in columns:
                seconds = step(nodes, size, pair, pairs, bandwidth, latency, carried, backward)
                cells.append(f"{seconds:.2f} s, {100 * alone / seconds / nodes:.0f} %")
            print(f"| {nodes} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
