import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// A visitor's stream at another data plane, on the visitor's side. A peer link's stream is used as a connector's is; what
// is different lies between its opening and the peer's `opened`:
//
//     nothing of the visitor's bytes leaves before `opened`: they wait in the stream's queue
//     `opened`                              → the bytes go; from here on the stream is as any other
//     refused, another worker has it        → opened there, at most twice, once there is a link to that worker
//     refused, no answer in time, link lost → opened at the next candidate, bytes and all, up to three in all
//     no candidate is left                  → the visitor is told, by the last one's reason
//
// So a candidate that does not answer costs no request and no repetition: none of it had been sent. What fails later is
// repeated, or not, under the rules for connectors (Worker+AnswerFailures, Worker+VisitRetries).

extension Worker {
    /// Opens a stream for a visitor at another data plane, lets it wait until one is known, or says why neither.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func acquireElsewhere(
        _ slot: UInt32, _ tunnel: TunnelID, source: SocketAddress, destination: RelayAddress, else reason: Reason
    ) -> StreamSearch {
        let visitor = visitors[slot]
        let header = ForwardHeader(tunnel: tunnel, isUDP: false, source: source, destination: destination)
        return searchElsewhere(
            Forward(header, staysInNode: visitor.pointee.isForwarded), .visitor(slot), Waiter(visitor: slot),
            service: visitor.pointee.service, avoiding: visitor.pointee.avoiding, waiting: visitor.pointee.waiting,
            else: reason)
    }

    /// The same for a relay visitor.
    mutating func acquireElsewhere(relayVisitor linkSlot: UInt32, else reason: Reason) -> StreamSearch {
        let link = links[linkSlot]
        let header = ForwardHeader(
            tunnel: link.pointee.tunnel, isUDP: link.pointee.isUDP, source: link.pointee.visit.source,
            destination: address(of: linkSlot))
        return searchElsewhere(
            Forward(header, staysInNode: link.pointee.visit.isForwarded), .relayVisitor(linkSlot),
            Waiter(link: linkSlot), service: link.pointee.service, avoiding: link.pointee.visit.avoiding,
            waiting: link.pointee.visit.waiting, else: reason)
    }

    private mutating func searchElsewhere(
        _ forward: Forward, _ partner: StreamPartner, _ waiter: Waiter, service: ServiceIndex,
        avoiding: ConnectorID, waiting: Waiting, else reason: Reason
    ) -> StreamSearch {
        let header = forward.header
        guard let remote = peers.directory.find(header.tunnel, now: now) else {
            if waitForTunnel(waiter, header.tunnel, service) { return .waits }
            return .none(refusal(waiting, else: reason))
        }
        if remote.connection != peers.connection, peers.connection != 0 { refresh(remote, service) }
        guard peers.forwards.count < UInt32(limits[.forwardsPendingMax]),
            let place = peers.forwards.take(forward)
        else { return .none(.streamsFull) }
        if let stream = openForward(place, partner, avoiding: avoiding) { return .stream(stream) }
        peers.forwards.give(place)
        var isSomewhere = false, isReachable = false
        for place in 0..<Int(remote.count) where remote.candidates[place].isUDP == header.isUDP {
            isSomewhere = true
            let number = remote.candidates[place].peer
            guard mayTake(forward, number) else { continue }
            isReachable = true
            guard Int(number) < peers.count, !peers[number].pointee.isStock, peers[number].pointee.address != nil,
                !peers[number].pointee.isLinked, isAwaited(peers[number])
            else { continue }
            if waitForLink(waiter, header.tunnel) { return .waits }
        }
        if isSomewhere, !isReachable { return .none(.loopDetected) }
        return .none(isSomewhere ? .peersUnreachable : reason)
    }

    /// Whether a forward may go to a peer at all: one that another node forwarded to us leaves this node no more.
    private func mayTake(_ forward: Forward, _ number: UInt16) -> Bool {
        guard forward.staysInNode else { return true }
        return Int(number) < peers.count && peers[number].pointee.isSibling
    }

    /// A peer that was dialled in vain so often is not waited for.
    private static var failuresAwaited: UInt8 { 3 }

    /// Whether visitors wait for a link: it has not failed for long, or the peer is of this node, whose control plane has
    /// just heard from it: it dials us, as soon as it has started.
    private func isAwaited(_ peer: UnsafeMutablePointer<Peer>) -> Bool {
        peer.pointee.isSibling || peer.pointee.failures <= Worker.failuresAwaited
    }

    /// What is known was said over an earlier connection: it holds, and is asked for again; nobody waits.
    private mutating func refresh(_ remote: RemoteEntry, _ service: ServiceIndex) {
        var asked = remote
        asked.connection = peers.connection
        remember(asked)
        _ = ask(
            PlaneLookup(
                question: 0, service: service, ingress: IngressIndex(0), host: InlineText(), tunnel: remote.tunnel))
    }

    /// Notes where else a tunnel is.
    mutating func remember(_ remote: RemoteEntry) {
        peers.directory.set(remote, now: now, max: Int(limits[.remoteTunnelsMax]))
    }

    // MARK: Choosing

    /// How good a candidate is now; lower is better. What we find out ourselves comes on top of what is said of it. Stock
    /// nodes stand behind others in whatever standing, and before those that are silent. `link`: to it; `.max` where it is
    /// a stock one.
    private func rank(_ candidate: RemoteCandidate, _ link: UInt32) -> UInt8 {
        if link != .max { return candidate.standing.rawValue + (isSuspect(peerLink: link) ? 16 : 0) }
        let hasFailed = peers[candidate.peer].pointee.failures > 0 && peers[candidate.peer].pointee.retryAt > now
        return candidate.standing.rawValue + (hasFailed ? 24 : 8)
    }

    /// The link to a peer over which a tunnel is asked for: to the worker that had it last, or any; one in good health
    /// if there is one. nil: there is none.
    private mutating func link(to number: UInt16, for tunnel: TunnelID) -> UInt32? {
        guard Int(number) < peers.count else { return nil }
        let peer = peers[number]
        if let worker = peers.hint(tunnel, at: number), worker < Int(peer.pointee.workers) {
            let link = peer.pointee.links[worker]
            if link != .max, mayForward(link), !isSuspect(peerLink: link) { return link }
        }
        let first = peer.pointee.workers == 0 ? 0 : Int(random.below(UInt32(peer.pointee.workers)))
        var suspect: UInt32?
        for step in 0..<Int(peer.pointee.workers) {
            let link = peer.pointee.links[(first + step) % Int(peer.pointee.workers)]
            guard link != .max, mayForward(link) else { continue }
            if !isSuspect(peerLink: link) { return link }
            suspect = link
        }
        return suspect
    }

    func mayForward(_ linkSlot: UInt32) -> Bool {
        links[linkSlot].pointee.phase == .mux && !links[linkSlot].pointee.isWithdrawn
            && links[linkSlot].pointee.doom == nil
    }

    /// The next candidate of a forward, at random by weight among the best; it is counted as tried. Its number, and the
    /// link to it, or `.max` for a stock node.
    private mutating func nextCandidate(_ place: UInt32, avoiding: ConnectorID) -> (peer: UInt16, link: UInt32)? {
        let forward = peers.forwards[place]
        guard forward.pointee.mayTryMore,
            let remote = peers.directory.find(forward.pointee.header.tunnel, now: now)
        else { return nil }
        var best: UInt8 = .max
        var sum: UInt32 = 0
        var chosen: (peer: UInt16, link: UInt32)?
        for number in 0..<Int(remote.count) {
            let candidate = remote.candidates[number]
            guard candidate.isUDP == forward.pointee.header.isUDP, !forward.pointee.hasTried(candidate.peer),
                mayTake(forward.pointee, candidate.peer),
                let link = isStock(candidate.peer)
                    ? .max : link(to: candidate.peer, for: forward.pointee.header.tunnel)
            else { continue }
            // One that has just failed this request comes last.
            var rank = rank(candidate, link)
            if Worker.connector(ofPeer: candidate.peer) == avoiding { rank += 64 }
            if rank > best { continue }
            if rank < best { (best, sum) = (rank, 0) }
            let weight = UInt32(candidate.weight) * UInt32(peers[candidate.peer].pointee.weight)
            sum += weight
            // Each takes the place of those before it with its share of the weights so far.
            if random.below(sum) < weight { chosen = (candidate.peer, link) }
        }
        guard let chosen else { return nil }
        forward.pointee.add(chosen.peer)
        return chosen
    }

    private func isStock(_ number: UInt16) -> Bool {
        Int(number) < peers.count && peers[number].pointee.isStock
    }

    // MARK: Opening

    /// Opens a forward's stream at the best candidate that takes one.
    private mutating func openForward(
        _ place: UInt32, _ partner: StreamPartner, avoiding: ConnectorID
    ) -> UInt32? {
        while let next = nextCandidate(place, avoiding: avoiding) {
            let stream =
                next.link == .max
                ? openStockForward(place, partner, at: next.peer) : openForward(place, partner, on: next.link)
            if let stream { return stream }
        }
        return nil
    }

    private mutating func openForward(_ place: UInt32, _ partner: StreamPartner, on linkSlot: UInt32) -> UInt32? {
        let link = links[linkSlot]
        guard link.pointee.nextStreamID < .max - 2 else { return nil }
        let id = link.pointee.nextStreamID + 2
        guard let slot = addStream(linkSlot, id: id, partner: partner) else { return nil }
        link.pointee.nextStreamID = id
        streams[slot].pointee.forward = place
        sendControl(linkSlot, .open, stream: id)
        var header = InlineArray<320, UInt8>(repeating: 0)
        let count = peers.forwards[place].pointee.header.write(to: &header)
        sendControl(linkSlot, .data, stream: id, payload: &header, count: count)
        streams[slot].pointee.sending.spend(UInt32(count))
        lookAtStreams(of: linkSlot, by: now.advanced(milliseconds: limits[.forwardTimeoutMilliseconds]))
        counters.add(.forwardsOpened)
        return slot
    }

    /// The link's streams are looked at by then.
    mutating func lookAtStreams(of linkSlot: UInt32, by due: Tick) {
        guard due < links[linkSlot].pointee.headersDue else { return }
        links[linkSlot].pointee.headersDue = due
        setLinkDeadline(linkSlot)
    }

    // MARK: The peer's word

    /// `opened`: what waits goes.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func forwardAccepted(_ streamSlot: UInt32) {
        let stream = streams[streamSlot]
        let place = stream.pointee.forward
        guard place != .max else { return }
        let state = peers.links[links[stream.pointee.link].pointee.peerLink]
        if state.pointee.peer != .max {
            peers.setHint(
                peers.forwards[place].pointee.header.tunnel, at: state.pointee.peer, worker: Int(state.pointee.worker))
        }
        beginForwarding(streamSlot)
    }

    /// Somebody has taken the stream: what waits in it goes.
    mutating func beginForwarding(_ streamSlot: UInt32) {
        let stream = streams[streamSlot]
        peers.forwards.give(stream.pointee.forward)
        stream.pointee.forward = .max
        if stream.pointee.flags.contains(.halfCloses) || !stream.pointee.out.isEmpty { markReadyIfAllowed(streamSlot) }
    }

    /// A reset over a peer link, of a stream of either side.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func peerReset(_ streamSlot: UInt32, _ code: UInt32) {
        let refusal = ForwardRefusal(code: code)
        let reason = Reason(rawValue: refusal.reason) ?? .connectorLost
        streams[streamSlot].pointee.flags.insert(.peerFinished)
        if streams[streamSlot].pointee.partner == .telling { return tellingRefused(streamSlot) }
        if streams[streamSlot].pointee.forward == .max {
            return partnerLosesStream(streamSlot, reason, isUntouched: refusal.isUntouched)
        }
        openElsewhere(streamSlot, reason, worker: refusal.worker.map { Int($0) })
    }

    /// A stream that was not accepted goes on at another worker or candidate, with all that waits in it; its visitor
    /// does not notice. The stream itself ends. `worker`: which one of the same peer has the tunnel.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func openElsewhere(_ streamSlot: UInt32, _ reason: Reason, worker: Int? = nil) {
        let stream = streams[streamSlot]
        let place = stream.pointee.forward
        let number = worker == nil ? nil : peerThatSendsOn(streamSlot)
        var next: UInt32?
        if let worker, let number, worker < WorkerIndex.countMax {
            peers.setHint(peers.forwards[place].pointee.header.tunnel, at: number, worker: worker)
            let other = peers[number].pointee.links[worker]
            if other != .max, other != stream.pointee.link, mayForward(other) {
                next = openForward(place, stream.pointee.partner, on: other)
            }
        }
        if next == nil {
            next = openForward(place, stream.pointee.partner, avoiding: .zero)
            if next != nil { counters.add(.forwardsRepeated) }
        }
        if let next { return goOn(streamSlot, as: next, reason) }
        if let worker, let number, awaitWorker(place, number, worker) { return }
        forwardFailed(streamSlot, reason)
    }

    /// The peer that names another of its workers for a stream, as often as it may.
    private func peerThatSendsOn(_ streamSlot: UInt32) -> UInt16? {
        let stream = streams[streamSlot]
        let link = links[stream.pointee.link], forward = peers.forwards[stream.pointee.forward]
        guard link.pointee.peerLink != .max, Int(forward.pointee.redirects) < Forward.redirectsMax else { return nil }
        let number = peers.links[link.pointee.peerLink].pointee.peer
        guard number != .max else { return nil }
        forward.pointee.redirects += 1
        return number
    }

    /// A stream is another one from now on.
    private mutating func goOn(_ streamSlot: UInt32, as next: UInt32, _ reason: Reason) {
        streams[streamSlot].pointee.forward = .max
        hand(streamSlot, to: next)
        streams[streamSlot].pointee.partner = .none
        endUnaccepted(streamSlot, reason)
    }

    // MARK: Workers without a link yet

    /// Lets a stream wait for the link to a worker that is being dialled, as after a data plane's start: no longer than
    /// for an answer. False: nobody dials it, or in vain.
    private mutating func awaitWorker(_ place: UInt32, _ number: UInt16, _ worker: Int) -> Bool {
        let peer = peers[number]
        guard worker < Int(peer.pointee.workers), peer.pointee.links[worker] == .max, peer.pointee.isListed,
            isAwaited(peer)
        else { return false }
        peers.forwards[place].pointee.awaitedWorker = UInt8(worker)
        peer.pointee.awaited |= 1 << UInt64(worker)
        return true
    }

    /// The link to a worker of a peer came up: the streams that wait for it go there.
    mutating func workerCame(_ worker: Int, of number: UInt16, on linkSlot: UInt32) {
        let bit: UInt64 = 1 << UInt64(worker)
        guard peers[number].pointee.awaited & bit != 0 else { return }
        peers[number].pointee.awaited &= ~bit
        for other in 0..<WorkerIndex.countMax {
            let link = peers[number].pointee.links[other]
            guard link != .max, link != linkSlot else { continue }
            var cursor = links[link].pointee.firstStream
            while cursor != .max {
                let slot = cursor
                cursor = streams[slot].pointee.nextInLink
                let place = streams[slot].pointee.forward
                guard place != .max, Int(peers.forwards[place].pointee.awaitedWorker) == worker else { continue }
                peers.forwards[place].pointee.awaitedWorker = .max
                if let next = openForward(place, streams[slot].pointee.partner, on: linkSlot) {
                    goOn(slot, as: next, .peerElsewhere)
                } else {
                    openElsewhere(slot, .streamsFull)
                }
                // What follows may have ended with it.
                if cursor != .max, !streams.isLive(cursor) || streams[cursor].pointee.link != link {
                    cursor = links[link].pointee.firstStream
                }
            }
        }
    }

    /// The visitor's stream is another one now.
    private mutating func hand(_ streamSlot: UInt32, to next: UInt32) {
        let stream = streams[streamSlot]
        streams[next].pointee.out = stream.pointee.out
        stream.pointee.out = SliceQueue()
        streams[next].pointee.routeKey = stream.pointee.routeKey
        streams[next].pointee.flags.formUnion(stream.pointee.flags.intersection([.halfCloses, .sourcePaused]))
        if links[streams[next].pointee.link].pointee.stock != .max { keepHalfClose(next, of: stream.pointee.partner) }
        switch stream.pointee.partner {
        case .visitor(let visitor): visitors[visitor].pointee.stream = next
        case .relayVisitor(let link): links[link].pointee.stream = next
        case .target, .stream, .arriving, .telling, .none: precondition(false, "a forward without a visitor")
        }
    }

    /// Ends a stream that nothing was sent on but its header. On a link that is gone nothing is said.
    private mutating func endUnaccepted(_ streamSlot: UInt32, _ reason: Reason) {
        let isGone = links[streams[streamSlot].pointee.link].pointee.phase != .mux
        if isGone || streams[streamSlot].pointee.flags.contains(.peerFinished) {
            removeStream(streamSlot)
        } else {
            resetStream(streamSlot, reason)
        }
    }

    /// No candidate is left: the visitor hears why, and is not sent round once more.
    private mutating func forwardFailed(_ streamSlot: UInt32, _ reason: Reason) {
        let partner = streams[streamSlot].pointee.partner
        streams[streamSlot].pointee.partner = .none
        endUnaccepted(streamSlot, reason)
        switch partner {
        case .visitor(let visitor):
            visitors[visitor].pointee.mayReplay = false
            visitorStreamEnded(visitor, reason, connector: .zero, wasTouched: false)
        case .relayVisitor(let link):
            stopKeeping(link)
            relayVisitorStreamEnded(link, reason, connector: .zero, wasTouched: false)
        case .target, .stream, .arriving, .telling, .none: precondition(false, "a forward without a visitor")
        }
    }
}
