extension Loss {
    /// Every loss, in the order to list them in.
    package static let all: [Loss] = [
        .sigmoid, .robust, .hinge, .ipo, .sigmoidNorm, .simpo, .modpo, .orpo, .cpo, .slic, .rdpo, .dpop, .unlikelihood,
        .rrhf, .kto, .apoZero, .apoDown, .bcoPair, .sppoHard, .ncaPair, .exoPair, .discopop, .sft, .reward, .ppo,
    ]

    package static func named(_ name: String) -> Loss? { all.first { $0.name == name } }

    /// Names of other trainers' losses that can't be had here, each with its reason.
    package static let refused: [(name: String, reason: String)] =
        ["aot", "aot_pair", "aot_unpaired"].map {
            ($0, "it sorts the batch, so the loss of a pair would depend on which others it falls together with")
        }
        + ["tdpo", "tdpo1", "tdpo2"].map {
            (
                $0,
                "it needs the reference's whole distribution at each token, and two numbers a response can't carry that"
            )
        }
}
