import EventLoop
import FileService
import Foundation
import Logging
import Model
import NIOCore
import ServiceLifecycle
import Settings
import TunnelRunner
import UnixSignals

/// Runs what a configuration asks for until a signal ends it: the planes of a tunnel server, file services, tunnels.
struct NodeRun {
    /// Something in the surroundings keeps the node from running; the message says what to do.
    struct Fault: Error {
        var message: String
    }

    let settings: NodeSettings
    let origin: ConfigurationOrigin
    let environment: [String: String]
    let logger: Logger

    /// `origin` is where the settings were read, and are read again.
    init(
        _ settings: NodeSettings, origin: ConfigurationOrigin,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) {
        self.settings = settings
        self.origin = origin
        self.environment = environment
        let node = settings.server?.nodeName ?? ""
        logger = LineLog.logger(
            label: "culvert", level: settings.logLevel, node: node.isEmpty ? ProcessInfo.processInfo.hostName : node)
    }

    func run() async throws {
        for notice in settings.notices {
            logger.warning("\(notice.message)", metadata: ["key": "\(notice.key)", "at": "\(notice.place.text)"])
        }
        var services: [any Service] = []
        var directory: RuntimeDirectory?
        defer { directory?.remove() }
        if let server = settings.server {
            let made = try makeDirectory()
            directory = made
            services.append(try supervisor(of: server, in: made))
        }
        var present = settings
        var client: TunnelClient?
        if let wanted = settings.client {
            let complete = try complete(wanted)
            present.client = complete
            let parts = try self.services(of: complete)
            client = parts.client
            services += parts.services
        }
        services.append(
            Reload(origin: origin, settings: present, keptIDs: keptIDs, client: client, logger: logger))
        services.append(Impatience { [directory] in directory?.remove() })
        var configuration = ServiceGroupConfiguration(
            services: services.map {
                .init(
                    service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
                    failureTerminationBehavior: .gracefullyShutdownGroup)
            }, gracefulShutdownSignals: Impatience.signals, logger: quietLogger)
        // Tunnels have their grace and a farewell to leave, children 5 s to end, visitors of file services the same;
        // then everything is cancelled.
        let grace = settings.client?.leaveGraceMilliseconds ?? 0
        configuration.maximumGracefulShutdownDuration = .milliseconds(max(7_000, grace + 3_000))
        configuration.maximumCancellationDuration = .seconds(2)
        try await ServiceGroup(configuration: configuration).run()
    }

    /// For packages: their warnings, and what they do only at trace level.
    private var quietLogger: Logger {
        var quiet = logger
        if logger.logLevel > .trace { quiet.logLevel = max(logger.logLevel, .warning) }
        return quiet
    }

    // MARK: - Server

    private func makeDirectory() throws -> RuntimeDirectory {
        let parent = RuntimeDirectory.parent(environment: environment, user: getuid())
        do {
            return try RuntimeDirectory.make(parent: parent, process: getpid())
        } catch {
            throw Fault(message: error.message)
        }
    }

    private func supervisor(of server: ServerConfiguration, in directory: RuntimeDirectory) throws -> Supervisor {
        var server = server
        if server.nodeName.isEmpty { server.nodeName = ProcessInfo.processInfo.hostName }
        let text = ConfigurationWriter.yaml(server)
        if case .failure(let fault) = PrivateDirectory.write(text, to: directory.configuration, replacing: true) {
            throw Fault(message: fault.message)
        }
        let commands = NodeRun.commands(
            for: server, in: directory, beside: NodeRun.executableDirectory(), plane: "data-0")
        for command in commands where access(command.file, X_OK) != 0 {
            throw Fault(
                message: "\(command.file) is missing: install it beside `culvert`, or build all three with "
                    + "`swift build -c release --static-swift-stdlib`")
        }
        return Supervisor(commands, logger: logger)
    }

    /// The command lines of a node's processes (design §2).
    static func commands(
        for server: ServerConfiguration, in directory: RuntimeDirectory, beside executables: String, plane: String
    ) -> [ChildCommand] {
        var data = ["--control", directory.socket, "--name", plane, "--supervised"]
        if let workers = server.workers { data += ["--workers", String(workers)] }
        if server.shell != .automatic { data += ["--io", server.shell.rawValue] }
        return [
            ChildCommand(
                name: "culvert-control", file: executables + "/culvert-control",
                arguments: ["-C", directory.configuration, "--socket", directory.socket, "--supervised"]),
            ChildCommand(name: "culvert-data \(plane)", file: executables + "/culvert-data", arguments: data),
        ]
    }

    /// Where this program lies, whatever it was called by.
    static func executableDirectory() -> String {
        (executable() as NSString).deletingLastPathComponent
    }

    static func executable() -> String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    }

    // MARK: - Client

    private var keptIDs: KeptTunnelIDs {
        KeptTunnelIDs(
            directory: KeptTunnelIDs.standardDirectory(environment: environment),
            random: { (KernelRandom.seed(), KernelRandom.seed()) })
    }

    /// With an id for every tunnel.
    private func complete(_ client: ClientConfiguration) throws -> ClientConfiguration {
        var client = client
        do {
            try keptIDs.complete(&client)
        } catch {
            throw Fault(message: error.message)
        }
        return client
    }

    private func services(
        of configuration: ClientConfiguration
    ) throws -> (services: [any Service], client: TunnelClient) {
        var services: [any Service] = []
        // Tunnels start when what they expose is there: the first visitor is served.
        let (filesListen, listening) = AsyncStream.makeStream(of: Void.self)
        for files in configuration.fileServices { services.append(try fileService(files, listening)) }
        let report = TunnelReport(logger: logger) { text in
            let put = {
                print(text)
                // Somebody may be waiting for it at the other end of a pipe.
                fflush(nil)
            }
            if let status = StatusLine.ofTerminal { status.above(put) } else { put() }
        }
        let count = configuration.fileServices.count
        let sockets = try visitorSockets(of: configuration)
        let visits = VisitReport(configuration, logger: logger)
        visits.announce()
        let client = try TunnelClient(configuration, settings.shell, sockets: sockets) {
            var missing = count
            var announcements = filesListen.makeAsyncIterator()
            while missing > 0, await announcements.next() != nil { missing -= 1 }
        } _: {
            report.note($0)
        } visits: {
            visits.note($0)
        }
        services.append(client)
        if let line = StatusLine.ofTerminal {
            services.append(StatusDisplay(line: line, report: report, client: client))
        }
        return (services, client)
    }

    private func visitorSockets(of configuration: ClientConfiguration) throws -> VisitorSockets {
        do {
            return try VisitorSockets(configuration.visitorServices)
        } catch {
            throw Fault(message: error.message)
        }
    }

    private func fileService(
        _ files: Settings.FileService, _ listening: AsyncStream<Void>.Continuation
    ) throws -> any Service {
        let tree: FileTree
        do {
            tree = try FileTree(directory: files.directory)
        } catch {
            throw Fault(message: error.message)
        }
        let logger = logger
        let server = FileServer(
            host: files.address.host, port: files.address.port, tree: tree, seed: KernelRandom.seed(),
            logger: quietLogger,
            listening: { port in
                logger.info("serving files", metadata: ["directory": "\(files.directory)", "port": "\(port)"])
                listening.yield()
            })
        return LeafService(endsByItself: true) {
            do {
                try await server.run()
            } catch let error as IOError {
                throw Fault(
                    message: "cannot listen at \(files.address.host):\(files.address.port): "
                        + "\(String(cString: strerror(error.errnoCode))); choose another port in `file://:PORT`")
            }
        }
    }
}
