import CKernels
import Glibc

/// The instruction sets that the hot kernels are compiled for. All give the same bits, so ranks of one job may differ.
package enum CPULevel: String, CaseIterable, Sendable {
    /// AVX2 and FMA: what the rest of the program is compiled for.
    case v3 = "x86-64-v3"
    /// AVX-512.
    case v4 = "x86-64-v4"
    /// AVX-512, and AMX's tiles for products of bfloat16.
    case amx

    /// The best level that this CPU has.
    package static var best: CPULevel { allCases.last { $0.isPresent } ?? .v3 }

    /// The level of this process, by `PREFOPT_CPU_LEVEL` of its environment.
    package static let inUse = (try? CPULevel(environment: requestedWord)) ?? best

    /// The word in `PREFOPT_CPU_LEVEL`; nil where it isn't set.
    package static var requestedWord: String? { getenv("PREFOPT_CPU_LEVEL").map { String(cString: $0) } }

    /// Reads a request: a level's name, or `auto` (or nothing) for the best one.
    ///
    /// - Throws: `CPULevelError` for an unknown word, for a level that this CPU lacks, and where it lacks all.
    package init(environment word: String?) throws(CPULevelError) {
        guard CPULevel.v3.isPresent else { throw .tooOld }
        switch word {
        case nil, "", "auto": self = CPULevel.best
        case let word?:
            guard let level = CPULevel(rawValue: word) else { throw .unknown(word) }
            guard level.isPresent else { throw .absent(level, best: CPULevel.best) }
            self = level
        }
    }

    /// Whether this CPU and its operating system have the level.
    package var isPresent: Bool {
        switch self {
        case .v3: prefopt_has_level(3) != 0
        case .v4: prefopt_has_level(4) != 0
        case .amx: prefopt_has_level(4) != 0 && prefopt_has_tiles() != 0
        }
    }

    /// The level with what it stands for.
    package var description: String {
        switch self {
        case .v3: "x86-64-v3 (AVX2 and FMA)"
        case .v4: "x86-64-v4 (AVX-512)"
        case .amx: "amx (AVX-512, and AMX for products of bfloat16)"
        }
    }

    var kernels: UnsafePointer<prefopt_kernels> {
        switch self {
        case .v3: prefopt_kernels_of(3)
        case .v4, .amx: prefopt_kernels_of(4)
        }
    }
}

/// Why a process can't compute at the level that was asked for.
package enum CPULevelError: Error, Sendable, CustomStringConvertible {
    case unknown(String)
    case absent(CPULevel, best: CPULevel)
    case tooOld

    package var description: String {
        switch self {
        case .unknown(let word):
            "PREFOPT_CPU_LEVEL is \(word); expected \(CPULevel.allCases.map(\.rawValue).joined(separator: ", ")) or auto"
        case .absent(let level, let best):
            "PREFOPT_CPU_LEVEL is \(level.rawValue), but this CPU has no \(level.description); its best level is "
                + "\(best.rawValue), which auto takes"
        case .tooOld:
            "this CPU is too old for the program: it has no \(CPULevel.v3.description); run it on a newer node"
        }
    }
}
