import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

/// A session that was ours and ends when its streams have: nothing is dialled in its place.
struct Departure {
    let link: UInt32
    let generation: UInt32
    /// Then it ends with what is left of it.
    var until: Tick
    /// Streams that the server still opens are served.
    var serves: Bool
    let targets: TargetGroup
    /// The server asked us to go: the connection whose next session takes over. Until that stands, and a moment more, this
    /// one serves as before; then the server is told that we leave. `.max`: it was told, or is not.
    var successor: UInt32 = .max
    /// When it is told.
    var farewellAt = Tick.never
    /// The server ends the session when nothing is under way: only it knows what it has sent that did not come yet.
    var isEndedByServer = false

    /// The next instant at which something is due.
    var due: Tick { min(until, farewellAt) }
}

// What a client keeps up changes while it runs: connections are added and leave. Leaving closes nothing that is under
// way:
//
//     the server understands `goAway`   → it sends nobody any more; streams that crossed are reset with `shutdown` and
//                                         repeated by it elsewhere
//     a stock server                    → cannot be told: what it opens is served while another connection takes over,
//                                         else ended at once
//     every stream has ended            → the session is closed behind its last byte
//     `leaveGraceMilliseconds` are over → it is closed with what is left
//
// A server that leaves asks us to go: no visitor shall find the tunnel without a connector, so that nothing is given up
// before its successor stands:
//
//     `goAway` of the server            → the next session is dialled; this one serves as before
//     the next session is bound         → both serve, until everybody who may send visitors knows of the new one
//     `ClientDesk.overlapMilliseconds`  → `goAway` to the server, which sends nobody any more, and ends the session
//                                         when what it has sent is done

extension Worker {
    /// Keeps one more connection up; its position, which may be that of one that is gone.
    package mutating func addConnection(_ plan: ClientDesk.Plan) -> Int {
        guard let client else { preconditionFailure("only a client has connections") }
        let connection = ClientDesk.Connection(plan: plan)
        let free = client.connections.firstIndex { known in
            if case .gone = known.state { known.link == .max } else { false }
        }
        guard let free else {
            client.connections.append(connection)
            return client.connections.count - 1
        }
        client.connections[free] = connection
        return free
    }

    /// The streams of a connection go to other targets from now on; those that have one keep it.
    package mutating func setTargets(_ position: Int, _ targets: TargetGroup) {
        client?.connections[position].plan.targets = targets
    }

    /// The connection is not wanted any more. `serves`: another one takes its place, and streams that a stock server
    /// still opens here are served; without, they are ended.
    package mutating func leaveConnection(_ position: Int, serves: Bool) {
        guard let client else { return }
        let linkSlot = client.connections[position].link
        client.connections[position].state = .gone
        client.connections[position].announceBy = .never
        guard linkSlot != .max else { return }
        guard links[linkSlot].pointee.phase == .mux else { return endUnfinishedLink(linkSlot) }
        client.connections[position].link = .max
        let grace = limits[.leaveGraceMilliseconds]
        depart(linkSlot, client, position, until: now.advanced(milliseconds: grace), serves: serves)
        if links[linkSlot].pointee.capabilities.has(.goAway) { sendControl(linkSlot, .goAway, stream: 0) }
    }

    /// No connection is wanted any more, and no local visitor.
    package mutating func leaveAll() {
        guard let client else { return }
        for id in listeners.map(\.id) { closeListener(id) }
        for position in client.connections.indices {
            if case .gone = client.connections[position].state { continue }
            leaveConnection(position, serves: false)
        }
        let latest = now.advanced(milliseconds: limits[.leaveGraceMilliseconds])
        for index in client.departures.indices {
            client.departures[index].until = min(client.departures[index].until, latest)
            client.departures[index].serves = false
            client.departures[index].isEndedByServer = false
        }
    }

    /// Everything that was to leave has left, to its last byte.
    /// Conversations of datagrams have no end that could be waited for.
    package var hasLeft: Bool {
        for slot in 0..<links.end where links.isLive(slot) && !carriesDatagramVisit(slot) { return false }
        for slot in 0..<sockets.end where sockets.isLive(slot) {
            switch sockets[slot].pointee.role {
            case .datagrams: continue
            case .link where carriesDatagramVisit(sockets[slot].pointee.owner): continue
            case .link, .visit, .visitor, .target, .none: return false
            }
        }
        return true
    }

