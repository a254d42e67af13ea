internal import ControlCore
internal import Glibc
internal import Observe
internal import PlaneLink
internal import Primitives
internal import StoreVocabulary

/// A dump that waits for the data planes' parts.
struct DumpGathering {
    var deadline: Tick
    var reply: @Sendable (ControlDump) -> Void
    /// Every data plane that was asked, and what it has said so far.
    var texts: [LinkID: String]
    var isDone: Set<LinkID> = []
}

/// What the admin pages show.
extension PlaneLoop {
    /// Counters of a data plane that are larger than this are not its counters.
    private static var counterBytesMax: Int { 4 << 20 }

    func status() -> ControlStatus {
        let connectors = Dictionary(grouping: core.registry.connectors.values, by: \.link).mapValues(\.count)
        let dataPlanes = core.links.compactMap { id, link -> ControlStatus.DataPlane? in
            guard let hello = link.hello else { return nil }
            let counted = counters(of: id)
            return ControlStatus.DataPlane(
                name: link.name, processID: hello.processID, workers: link.workers, phase: link.phase.title,
                isFrozen: link.isFrozen, connectors: connectors[id] ?? 0, appliedGeneration: link.applied,
                listeners: listeners(of: link.name), counters: counted.counters, reasons: counted.reasons)
        }
        return ControlStatus(
            node: core.plan.nodeName, nodeEpoch: core.nodeEpoch, isReady: core.isReady, generation: core.generation,
            routes: core.routeCount, rules: core.rules.count, rulesGeneration: core.rulesGeneration,
            rulesAreEverywhere: core.rulesAreEverywhere, tunnels: core.registry.tunnels.count,
            connectors: core.registry.connectors.count, keptSockets: store.count, tally: core.tally,
            dataPlanes: dataPlanes.sorted { $0.name < $1.name }, stores: storeStatus(), cluster: core.clusterStatus)
    }

    private func storeStatus() -> [ControlStatus.Store] {
        stores.names.enumerated().map { index, name in
            let lane = core.cluster.lanes[StoreID(index)]
            return ControlStatus.Store(
                name: name, isUp: lane?.isUp ?? false, isTracking: lane?.isTracking ?? false)
        }
    }

    private func listeners(of plane: String) -> [String] {
        Array(Set((core.sockets[plane]?.sockets ?? []).map(\.listener.address))).sorted()
    }

    /// Read with pread, not mapped: a data plane that shrinks its file must not take this process with it.
    private func counters(
        of id: LinkID
    ) -> (counters: [(name: String, value: UInt64)], reasons: [(name: String, value: UInt64)]) {
        guard let descriptor = peers[id]?.counters else { return ([], []) }
        let bytes = Int(lseek(descriptor, 0, SEEK_END))
        guard bytes > 0, bytes <= PlaneLoop.counterBytesMax else { return ([], []) }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: 8)
        defer { buffer.deallocate() }
        guard pread(descriptor, buffer.baseAddress, bytes, 0) == bytes,
            let view = try? CounterFileView(UnsafeRawBufferPointer(buffer))
        else { return ([], []) }
        return (
            view.counters.map { ($0.name, view.sum(word: $0.word)) },
            view.reasons.map { ($0.name, view.sum(word: $0.word)) }
        )
    }

    // MARK: Dumps

    func beginDump(_ reply: @escaping @Sendable (ControlDump) -> Void) {
        let id = nextDump
        nextDump += 1
        var texts: [LinkID: String] = [:]
        for (link, record) in core.links where record.phase == .serving { texts[link] = "" }
        dumps[id] = DumpGathering(
            deadline: ControlClock.now().advanced(milliseconds: PlaneLoop.dumpMilliseconds), reply: reply,
            texts: texts)
        for link in texts.keys {
            guard let peer = peers[link] else { continue }
            if !peer.queue(.dumpAsk(id: id)) { drop(peer, .overflow) }
        }
    }

    func gather(_ id: UInt64, _ text: String, _ isLast: Bool, from link: LinkID) {
        guard let known = dumps[id]?.texts[link], dumps[id]?.isDone.contains(link) == false else { return }
        guard known.utf8.count + text.utf8.count <= PlaneLoop.dumpBytesMax else { return }
        dumps[id]?.texts[link] = known + text
        if isLast { dumps[id]?.isDone.insert(link) }
    }

    /// Answers the dumps that are whole, or whose time is over.
    func finishDumps() {
        let now = ControlClock.now()
        for (id, dump) in dumps where dump.isDone.count == dump.texts.count || now >= dump.deadline {
            dumps[id] = nil
            var pairs: [ControlDump.Pair] = []
            for (link, text) in dump.texts {
                guard let record = core.links[link] else { continue }
                let own = core.dump(of: link)
                let theirs = dump.isDone.contains(link) ? text : nil
                pairs.append(
                    ControlDump.Pair(
                        dataPlane: record.name, control: own, data: theirs, agree: own == theirs))
            }
            pairs.sort { $0.dataPlane < $1.dataPlane }
            let listeners = Dictionary(
                uniqueKeysWithValues: core.sockets.keys.map { ($0, self.listeners(of: $0)) })
            dump.reply(
                ControlDump(
                    node: core.plan.nodeName, generation: core.generation, listeners: listeners, dataPlanes: pairs,
                    agree: pairs.allSatisfy(\.agree)))
        }
    }
}

extension DataPlaneLink.Phase {
    /// As `/dump` and the metrics say it.
    var title: String {
        switch self {
        case .greeting: "greeting"
        case .inventory: "inventory"
        case .opening: "opening"
        case .serving: "serving"
        }
    }
}
