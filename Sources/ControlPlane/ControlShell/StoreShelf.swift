internal import ControlCore
internal import Logging
internal import Model
internal import NIOCore
internal import NIOPosix
internal import Observe
internal import Primitives
internal import Redis
internal import Settings
internal import StoreVocabulary

/// The stores of a node: the thread that their connections live on, and the way between them and the core.
final class StoreShelf {
    /// Of each store in the order of their ids, as the pages call it: no part of a login is in it.
    let names: [String]
    private let stores: [StoreID: RedisStore]
    private let group: MultiThreadedEventLoopGroup?

    /// One store for each of the configuration, none of them started; throws when a file that one of them needs cannot be
    /// used.
    init(_ configuration: ServerConfiguration, logger: Logger) throws(ControlFault) {
        names = configuration.stores.map { store in
            "\(store.sentinel?.masterName ?? store.addresses[0].text)/\(store.database)"
        }
        guard !configuration.stores.isEmpty else {
            stores = [:]
            group = nil
            return
        }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        var stores: [StoreID: RedisStore] = [:]
        do throws(StoreFileFault) {
            for (index, settings) in configuration.stores.enumerated() {
                let id = StoreID(index)
                stores[id] = try RedisStore(
                    id, settings, group: group, logger: logger, random: { ControlClock.random() })
            }
        } catch {
            try? group.syncShutdownGracefully()
            throw ControlFault(error.description)
        }
        self.stores = stores
        self.group = group
    }

    var isEmpty: Bool { stores.isEmpty }

    /// Connects; what the stores tell goes into the mailbox.
    func start(_ mailbox: PlaneMailbox) {
        for store in stores.values { store.start { mailbox.put($0) } }
    }

    func submit(_ batch: StoreBatch, to id: StoreID) {
        guard let store = stores[id] else { preconditionFailure("the core writes to a store that is not configured") }
        store.submit(batch)
    }

    /// Closes the connections and ends their thread.
    func stop() {
        for store in stores.values { store.stop() }
        try? group?.syncShutdownGracefully()
    }
}

/// Stores and the wall clock, which their entries carry.
extension PlaneLoop {
    /// How often the core is told the time of day.
    static let wallTimeMilliseconds: UInt64 = 10_000

    /// Before the first data plane connects.
    func startStores() {
        guard !stores.isEmpty else { return }
        tellWallTime()
        stores.start(mailbox)
    }

    func tellWallTime() {
        wallTimeDue = ControlClock.now().advanced(milliseconds: PlaneLoop.wallTimeMilliseconds)
        tell(.wallTime(UInt64(max(ControlClock.wallTime().seconds, 0))))
    }
}

extension ClusterSettings {
    /// What a configuration says about the node's part in a cluster. Other nodes come where `sd` tells them of this one.
    init(_ configuration: ServerConfiguration, nodeName: String, peerSecret: PeerSecret, socketPath: String) {
        self.init()
        node = NodeID(name: nodeName)
        advertisedHost = configuration.peers?.reachableHost ?? ""
        let isShared = configuration.services.contains { $0.discovery != nil }
        peering = Peering(
            secret: peerSecret, address: isShared ? configuration.peers?.address : nil, controlPath: socketPath)
        for (index, store) in configuration.stores.enumerated() {
            expirationSeconds[StoreID(index)] = store.expirationSeconds
        }
        for (index, table) in configuration.ingresses.prefix(ControlLimit.ingressesMax).enumerated() {
            if let store = table.dynamic?.store { ingresses[IngressIndex(UInt16(index))] = StoreID(store) }
        }
        for (index, service) in configuration.services.prefix(ControlLimit.servicesMax).enumerated() {
            guard let discovery = service.discovery else { continue }
            discoveries[ServiceIndex(UInt16(index))] = StoreID(configuration.discoveries[discovery].store)
        }
    }
}
