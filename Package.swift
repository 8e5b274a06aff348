// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "swift-prefopt",
    targets: [
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .target(name: "Storage", dependencies: ["CZlib", "CZstd", "CCrypto"]),
        .testTarget(name: "StorageTests", dependencies: ["Storage"], exclude: ["Fixtures"]),
    ]
)
