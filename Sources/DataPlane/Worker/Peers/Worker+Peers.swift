import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// Links to other data planes: whom this worker dials and when, and what becomes of a link. Each worker dials every worker
// of every data plane in the table that it has no link to; who failed is dialled again after a pause that grows, with
// jitter. The handshake is in Worker+PeerHandshake, streams are in Worker+Forwarding and Worker+ForwardedStreams.

extension Worker {
    /// The pause after a first failure, and the longest, in milliseconds.
    private static var redialFirst: UInt64 { 50 }
    private static var redialMax: UInt64 { 2_000 }

    /// Who the other data planes are, from now on.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func use(_ table: PeerTable) {
        let before = peers.table
        peers.table = table
        peers.nodeAddresses.replace(with: table.stockNodes)
        peers.nodeText = InlineText(table.node.text) ?? InlineText()
        for number in 0..<peers.count { peers[UInt16(number)].pointee.isListed = false }
        for row in table.rows {
            peers.reach(row.number)
            let peer = peers[UInt16(row.number)]
            if peer.pointee.node != row.node || peer.pointee.plane != row.plane {
                // The number was another's: links to that one end.
                endPeerLinks(UInt16(row.number))
                peer.pointee = Peer()
                peer.pointee.node = row.node
                peer.pointee.plane = row.plane
            }
            if row.isAlive, !peer.pointee.isAlive || peer.pointee.address == nil || peer.pointee.epoch != row.epoch {
                // What failed before says nothing of it now.
                peer.pointee.retryAt = now
                peer.pointee.failures = 0
            }
            peer.pointee.isListed = true
            peer.pointee.isSibling = row.node == table.node
            peer.pointee.isStock = row.isStock
            peer.pointee.isAlive = row.isAlive
            peer.pointee.epoch = row.epoch
            peer.pointee.weight = row.weight
            peer.pointee.address = row.address
        }
        let isForeign = before.map { $0.secret != table.secret || $0.node != table.node } ?? false
        for number in 0..<peers.count where isForeign || !peers[UInt16(number)].pointee.isListed {
            endPeerLinks(UInt16(number))
        }
        peers.due = now
        noteMesh()
    }

    @inline(never) @_semantics("no_performance_analysis")
    mutating func takePeerTable(_ address: UInt) {
        guard let pointer = UnsafeRawPointer(bitPattern: address) else { preconditionFailure("no table") }
        use(Unmanaged<PeerTable>.fromOpaque(pointer).takeRetainedValue())
    }

    private mutating func endPeerLinks(_ number: UInt16) {
        for worker in 0..<WorkerIndex.countMax where peers[number].pointee.links[worker] != .max {
            endLink(peers[number].pointee.links[worker], .shutdown)
        }
    }

    // MARK: Dialling

    /// Dials whom it is time to dial.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func performPeers() {
        peers.due = .never
        guard let table = peers.table else { return }
        for row in table.rows where !row.isStock {
            let number = UInt16(row.number)
            guard peers[number].pointee.address != nil else { continue }
            while peers[number].pointee.retryAt <= now, let missing = peers[number].pointee.missing {
                guard dialPeer(number, worker: missing) else {
                    peerFailed(number)
                    break
                }
            }
            if peers[number].pointee.missing != nil { peers.due = min(peers.due, peers[number].pointee.retryAt) }
        }
    }

    /// Begins to dial one worker of a peer, or any. False when there is no room.
    private mutating func dialPeer(_ number: UInt16, worker: Int?) -> Bool {
        guard let table = peers.table, links.count < UInt32(limits[.linksPerWorkerMax]), !sockets.isFull,
            peers.links.count < UInt32(limits[.peerLinksPerWorkerMax]),
            let address = peers[number].pointee.address
        else { return false }
        let state = PeerLink(
            handshake: PeerHandshake(.dialling, secret: table.secret), peer: number,
            wanted: worker.map { UInt8($0) }, isDialled: true)
        guard let place = peers.links.take(state) else { return false }
        var link = Link(
            socket: .max, phase: .connecting, service: ServiceIndex(0), isWebSocket: false, isClient: false,
            muxVersion: 2, now: now)
        link.peerLink = place
        if case .ip(let address) = address { link.source = address }
        guard let slot = links.take(link) else {
            peers.links.give(place)
            return false
        }
        if let worker {
            peers[number].pointee.dialling |= 1 << UInt64(worker)
        } else {
            peers[number].pointee.diallingAny = true
        }
        openDial(address, .link, owner: slot)
        return true
    }

    /// Where a peer link goes.
    func dialledAddress(ofPeerLink linkSlot: UInt32) -> DialedAddress {
        let state = peers.links[links[linkSlot].pointee.peerLink]
        guard state.pointee.peer != .max, let address = peers[state.pointee.peer].pointee.address else {
            // It was taken out of the table while its socket was opened.
            return .ip(links[linkSlot].pointee.source)
        }
        return address
    }

    /// A dial failed or a link was lost: the next try comes after a pause.
    private mutating func peerFailed(_ number: UInt16) {
        let peer = peers[number]
        let pause = min(Worker.redialFirst << UInt64(min(peer.pointee.failures, 6)), Worker.redialMax)
        if peer.pointee.failures < 6 { peer.pointee.failures += 1 }
        let jittered = pause / 2 + UInt64(random.below(UInt32(pause / 2 + 1)))
        peer.pointee.retryAt = max(peer.pointee.retryAt, now.advanced(milliseconds: jittered))
        peers.due = min(peers.due, peer.pointee.retryAt)
    }

    // MARK: A link's life

    /// Both sides have proven themselves: streams may be opened from either.
    mutating func peerLinkProven(_ linkSlot: UInt32) {
        let link = links[linkSlot]
        let state = peers.links[link.pointee.peerLink]
        link.pointee.capabilities = Worker.capabilities
        link.pointee.smux.speaksExtension = true
        link.pointee.nextStreamID = state.pointee.isDialled ? 1 : 0
        counters.add(.peerLinksOpened)
        if state.pointee.peer != .max {
            let peer = peers[state.pointee.peer]
            // What was asked of this peer and failed on it: its streams' connector, as retries know it.
            link.pointee.connector = Worker.connector(ofPeer: state.pointee.peer)
            stopDialling(state.pointee, peer)
            peer.pointee.failures = 0
            peer.pointee.workers = state.pointee.workers
            let worker = Int(state.pointee.worker)
            if peer.pointee.links[worker] == .max { peer.pointee.links[worker] = linkSlot }
            peers.due = now
            noteMesh()
        }
        let number = state.pointee.peer, worker = Int(state.pointee.worker)
        let generation = links.generation(of: linkSlot)
        enterMux(linkSlot)
        guard number != .max, links.isCurrent(linkSlot, generation) else { return }
        workerCame(worker, of: number, on: linkSlot)
        linkCame(to: number)
    }

    /// Stands for all connectors of a peer where one that failed a request is to be avoided. No connector's: those are
    /// random.
    static func connector(ofPeer number: UInt16) -> ConnectorID { ConnectorID(high: 0, low: UInt64(number) + 1) }

    private func stopDialling(_ state: PeerLink, _ peer: UnsafeMutablePointer<Peer>) {
        guard state.isDialled else { return }
        if let wanted = state.wanted {
            peer.pointee.dialling &= ~(1 << UInt64(wanted))
        } else {
            peer.pointee.diallingAny = false
        }
    }

    /// The link is over, or was never made: nobody is forwarded over it any more, and it is dialled again.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func forgetPeerLink(_ linkSlot: UInt32) {
        let place = links[linkSlot].pointee.peerLink
        links[linkSlot].pointee.peerLink = .max
        let state = peers.links[place].pointee
        peers.links.give(place)
        if links[linkSlot].pointee.phase == .mux { counters.add(.peerLinksClosed) }
        guard state.peer != .max else { return }
        let peer = peers[state.peer]
        if links[linkSlot].pointee.phase != .mux { stopDialling(state, peer) }
        var wasInUse = false
        for worker in 0..<WorkerIndex.countMax where peer.pointee.links[worker] == linkSlot {
            peer.pointee.links[worker] = .max
            wasInUse = true
        }
        noteMesh()
        // It may have come back with fewer or more workers.
        if !peer.pointee.isLinked { peer.pointee.workers = 0 }
        if wasInUse || state.isDialled { peerFailed(state.peer) }
    }
}
