/// What one configuration asks of a node: to serve tunnels, to expose services, or both.
package struct NodeSettings: Equatable, Sendable {
    /// Nil where no service is a tunnel server.
    package var server: ServerConfiguration?
    /// Nil where nothing is exposed and nothing served from files.
    package var client: ClientConfiguration?
    package var logLevel = LogLevel.info
    /// `culvert: {io: …}`, for a client's loop as for a server's.
    package var shell = ShellChoice.automatic
    /// Keys that were accepted and have no effect.
    package var notices: [ConfigurationProblem] = []

    package init() {}
}
