internal import Model
internal import PlaneLink
internal import Primitives

/// Data planes come, introduce themselves, bring their inventory, fall silent and go.
extension ControlCore {
    mutating func connected(_ id: LinkID, now: Tick) {
        guard links.count < ControlLimit.dataPlanesMax else {
            note(.error, "too many data planes: connection refused", ["limit": "\(ControlLimit.dataPlanesMax)"])
            effects.append(.send(id, .refused("this control plane serves \(ControlLimit.dataPlanesMax) data planes")))
            effects.append(.close(id))
            return
        }
        links[id] = DataPlaneLink(at: now)
    }

    mutating func received(_ message: DataToControl, from id: LinkID, now: Tick) {
        guard let link = links[id] else { return }
        links[id]?.lastHeard = now
        if link.isFrozen {
            links[id]?.isFrozen = false
            note(.info, "data plane answers again", ["dataPlane": link.name])
        }
        if case .hello(let hello) = message { return greeted(id, hello, now: now) }
        guard link.hello != nil else {
            note(.error, "data plane did not begin with a hello: closed")
            tally.linkFaults += 1
            effects.append(.close(id))
            return
        }
        switch message {
        case .hello, .pong: break
        case .listenerHeld(let listener): listenerHeld(id, listener)
        case .inventoryEnd: inventoryEnded(id)
        case .bindAsk(let ask): decide(ask, from: id, now: now)
        case .connectorBound(let bound): learn(bound, from: id, now: now)
        case .connectorLost(let connector, _, _):
            remove(connector, on: id, heldUntil: now, now: now)
        case .applied(let generation): applied(generation, by: id)
        // The shell gathers dumps: nothing is decided by them.
        case .dump: break
        case .lookup(let lookup): look(up: lookup, from: id, now: now)
        case .leaving: leaves(id)
        case .peerLinked(let peer, let isLinked): peerLinked(peer, isLinked: isLinked, over: id, now: now)
        case .peerTold(let number, let isTaken): peerTold(number, isTaken: isTaken, now: now)
        case .peerSaid(let node, let words): peerSaid(words, by: node, over: id, now: now)
        }
    }

    private mutating func greeted(_ id: LinkID, _ hello: DataHello, now: Tick) {
        guard links[id]?.hello == nil else {
            note(.error, "data plane said hello twice: closed", ["dataPlane": hello.dataPlaneName])
            tally.linkFaults += 1
            effects.append(.close(id))
            return
        }
        let older = links.filter { $0.value.hello?.dataPlaneName == hello.dataPlaneName && !$0.value.isSuperseded }
        for (other, link) in older {
            if link.hello?.processEpoch == hello.processEpoch {
                // The same process connected anew before its old connection was seen to end.
                effects.append(.close(other))
                disconnected(other, .closedHere, now: now)
            } else {
                note(
                    .warning, "a new process has the name of a data plane that still runs: the old one drains",
                    ["dataPlane": hello.dataPlaneName, "pid": "\(hello.processID)"])
                links[other]?.isSuperseded = true
                effects.append(.send(other, .drain))
            }
        }
        links[id]?.hello = hello
        refreshOwnRow()
        links[id]?.phase = .inventory(until: now.advanced(milliseconds: ControlLimit.inventoryMilliseconds))
        sockets[hello.dataPlaneName, default: PlaneSockets()].orphanedSince = nil
        effects.append(
            .send(
                id,
                .hello(
                    ControlHello(
                        version: .current, capabilities: [.access, .cluster, .leaving, .words, .rules],
                        nodeName: plan.nodeName, nodeEpoch: nodeEpoch))))
        tellPeering()
        note(
            .info, "data plane connected",
            [
                "dataPlane": hello.dataPlaneName, "pid": "\(hello.processID)", "workers": "\(hello.workers)",
                "version": "\(hello.version.major).\(hello.version.minor)",
            ])
    }

    /// Everything that lives there is known: now its sockets, then the table.
    private mutating func inventoryEnded(_ id: LinkID) {
        guard case .inventory = links[id]?.phase else { return }
        links[id]?.phase = .opening
        openMissingListeners(id)
    }

    /// A link is over: what lived on it has left. Its sockets stay for its successor.
    mutating func disconnected(_ id: LinkID, _ end: LinkEnd, now: Tick) {
        guard let link = links.removeValue(forKey: id) else { return }
        cluster.told[id] = nil
        waysLost(over: id, now: now)
        if case .fault(let fault) = end {
            tally.linkFaults += 1
            note(.error, "data plane broke the plane link", ["dataPlane": link.name, "error": fault.text])
        }
        let held = now.advanced(milliseconds: ControlLimit.reconnectGraceMilliseconds)
        // In an order of their own, so that a history can be repeated.
        let lost = registry.connectors.filter { $0.value.link == id }.keys
            .sorted()
        for connector in lost { remove(connector, on: id, heldUntil: held, now: now) }
        guard link.hello != nil else { return }
        if link.isLeaving, !link.isSuperseded {
            note(.info, "data plane has left", ["dataPlane": link.name, "connectors": "\(lost.count)"])
            return hasLeft(link.name)
        }
        tally.dataPlanesLost += 1
        note(
            .warning, "data plane disconnected",
            ["dataPlane": link.name, "connectors": "\(lost.count)", "why": end.text])
        if !link.isSuperseded { sockets[link.name]?.orphanedSince = now }
    }

    /// What is due on one link.
    mutating func attend(to id: LinkID, now: Tick) {
        guard let link = links[id] else { return }
        switch link.phase {
        case .greeting(let until) where now >= until:
            note(.warning, "a connection to the plane socket did not say hello: closed")
            effects.append(.close(id))
            return disconnected(id, .closedHere, now: now)
        case .inventory(let until) where now >= until:
            note(.error, "data plane did not finish its inventory: closed", ["dataPlane": link.name])
            effects.append(.close(id))
            return disconnected(id, .closedHere, now: now)
        default: break
        }
        if let again = link.listenAgain, now >= again {
            links[id]?.listenAgain = nil
            openMissingListeners(id)
        }
        guard now >= link.nextPing else { return }
        links[id]?.nextPing = now.advanced(milliseconds: ControlLimit.pingMilliseconds)
        guard link.hello != nil else { return }
        // One that does not answer is not asked again and again: its queue would fill, and its link would be cut.
        if now.milliseconds(since: link.lastHeard) < ControlLimit.frozenMilliseconds {
            effects.append(.send(id, .ping))
        } else if !link.isFrozen {
            links[id]?.isFrozen = true
            note(
                .error, "data plane does not answer; its sockets and routes stay as they are",
                ["dataPlane": link.name])
        }
    }
}

extension LinkEnd {
    /// For the log.
    package var text: String {
        switch self {
        case .closedByPeer: "the data plane closed the link or died"
        case .fault(let fault): fault.text
        case .overflow: "it did not read what was sent; it is served again when it reconnects"
        case .closedHere: "closed here"
        case .socketError(let number): "socket error \(number)"
        }
    }
}
