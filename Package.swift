// swift-tools-version: 6.2
import PackageDescription

/// Every target: Swift 6, warnings are errors.
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

/// Targets on the path of a visitor's bytes: optimised across modules, without run-time exclusivity checks in release
/// (debug, tests and the simulator keep them).
let hot: [SwiftSetting] =
    strict + [
        .enableExperimentalFeature("Lifetimes"),
        .unsafeFlags(["-enforce-exclusivity=unchecked", "-enable-cmo-everything"], .when(configuration: .release)),
    ]

/// With `-enable-cmo-everything` every hot module exports its own copy of the standard library's specialisations it uses
/// (`RawSpan.byteCount`, …), and two such modules in one executable are a link error. The copies are the same code from
/// the same compiler: the first one is taken. Stands on the module that all others depend on; executables inherit it.
let merged: [LinkerSetting] = [
    .unsafeFlags(["-Xlinker", "--allow-multiple-definition"], .when(configuration: .release))
]

let package = Package(
    name: "culvert",
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    ],
    targets: [
        // System libraries: shims in headers, no C sources.
        .systemLibrary(name: "CLiburing", path: "Sources/Shared/CLiburing"),
        .systemLibrary(name: "CLinux", path: "Sources/Shared/CLinux"),
        .systemLibrary(name: "CScan", path: "Sources/Shared/CScan"),

        // Shared: words, codecs, the plane link.
        .target(
            name: "Primitives", dependencies: ["CScan"], path: "Sources/Shared/Primitives", swiftSettings: hot,
            linkerSettings: merged),
        .target(
            name: "Operations", dependencies: ["Primitives"], path: "Sources/Shared/Operations", swiftSettings: hot),
        .target(name: "Model", dependencies: ["Primitives"], path: "Sources/Shared/Model", swiftSettings: hot),
        .target(
            name: "Wire", dependencies: ["Primitives", "Model"], path: "Sources/Shared/Wire", swiftSettings: hot),
        .target(
            name: "EventLoop", dependencies: ["Primitives", "Operations", "CLiburing", "CLinux"],
            path: "Sources/Shared/EventLoop", swiftSettings: hot),
        .target(
            name: "Settings",
            dependencies: ["Model", .product(name: "Yams", package: "Yams")],
            path: "Sources/Shared/Settings", swiftSettings: strict),

        // Tests of what is shared. NIO and Crypto stand in test targets only: independent readers to compare with.
        .testTarget(
            name: "PrimitivesTests", dependencies: ["Primitives", .product(name: "Crypto", package: "swift-crypto")],
            path: "Tests/Shared/PrimitivesTests", swiftSettings: strict),
        .testTarget(
            name: "WireTests",
            dependencies: [
                "Primitives", "Model", "Wire",
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOWebSocket", package: "swift-nio"),
            ],
            path: "Tests/Shared/WireTests", swiftSettings: strict),

        // Fuzz targets: Tests/Fuzz/run builds them with libFuzzer; a plain build replays the files it is given.
        .target(name: "FuzzRig", path: "Tests/Fuzz/Rig", swiftSettings: strict),
        .executableTarget(
            name: "fuzz-relay", dependencies: ["FuzzRig", "Model", "Primitives", "Wire"],
            path: "Tests/Fuzz/relay", swiftSettings: strict),
        .executableTarget(
            name: "fuzz-smux", dependencies: ["FuzzRig", "Primitives", "Wire"],
            path: "Tests/Fuzz/smux", swiftSettings: strict),
        .executableTarget(
            name: "fuzz-websocket", dependencies: ["FuzzRig", "Primitives", "Wire"],
            path: "Tests/Fuzz/websocket", swiftSettings: strict),
        .executableTarget(
            name: "fuzz-http", dependencies: ["FuzzRig", "Primitives", "Wire"],
            path: "Tests/Fuzz/http", swiftSettings: strict),
        .executableTarget(
            name: "fuzz-canary", dependencies: ["FuzzRig"], path: "Tests/Fuzz/canary", swiftSettings: strict),
    ]
)
