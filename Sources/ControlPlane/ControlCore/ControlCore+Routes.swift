internal import Model
internal import PlaneLink

/// The routing tables: what stands in them, and how data planes hear of changes.
///
/// Fixed rules and what tunnels have claimed are two tables. The rules are one immutable file, which is replaced as a whole
/// when their sources change; claims are a small table and the changes to it since, whatever the number of rules. A data
/// plane from before that gets both in one table, which is written for it.
extension ControlCore {
    package var routeCount: Int { rules.count + dynamicRoutes }

    /// Room that `writeTable` needs, in bytes. `whole`: with the rules.
    package func tableBytes(whole: Bool) -> Int {
        RouteSnapshot.fileBytes(
            routes: dynamicRoutes + (whole ? rules.count : 0),
            entriesBytes: dynamicEntryBytes + (whole ? rules.entryBytes : 0))
    }

    /// Writes the claims, or `whole` all routes, into zeroed memory of `tableBytes`; gives the bytes used.
    package func writeTable(into memory: UnsafeMutableRawBufferPointer, whole: Bool) -> Int {
        let count = dynamicRoutes + (whole ? rules.count : 0)
        var writer = RouteSnapshotWriter(into: memory, routes: count, seed: tableSeed)
        if whole {
            let isSound = rules.view.forEach { ingress, isWildcard, name, route in
                let isNew = writer.add(ingress: ingress, isWildcard: isWildcard, name: name, route: route)
                precondition(isNew, "a host has two rules")
            }
            precondition(isSound, "a table of rules is damaged")
        }
        forEachClaim { ingress, host, route in
            var host = host
            let isNew = host.withUTF8 {
                writer.add(ingress: ingress, host: UnsafeRawBufferPointer($0), route: route)
            }
            precondition(isNew, "a host has two routes")
        }
        return writer.finish(generation: generation)
    }

    /// Calls `body` for every route that is no rule.
    func forEachClaim(_ body: (IngressIndex, String, Route) -> Void) {
        for ingress in ingresses {
            for (host, owner) in ingress.owners { body(ingress.index, host, Route(tunnel: owner, isPrivate: false)) }
            for (host, route) in ingress.mirrored where ingress.owners[host] == nil {
                body(ingress.index, host, route)
            }
        }
    }

    /// Tells the data planes what has changed: as changes, or as a whole table where too many have come together.
    mutating func publish() {
        guard !changes.isEmpty else { return }
        let new = changes
        changes = []
        generation += 1
        for (id, link) in links where link.phase == .serving {
            if link.changesSinceTable + new.count > RouteOverlay.foldAt {
                sendTable(to: id)
                continue
            }
            links[id]?.changesSinceTable += new.count
            var rest = new[...]
            while !rest.isEmpty {
                let part = rest.prefix(RouteChange.perMessageMax)
                rest = rest.dropFirst(part.count)
                effects.append(.send(id, .routeDelta(generation: generation, Array(part))))
            }
        }
    }

    mutating func sendTable(to id: LinkID) {
        links[id]?.changesSinceTable = 0
        links[id]?.tableGeneration = generation
        effects.append(.sendTable(id, generation: generation, whole: links[id]?.speaksRules == false))
        effects.append(.send(id, .tableEnd(generation: generation)))
    }

    // MARK: Rules

    /// Sends the rules to a data plane that keeps them apart from claims. One that has not acknowledged those before gets
    /// them when it does: however often they change, no more than two tables are kept for its sake.
    mutating func sendRules(to id: LinkID) {
        guard let link = links[id], link.speaksRules else { return }
        guard link.applied >= link.rulesSent else {
            links[id]?.owesRules = true
            return
        }
        links[id]?.owesRules = false
        links[id]?.rulesSent = generation
        effects.append(.sendRules(id, generation: generation))
    }

    /// A data plane has everything up to this generation.
    mutating func applied(_ generation: UInt64, by id: LinkID) {
        links[id]?.applied = generation
        guard links[id]?.owesRules == true else { return }
        self.generation += 1
        sendRules(to: id)
    }

    /// Whether every data plane that is served uses the rules in force: nobody looks into those before any more.
    package var rulesAreEverywhere: Bool {
        links.values.allSatisfy { link in
            link.phase != .serving || !link.speaksRules || (!link.owesRules && link.applied >= link.rulesSent)
        }
    }

    /// The rules were read, at the start or because a file changed: they replace all before them. A host that a rule names
    /// now is nobody's any more; one that has lost its rule may be claimed.
    mutating func rulesRead(_ table: RuleTable) {
        publish()
        rules = table
        for index in ingresses.indices { ingresses[index].rules = StaticRules(table, of: ingresses[index].index) }
        generation += 1
        rulesGeneration = generation
        let serving = links.filter { $0.value.phase == .serving }.keys.sorted { $0.rawValue < $1.rawValue }
        // Ahead of what they take: its host has the one route or the other at any time.
        for id in serving { sendRules(to: id) }
        for index in ingresses.indices { giveWay(in: index) }
        publish()
        for id in serving where links[id]?.speaksRules == false { sendTable(to: id) }
        note(.info, "host rules in force", ["rules": "\(table.count)", "generation": "\(rulesGeneration)"])
    }

    /// Takes from tunnels what the rules do not leave them.
    private mutating func giveWay(in ingress: Int) {
        let table = ingresses[ingress]
        let taken = table.owners.filter { !table.leaves($0.key, to: $0.value) }.sorted { $0.key < $1.key }
        for (host, owner) in taken {
            let key = HostKey(ingress: table.index, host: host)
            registry.release(key, by: owner)
            forgetClaim(key) { $0.owners[host] = nil }
        }
        for (host, owner) in taken.prefix(ControlLimit.displacedNotedMax) {
            note(
                .warning, "a rule has taken a host from the tunnel that held it",
                ["host": host, "ingress": table.name, "tunnel": owner.shortText])
        }
        tally.claimsDisplaced += UInt64(taken.count)
        for host in table.mirrored.keys.filter({ table.rules.resolve($0) != nil }).sorted() {
            forgetClaim(HostKey(ingress: table.index, host: host)) { $0.mirrored[host] = nil }
        }
    }
}
