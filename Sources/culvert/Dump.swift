import ArgumentParser

/// Prints everything that a node's control plane knows.
struct Dump: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the tunnels, connectors and routes that a node knows.")

    @OptionGroup var admin: AdminOptions

    func run() async throws { print(try await admin.address().page("/dump")) }
}
