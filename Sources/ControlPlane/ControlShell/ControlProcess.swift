internal import CLinux
internal import ControlCore
internal import Foundation
internal import Glibc
internal import Logging
internal import Model
internal import ServiceLifecycle
internal import Settings
internal import UnixSignals

/// The control plane as a process: what is given on the command line, put together and run until SIGTERM.
package struct ControlProcess: Sendable {
    package var configurationPath: String
    package var socketPath: String
    /// nil: as configured, else the host's name.
    package var nodeName: String?
    /// The process ends with the one that started it.
    package var isSupervised = false

    package init(configurationPath: String, socketPath: String) {
        self.configurationPath = configurationPath
        self.socketPath = socketPath
    }

    /// Returns after a graceful shutdown; throws what a person has to read.
    package func run() async throws {
        if isSupervised, culvert_die_with_parent() != 0 {
            throw ControlFault(SystemFault("follow", "the supervisor").text)
        }
        let configuration = try read()
        let name = nodeName ?? (configuration.nodeName.isEmpty ? ControlProcess.hostName : configuration.nodeName)
        var logger = Logger(label: "control") { _ in StandardErrorLog(node: name) }
        logger.logLevel = Logger.Level(Severity(configuration.logLevel))
        // Every address has a socket per worker and data plane, and each is sent as a copy.
        _ = culvert_raise_descriptor_limit()

        let mailbox: PlaneMailbox
        do throws(SystemFault) { mailbox = try PlaneMailbox() } catch { throw ControlFault(error.text) }
        var services: [any Service] = [
            PlaneServer(
                configuration: configuration, nodeName: name, socketPath: socketPath, mailbox: mailbox, logger: logger)
        ]
        var addresses: [ListenAddress] = []
        for address in [configuration.metricsAddress, configuration.apiAddress].compactMap({ $0 })
        where !addresses.contains(address) { addresses.append(address) }
        for address in addresses { services.append(AdminServer(address: address, mailbox: mailbox, logger: logger)) }
        try await ServiceGroup(
            services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: ControlProcess.quiet(logger)
        ).run()
    }

    private func read() throws -> ServerConfiguration {
        let text: String
        do {
            text = try String(contentsOfFile: configurationPath, encoding: .utf8)
        } catch {
            throw ControlFault("cannot read \(configurationPath): \(error.localizedDescription)")
        }
        do throws(ConfigurationFault) {
            return try ConfigurationReader.server(text: text, fileName: configurationPath)
        } catch {
            throw ControlFault(error.text)
        }
    }

    /// The lifecycle library's lines are for its developers.
    private static func quiet(_ logger: Logger) -> Logger {
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .warning)
        return quiet
    }

    private static var hostName: String {
        var name = [UInt8](repeating: 0, count: 256)
        let result = name.withUnsafeMutableBytes {
            gethostname($0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count - 1)
        }
        guard result == 0 else { return "node" }
        return String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
    }
}
