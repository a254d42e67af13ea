internal import Model
internal import PlaneLink
internal import Primitives
internal import StoreVocabulary

/// What happens to the stores.
extension ControlCore {
    mutating func storeTold(_ event: StoreEvent, now: Tick) {
        switch event {
        case .up(let store, _): storeUp(store, now: now)
        case .down(let store, let failure): storeDown(store, failure, now: now)
        case .trackingLost(let store): cluster.lanes[store]?.isTracking = false
        case .trackingUp(let store):
            guard cluster.lanes[store] != nil else { return }
            cluster.lanes[store]?.isTracking = true
            // That the store forgot everything may have been missed as well.
            rewrite(store, now: now)
            rereadMirror(of: store)
        case .changed(let store, let keys):
            guard cluster.lanes[store] != nil else { return }
            cluster.tally.changesHeard += UInt64(keys.count)
            for key in keys { changed(key, in: store, now: now) }
        case .flushed(let store):
            guard cluster.lanes[store]?.isUp == true else { return }
            note(
                .warning, "the store forgot what it had, or told more changes than could be kept: all is written again",
                ["store": "\(store)"])
            rewrite(store, now: now)
            rereadMirror(of: store)
        case .answered(let store, let batch, let outcome):
            guard let sent = cluster.sent[batch], sent.store == store else { return }
            cluster.sent[batch] = nil
            answered(sent, outcome, now: now)
        }
    }

    /// A connection: what was written over an earlier one may be gone, and everything presumed is put to the store.
    private mutating func storeUp(_ store: StoreID, now: Tick) {
        guard let lane = cluster.lanes[store] else { return }
        if !lane.isUp { note(.info, "store connected", ["store": "\(store)"]) }
        cluster.lanes[store]?.isUp = true
        cluster.lanes[store]?.failure = nil
        cluster.lanes[store]?.pausedUntil = .zero
        rewrite(store, now: now)
    }

    private mutating func storeDown(_ store: StoreID, _ failure: StoreFailure, now: Tick) {
        guard let lane = cluster.lanes[store] else { return }
        if lane.isUp || lane.failure != failure {
            note(
                .error, "store away: what is known stays in use, new names are given by last knowledge",
                ["store": "\(store)", "error": failure.text])
        }
        cluster.lanes[store]?.isUp = false
        cluster.lanes[store]?.isTracking = false
        cluster.lanes[store]?.failure = failure
        // Nobody waits for it.
        for (number, bind) in cluster.binds.sorted(by: { $0.key < $1.key })
        where cluster.settings.ingresses[ingresses[bind.ingress].index] == store {
            presume(number, now: now)
        }
        for number in cluster.lookups.keys.sorted() { evaluate(number, now: now) }
    }

    /// Everything of this node is written again, in a while bounded by `ControlLimit.rewriteMilliseconds`.
    private mutating func rewrite(_ store: StoreID, now: Tick) {
        cluster.lanes[store]?.graceUntil = now.advanced(milliseconds: ControlLimit.returnGraceMilliseconds)
        cluster.lanes[store]?.names.turnQuickly(withinMilliseconds: ControlLimit.rewriteMilliseconds, now: now)
        cluster.lanes[store]?.tunnels.turnQuickly(withinMilliseconds: ControlLimit.rewriteMilliseconds, now: now)
        guard cluster.lanes[store]?.holdsConnectors == true else { return }
        cluster.lanes[store]?.leaseDue = now
        for node in cluster.nodes.known { cluster.lanes[store]?.lookedLeases.append(node) }
    }

    /// Changes may have been missed: everything that is mirrored is read again, at a bounded rate.
    private mutating func rereadMirror(of store: StoreID) {
        // In an order of their own, so that a history can be repeated.
        let names = cluster.names.keys.filter { cluster.settings.ingresses[$0.ingress] == store }
        for name in names.sorted(by: { ($0.ingress.rawValue, $0.key) < ($1.ingress.rawValue, $1.key) }) {
            cluster.lanes[store]?.sweptNames.append(name)
        }
        let tunnels = cluster.tunnels.keys.filter { $0.store == store }.map(\.tunnel)
        for tunnel in tunnels.sorted() {
            cluster.lanes[store]?.sweptTunnels.append(tunnel)
        }
        guard cluster.lanes[store]?.holdsConnectors == true else { return }
        for node in cluster.nodes.known { cluster.lanes[store]?.lookedLeases.append(node) }
    }

    // MARK: Answers

    private mutating func answered(_ sent: Cluster.Sent, _ outcome: StoreOutcome, now: Tick) {
        if sent.isRead {
            cluster.lanes[sent.store]?.readsUnderWay -= 1
        } else if !sent.isUrgent {
            cluster.lanes[sent.store]?.writesUnderWay -= 1
        }
        switch outcome {
        case .replies(let replies):
            // A key of another kind than it is read as is nobody's: no failure of the store.
            if let text = replies.lazy.compactMap(\.fault).first(where: { !$0.hasPrefix("WRONGTYPE") }) {
                noteRefusal(text, by: sent.store)
                return failed(sent, .refused(text), now: now)
            }
            cluster.lanes[sent.store]?.isRefusing = false
            succeeded(sent, replies, now: now)
        case .failed(let failure): failed(sent, failure, now: now)
        }
    }

