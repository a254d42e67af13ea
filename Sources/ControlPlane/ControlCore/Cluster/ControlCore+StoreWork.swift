internal import Model
internal import PlaneLink
internal import Primitives
internal import StoreVocabulary

/// What is sent to the stores: bounded in what is under way, removals before registrations before renewals, what
/// somebody waits for before what may have changed.
extension ControlCore {
    /// Sends what is due and has room.
    mutating func attendStores(now: Tick) {
        while let number = cluster.bindDeadlines.takeDue(at: now, where: { cluster.binds[$0] != nil }) {
            presume(number, now: now)
        }
        while let number = cluster.lookupDeadlines.takeDue(at: now, where: { cluster.lookups[$0] != nil }) {
            giveUp(number, now: now)
        }
        if !cluster.aging.isEmpty, now >= cluster.agingDue { judgeAging(now: now) }
        if now >= cluster.stockDue { forgetStockNodes(now: now) }
        for store in cluster.stores where cluster.lanes[store]?.isOpen(at: now) == true {
            cluster.lanes[store]?.judgeDoubtful(now: now)
            attendLeases(store, now: now)
            write(store, now: now)
            read(store, now: now)
        }
    }

    private mutating func write(_ store: StoreID, now: Tick) {
        while let work = cluster.lanes[store]?.takeWrite(now: now) {
            switch work {
            case .leave(let departures):
                let command = StoreScript.command(
                    StoreScript.leave, keys: departures.map { $0.tunnel.bytes }, departures.map { $0.connector.bytes })
                send(.leave(departures), to: store, [command])
            case .register(let tunnels, let isNews): register(tunnels, isNews: isNews, in: store, now: now)
            case .claim(let names): claim(names, in: store, now: now)
            }
        }
    }

    /// Writes the connectors of tunnels, as they are now.
    private mutating func register(_ tunnels: [TunnelID], isNews: Bool, in store: StoreID, now: Tick) {
        guard let lane = cluster.lanes[store] else { return }
        var keys: [[UInt8]] = [], words: [[UInt8]] = [], written: [TunnelID] = []
        for tunnel in tunnels {
            let entries = entries(of: tunnel, in: store, now: now)
            var rest = entries[...]
            while !rest.isEmpty {
                let part = rest.prefix(ControlLimit.connectorsPerPartMax)
                rest = rest.dropFirst(part.count)
                keys.append(tunnel.bytes)
                words.append(Array("\(part.count * 2)".utf8))
                for (connector, entry) in part {
                    words.append(connector.bytes)
                    words.append(Array(entry.text.utf8))
                }
            }
            if !entries.isEmpty { written.append(tunnel) }
        }
        guard !written.isEmpty else { return }
        let arguments = [Array("\(lane.expirationSeconds)".utf8), Array((isNews ? "1" : "0").utf8)] + words
        send(
            .register(written, isNews: isNews), to: store,
            [StoreScript.command(StoreScript.register, keys: keys, arguments)])
    }

    /// Claims names, or renews them: those whose tunnel has a connector here.
    private mutating func claim(_ names: [NameID], in store: StoreID, now: Tick) {
        let living = names.filter { name in
            guard let claim = cluster.claims[name] else { return false }
            return registry[claim.tunnel]?.connectors.isEmpty == false
        }
        guard !living.isEmpty else { return }
        expectEchoes(of: living, now: now)
        send(claimErrand(living, checked: []), to: store, claimCommands(living, checked: [], in: store))
    }

    /// What is written here will be told as a change.
    mutating func expectEchoes(of names: [NameID], now: Tick) {
        let until = now.advanced(milliseconds: ControlLimit.echoMilliseconds)
        for name in names { cluster.claims[name]?.echoUntil = until }
    }

    func claimErrand(_ names: [NameID], checked: [NameID]) -> StoreLane.Errand {
        .claim(names, names.map { cluster.claims[$0]?.tunnel ?? .zero }, checked: checked)
    }

    /// The commands of a claim: the script, and what has to be looked at besides.
    func claimCommands(_ names: [NameID], checked: [NameID], in store: StoreID) -> [StoreCommand] {
        let seconds = cluster.lanes[store]?.expirationSeconds ?? 0
        var commands = [
            StoreScript.command(
                StoreScript.claim, keys: names.map { Array($0.key.utf8) },
                [Array("\(seconds)".utf8)] + names.map { (cluster.claims[$0]?.tunnel ?? .zero).bytes })
        ]
        if !checked.isEmpty {
            commands.append(StoreCommand(words: [Array("MGET".utf8)] + checked.map { Array($0.key.utf8) }))
        }
        return commands
    }

    private mutating func read(_ store: StoreID, now: Tick) {
        while let (names, why) = cluster.lanes[store]?.takeNames(now: now) {
            cluster.tally.count(why, names.count)
            let asked = names.filter { cluster.names[$0] != nil || cluster.claims[$0] != nil }
            guard !asked.isEmpty else { continue }
            for name in asked { cluster.names[name]?.isAsked = true }
            let command = StoreCommand(words: [Array("MGET".utf8)] + asked.map { Array($0.key.utf8) })
            send(.names(asked), to: store, [command], isRead: true)
        }
        while let (tunnels, why) = cluster.lanes[store]?.takeTunnels(now: now) {
            cluster.tally.count(why, tunnels.count)
            for tunnel in tunnels { cluster.tunnels[TunnelKey(store: store, tunnel: tunnel)]?.isAsked = true }
            let commands = tunnels.map { StoreCommand(words: [Array("HGETALL".utf8), $0.bytes]) }
            send(.tunnels(tunnels), to: store, commands, isRead: true)
        }
    }

    // MARK: Batches

    /// Sends a batch. Reads and urgent ones have the deadline of whoever waits for them.
    mutating func send(
        _ errand: StoreLane.Errand, to store: StoreID, _ commands: [StoreCommand], isRead: Bool = false,
        isUrgent: Bool = false
    ) {
        let id = cluster.nextBatch
        cluster.nextBatch += 1
        cluster.sent[id] = Cluster.Sent(store: store, errand: errand, isRead: isRead, isUrgent: isUrgent)
        if isRead {
            cluster.lanes[store]?.readsUnderWay += 1
        } else if !isUrgent {
            cluster.lanes[store]?.writesUnderWay += 1
        }
        cluster.tally.batches += 1
        cluster.tally.commands += UInt64(commands.count)
        let deadline = isRead ? Int(ControlLimit.lookupMilliseconds) : ControlLimit.storeBatchMilliseconds
        effects.append(.store(store, StoreBatch(id: id, commands: commands, deadlineMilliseconds: deadline)))
    }
}

extension Identity {
    /// The text as a key or field has it.
    var bytes: [UInt8] { Array(text.utf8) }
}
