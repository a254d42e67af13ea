/// One Redis database, the way to it, and how long entries live in it: what an ingress or service discovery uses. Users
/// of the same database in the same way share one value.
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
    /// How long an entry lives that nobody renews, within `expirationSecondsRange`.
    package var expirationSeconds = StoreSettings.ingressExpirationSeconds

    package static let expirationSecondsRange: ClosedRange<UInt64> = 5...31_536_000
    /// Those of gost-plugins (protocol ingress-sd-plugins §5.1).
    package static let ingressExpirationSeconds: UInt64 = 3_600
    package static let discoveryExpirationSeconds: UInt64 = 60
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
    /// The name that its certificate has to carry; nil: the host of the address. One that carries the very address that
    /// was dialled is accepted as well.
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

/// An element of `sds:`: where connectors of all nodes are registered.
package struct ServiceDiscovery: Equatable, Sendable {
    /// Unique within the node.
    package var name: String
    /// Index into `ServerConfiguration.stores`.
    package var store: Int

    package init(name: String, store: Int) {
        self.name = name
        self.store = store
    }
}

extension ServerConfiguration {
    /// Numbers the stores in the order in which ingresses, then service discovery use them, wherever they were written.
    mutating func numberStores() {
        var order: [Int] = []
        func number(_ store: Int) -> Int {
            if let place = order.firstIndex(of: store) { return place }
            order.append(store)
            return order.count - 1
        }
        for index in ingresses.indices {
            if let store = ingresses[index].dynamic?.store { ingresses[index].dynamic?.store = number(store) }
        }
        for index in discoveries.indices { discoveries[index].store = number(discoveries[index].store) }
        stores = order.map { stores[$0] }
    }
}
