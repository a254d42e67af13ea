internal import NIOCore
internal import Settings

#if StoreTLS
    internal import NIOSSL
#endif

/// TLS to a store: what all connections of one dial have in common. Without the trait `StoreTLS` there is none, and who
/// configures it is told.
struct StoreSecurity {
    #if StoreTLS
        private let context: NIOSSLContext

        /// Reads what TLS needs from its files.
        init(_ tls: StoreTLS) throws(StoreFileFault) {
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.minimumTLSVersion = .tlsv12
            if !tls.verifies { configuration.certificateVerification = .none }
            if let path = tls.authorityPath {
                let authorities = try StoreFileFault.reading("the authorities of the store", path) {
                    try NIOSSLCertificate.fromPEMFile(path)
                }
                configuration.trustRoots = .certificates(authorities)
            }
            if let path = tls.certificatePath, let keyPath = tls.keyPath {
                configuration.certificateChain = try StoreFileFault.reading("our certificate", path) {
                    try NIOSSLCertificate.fromPEMFile(path).map { .certificate($0) }
                }
                configuration.privateKey = try StoreFileFault.reading("the key of our certificate", keyPath) {
                    .privateKey(try NIOSSLPrivateKey(file: keyPath, format: .pem))
                }
            }
            context = try StoreFileFault.reading("the certificates", tls.certificatePath ?? "TLS of the store") {
                try NIOSSLContext(configuration: configuration)
            }
        }

        /// The layer of one connection. `serverName` is compared with the certificate, and sent; nil: the address is.
        func handler(serverName: String?) throws -> any ChannelHandler {
            try NIOSSLClientHandler(context: context, serverHostname: serverName)
        }

        /// Whether an error is one of TLS.
        static func isFault(_ error: any Error) -> Bool {
            error is NIOSSLError || error is BoringSSLError || error is NIOSSLExtraError
        }
    #else
        private let none: Never

        init(_ tls: StoreTLS) throws(StoreFileFault) {
            throw StoreFileFault(
                description: "TLS to a store is configured, but this program was built without the trait StoreTLS")
        }

        func handler(serverName: String?) throws -> any ChannelHandler {
            switch none {}
        }

        static func isFault(_ error: any Error) -> Bool { false }
    #endif
}
