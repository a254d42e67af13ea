internal import ControlCore
internal import Foundation
package import Logging
internal import Model
internal import Observe
internal import ServiceLifecycle
package import Settings

/// The plane loop as a service: its thread runs from start to shutdown, and its end is the process's.
package struct PlaneServer: Service {
    private let configuration: ServerConfiguration
    private let socketPath: String
    private let nodeName: String
    private let mailbox: PlaneMailbox
    private let logger: Logger

    package init(
        configuration: ServerConfiguration, nodeName: String, socketPath: String, mailbox: PlaneMailbox,
        logger: Logger
    ) {
        self.configuration = configuration
        self.nodeName = nodeName
        self.socketPath = socketPath
        self.mailbox = mailbox
        self.logger = logger
    }

    /// Runs the loop on a thread of its own, since it waits in poll(2), until shutdown or a fault.
    package func run() async throws {
        try await withTaskCancellationOrGracefulShutdownHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let thread = Thread {
                    do throws(ControlFault) {
                        try serve()
                        continuation.resume()
                    } catch {
                        continuation.resume(throwing: error)
                    }
                }
                thread.name = "plane"
                thread.start()
            }
        } onCancelOrGracefulShutdown: {
            mailbox.stop()
        }
    }

    /// The thread's work: takes the socket and serves until it is told to stop.
    func serve() throws(ControlFault) {
        do {
            let time = ControlClock.wallTime()
            let epoch = UInt64(time.seconds) * 1_000 + UInt64(time.nanoseconds / 1_000_000)
            let secret = try PeerSecretFile.secret(configuration.peers?.secret, socketPath: socketPath)
            let core = try ControlCore(
                configuration, nodeName: nodeName, nodeEpoch: epoch,
                credentialKey: CredentialKey(high: ControlClock.random(), low: ControlClock.random()),
                tableSeed: ControlClock.random(),
                cluster: ClusterSettings(
                    configuration, nodeName: nodeName, peerSecret: secret, socketPath: socketPath))
            let stores = try StoreShelf(configuration, logger: logger)
            defer { stores.stop() }
            let socket = try PlaneSocket(path: socketPath)
            logger.info("control plane started", metadata: ["socket": .string(socketPath)])
            try PlaneLoop(
                core: core, ingresses: configuration.ingresses, socket: socket, stores: stores, mailbox: mailbox,
                logger: logger
            ).run()
            logger.info("control plane stopped; the data planes keep the sockets")
        } catch let fault as NodePlanFault {
            throw ControlFault(fault.text)
        } catch let fault as SystemFault {
            throw ControlFault(fault.text)
        } catch let fault as ControlFault {
            throw fault
        } catch {
            throw ControlFault("\(error)")
        }
    }
}
