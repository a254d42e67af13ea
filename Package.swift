// swift-tools-version: 6.2
import PackageDescription

/// Every target: Swift 6, warnings are errors.
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

/// What the trait `Optimised` is for: tests that simulate hours would spend minutes in these modules.
let optimised: [SwiftSetting] = [
    .unsafeFlags(["-O"], .when(configuration: .debug, traits: ["Optimised"]))
]

/// Targets on the path of a visitor's bytes: optimised across modules, without run-time exclusivity checks in release
/// (debug, tests and the simulator keep them).
let hot: [SwiftSetting] =
    strict + optimised + [
        .enableExperimentalFeature("Lifetimes"),
        .unsafeFlags(["-enforce-exclusivity=unchecked", "-enable-cmo-everything"], .when(configuration: .release)),
    ]

/// The worker: the compiler proves of every function marked `@_noLocks`, and of all it calls, that it neither allocates nor
/// counts references nor locks. It sees what is called where it optimises the whole module, in release; a debug build
/// compiles file by file, would call every other file's functions unknown, and is told not to look.
let proven: [SwiftSetting] =
    hot + [
        .unsafeFlags(["-Xllvm", "-sil-disable-pass=performance-diagnostics"], .when(configuration: .debug))
    ]

/// Optimising across all modules leaves the same specialisation of a standard generic in several objects as a strong
/// symbol; any of these equal copies may serve. Stands on the module that all others depend on: executables inherit it.
let oneOfEqual: [LinkerSetting] = [
    .unsafeFlags(["-Xlinker", "--allow-multiple-definition"], .when(configuration: .release))
]

