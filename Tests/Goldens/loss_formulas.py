"""Every loss in float64 torch, written from the papers' formulas, without a look at the program's.

A response is a dict: `logps` and `reference`, sums in nats; `length` in tokens; `margin`, MODPO's Σ w_k m_k. Constants are
run file keys; beside them `shift` is KTO's z or BCO's δ, `mean_length` the batch's scored tokens per chosen response.
"""
import torch
from torch.nn.functional import logsigmoid, relu


def mean(r):
    return r["logps"] / r["length"]


def ratio(r):
    return r["logps"] - r["reference"]


def smoothed(x, c):
    e = c.get("label_smoothing", 0.0)
    return -(1 - e) * logsigmoid(x) - e * logsigmoid(-x)


def delta(w, l):
    return ratio(w) - ratio(l)


def odds(r):
    p = mean(r).exp()
    return torch.log(p / (1 - p))


def ipo(w, l, c):
    d = delta(w, l) if c.get("normalise") == "sum" else ratio(w) / w["length"] - ratio(l) / l["length"]
    return (d - 1 / (2 * c["beta"])) ** 2


def robust(w, l, c):
    x, e = c["beta"] * delta(w, l), c["label_smoothing"]
    return (-(1 - e) * logsigmoid(x) + e * logsigmoid(-x)) / (1 - 2 * e)


def simpo(w, l, c):
    of = (lambda r: r["logps"]) if c.get("normalise") == "sum" else mean
    gamma = c["gamma"] if "gamma" in c else c["gamma_beta_ratio"] * c["beta"]
    return smoothed(c["beta"] * of(w) - c["beta"] * of(l) - gamma, c)


def modpo(w, l, c):
    return smoothed((c["beta"] * delta(w, l) - (w["margin"] - l["margin"])) / c["preference_weight"], c)


def dpop(w, l, c):
    return smoothed(c["beta"] * (delta(w, l) - c["dpop_lambda"] * relu(w["reference"] - w["logps"])), c)


def unlikelihood(w, l, c):
    return -mean(w) + c["alpha"] * torch.maximum(mean(l), torch.tensor(c["unlikelihood_floor"]))


def bco_pair(w, l, c):
    return -logsigmoid(c["beta"] * ratio(w) - c["shift"]) - logsigmoid(c["shift"] - c["beta"] * ratio(l))


def nca_pair(w, l, c):
    h_w, h_l = c["beta"] * ratio(w), c["beta"] * ratio(l)
    return -logsigmoid(h_w) - 0.5 * logsigmoid(-h_w) - 0.5 * logsigmoid(-h_l)


def exo_pair(w, l, c):
    x, e = c["beta"] * delta(w, l), c["label_smoothing"]
    q = torch.stack([logsigmoid(x), logsigmoid(-x)])
    return (q.exp() * (q - torch.log(torch.tensor([1 - e, e])))).sum()


def discopop(w, l, c):
    x = c["beta"] * delta(w, l)
    m = torch.sigmoid(x / c["discopop_tau"])
    return (1 - m) * -logsigmoid(x) + m * torch.exp(-x)


PAIRS = {
    "sigmoid": lambda w, l, c: smoothed(c["beta"] * delta(w, l), c),
    "robust": robust,
    "hinge": lambda w, l, c: relu(1 - c["beta"] * delta(w, l)),
    "ipo": ipo,
    "sigmoid_norm": lambda w, l, c: smoothed(
        c["beta"] * (ratio(w) / w["length"] - ratio(l) / l["length"]), c),
    "simpo": simpo,
    "modpo": modpo,
    "orpo": lambda w, l, c: -mean(w) + c["beta"] * smoothed(odds(w) - odds(l), c),
    "cpo": lambda w, l, c: smoothed(c["beta"] * (w["logps"] - l["logps"]), c),
    "slic": lambda w, l, c: relu(c["delta"] - w["logps"] + l["logps"]),
    "rdpo": lambda w, l, c: smoothed(c["beta"] * delta(w, l) + c["alpha"] * (w["length"] - l["length"]), c),
    "dpop": dpop,
    "unlikelihood": unlikelihood,
    "apo_zero": lambda w, l, c: 1 - torch.sigmoid(c["beta"] * ratio(w)) + torch.sigmoid(c["beta"] * ratio(l)),
    "apo_down": lambda w, l, c: torch.sigmoid(c["beta"] * ratio(w)) + 1 - torch.sigmoid(c["beta"] * delta(w, l)),
    "bco_pair": bco_pair,
    "sppo_hard": lambda w, l, c: (ratio(w) - 0.5 / c["beta"]) ** 2 + (ratio(l) + 0.5 / c["beta"]) ** 2,
    "nca_pair": nca_pair,
    "exo_pair": exo_pair,
    "discopop": discopop,
    "sft": lambda w, l, c: torch.zeros(()),
    # r stands in the place of logps.
    "reward": lambda w, l, c: -logsigmoid(w["logps"] - l["logps"] - (w["margin"] - l["margin"]))
    + c["center_rewards_coefficient"] * (w["logps"] + l["logps"]) ** 2,
}


def nll(r, c):
    """Of the chosen response: divided by its length, by the mean length of the batch's chosen ones, or by nothing."""
    by = {"response": r["length"], "token": c.get("mean_length", 1.0), "sum": 1}[c.get("nll_reduction", "response")]
    return -r["logps"] / by


def kto(response, is_desirable, c):
    h = c["beta"] * ratio(response)
    if is_desirable:
        return c["desirable_weight"] * (1 - torch.sigmoid(h - c["shift"]))
    return c["undesirable_weight"] * (1 - torch.sigmoid(c["shift"] - h))


def rrhf(responses, orders, c):
    return sum(relu(mean(responses[worse]) - mean(responses[better])) for better, worse in orders)


# Losses of a list: the responses, and the places of the better and the worse one of each order.
LISTS = {"rrhf": rrhf}
# Losses of a single response and whether it is desirable. They have no likelihood term.
LABELLED = {"kto": kto}


def best(count, orders):
    """The first response of a list that none is preferred to."""
    losers = {worse for _, worse in orders}
    return next(i for i in range(count) if i not in losers)


def evaluate(case, responses, order):
    c, name = case["constants"], case["loss_type"]
    if not isinstance(name, list) and name in LABELLED:
        return LABELLED[name](responses[0], order[0], c)
    if not isinstance(name, list) and name in LISTS:
        chosen = responses[best(len(responses), order)]
        return LISTS[name](responses, order, c) + c.get("nll_weight", 0.0) * nll(chosen, c)
    names = name if isinstance(name, list) else [name]
    weights = case.get("loss_weights", [1.0] * len(names))
    loss = sum(weight * PAIRS[one](responses[0], responses[-1], c) for one, weight in zip(names, weights))
    likelihood = sum(weight for one, weight in zip(names, weights) if one == "sft") + c.get("nll_weight", 0.0)
    return loss + likelihood * nll(responses[0], c)
