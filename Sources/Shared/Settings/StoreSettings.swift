/// One Redis database and the way to it: what an ingress or service discovery keeps its entries in. Users of the same
/// database by the same way share one value.
package struct StoreSettings: Hashable, Sendable {
    /// The server; where `sentinel` is set, the sentinels, which are asked in turn. At least one.
    package var addresses = [StoreAddress(host: "127.0.0.1", port: StoreAddress.serverPort)]
    /// Number of the database, 0 to `databaseMax`.
    package var database = 0
    /// nil: nobody signs in.
    package var login: StoreLogin?
    /// nil: everything is in the clear. Holds for the sentinels as well.
    package var tls: StoreTLS?
    /// nil: the address is the server's own.
    package var sentinel: StoreSentinel?

    /// Redis counts its databases by an `int`; a server has 16 unless configured otherwise.
    package static let databaseMax: UInt64 = 65_535
    package static let addressesMax = 16

    package init() {}
}

/// Where a Redis server or a sentinel listens.
package struct StoreAddress: Hashable, Sendable {
    /// A name or address, without brackets; not empty.
    package var host: String
    /// Above zero.
    package var port: UInt16

    package static let serverPort: UInt16 = 6_379
    package static let sentinelPort: UInt16 = 26_379

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// `host:port`, brackets around an IPv6 address.
    package var text: String { HostAndPort(host: host, port: port).text }
}

/// What a store is told first. A secret: it is never printed.
package struct StoreLogin: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    /// Empty: Redis' user `default`.
    package var userName: String
    /// Not empty.
    package var password: String

    package static let bytesMax = 1_024

    package init(userName: String, password: String) {
        self.userName = userName
        self.password = password
    }

    package var description: String { "a login" }
    package var debugDescription: String { description }
}

/// TLS to a store.
package struct StoreTLS: Hashable, Sendable {
    /// Whether the server has to prove who it is; without it anybody in between reads and writes what he likes.
    package var verifies = true
    /// The name that its certificate has to carry; nil: the host of the address.
    package var serverName: String?
    /// File of the certificates that are believed (PEM); nil: those of the system.
    package var authorityPath: String?
    /// Files of our own certificate and its key (PEM); both or none.
    package var certificatePath: String?
    package var keyPath: String?

    package init() {}
}

/// How the sentinels are asked.
package struct StoreSentinel: Hashable, Sendable {
    /// By which name they know the server.
    package var masterName: String
    /// nil: nobody signs in at a sentinel.
    package var login: StoreLogin?

    package init(masterName: String) { self.masterName = masterName }
}

/// What an ingress or service discovery makes of a store.
package struct StoreUse: Hashable, Sendable {
    /// Index into `ServerConfiguration.stores`.
    package var store: Int
    /// How long an entry lives that nobody renews, within `expirationSecondsRange`.
    package var expirationSeconds: UInt64

    package static let expirationSecondsRange: ClosedRange<UInt64> = 5...31_536_000
    /// Those of gost-plugins (protocol ingress-sd-plugins §5.1).
    package static let ingressExpirationSeconds: UInt64 = 3_600
    package static let discoveryExpirationSeconds: UInt64 = 60

    package init(store: Int, expirationSeconds: UInt64) {
        self.store = store
        self.expirationSeconds = expirationSeconds
    }
}

/// An element of `sds:`: where connectors of all nodes are registered.
package struct ServiceDiscovery: Equatable, Sendable {
    /// Unique within the node.
    package var name: String
    package var use: StoreUse

    package init(name: String, use: StoreUse) {
        self.name = name
        self.use = use
    }
}

extension ServerConfiguration {
    /// Numbers the stores in the order in which ingresses, then service discovery use them, wherever they were written.
    mutating func numberStores() {
        var order: [Int] = []
        func number(_ use: inout StoreUse) {
            if !order.contains(use.store) { order.append(use.store) }
            use.store = order.firstIndex(of: use.store) ?? use.store
        }
        for index in ingresses.indices {
            guard var use = ingresses[index].dynamic?.use else { continue }
            number(&use)
            ingresses[index].dynamic?.use = use
        }
        for index in discoveries.indices { number(&discoveries[index].use) }
        stores = order.map { stores[$0] }
    }
}
