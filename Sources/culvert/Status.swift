import ArgumentParser

/// Prints whether a node is alive and ready, and ends with 1 when it is not.
struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Say whether a node is alive and ready.")

    @OptionGroup var admin: AdminOptions

    func run() async throws {
        let address = try admin.address()
        for (path, word) in [("/livez", "alive"), ("/readyz", "ready")] {
            _ = try await address.page(path)
            print(word)
        }
    }
}