    private func carriesDatagramVisit(_ linkSlot: UInt32) -> Bool {
        let visit = links[linkSlot].pointee.ownVisit
        guard visit != .max, let client else { return false }
        return client.visits.services[Int(visits[visit].pointee.service)].isUDP
    }

    /// The server asked us to go: the next connection is made at once, elsewhere if there is another server; this one
    /// serves until that is bound.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func serverGoesAway(_ linkSlot: UInt32) {
        let position = links[linkSlot].pointee.connection
        guard let client, position != .max else { return }
        let server = client.connections[Int(position)].server
        client.connections[Int(position)].plan.choice.selection.failed(server, now: now)
        depart(linkSlot, client, Int(position), until: .never, serves: true)
        client.departures[client.departures.count - 1].successor = position
        client.departures[client.departures.count - 1].isEndedByServer = true
        client.events.append(.sentAway(plan: Int(position)))
        let pause = UInt64(client.random.below(UInt32(ClientDesk.retryMillisecondsFirst)))
        client.restart(Int(position), at: now.advanced(milliseconds: pause))
    }

    private mutating func depart(
        _ linkSlot: UInt32, _ client: ClientDesk, _ position: Int, until: Tick, serves: Bool
    ) {
        client.departures.append(
            Departure(
                link: linkSlot, generation: links.generation(of: linkSlot), until: until, serves: serves,
                targets: client.connections[position].plan.targets))
        links[linkSlot].pointee.connection = .max
    }

    /// A link that is still being made.
    private mutating func endUnfinishedLink(_ linkSlot: UInt32) {
        if links[linkSlot].pointee.socket != .max { return endLink(linkSlot, .shutdown) }
        // Its socket is being opened, and closed when it comes.
        let position = Int(links[linkSlot].pointee.connection)
        links.give(linkSlot)
        client?.connections[position].link = .max
    }

    /// Ends the sessions that have nothing left to do, and those whose time is over.
    mutating func endDepartures(_ client: ClientDesk) {
        guard !client.departures.isEmpty else { return }
        client.departures.removeAll { !links.isCurrent($0.link, $0.generation) }
        for position in client.departures.indices {
            if client.departures[position].successor != .max { considerFarewell(position, client) }
            let departure = client.departures[position]
            if departure.until <= now {
                endLink(departure.link, .shutdown)
            } else if links[departure.link].pointee.streamCount == 0, departure.until != .never,
                !departure.isEndedByServer
            {
                endLinkWhenSent(departure.link, .shutdown)
            }
        }
        client.departures.removeAll { !links.isCurrent($0.link, $0.generation) }
    }

    /// Tells a server that asked us to go that we do, when the session that takes over has stood for a moment, or none is
    /// wanted.
    private mutating func considerFarewell(_ index: Int, _ client: ClientDesk) {
        let departure = client.departures[index]
        switch client.connections[Int(departure.successor)].state {
        case .bound:
            if departure.farewellAt == .never {
                client.departures[index].farewellAt = now.advanced(milliseconds: ClientDesk.overlapMilliseconds)
            }
        case .gone: client.departures[index].farewellAt = now
        case .waiting, .resolving, .connecting: client.departures[index].farewellAt = .never
        }
        guard client.departures[index].farewellAt <= now else { return }
        sendControl(departure.link, .goAway, stream: 0)
        client.departures[index].successor = .max
        client.departures[index].farewellAt = .never
        client.departures[index].until = min(
            departure.until, now.advanced(milliseconds: limits[.leaveGraceMilliseconds]))
    }

    /// Where the streams of a link go; nil when it takes none any more.
    func targets(of linkSlot: UInt32) -> TargetGroup? {
        guard let client else { return nil }
        let connection = links[linkSlot].pointee.connection
        if connection != .max { return client.connections[Int(connection)].plan.targets }
        let departure = client.departures.first { $0.link == linkSlot }
        return departure?.serves == true ? departure?.targets : nil
    }
}
