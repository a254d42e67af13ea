import ArgumentParser
import CLinux
import Foundation
import Settings

/// GOST's arguments (protocol tunnel-client §9): services, chain and files become one configuration, which runs until a
/// signal comes.
struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the services that -L, -F and -C describe (the standard verb).")

    @Option(name: .customShort("L"), help: "A service, as tunnel+ws://:8421?entrypoint=:80; may stand several times.")
    var listen: [String] = []

    @Option(name: .customShort("F"), help: "The tunnel server, as tunnel+ws://host:8421?tunnel.id=UUID.")
    var forward: [String] = []

    @Option(name: .customShort("C"), help: "A configuration file (YAML or JSON; - is standard input).")
    var files: [String] = []

    @Flag(name: .customShort("D"), help: "Log at level debug.")
    var debug = false

    @Flag(name: .customLong("DD", withSingleDash: true), help: "Log at level trace.")
    var trace = false

    @Option(name: .customLong("api", withSingleDash: true), help: "Address of the read-only pages, as :18080.")
    var api: String?

    @Option(name: .customLong("metrics", withSingleDash: true), help: "Address of /metrics and /dump, as :9000.")
    var metrics: String?

    @Flag(name: .customShort("V"), help: "Show the version.")
    var version = false

    @Flag(help: .hidden)
    var supervised = false

    func run() async throws {
        if version { return print("culvert \(Culvert.version)") }
        // The kernel ends us when the process that started us dies.
        if supervised { _ = culvert_die_with_parent() }
        guard !listen.isEmpty || !forward.isEmpty || !files.isEmpty else { throw CleanExit.helpRequest(Culvert.self) }
        try await Run.run(try ConfigurationInput.origin(files: files, arguments: arguments))
    }

    private var arguments: CommandLineSettings {
        var arguments = CommandLineSettings()
        arguments.listen = listen
        arguments.forward = forward
        arguments.logLevel = trace ? .trace : debug ? .debug : nil
        arguments.metricsAddress = metrics
        arguments.apiAddress = api
        return arguments
    }

    /// Runs a configuration to its end; faults become messages and exit statuses.
    static func run(_ origin: ConfigurationOrigin) async throws {
        let settings = try ConfigurationInput.settings(origin)
        do {
            try await NodeRun(settings, origin: origin).run()
        } catch let fault as NodeRun.Fault {
            FileHandle.standardError.write(Data("culvert: \(fault.message)\n".utf8))
            throw ExitCode.failure
        } catch is Supervisor.ConfigurationFault {
            throw ConfigurationInput.faultExit
        } catch is Supervisor.UnavailableFault {
            throw ExitCode.failure
        }
    }
}
