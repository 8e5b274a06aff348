/// A name that another trainer has for one of our keys, declared with that key.
package struct Synonym: Sendable {
    package let name: String
    /// Whose it is; empty: a word that anybody may try.
    package let trainers: [PeerTrainer]
    /// The conversion of its value to ours: nil for a value that becomes nothing.
    package let convert: @Sendable (YAMLValue) -> YAMLValue?

    /// The same value under another name.
    static func renamed(_ name: String, _ trainers: PeerTrainer?...) -> Synonym {
        Synonym(name: name, trainers: trainers.compactMap { $0 }) { $0 }
    }

    /// A value that is written in another way.
    static func converted(
        _ name: String, _ trainers: PeerTrainer..., by convert: @escaping @Sendable (YAMLValue) -> YAMLValue?
    ) -> Synonym {
        Synonym(name: name, trainers: trainers, convert: convert)
    }

    /// A word for a word; others become nothing.
    static func words(_ name: String, _ trainers: PeerTrainer..., as table: [String: String]) -> Synonym {
        Synonym(name: name, trainers: trainers) { value in
            value.text.flatMap { table[$0] }.map { .plain($0) }
        }
    }

    /// Other trainers' names for the constants of losses, by our key.
    static let ofConstants: [String: [Synonym]] = [
        "beta": [
            .renamed("pref_beta", .llamaFactory), .renamed("dpo_beta", .axolotl), .renamed("rl_beta", .axolotl),
            .renamed("orpo_alpha", .axolotl), .renamed("orpo_beta", .llamaFactory),
        ],
        "gamma": [.renamed("simpo_gamma", .trl, .llamaFactory)],
        "kl_coef": [.renamed("init_kl_coef", .trl, .openRLHF)],
        "cliprange": [.renamed("eps_clip", .openRLHF)],
        "cliprange_value": [.renamed("value_clip", .openRLHF)],
        "lam": [.renamed("lambd", .openRLHF)],
        "label_smoothing": [
            .renamed("dpo_label_smoothing", .llamaFactory, .axolotl)
        ],
        "nll_weight": [
            .renamed("rpo_alpha", .trl, .axolotl), .renamed("pref_ftx", .llamaFactory),
            .renamed("cpo_alpha", .trl, .axolotl),
            .renamed("nll_loss_coef", .openRLHF), .renamed("sft_weight", .simpo), .renamed("dpo_ftx", .llamaFactory),
        ],
        "desirable_weight": [
            .renamed("kto_desirable_weight", .axolotl), .renamed("kto_chosen_weight", .llamaFactory),
        ],
        "undesirable_weight": [
            .renamed("kto_undesirable_weight", .axolotl), .renamed("kto_rejected_weight", .llamaFactory),
        ],
    ]

    /// Keys by which other trainers choose the loss.
    static let ofLossType: [Synonym] = [
        .words("stage", .llamaFactory, as: ["dpo": "sigmoid", "sft": "sft", "kto": "kto", "rm": "reward", "ppo": "ppo"]),
        .words("pref_loss", .llamaFactory, as: lossNames.merging(same) { ours, _ in ours }),
        .words("dpo_loss", .llamaFactory, as: lossNames.merging(same) { ours, _ in ours }),
        .converted("reward_model", .axolotl) { $0.bool == true ? .plain("reward") : nil },
        .words("rl", .axolotl, as: lossNames.merging(same) { ours, _ in ours }),
        .words("dpo_loss_type", .axolotl, as: lossNames.merging(same) { ours, _ in ours }),
        .words(
            "script", .openRLHF,
            as: [
                "train_dpo": "sigmoid", "train_rm": "reward", "train_sft": "sft", "train_kto": "kto", "train_ppo": "ppo",
                "train_ppo_ray": "ppo",
            ]),
        .converted("ipo", .openRLHF) { $0.bool == false ? nil : .plain("ipo") },
        .words("loss", as: lossNames.merging(same) { ours, _ in ours }),
        .words("objective", as: lossNames.merging(same) { ours, _ in ours }),
    ]

    /// Keys that name reward models, several by commas. Axolotl's `reward_model` is a loss.
    static let ofRewards: [Synonym] = [
        rewardModels("reward_model_path", .trl), rewardModels("reward_model", .llamaFactory),
        rewardModels("reward_pretrain", .openRLHF),
    ]

    private static func rewardModels(_ name: String, _ trainer: PeerTrainer) -> Synonym {
        .converted(name, trainer) { value in
            let paths = value.bool == nil ? value.text?.split(separator: ",").map { $0.filter { $0 != " " } } ?? [] : []
            let names = paths.count == 1 ? ["reward"] : paths.indices.map { "reward\($0 + 1)" }
            return paths.isEmpty ? nil : .mapping(zip(names, paths).map { ($0, .string("model:\($1)")) })
        }
    }

    /// Other names of losses that there are here.
    package static let lossNames: [String: String] = [
        "dpo": "sigmoid", "cdpo": "sigmoid", "rpo": "sigmoid", "dpo_norm": "sigmoid_norm", "ln_dpo": "sigmoid_norm",
        "robust_dpo": "robust", "slic_hf": "slic", "kto_pair": "kto", "r_dpo": "rdpo", "r-dpo": "rdpo",
        "dpo-positive": "dpop",
        "dpo_positive": "dpop", "bco": "bco_pair", "sppo_hard_pair": "sppo_hard", "rm": "reward", "nll": "sft",
    ]

    private static let same = Dictionary(
        ["sigmoid", "hinge", "ipo", "orpo", "simpo", "kto", "cpo", "robust", "apo_zero", "apo_down", "reward", "ppo"].map {
            ($0, $0)
        }
    ) { $1 }
}
