/// A trainer whose recipes people bring along.
package enum PeerTrainer: String, Sendable, CaseIterable {
    case trl
    case alignmentHandbook = "alignment-handbook"
    case llamaFactory = "llamafactory"
    case axolotl
    case simpo
    case openRLHF = "openrlhf"

    package var title: String {
        switch self {
        case .trl: "TRL"
        case .alignmentHandbook: "alignment-handbook"
        case .llamaFactory: "LLaMA-Factory"
        case .axolotl: "axolotl"
        case .simpo: "SimPO"
        case .openRLHF: "OpenRLHF"
        }
    }
}
