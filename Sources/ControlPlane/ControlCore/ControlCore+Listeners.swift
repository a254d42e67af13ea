internal import Model
internal import PlaneLink
internal import Primitives
internal import Settings

/// Which listening sockets there are, one per point and worker of each data plane. They belong to the control
/// plane: a data plane that dies leaves them to its successor of the same name, a control plane that was restarted gets
/// them back with the inventory. (Design §7.)
extension ControlCore {
    /// A socket that a data plane brings back.
    mutating func listenerHeld(_ id: LinkID, _ listener: PlaneListener) {
        guard case .inventory = links[id]?.phase, let name = links[id]?.hello?.dataPlaneName else { return }
        var kept = sockets[name] ?? PlaneSockets()
        kept.nextID = max(kept.nextID, listener.id.rawValue &+ 1)
        defer { sockets[name] = kept }
        // Known already: the link was lost, not the control plane.
        if kept.sockets.contains(where: { $0.listener.id == listener.id }) { return }
        // Of no address that is configured now: closed here, and there at `listenersEnd`.
        guard let point = point(of: listener, plane: name), Int(listener.worker.rawValue) < links[id]?.workers ?? 0
        else { return }
        var adopted = listener
        adopted.role = role(of: point)
        kept.sockets.append(PlaneSockets.Socket(listener: adopted, point: point))
        effects.append(.adoptListener(plane: name, listener.id))
    }

    /// Asks for the sockets that a data plane still lacks, or goes on when there are none.
    mutating func openMissingListeners(_ id: LinkID) {
        guard let link = links[id], let name = link.hello?.dataPlaneName, link.isStaying else { return }
        var kept = sockets[name] ?? PlaneSockets()
        dropSurplus(&kept, workers: link.workers, plane: name)
        sockets[name] = kept
        var orders: [ListenerOrder] = []
        for (point, workers) in points(of: link) {
            for worker in 0..<workers {
                let index = WorkerIndex(UInt8(worker))
                if kept.sockets.contains(where: { $0.point == point && $0.listener.worker == index }) { continue }
                if reclaim(point, for: id, index) { continue }
                let number = sockets[name]?.nextID ?? 1
                sockets[name]?.nextID = number + 1
                orders.append(ListenerOrder(plane: name, id: ListenerID(number), worker: index, point: point))
            }
        }
        if orders.isEmpty, link.phase == .opening { return serve(id) }
        if !orders.isEmpty { effects.append(.openListeners(id, orders)) }
    }

    /// Sockets of workers that the successor does not have: nobody would accept what the kernel puts there.
    private mutating func dropSurplus(_ kept: inout PlaneSockets, workers: Int, plane: String) {
        let surplus = kept.sockets.filter { Int($0.listener.worker.rawValue) >= workers }.map(\.listener.id)
        guard !surplus.isEmpty else { return }
        kept.sockets.removeAll { Int($0.listener.worker.rawValue) >= workers }
        effects.append(.closeListeners(plane: plane, surplus))
    }

    mutating func listenersOpened(
        _ id: LinkID, _ opened: [OpenedListener], _ failed: [ListenerFailure], now: Tick
    ) {
        for listener in opened {
            let order = listener.order
            let record = PlaneListener(
                id: order.id, role: role(of: order.point), worker: order.worker, address: listener.address)
            var point = order.point
            if case .peers(let address) = point {
                // Where the kernel chose the port: this one from now on, for all workers.
                point = .peers(ListenAddress(host: address.host, port: record.port ?? address.port))
                for store in cluster.discoveryStores { cluster.lanes[store]?.leaseDue = now }
                cluster.words.isTouched = true
            }
            sockets[order.plane, default: PlaneSockets()].sockets.append(
                PlaneSockets.Socket(listener: record, point: point))
            // The first in use; later ones are sent when the data plane is served.
            if let link = links[id], link.phase == .serving, mayServe(link, record) {
                effects.append(.sendListener(id, plane: order.plane, record))
            }
        }
        var said: Set<ListenPoint> = []
        for failure in failed where said.insert(failure.order.point).inserted {
            let words = words(for: failure.order.point)
            note(
                .error, "cannot listen; will try again",
                ["address": words.address, "for": words.purpose, "error": failure.text])
        }
        guard links[id] != nil else { return }
        if !failed.isEmpty {
            links[id]?.listenAgain = now.advanced(milliseconds: ControlLimit.listenAgainMilliseconds)
        }
        if links[id]?.phase == .opening { serve(id) }
    }

    /// Sends settings, sockets and table: from now on the data plane serves what this control plane knows.
    private mutating func serve(_ id: LinkID) {
        guard let link = links[id], let name = link.hello?.dataPlaneName else { return }
        precondition(changes.isEmpty, "a table would hold what is also sent as a change")
        links[id]?.phase = .serving
        let settings = PlaneSettings(generation: generation, limits: plan.limits, logLevel: plan.logLevel)
        effects.append(.send(id, .settings(settings)))
        if link.speaksTrust { effects.append(.send(id, .trust(plan.trust))) }
        sendServices(to: id)
        effects.append(.send(id, .ingresses(generation: generation, plan.ingresses)))
        for socket in sockets[name]?.sockets ?? [] where mayServe(link, socket.listener) {
            effects.append(.sendListener(id, plane: name, socket.listener))
        }
        noteWithheld(id)
        effects.append(.send(id, .listenersEnd))
        sendRules(to: id)
        sendTable(to: id)
    }

    /// The ports that the data plane's sockets have, by their place in `NodePlan.addresses`.
    func ports(of plane: String) -> [Int: UInt16] {
        var ports: [Int: UInt16] = [:]
        for socket in sockets[plane]?.sockets ?? [] {
            guard case .shared(let place) = socket.point else { continue }
            ports[place] = socket.listener.port
        }
        return ports
    }

    /// Sockets of a data plane that does not come back, while others serve: visitors the kernel put there would wait
    /// for nobody. The others get them; those that are its own alone are closed.
    mutating func dropOrphanedSockets(now: Tick) {
        guard isServing else { return }
        for (name, kept) in sockets {
            guard let since = kept.orphanedSince,
                now >= since.advanced(milliseconds: ControlLimit.successorGraceMilliseconds)
            else { continue }
            bequeath(name)
            hasLeft(name)
            note(.warning, "data plane did not come back: others have its sockets", ["dataPlane": name])
        }
    }

    /// Whether every address is held by every worker of a data plane that answers and has the table.
    package var isReady: Bool {
        links.values.contains { link in
            guard link.phase == .serving, !link.isFrozen, link.isStaying, link.applied >= link.tableGeneration,
                let kept = sockets[link.name]
            else { return false }
            let served = kept.sockets.filter { mayServe(link, $0.listener) }
            let held = Dictionary(grouping: served, by: \.point).mapValues(\.count)
            return points(of: link).allSatisfy { point, workers in held[point] ?? 0 >= workers }
        }
    }
}

extension NodePlan.Address {
    /// Whether a socket that was opened for an earlier configuration can be this one: the same kind of port at the
    /// same address. Where the kernel chose the port, any port at the same host will do.
    func listens(as listener: PlaneListener) -> Bool {
        switch (role, listener.role) {
        case (.tunnel, .tunnel), (.entrypoint, .entrypoint): break
        default: return false
        }
        if address.port != 0 { return listener.address == address.text }
        guard let colon = listener.address.lastIndex(of: ":") else { return false }
        let own = address.text
        return listener.address[..<colon] == own[..<own.lastIndex(of: ":")!]
    }
}
