"""The objectives of one pair in float64 torch, written from their papers' formulas (see the table of objectives).

Each takes the policy's per-token logps `w` and `l` (chosen, rejected), the reference's sums `R_w` and `R_l`, the pair's
margin rewards and the settings, and gives the loss of that pair. The loss of a batch is the plain mean over its pairs.
"""
from torch.nn.functional import logsigmoid


def sigmoid(w, l, R_w, R_l, margins, s):
    """DPO, arXiv 2305.18290 eq. 7; with label_smoothing e the conservative form, which trusts a label with 1 − e."""
    delta = (w.sum() - R_w) - (l.sum() - R_l)
    e = s.get("label_smoothing", 0.0)
    return -(1 - e) * logsigmoid(s["beta"] * delta) - e * logsigmoid(-s["beta"] * delta)


def simpo(w, l, R_w, R_l, margins, s):
    """SimPO, arXiv 2405.14734 eq. 6: mean logps, no reference, an absolute target margin gamma."""
    return -logsigmoid(s["beta"] * w.mean() - s["beta"] * l.mean() - s["gamma"])


def modpo(w, l, R_w, R_l, margins, s):
    """MODPO, arXiv 2310.03708. `margins`: name → (m(chosen), m(rejected)); `weights` sum to one and name the trained
    objective (`preference_name`) beside the margin rewards."""
    delta = (w.sum() - R_w) - (l.sum() - R_l)
    margin = sum(s["weights"][name] * (m_w - m_l) for name, (m_w, m_l) in margins.items())
    return -logsigmoid((s["beta"] * delta - margin) / s["weights"][s["preference_name"]])


def sft(w, l, R_w, R_l, margins, s):
    """Negative log-likelihood of the chosen response, a mean over its tokens."""
    return -w.mean()


OBJECTIVES = {"sigmoid": sigmoid, "simpo": simpo, "modpo": modpo, "sft": sft}
NEEDS_REFERENCE = {"sigmoid", "modpo"}