let package = Package(
    name: "culvert",
    traits: [
        .default(enabledTraits: ["StoreTLS"]),
        .trait(name: "StoreTLS", description: "TLS to Redis, by the BoringSSL of NIOSSL."),
        .trait(
            name: "Optimised",
            description: "Debug builds optimise what simulations spend their time in; for ./test."),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    ],
    targets: [
        // System libraries: shims in headers, no C sources.
        .systemLibrary(name: "CLiburing", path: "Sources/Shared/CLiburing"),
        .systemLibrary(name: "CLinux", path: "Sources/Shared/CLinux"),
        .systemLibrary(name: "CScan", path: "Sources/Shared/CScan"),
        .systemLibrary(name: "CHiredis", path: "Sources/ControlPlane/CHiredis"),

        // Shared: words, codecs, the plane link.
        .target(
            name: "Primitives", dependencies: ["CScan"], path: "Sources/Shared/Primitives", swiftSettings: hot,
            linkerSettings: oneOfEqual),
        .target(
            name: "Operations", dependencies: ["Primitives"], path: "Sources/Shared/Operations", swiftSettings: hot),
        .target(name: "Model", dependencies: ["Primitives"], path: "Sources/Shared/Model", swiftSettings: hot),
        .target(
            name: "Wire", dependencies: ["Primitives", "Model"], path: "Sources/Shared/Wire", swiftSettings: hot),
        .target(
            name: "PlaneLink", dependencies: ["Primitives", "Model"], path: "Sources/Shared/PlaneLink",
            swiftSettings: hot),
        .target(
            name: "Observe", dependencies: ["Primitives", "Model"], path: "Sources/Shared/Observe",
            swiftSettings: hot),
        .target(
            name: "EventLoop", dependencies: ["Primitives", "Operations", "CLiburing", "CLinux"],
            path: "Sources/Shared/EventLoop", swiftSettings: hot),
        .target(
            name: "Settings",
            dependencies: ["Model", .product(name: "Yams", package: "Yams")],
            path: "Sources/Shared/Settings", swiftSettings: strict),

        // Control plane: a pure core, its shell, the executable.
        .target(
            name: "StoreVocabulary", path: "Sources/ControlPlane/StoreVocabulary", swiftSettings: strict),
        .target(
            name: "Redis",
            dependencies: [
                "CHiredis", "Settings", "StoreVocabulary", .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl", condition: .when(traits: ["StoreTLS"])),
            ],
            path: "Sources/ControlPlane/Redis", swiftSettings: strict),
        .target(
            name: "ControlCore",
            dependencies: ["Model", "PlaneLink", "Primitives", "Settings", "StoreVocabulary", "Wire"],
            path: "Sources/ControlPlane/ControlCore", swiftSettings: strict),
        .target(
            name: "ControlShell",
            dependencies: [
                "CLinux", "ControlCore", "Model", "Observe", "PlaneLink", "Primitives", "Redis", "Settings",
                "StoreVocabulary",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"), .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            path: "Sources/ControlPlane/ControlShell", swiftSettings: strict),
        .executableTarget(
            name: "culvert-control",
            dependencies: [
                "ControlShell", "Settings", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Sources/ControlPlane/culvert-control", swiftSettings: strict),

        // Client: what runs beside a customer's service.
        .target(
            name: "FileService",
            dependencies: [
                "CLinux", .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"), .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            path: "Sources/Client/FileService", swiftSettings: strict),
        .executableTarget(
            name: "culvert",
            dependencies: [
                "CLinux", "EventLoop", "FileService", "Model", "Observe", "Primitives", "Settings", "TunnelRunner",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"), .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            path: "Sources/culvert", swiftSettings: strict),

        // The tunnel client: the same worker, dialling.
        .target(
            name: "TunnelRunner",
            dependencies: [
                "Worker", "EventLoop", "Settings", "Observe", "Model", "Operations", "Primitives", "CLinux",
            ],
            path: "Sources/Client/TunnelRunner", swiftSettings: hot),

        // The data plane: a pure worker, and its process.
        .target(
            name: "Worker", dependencies: ["Primitives", "Operations", "Model", "Wire", "PlaneLink", "Observe"],
            path: "Sources/DataPlane/Worker", swiftSettings: proven),
        .executableTarget(
            name: "culvert-data",
            dependencies: [
                "Worker", "EventLoop", "PlaneLink", "Observe", "Model", "Operations", "Primitives", "CLinux",
            ],
            path: "Sources/DataPlane/culvert-data", swiftSettings: hot),

        // The rules of the tree.
        .testTarget(name: "TidyTests", dependencies: ["Model"], path: "Tests/Tidy", swiftSettings: strict),

        // Tests mirror the sources.
        .testTarget(
            name: "ControlCoreTests",
            dependencies: [
                "ControlCore", "Model", "PlaneLink", "Primitives", "Settings", "StoreVocabulary", "Wire",
            ],
            path: "Tests/ControlPlane/ControlCoreTests", swiftSettings: strict),
        .testTarget(
            name: "ControlShellTests",
            dependencies: [
                "CLinux", "ControlCore", "ControlShell", "Model", "Observe", "PlaneLink", "Primitives", "Settings",
                "StoreVocabulary", .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests/ControlPlane/ControlShellTests", swiftSettings: strict),
        .executableTarget(
            name: "StoreProbe",
            dependencies: [
                "Redis", "Settings", "StoreVocabulary", .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ],
            path: "Tests/StoreProbe", swiftSettings: strict),
        .testTarget(
            name: "RedisTests",
            dependencies: [
                "Redis", "Settings", "StoreVocabulary", .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOEmbedded", package: "swift-nio"),
            ],
            path: "Tests/ControlPlane/RedisTests", swiftSettings: strict),
        .executableTarget(
            name: "RouteProbe", dependencies: ["PlaneLink", "Model", "Primitives"], path: "Tests/RouteProbe",
            swiftSettings: hot),
        .testTarget(
            name: "PlaneLinkTests", dependencies: ["PlaneLink", "Model", "Primitives"],
            path: "Tests/Shared/PlaneLinkTests", swiftSettings: strict),
        .testTarget(
            name: "ObserveTests", dependencies: ["Observe", "Model", "Primitives"],
            path: "Tests/Shared/ObserveTests", swiftSettings: strict),
        .testTarget(
            name: "SettingsTests", dependencies: ["Settings", "Model"], path: "Tests/Shared/SettingsTests",
            swiftSettings: strict),
        .testTarget(
            name: "FileServiceTests", dependencies: ["FileService", .product(name: "Logging", package: "swift-log")],
            path: "Tests/Client/FileServiceTests", swiftSettings: strict),
        .testTarget(
            name: "TunnelRunnerTests",
            dependencies: ["Model", "Primitives", "Settings", "Simulator", "TunnelRunner", "Wire", "Worker", "World"],
            path: "Tests/Client/TunnelRunnerTests", swiftSettings: strict),
        .testTarget(
            name: "CulvertTests",
            dependencies: [
                "culvert", "EventLoop", "Model", "Primitives", "Settings", "TunnelRunner",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            path: "Tests/Client/CulvertTests", swiftSettings: strict),
        // Tests of what is shared, with independent implementations to compare with: OpenSSL's digests, NIO's readers.
        .systemLibrary(name: "COpenSSL", path: "Tests/Shared/COpenSSL"),
        .target(
            name: "ReferenceDigests", dependencies: ["COpenSSL"], path: "Tests/Shared/ReferenceDigests",
            swiftSettings: strict),
        .testTarget(
            name: "PrimitivesTests", dependencies: ["Primitives", "ReferenceDigests"],
            path: "Tests/Shared/PrimitivesTests", swiftSettings: strict),
        .testTarget(
            name: "WireTests",
            dependencies: [
                "Primitives", "Model", "ReferenceDigests", "Wire",
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOWebSocket", package: "swift-nio"),
            ],
            path: "Tests/Shared/WireTests", swiftSettings: strict),

        // Fuzz targets: Tests/Fuzz/run builds them with libFuzzer; a plain build replays the files it is given.
        .target(name: "FuzzRig", path: "Tests/Fuzz/Rig", swiftSettings: strict),
        .executableTarget(
            name: "fuzz-relay", dependencies: ["FuzzRig", "Model", "PlaneLink", "Primitives", "Wire"],
            path: "Tests/Fuzz/relay", swiftSettings: strict),
        .executableTarget(
            name: "fuzz-smux", dependencies: ["FuzzRig", "Primitives", "Wire"],
            path: "Tests/Fuzz/smux", swiftSettings: strict),
        .executableTarget(
            name: "fuzz-websocket", dependencies: ["FuzzRig", "Primitives", "Wire"],
            path: "Tests/Fuzz/websocket", swiftSettings: strict),
        .executableTarget(
            name: "fuzz-http", dependencies: ["FuzzRig", "Model", "Primitives", "Wire"],
            path: "Tests/Fuzz/http", swiftSettings: strict),
        .executableTarget(
            name: "fuzz-front", dependencies: ["FuzzRig", "Model", "Primitives", "Wire"],
            path: "Tests/Fuzz/front", swiftSettings: strict),
        .executableTarget(
            name: "fuzz-tls", dependencies: ["FuzzRig", "Primitives", "Wire"],
            path: "Tests/Fuzz/tls", swiftSettings: strict),
        .executableTarget(
            name: "fuzz-canary", dependencies: ["FuzzRig"], path: "Tests/Fuzz/canary", swiftSettings: strict),

        // The simulated kernel: the third shell.
        .target(
            name: "Simulator", dependencies: ["Primitives", "Operations", "EventLoop", "CLinux"],
            path: "Tests/Simulator", swiftSettings: strict + optimised),
        .testTarget(
            name: "SimulatorTests", dependencies: ["Primitives", "Operations", "EventLoop", "Simulator", "CLinux"],
            path: "Tests/SimulatorTests", swiftSettings: strict),

        // Real workers in simulated worlds.
        .target(
            name: "World",
            dependencies: [
                "EventLoop", "Model", "Observe", "Operations", "PlaneLink", "Primitives", "Simulator", "Wire", "Worker",
            ],
            path: "Tests/World", swiftSettings: strict + optimised),
        .testTarget(
            name: "WorkerTests",
            dependencies: [
                "Model", "Observe", "Operations", "PlaneLink", "Primitives", "Simulator", "Wire", "Worker", "World",
            ],
            path: "Tests/DataPlane/WorkerTests", swiftSettings: strict),
        .testTarget(
            name: "SimulationTests",
            dependencies: [
                "Model", "Observe", "Operations", "PlaneLink", "Primitives", "Simulator", "Wire", "Worker", "World",
            ],
            path: "Tests/DataPlane/SimulationTests", swiftSettings: strict),

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
