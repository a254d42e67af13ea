import ArgumentParser
import CLinux

/// The program that people type. Without a verb it takes GOST's arguments and runs what they describe.
struct Culvert: AsyncParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "culvert",
        abstract: "Reaches services behind NAT by host name, through a cluster of tunnel servers.",
        discussion: """
            A server:   culvert -L "tunnel+ws://:8421?entrypoint=:8080"
            A client:   culvert expose 8000 --server ws://example.com:8421

            Several independent processes stand behind each other, separated by ` -- `.
            """,
        version: "culvert \(version)",
        subcommands: [Run.self, Expose.self, Check.self, Dump.self, Status.self],
        defaultSubcommand: Run.self)
}

/// Splits the arguments at ` -- `, which ArgumentParser would take for itself, and hands them over.
@main
enum Program {
    static func main() async {
        // A client has a descriptor per visitor.
        _ = culvert_raise_descriptor_limit()
        let arguments = Array(CommandLine.arguments.dropFirst())
        let processes = processes(in: arguments)
        if processes.count > 1 {
            await SeveralProcesses(processes).run()
        } else {
            await Culvert.main(processes.first ?? [])
        }
    }

    /// The argument lists of the independent processes; those of verbs are not split.
    static func processes(in arguments: [String]) -> [[String]] {
        guard let first = arguments.first, first.hasPrefix("-") else { return [arguments] }
        return arguments.split(separator: "--").map(Array.init)
    }
}