    private mutating func noteRefusal(_ text: String, by store: StoreID) {
        cluster.tally.refuse(.commands)
        guard cluster.lanes[store]?.isRefusing == false else { return }
        cluster.lanes[store]?.isRefusing = true
        note(
            .error,
            "the store refused a command; its user needs EVAL, MGET, HGETALL, GET, SET and what the scripts call",
            ["store": "\(store)", "error": text])
    }

    private mutating func succeeded(_ sent: Cluster.Sent, _ replies: [StoreReply], now: Tick) {
        let store = sent.store
        switch sent.errand {
        case .claim(let names, let tunnels, let checked):
            let answers = replies.first?.list ?? []
            guard answers.count == names.count else { return failed(sent, .refused("a short answer"), now: now) }
            let held = checked.isEmpty ? [] : zip(checked, replies.last?.list ?? []).map { ($0, $1) }
            claimsAnswered(names, tunnels, answers, held: held, now: now)
        case .release:
            cluster.tally.namesReleased += UInt64(max(replies.first?.number ?? 0, 0))
        case .register(let tunnels, let isNews):
            let count = UInt64(tunnels.count)
            if isNews { cluster.tally.registrations += count } else { cluster.tally.renewals += count }
        case .leave(let departures): cluster.tally.departures += UInt64(departures.count)
        case .ownLease: ownLeaseRead(replies.first?.bytes, in: store, now: now)
        case .lease: break
        case .leases(let nodes):
            cluster.lanes[store]?.isReadingLeases = false
            guard let values = replies.first?.list, values.count == nodes.count else { return }
            for (node, value) in zip(nodes, values) { leaseRead(value.bytes, of: node, in: store, now: now) }
            leasesAnswered(by: store, now: now)
        case .names(let names):
            guard let values = replies.first?.list, values.count == names.count else { return }
            for (name, value) in zip(names, values) { nameRead(name, value.bytes, in: store, now: now) }
        case .tunnels(let tunnels):
            for (tunnel, reply) in zip(tunnels, replies) {
                tunnelRead(TunnelKey(store: store, tunnel: tunnel), reply.list ?? [], now: now)
            }
        }
    }

    /// What was asked is asked again later, or decided by last knowledge where somebody waits.
    private mutating func failed(_ sent: Cluster.Sent, _ failure: StoreFailure, now: Tick) {
        let store = sent.store
        cluster.tally.batchesFailed += 1
        if !sent.isUrgent, cluster.lanes[store]?.isUp == true {
            cluster.lanes[store]?.pausedUntil = now.advanced(milliseconds: ControlLimit.storePauseMilliseconds)
        }
        // A store that cannot keep up loses keys to their expiry: what it does not have may only not be written yet.
        if failure == .deadline, let lane = cluster.lanes[store] {
            let until = now.advanced(milliseconds: ControlLimit.returnGraceMilliseconds)
            cluster.lanes[store]?.graceUntil = max(lane.graceUntil, until)
        }
        switch sent.errand {
        case .claim(let names, _, _): claimsFailed(names, in: store, now: now)
        case .release, .lease: break
        case .register(let tunnels, let isNews):
            for tunnel in tunnels {
                if isNews {
                    cluster.lanes[store]?.news.append(tunnel)
                } else {
                    cluster.lanes[store]?.lateTunnels.append(tunnel)
                }
            }
        case .leave(let departures):
            for departure in departures where registry.connectors[departure.connector] == nil {
                depart(departure, from: store)
            }
        case .ownLease: cluster.lanes[store]?.hasReadOwnLease = false
        case .leases(let nodes):
            cluster.lanes[store]?.isReadingLeases = false
            for node in nodes { cluster.lanes[store]?.lookedLeases.append(node) }
        case .names(let names):
            for name in names { nameUnread(name, in: store, now: now) }
        case .tunnels(let tunnels):
            for tunnel in tunnels { tunnelUnread(TunnelKey(store: store, tunnel: tunnel), now: now) }
        }
    }
}

extension StoreReply {
    var fault: String? { if case .fault(let text) = self { text } else { nil } }
    var number: Int64? { if case .number(let number) = self { number } else { nil } }
    var list: [StoreReply]? { if case .list(let list) = self { list } else { nil } }
    /// The text of a string reply, simple or bulk.
    var bytes: [UInt8]? {
        switch self {
        case .bytes(let bytes): bytes
        case .status(let text): Array(text.utf8)
        default: nil
        }
    }
}

extension StoreFailure {
    /// For the log and the pages.
    package var text: String {
        switch self {
        case .notConnected: "not connected"
        case .deadline: "no answer in time"
        case .lost: "the connection ended"
        case .refused(let why): why
        case .overloaded: "too much is under way"
        }
    }
}
