internal import Model
internal import PlaneLink
internal import Primitives

/// A data plane leaves while others stay. Its listening sockets go to them: a socket that were closed would reset
/// whoever the kernel had put in its queue. They come back to the next data plane that lacks some, so that there are
/// never more than there were workers at a time.
extension ControlCore {
    /// A data plane is to end: the others take over, or, where there are none, it need not wait for anybody.
    mutating func leaves(_ id: LinkID) {
        guard let link = links[id], !link.isLeaving, !link.isSuperseded else { return }
        guard !heirs(besides: id).isEmpty else {
            note(.info, "data plane ends: no other is there to take over", ["dataPlane": link.name])
            effects.append(.send(id, .dismissed))
            return
        }
        links[id]?.isLeaving = true
        bequeath(link.name)
        effects.append(.send(id, .drain))
        note(.info, "data plane leaves: others take over", ["dataPlane": link.name])
    }

    /// Data planes that can take over.
    private func heirs(besides id: LinkID? = nil) -> [LinkID] {
        links.filter { $0.key != id && $0.value.phase == .serving && $0.value.isStaying && !$0.value.isFrozen }.keys
            .sorted { $0.rawValue < $1.rawValue }
    }

    /// Gives the sockets at which all data planes accept to those that stay; each to the one that has fewest there.
    mutating func bequeath(_ plane: String) {
        let heirs = heirs().filter { links[$0]?.name != plane }
        for socket in sockets[plane]?.sockets ?? [] {
            guard case .shared = socket.point else { continue }
            let heir = heirs.filter { links[$0].map { mayServe($0, socket.listener) } ?? false }
                .min { count(of: $0, at: socket.point) < count(of: $1, at: socket.point) }
            guard let heir, let link = links[heir] else { continue }
            let worker = (0..<UInt8(link.workers)).map { WorkerIndex($0) }
                .min { count(of: heir, at: socket.point, $0) < count(of: heir, at: socket.point, $1) }
            guard let worker else { continue }
            move(socket, from: plane, to: heir, worker)
        }
    }

    /// How many sockets of a point a data plane has, or one of its workers.
    private func count(of id: LinkID, at point: ListenPoint, _ worker: WorkerIndex? = nil) -> Int {
        (sockets[links[id]?.name ?? ""]?.sockets ?? []).count {
            $0.point == point && (worker == nil || $0.listener.worker == worker)
        }
    }

    private mutating func move(
        _ socket: PlaneSockets.Socket, from plane: String, to id: LinkID, _ worker: WorkerIndex
    ) {
        guard let heir = links[id] else { return }
        var kept = sockets[heir.name] ?? PlaneSockets()
        var moved = socket
        moved.listener.id = ListenerID(kept.nextID)
        moved.listener.worker = worker
        kept.nextID += 1
        kept.sockets.append(moved)
        sockets[heir.name] = kept
        sockets[plane]?.sockets.removeAll { $0.listener.id == socket.listener.id }
        effects.append(
            .moveListener(plane: plane, socket.listener.id, to: heir.name, moved.listener.id))
        if heir.phase == .serving { effects.append(.sendListener(id, plane: heir.name, moved.listener)) }
    }

    /// A socket of a point that a data plane has more of than workers goes to another one that lacks it. False: there is
    /// none.
    mutating func reclaim(_ point: ListenPoint, for id: LinkID, _ worker: WorkerIndex) -> Bool {
        guard case .shared = point, let name = links[id]?.name else { return false }
        for (other, link) in links.sorted(by: { $0.key.rawValue < $1.key.rawValue })
        where link.name != name && link.isStaying && count(of: other, at: point) > link.workers {
            // The one that came last: it was another's before.
            guard let surplus = sockets[link.name]?.sockets.last(where: { $0.point == point }) else { continue }
            effects.append(.send(other, .listenerRemoved(surplus.listener.id)))
            move(surplus, from: link.name, to: id, worker)
            return true
        }
        return false
    }

    /// The process of a data plane that left has ended: what is its own alone is closed.
    mutating func hasLeft(_ plane: String) {
        guard sockets.removeValue(forKey: plane) != nil else { return }
        effects.append(.closeListeners(plane: plane, nil))
    }
}
