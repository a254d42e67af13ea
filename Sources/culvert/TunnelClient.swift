import Settings

/// The one place where the program meets the tunnel client's machine: a description goes in, statuses come out.
struct TunnelClient: Sendable {
    /// Exposes every tunnel of the configuration, reconnecting for ever, until its task is cancelled; returns once every
    /// session is closed. Ids are complete (`KeptTunnelIDs`). `report` may be called from any thread and does not block.
    let run:
        @Sendable (
            _ configuration: ClientConfiguration, _ shell: ShellChoice,
            _ report: @escaping @Sendable (TunnelStatus) -> Void
        ) async throws -> Void

    /// The machine that this build contains; nil in a build without one, which refuses to expose anything.
    static var built: TunnelClient? { nil }
}
