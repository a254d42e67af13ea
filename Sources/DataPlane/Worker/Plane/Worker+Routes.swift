import Model
import Observe
import Operations
import PlaneLink
import Primitives

// Worker 0 maps the tables that the control plane sends and spreads them, and changes to them, over the workers. A table
// is mapped once for the process; the one before it goes when every worker has said that it uses the new one.

/// What a table that comes replaces.
package enum RouteTableKind: UInt8, BitwiseCopyable {
    /// Everything: the control plane knows of one table only.
    case whole
    case claims
    case rules
}

/// One step of the routes: a whole table, or changes to what there is, with our generation.
enum RouteUpdate {
    case table(RouteTableKind, Int32, UInt64)
    case changes([RouteChange], UInt64)
}

extension Worker {
    @inline(never) @_semantics("no_performance_analysis")
    mutating func apply(_ change: RouteChange) {
        let isSet = change.host.withBytes {
            routeOverlay.set(ingress: change.ingress, host: $0, route: change.route)
        }
        peers.lookups.forgetAbsence(of: change)
        // The control plane sends a new table long before the overlay is full.
        if !isSet { note(.routesFull) }
    }

    private mutating func spread(_ changes: [RouteChange], _ generation: UInt64, _ desk: PlaneDesk) {
        for change in changes { apply(change) }
        for worker in 0..<workerCount where worker != index {
            for change in changes { post(worker, with: change) { .routeChanged($0) } }
            post(worker, .routesMark(generation: generation))
        }
        desk.workerSaw(generation, worker: index)
    }

    /// Routes change in the order in which it was said: mapping a table takes a turn, and what came behind it waits.
    mutating func update(_ update: RouteUpdate) {
        planeMemory.updates.append(update)
        continueUpdates()
    }

    private mutating func continueUpdates() {
        while planeMemory.mapping == nil, !planeMemory.updates.isEmpty, let desk {
            switch planeMemory.updates.removeFirst() {
            case .changes(let changes, let generation):
                spread(changes, generation, desk)
            case .table(let kind, let descriptor, let generation):
                planeMemory.mapping = (kind, generation)
                operations.append(
                    Operation(
                        .mapFile, token: Token(.mapFile, slot: .max, generation: 0), descriptor: descriptor,
                        address: UInt(bitPattern: planeMemory.mapped)))
            }
        }
    }

    @inline(never) @_semantics("no_performance_analysis")
    mutating func tableMapped(_ completion: Completion) {
        guard let (kind, generation) = planeMemory.mapping else { preconditionFailure("a table that nobody asked for") }
        planeMemory.mapping = nil
        let mapped = planeMemory.mapped.pointee
        if completion.result == 0, let desk = touchedDesk {
            if takeTable(kind, mapped.address, mapped.byteCount) {
                planeMemory.replace(kind, by: (mapped.address, mapped.byteCount), generation)
                for worker in 0..<workerCount where worker != index {
                    post(
                        worker,
                        .routes(
                            kind, address: mapped.address, byteCount: mapped.byteCount, generation: generation))
                }
                desk.workerSaw(generation, worker: index)
                unmapOldTables()
            } else {
                notices.append((.error, "the routing table of the control plane is damaged; the last one stays", []))
                unmap((mapped.address, mapped.byteCount))
            }
        }
        continueUpdates()
    }

    /// Uses a table from now on; false, and nothing changed, when it is damaged. What stood in the overlay stands in a new
    /// table of claims.
    @inline(never) @_semantics("no_performance_analysis")
    @discardableResult
    mutating func takeTable(_ kind: RouteTableKind, _ address: UInt, _ byteCount: UInt64) -> Bool {
        let file = UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: address), count: Int(byteCount))
        guard let view = try? RouteSnapshotView(file) else { return false }
        switch kind {
        case .rules: routeTables.rules = view
        case .claims: routeTables.claims = view
        case .whole: routeTables = RouteTables(claims: view)
        }
        if kind != .rules { routeOverlay.removeAll() }
        return true
    }

    @inline(never) @_semantics("no_performance_analysis")
    mutating func unmapOldTables() {
        while let desk, let first = planeMemory.retired.first, desk.isSeenByAll(first.generation) {
            planeMemory.retired.removeFirst()
            unmap((first.address, first.byteCount))
        }
    }

    private mutating func unmap(_ table: PlaneMemory.Mapping) {
        operations.append(
            Operation(
                .unmapFile, token: Token(raw: 0), descriptor: -1, address: table.address, argument: table.byteCount))
    }

    /// The routes in force, for a dump: the rules, the claims that the overlay does not shadow, and the overlay's.
    func addRoutes(to text: inout DumpText) {
        var routes = text
        if let rules = routeTables.rules { routes.add(rules: rules) }
        if let claims = routeTables.claims {
            _ = claims.forEach { ingress, isWildcard, name, route in
                guard let start = name.baseAddress else { return }
                let key = RouteKey(ingress: ingress, isWildcard: isWildcard, bytes: start, count: name.count)
                guard routeOverlay.lookup(key) == .unknown else { return }
                routes.add(ingress: ingress, isWildcard: isWildcard, name: name, route: route)
            }
        }
        routeOverlay.forEach { ingress, isWildcard, name, route in
            if let route { routes.add(ingress: ingress, isWildcard: isWildcard, name: name, route: route) }
        }
        text = routes
    }
}
