"""rounding_ties.py KEPT: whether a case of compare_with_torch.py that is over its limit with bf16=true is a tie of rounding.

KEPT is what compare_with_torch.py left of one family shape and SimPO or SFT (objectives without a reference):

    compare_with_torch.py BINARY --families smollm3 --seed 18 --set bf16=true --ranks 1 --objective simpo --keep KEPT
    rounding_ties.py KEPT

Two programs that round the same operands to bfloat16 differ where an operand lies nearer to the middle of two bfloat16 numbers
than float32 can tell. For each pair whose loss isn't torch's, every such operand (within 2e-6 of the middle, relatively) is rounded
the other way in torch in turn, and in both sequences where it belongs to the prompt that they share. Printed are the pair's difference, the
operand that explains most of it, its distance from the middle, and what is left. Exit status 1 if more than 1e-5 is left.
"""
import pathlib
import sys

import torch
import yaml

from compare_with_torch import OBJECTIVES, SIDES, DoubleDecoder, rounded
from binary_runs import read_lines
from preference_rows import encode_rows, read_rows

NEAR, LEFT = 2e-6, 1e-5


def spacing(x):
    """Between the bfloat16 numbers around each |x|: 8 bits."""
    return 2.0 ** (torch.floor(torch.log2(x.abs().clamp_min(1e-300))) - 7)


class FlippingDecoder(DoubleDecoder):
    """Products of rounded operands, of which those named in `flips` (product → elements) are rounded the other way."""

    flips, ties, count = {}, None, 0

    def product(self, x, weight):
        place, x = self.count, x.detach()
        self.count += 1
        steps = x.abs() / spacing(x)
        if self.ties is not None:
            far = ((steps - steps.floor() - 0.5).abs() / steps.clamp_min(1e-300)).flatten()
            self.ties += [(place, i, x.shape[-1], far[i].item()) for i in (far < NEAR).nonzero().flatten().tolist()]
        y = rounded(x).clone()
        for i in self.flips.get(place, ()):
            value, low = x.flatten()[i], (steps.floor() * spacing(x)).flatten()[i]
            other = low + spacing(value) if y.flatten()[i].abs() == low else low
            y.view(-1)[i] = torch.sign(value) * other
        return y @ rounded(weight.detach())


def main():
    kept = pathlib.Path(sys.argv[1])
    run_file = next(kept.glob("*/*-1/run.yaml"))
    settings, case = yaml.safe_load(run_file.read_text()), run_file.parents[1]
    decoder = FlippingDecoder(settings["model_name_or_path"])
    pairs = [pair for _, pair in encode_rows(read_rows(case / "rows.jsonl"), decoder.directory, decoder.positions)]
    dumped = read_lines(run_file.parent / "dump/pairs-1.jsonl")

    def loss(pair):
        decoder.count = 0
        with torch.no_grad():
            chosen, rejected = (decoder.logps(*pair[side]) for side in SIDES)
            return OBJECTIVES[settings["loss_type"]](chosen, rejected, None, None, {}, settings).item()

    worst = 0.0
    for row in dumped:
        pair = pairs[row["index"]]
        decoder.flips, decoder.ties = {}, []
        difference = row["loss"] - loss(pair)
        ties, decoder.ties = decoder.ties, None
        left, found = abs(difference), None
        sequence = decoder.count // 2
        for place, element, width, far in ties if left > LEFT else []:
            places = [place]
            # The last product is the head's, which the program only asks for responses.
            if element // width < len(pair["chosen"][0]) and place % sequence != sequence - 1:
                places = [place % sequence, place % sequence + sequence]
            decoder.flips = {p: [element] for p in places}
            rest = abs(row["loss"] - loss(pair))
            if rest < left:
                left, found = rest, (place % sequence, element // width, element % width, far)
        text = "" if found is None else "; product %d, row %d, element %d, %.1e from the middle, explains all but %.1e" % (
            *found, left)
        print(f"pair {row['index']}: {difference:+.1e}{text}")
        worst = max(worst, left)
    sys.exit(worst > LEFT)


if __name__ == "__main__":
    main()
