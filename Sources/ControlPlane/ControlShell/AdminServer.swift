internal import Foundation
package import Hummingbird
package import Logging
internal import NIOCore
internal import ServiceLifecycle
package import Settings

/// The pages of the control plane: `/metrics`, `/livez`, `/readyz` and `/dump`. Read-only.
package struct AdminServer: Service {
    private let address: ListenAddress
    private let mailbox: PlaneMailbox
    private let logger: Logger

    package init(address: ListenAddress, mailbox: PlaneMailbox, logger: Logger) {
        self.address = address
        self.mailbox = mailbox
        self.logger = logger
    }

    /// Serves until the group shuts down; throws a fault that names the address when it cannot be had.
    package func run() async throws {
        let host = address.host.isEmpty ? AdminServer.anyHost : address.host
        let logger = self.logger
        let application = Application(
            router: AdminServer.router(mailbox),
            configuration: ApplicationConfiguration(
                address: .hostname(host, port: Int(address.port)), serverName: nil),
            onServerRunning: { channel in
                let address = channel.localAddress.map { "\($0)" } ?? "?"
                logger.info("admin pages are served", metadata: ["address": .string(address)])
            },
            logger: AdminServer.quiet(logger))
        do {
            try await application.run()
        } catch let fault as IOError {
            throw ControlFault(
                "cannot serve the admin pages on \(address.written): \(SystemFault.text(fault.errnoCode)); "
                    + "configure another address")
        }
    }

    /// The library's own lines are for its developers.
    private static func quiet(_ logger: Logger) -> Logger {
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .warning)
        return quiet
    }

    /// Dual stack, where the kernel has IPv6.
    private static var anyHost: String {
        FileManager.default.fileExists(atPath: "/proc/net/if_inet6") ? "::" : "0.0.0.0"
    }

    /// The pages, each an answer to one question to the plane loop.
    package static func router(_ mailbox: PlaneMailbox) -> Router<BasicRequestContext> {
        let router = Router()
        router.get("livez") { _, _ in
            // The loop's thread has to answer: a process whose loop hangs is not alive.
            _ = await mailbox.status()
            return "ok\n"
        }
        router.get("readyz") { _, _ in
            guard let status = await mailbox.status() else { return AdminServer.busy }
            let text = status.isReady ? "ready\n" : "not ready: an address is not held by a data plane that answers\n"
            return AdminServer.page(status.isReady ? .ok : .serviceUnavailable, text, "text/plain; charset=utf-8")
        }
        router.get("metrics") { _, _ in
            guard let status = await mailbox.status() else { return AdminServer.busy }
            return AdminServer.page(.ok, MetricsText.render(status), MetricsText.contentType)
        }
        router.get("dump") { _, _ in
            guard let dump = await mailbox.dump() else { return AdminServer.busy }
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            let text = String(decoding: try encoder.encode(dump), as: UTF8.self) + "\n"
            return AdminServer.page(.ok, text, "application/json")
        }
        return router
    }

    private static var busy: Response {
        page(.serviceUnavailable, "too many questions at once\n", "text/plain; charset=utf-8")
    }

    private static func page(_ status: HTTPResponse.Status, _ text: String, _ contentType: String) -> Response {
        Response(
            status: status, headers: [.contentType: contentType],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}
