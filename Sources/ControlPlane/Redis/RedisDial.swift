internal import Glibc
internal import NIOCore
internal import NIOPosix
internal import Settings
internal import StoreVocabulary

/// How a connection is made; another way in tests. The connection is in the pipeline when the future succeeds.
typealias Dialling = (StoreAddress, any EventLoop, RedisConnection) -> EventLoopFuture<any Channel>

/// Dials by TCP, and by TLS where it is configured.
struct RedisDial {
    let tls: StoreTLS?
    let limits: StoreLimits

    /// Certificates are read anew for each connection, so that renewed ones are found.
    func dial(
        _ address: StoreAddress, on eventLoop: any EventLoop, _ connection: RedisConnection
    ) -> EventLoopFuture<any Channel> {
        let security: StoreSecurity?
        do { security = try tls.map(StoreSecurity.init) } catch { return eventLoop.makeFailedFuture(error) }
        let bound = NIOLoopBound(connection, eventLoop: eventLoop)
        let name = tls?.serverName ?? address.host
        // An address is compared with those in the certificate; as a name it may not be sent.
        let isAddress = (try? SocketAddress(ipAddress: name, port: 0)) != nil
        return ClientBootstrap(group: eventLoop)
            .connectTimeout(.milliseconds(limits.dialMilliseconds))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let security {
                        try channel.pipeline.syncOperations.addHandler(
                            security.handler(serverName: isAddress ? nil : name))
                    }
                    try channel.pipeline.syncOperations.addHandler(bound.value)
                }
            }
            .connect(host: address.host, port: Int(address.port))
    }
}

/// A file that TLS to a store needs and that is not as it should be.
package struct StoreFileFault: Error, Equatable, CustomStringConvertible {
    package var description: String

    /// What `body` gives, or a fault that names the file.
    static func reading<Value>(
        _ subject: String, _ path: String, _ body: () throws -> Value
    ) throws(StoreFileFault) -> Value {
        do { return try body() } catch {
            if let error = error as? IOError {
                throw StoreFileFault(description: "cannot read \(subject) from \(path): \(error.words)")
            }
            if access(path, R_OK) != 0 {
                throw StoreFileFault(
                    description: "cannot read \(subject) from \(path): \(String(cString: strerror(errno)))")
            }
            throw StoreFileFault(description: "\(subject) in \(path) cannot be used: no valid PEM of its kind")
        }
    }
}

extension IOError {
    /// The system's words, without the names of its calls.
    fileprivate var words: String { String(cString: strerror(errnoCode)) }
}

extension StoreFailure {
    /// Why a dial failed, or what ended a connection.
    init(connectionError error: any Error) {
        switch error {
        case let error as StoreFileFault: self = .refused(error.description)
        case let error as IOError:
            let isLost = [ECONNRESET, EPIPE, ENOTCONN].contains(error.errnoCode)
            self = isLost ? .lost : .refused(error.words)
        case let error as NIOConnectionError:
            if let first = error.connectionErrors.first {
                self.init(connectionError: first.error)
                if self == .lost { self = .refused("the connection was reset") }
            } else {
                self = .refused("its name is not found")
            }
        case ChannelError.connectTimeout: self = .deadline
        case _ where StoreSecurity.isFault(error): self = .refused("TLS: \(SignIn.shown("\(error)"))")
        case is ChannelError: self = .lost
        default: self = .refused(SignIn.shown("\(error)"))
        }
    }
}
