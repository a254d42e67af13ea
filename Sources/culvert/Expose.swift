import ArgumentParser
import Foundation
import Model
import Settings

/// Exposes one local service: the short form of `-L rtcp://… -F tunnel+…`.
struct Expose: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Expose a local port under a public name.",
        discussion: """
            Without --id a tunnel id is made at the first start and kept for this server and port, so that the public
            name stays the same. The public address is printed as soon as the server has granted it.
            """)

    @Argument(help: "What to expose: a port, host:port, or unix:///path; several, with commas, take turns.")
    var target: String

    @Option(
        help: "The tunnel server, as ws://host:8421 or tcp://user:password@host:8421,other:8421 (or CULVERT_SERVER).")
    var server: String?

    @Option(help: "The tunnel's id, a UUID; it is the tunnel's secret.")
    var id: String?

    @Option(help: "The host name to ask the server for.")
    var name: String?

    @Option(help: "Parallel connections to the server.")
    var connections = 1

    @Option(help: "Tell the service who comes, by a PROXY header of version 1 or 2.")
    var proxyProtocol = 0

    @Flag(name: .customShort("D"), help: "Log at level debug.")
    var debug = false

    func run() async throws {
        let server = server ?? ProcessInfo.processInfo.environment["CULVERT_SERVER"]
        guard let server, !server.isEmpty else {
            throw ValidationError("say where the tunnel server is: --server ws://host:8421")
        }
        let arguments = try arguments(server: server)
        try await Run.run(try ConfigurationInput.origin(arguments: arguments))
    }

    /// The same as `-L` and `-F` URLs.
    func arguments(server: String) throws -> CommandLineSettings {
        guard let mark = server.range(of: "://") else {
            throw ValidationError("`\(server)` is no server: write ws://host:8421 or tcp://host:8421")
        }
        var carrier = server[..<mark.lowerBound].lowercased()
        if carrier.hasPrefix("tunnel+") { carrier.removeFirst("tunnel+".count) }
        if carrier == "tunnel" { carrier = "tcp" }
        var address = server[mark.upperBound...]
        var parameters = ["connections=\(connections)"]
        if let slash = address.firstIndex(of: "/") {
            let path = address[slash...]
            if path != "/" { parameters.append("path=\(path)") }
            address = address[..<slash]
        }
        if let id { parameters.append("tunnel.id=\(id)") }
        let target = target.allSatisfy(\.isNumber) ? "127.0.0.1:\(target)" : target
        var arguments = CommandLineSettings()
        let proxy = proxyProtocol == 0 ? "" : "?proxyProtocol=\(proxyProtocol)"
        arguments.listen = ["rtcp://\(name ?? ""):0/\(target)\(proxy)"]
        arguments.forward = ["tunnel+\(carrier)://\(address)?\(parameters.joined(separator: "&"))"]
        arguments.logLevel = debug ? .debug : nil
        return arguments
    }
}
