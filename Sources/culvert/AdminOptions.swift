import ArgumentParser
import Foundation
import Settings

/// How to find the pages of a running node.
struct AdminOptions: ParsableArguments {
    @Option(help: "The node's pages, as http://127.0.0.1:9000 (its metrics or api address).")
    var url: String?

    @Option(help: "The control socket of a node that `culvert` supervises; standard: the one that runs.")
    var control: String?

    /// The address to ask.
    func address() throws -> AdminAddress {
        if let url {
            guard let address = AdminAddress(url: url) else {
                throw ValidationError("`\(url)` is no address: write http://127.0.0.1:9000")
            }
            return address
        }
        let file = try configurationFile()
        guard let text = try? String(contentsOfFile: file, encoding: .utf8),
            let server = try? ConfigurationReader.server(text: text, fileName: file)
        else { throw ConfigurationInput.refusal("\(file) cannot be read; say --url") }
        guard let address = server.metricsAddress ?? server.apiAddress else {
            throw ConfigurationInput.refusal("the node has no pages: start it with `-metrics 127.0.0.1:9000`")
        }
        return AdminAddress(host: address.host.isEmpty ? "localhost" : address.host, port: Int(address.port))
    }

    /// The file that the supervisor wrote for the control plane.
    private func configurationFile() throws -> String {
        if let control { return (control as NSString).deletingLastPathComponent + "/node.yaml" }
        let parent = RuntimeDirectory.parent(environment: ProcessInfo.processInfo.environment, user: getuid())
        let living = RuntimeDirectory.living(in: parent)
        switch living.count {
        case 1: return living[0].configuration
        case 0: throw ConfigurationInput.refusal("no node runs here under your name; say --url")
        default:
            let sockets = living.map(\.socket).joined(separator: "\n  --control ")
            throw ConfigurationInput.refusal("several nodes run here; say which:\n  --control \(sockets)")
        }
    }
}
