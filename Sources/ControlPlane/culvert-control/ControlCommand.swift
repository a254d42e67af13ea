import ArgumentParser
import ControlShell
import Foundation

/// `culvert-control`: the control plane of one node. Started by hand, by the container, or by `culvert`.
@main
struct ControlCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "culvert-control",
        abstract: "The control plane of a Culvert node: configuration, names, listening sockets, metrics.")

    @Option(name: [.customShort("C"), .customLong("configuration")], help: "The node's configuration (gost.yaml).")
    var file: String

    @Option(help: "The Unix socket that the node's data planes connect to.")
    var socket: String

    @Option(help: "The node's stable name; by default the configured one or the host's.")
    var node: String?

    @Flag(help: "End when the process that started this one ends.")
    var supervised = false

    func run() async throws {
        var process = ControlProcess(configurationPath: file, socketPath: socket)
        process.nodeName = node
        process.isSupervised = supervised
        do {
            try await process.run()
        } catch {
            FileHandle.standardError.write(Data("culvert-control: \(error)\n".utf8))
            // `EX_UNAVAILABLE` of sysexits(3): a port or a file is not to be had, and this has said which.
            throw error is ControlFault ? ExitCode(69) : ExitCode.failure
        }
    }
}
