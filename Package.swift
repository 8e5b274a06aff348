// swift-tools-version: 6.0
import PackageDescription

/// The kernels need AVX2 and FMA in every configuration, and no bounds checks below `Block`: a debug build of them
/// would be hundreds of times slower. What gains from wider vectors is in CKernels, compiled for each level of the CPU.
let fast: [SwiftSetting] = [.unsafeFlags(["-Xcc", "-march=x86-64-v3", "-Ounchecked", "-wmo", "-num-threads", "2"])]

/// For `--version`. From the environment, not from git: a manifest is evaluated once and would go on naming an older
/// commit.
let commit = Context.environment["PREFOPT_COMMIT"] ?? "unknown"

/// What makes the API's documentation, where launch/api-docs.sh asks for it: a build of the program needs none of it.
let documentation: [Package.Dependency] =
    Context.environment["PREFOPT_API_DOCS"] == nil
    ? [] : [.package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0")]

let package = Package(
    name: "swift-prefopt",
    products: [.executable(name: "swift-prefopt", targets: ["swift-prefopt"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ] + documentation,
    targets: [
        .systemLibrary(name: "COpenMPI", pkgConfig: "ompi-c", providers: [.apt(["libopenmpi-dev"])]),
        .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(
            name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CSnappy", pkgConfig: "snappy", providers: [.apt(["libsnappy-dev"])]),
        .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
        .systemLibrary(name: "COnig", pkgConfig: "oniguruma", providers: [.apt(["libonig-dev"])]),
        .systemLibrary(name: "CVector"),
        .systemLibrary(name: "CHwloc", pkgConfig: "hwloc", providers: [.apt(["libhwloc-dev"])]),
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),

        .target(name: "Storage", dependencies: ["CZlib", "CZstd", "CCrypto"]),
        .target(name: "CVersion", cSettings: [.define("PREFOPT_COMMIT", to: "\"\(commit)\"")]),
        .target(name: "Machine", dependencies: ["Storage", "CHwloc", "CVersion"]),
        .target(name: "CMPICalls", dependencies: ["COpenMPI"]),
        .target(name: "Collectives", dependencies: ["Machine", "COpenMPI", "CMPICalls", "CVector"]),
        .target(name: "CFaults"),
        .target(name: "Liveness", dependencies: ["Collectives", "Machine", "Storage", "CFaults"]),
        // A multiply-add is one where the source says so: the bits must not depend on the compiler's choice.
        // A switch that lacks a case would compute nothing, in silence.
        .target(name: "CKernels", cSettings: [.unsafeFlags(["-O3", "-ffp-contract=off", "-Werror=switch"])]),
        .target(
            name: "Kernels", dependencies: ["Statistics", "Machine", "CKernels", "CVector"], swiftSettings: fast),
        .target(name: "Yardsticks", dependencies: ["COpenBLAS", "Kernels", "Machine"]),
        .target(name: "Checkpoints", dependencies: ["Storage"]),
        .target(name: "Tables", dependencies: ["Storage", "CSnappy", "CLZ4"]),
        .target(name: "Tokenization", dependencies: ["Storage", "COnig"]),
        .target(name: "ChatTemplates", dependencies: ["Storage"]),
        .target(name: "Objectives"),
        .target(name: "Statistics"),
        .target(name: "Figures", dependencies: ["Storage"]),
        .target(name: "Reporting", dependencies: ["Figures", "Statistics", "Machine", "Storage"]),
        .target(name: "Rewards", dependencies: ["Machine", "Storage", "CCurl"]),
        .target(
            name: "Preferences",
            dependencies: [
                "Machine", "Tables", "Tokenization", "ChatTemplates", "Objectives", "Statistics", "Storage",
            ]),
        .target(name: "Modeling", dependencies: ["Kernels", "Checkpoints", "Statistics", "Storage"]),
        .target(name: "ModelFiles", dependencies: ["Modeling", "Kernels", "Checkpoints", "Storage"]),
        .target(
            name: "RunFiles",
            dependencies: [
                "Preferences", "Objectives", "Rewards", "Checkpoints", "Machine", "Storage",
                .product(name: "Yams", package: "Yams"),
            ]),
        .target(
            name: "Training",
            dependencies: [
                "RunFiles", "Rewards", "Modeling", "Kernels", "Checkpoints", "Preferences", "Objectives",
                "Tokenization", "ChatTemplates", "Tables", "Liveness", "Collectives", "Statistics", "Machine",
                "Storage",
            ]),
        .target(name: "CExample", exclude: ["files"], cSettings: [.unsafeFlags(["-std=c23"])]),
        .target(
            name: "Commands",
            dependencies: [
                "CExample",
                "Training", "Rewards", "RunFiles", "ModelFiles", "Modeling", "Kernels", "Checkpoints", "Preferences",
                "Objectives",
                "Tokenization", "ChatTemplates", "Tables", "Liveness", "Collectives", "Statistics", "Figures",
                "Reporting", "Machine", "Storage", "Yardsticks",
            ]),
        .executableTarget(
            name: "swift-prefopt",
            dependencies: [
                "Commands", "Training", "Rewards", "RunFiles", "ModelFiles", "Modeling", "Kernels", "Checkpoints",
                "Preferences",
                "Objectives", "Tokenization", "ChatTemplates", "Liveness", "Collectives", "Reporting", "Machine",
                "Storage",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),

        .target(name: "Scratch", dependencies: ["Storage"], path: "Tests/Scratch"),
        .testTarget(name: "StatisticsTests", dependencies: ["Statistics", "Scratch"]),
        .testTarget(name: "FiguresTests", dependencies: ["Figures", "Scratch"]),
        .testTarget(name: "ReportingTests", dependencies: ["Reporting", "Storage", "Scratch"]),
        .testTarget(name: "StorageTests", dependencies: ["Storage", "Scratch"], exclude: ["Fixtures"]),
        .testTarget(name: "KernelsTests", dependencies: ["Kernels", "CKernels", "Statistics"], exclude: ["Fixtures"]),
        .testTarget(name: "MachineTests", dependencies: ["Machine", "CHwloc", "Scratch"]),
        .target(
            name: "RankedTests", dependencies: ["Collectives", "Storage", "Scratch"], path: "Tests/RankedTests"),
        .testTarget(name: "CollectivesTests", dependencies: ["Collectives", "Machine", "RankedTests"]),
        .testTarget(name: "LivenessTests", dependencies: ["Liveness", "Machine"]),
        .testTarget(
            name: "CheckpointsTests", dependencies: ["Checkpoints", "Storage", "Scratch"], exclude: ["Fixtures"]),
        .testTarget(name: "TablesTests", dependencies: ["Tables", "Storage", "Scratch"], exclude: ["Fixtures"]),
        .testTarget(
            name: "TokenizationTests", dependencies: ["Tokenization", "Storage", "Scratch"],
            exclude: ["Fixtures", "make_pattern_goldens.py", "make_tokenizer_goldens.py"]),
        .testTarget(
            name: "ChatTemplatesTests", dependencies: ["ChatTemplates", "Storage", "Scratch"],
            exclude: ["Fixtures", "make_chat_goldens.py"]),
        .testTarget(name: "RewardsTests", dependencies: ["Rewards", "Storage", "Scratch"]),
        .testTarget(
            name: "CommandsTests",
            dependencies: ["Commands", "RunFiles", "Tokenization", "Machine", "Statistics", "Storage", "Scratch"]),
        .testTarget(name: "ObjectivesTests", dependencies: ["Objectives"], exclude: ["Fixtures"]),
        .testTarget(
            name: "PreferencesTests",
            dependencies: ["Preferences", "Objectives", "Tables", "Tokenization", "ChatTemplates", "Storage"],
            exclude: ["Fixtures"]),
        .testTarget(
            name: "ModelingTests",
            dependencies: ["ModelFiles", "Modeling", "Kernels", "Objectives", "Checkpoints", "Storage", "Scratch"]),
        .testTarget(
            name: "RunFilesTests",
            dependencies: ["RunFiles", "Rewards", "Preferences", "Objectives", "Storage", "Scratch"],
            exclude: ["Fixtures"]),
        .testTarget(
            name: "TrainingTests",
            dependencies: ["Training", "Collectives", "Kernels", "RunFiles", "Storage", "RankedTests", "Scratch"]),
        .testTarget(
            name: "HostileInputTests",
            dependencies: [
                "Training", "RunFiles", "ModelFiles", "Modeling", "Checkpoints", "Preferences", "Tables",
                "Tokenization",
                "ChatTemplates", "Storage", "Scratch",
            ]),
        .testTarget(name: "EndToEndTests", dependencies: ["Storage", "Scratch"], exclude: ["Fixtures"]),
    ]
)
