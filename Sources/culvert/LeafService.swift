import ServiceLifecycle

/// A service made of one function.
struct LeafService: Service {
    /// Whether the function watches for a graceful shutdown itself; else it is cancelled then.
    var endsByItself = false
    let body: @Sendable () async throws -> Void

    func run() async throws {
        guard !endsByItself else { return try await body() }
        try await cancelWhenGracefulShutdown { try await body() }
    }
}
