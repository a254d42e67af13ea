internal import Model
internal import PlaneLink
internal import Primitives
internal import Settings

/// Which listening sockets there are, one per address and worker of each data plane. They belong to the control
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
        let address = plan.addresses.indices.first { index in
            plan.addresses[index].listens(as: listener)
                && !kept.sockets.contains { $0.address == index && $0.listener.worker == listener.worker }
        }
        // Of no address that is configured now: closed here, and there at `listenersEnd`.
        guard let address, Int(listener.worker.rawValue) < links[id]?.workers ?? 0 else { return }
        var adopted = listener
        adopted.role = plan.addresses[address].role
        kept.sockets.append(PlaneSockets.Socket(listener: adopted, address: address))
        effects.append(.adoptListener(plane: name, listener.id))
    }

    /// Asks for the sockets that a data plane still lacks, or goes on when there are none.
    mutating func openMissingListeners(_ id: LinkID) {
        guard let link = links[id], let name = link.hello?.dataPlaneName, !link.isSuperseded else { return }
        var kept = sockets[name] ?? PlaneSockets()
        dropSurplus(&kept, workers: link.workers, plane: name)
        var orders: [ListenerOrder] = []
        for address in plan.addresses.indices {
            for worker in 0..<link.workers {
                let index = WorkerIndex(UInt8(worker))
                if kept.sockets.contains(where: { $0.address == address && $0.listener.worker == index }) { continue }
                orders.append(
                    ListenerOrder(plane: name, id: ListenerID(kept.nextID), worker: index, address: address))
                kept.nextID += 1
            }
        }
        sockets[name] = kept
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
                id: order.id, role: plan.addresses[order.address].role, worker: order.worker,
                address: listener.address)
            sockets[order.plane, default: PlaneSockets()].sockets.append(
                PlaneSockets.Socket(listener: record, address: order.address))
            // The first in use; later ones are sent when the data plane is served.
            if let link = links[id], link.phase == .serving, mayServe(link, record) {
                effects.append(.sendListener(id, plane: order.plane, record))
            }
        }
        for address in Set(failed.map(\.order.address)).sorted() {
            let failure = failed.first { $0.order.address == address }!
            note(
                .error, "cannot listen; will try again",
                [
                    "address": plan.addresses[address].address.text, "for": plan.addresses[address].title,
                    "error": failure.text,
                ])
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
        sendTable(to: id)
    }

    /// The ports that the data plane's sockets have, by their place in `NodePlan.addresses`.
    func ports(of plane: String) -> [Int: UInt16] {
        var ports: [Int: UInt16] = [:]
        for socket in sockets[plane]?.sockets ?? [] {
            guard let colon = socket.listener.address.lastIndex(of: ":") else { continue }
            ports[socket.address] = UInt16(socket.listener.address[colon...].dropFirst())
        }
        return ports
    }

    /// Sockets of a data plane that does not come back, while others serve: visitors the kernel put there would wait
    /// for nobody.
    mutating func dropOrphanedSockets(now: Tick) {
        guard isServing else { return }
        for (name, kept) in sockets {
            guard let since = kept.orphanedSince,
                now >= since.advanced(milliseconds: ControlLimit.successorGraceMilliseconds)
            else { continue }
            sockets[name] = nil
            effects.append(.closeListeners(plane: name, nil))
            note(.warning, "data plane did not come back: its sockets are closed", ["dataPlane": name])
        }
    }

    /// Whether every address is held by every worker of a data plane that answers and has the table.
    package var isReady: Bool {
        links.values.contains { link in
            guard link.phase == .serving, !link.isFrozen, !link.isSuperseded, link.applied >= link.tableGeneration,
                let kept = sockets[link.name]
            else { return false }
            return kept.sockets.count == plan.addresses.count * link.workers
                && kept.sockets.allSatisfy { mayServe(link, $0.listener) }
        }
    }
}

extension NodePlan.Address {
    /// Whether a socket that was opened for an earlier configuration can be this one: the same kind of port at the
    /// same address. Where the kernel chose the port, any port at the same host will do.
    func listens(as listener: PlaneListener) -> Bool {
        switch (role, listener.role) {
        case (.tunnel, .tunnel), (.entrypoint, .entrypoint), (.peers, .peers): break
        default: return false
        }
        if address.port != 0 { return listener.address == address.text }
        guard let colon = listener.address.lastIndex(of: ":") else { return false }
        let own = address.text
        return listener.address[..<colon] == own[..<own.lastIndex(of: ":")!]
    }
}
