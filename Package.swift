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
        .target(name: "Primitives", dependencies: ["CScan"], path: "Sources/Shared/Primitives", swiftSettings: hot),
        .target(
            name: "Operations", dependencies: ["Primitives"], path: "Sources/Shared/Operations", swiftSettings: hot),
        .target(name: "Model", dependencies: ["Primitives"], path: "Sources/Shared/Model", swiftSettings: hot),
        .target(
            name: "EventLoop", dependencies: ["Primitives", "Operations", "CLiburing", "CLinux"],
            path: "Sources/Shared/EventLoop", swiftSettings: hot),
        .target(
            name: "Settings",
            dependencies: ["Model", .product(name: "Yams", package: "Yams")],
            path: "Sources/Shared/Settings", swiftSettings: strict),

        // The simulated kernel: the third shell.
        .target(
            name: "Simulator", dependencies: ["Primitives", "Operations", "EventLoop", "CLinux"],
            path: "Tests/Simulator", swiftSettings: strict),
        .testTarget(
            name: "SimulatorTests", dependencies: ["Primitives", "Operations", "EventLoop", "Simulator", "CLinux"],
            path: "Tests/SimulatorTests", swiftSettings: strict),

        // The event loop's tests, and the processes that they start.
        .systemLibrary(name: "CSeccomp", path: "Tests/SeccompProbe/CSeccomp"),
        .executableTarget(
            name: "SeccompProbe", dependencies: ["Primitives", "Operations", "EventLoop", "CLinux", "CSeccomp"],
            path: "Tests/SeccompProbe/Probe", swiftSettings: strict),
        .executableTarget(
            name: "SignalProbe", dependencies: ["Primitives", "Operations", "EventLoop", "CLinux"],
            path: "Tests/SignalProbe", swiftSettings: strict),
        .testTarget(
            name: "EventLoopTests",
            dependencies: [
                "Primitives", "Operations", "EventLoop", "Simulator", "CLinux", "SeccompProbe", "SignalProbe",
            ],
            path: "Tests/Shared/EventLoopTests", swiftSettings: strict),
    ]
)
