package import Model
package import PlaneLink
internal import Primitives
package import Settings

/// The fixed rules of all ingresses of a node, packed as data planes get them: a routing table of its own, which is never
/// changed, only replaced as a whole. So a million of them exist once, and whoever was given this table may keep it.
package final class RuleTable: @unchecked Sendable {
    /// Looks into the table, which lives as long as this object.
    package let view: RouteSnapshotView
    /// Bytes that its entries take.
    package let entryBytes: Int
    private let memory: UnsafeRawBufferPointer
    private let release: @Sendable (UnsafeRawBufferPointer) -> Void
    /// Nothing lies over the rules.
    private let overlay = RouteOverlay(capacity: 1, seed: 0)

    /// A table in memory of `writer.finish`; `release` gives the memory back.
    package init(
        _ memory: UnsafeRawBufferPointer, release: @escaping @Sendable (UnsafeRawBufferPointer) -> Void
    ) {
        guard let view = try? RouteSnapshotView(memory) else { preconditionFailure("a table of rules is damaged") }
        self.view = view
        self.memory = memory
        self.release = release
        entryBytes = view.entryBytes
    }

    deinit { release(memory) }

    /// The rules that stand in the configuration itself, in memory of this process alone. `seed`: kernel randomness.
    package convenience init(inline ingresses: [IngressTable], seed: UInt64) {
        let size = ingresses.reduce(RuleCount()) { $0 + RuleCount($1.rules) }
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: size.fileBytes, alignment: 16)
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        var writer = RouteSnapshotWriter(into: memory, routes: size.rules, seed: seed)
        for (index, table) in ingresses.enumerated() {
            writer.add(table.rules, to: IngressIndex(UInt16(index)))
        }
        let used = writer.finish(generation: 0)
        self.init(UnsafeRawBufferPointer(rebasing: memory[..<used])) { $0.deallocate() }
    }

    package var count: Int { Int(view.count) }

    /// The rule for exactly this key.
    package func rule(for host: String, in ingress: IngressIndex) -> Route? {
        var host = host
        return host.withUTF8 {
            RouteKey(ingress: ingress, host: UnsafeRawBufferPointer($0)).flatMap { view.lookup($0) }
        }
    }

    /// The rule that a visitor of `host` would meet.
    package func resolve(_ host: String, in ingress: IngressIndex) -> Route? {
        var host = host
        return host.withUTF8 {
            RouteLookup.resolve(
                ingress: ingress, host: UnsafeRawBufferPointer($0), tables: RouteTables(rules: view), overlay: overlay)
        }
    }
}

/// How many rules there are, and the bytes that their entries take in a table; hosts that stand twice count twice.
package struct RuleCount: Equatable, Sendable {
    package private(set) var rules = 0
    package private(set) var entryBytes = 0

    package init() {}

    /// Those of a list.
    package init(_ rules: [IngressRule]) {
        for rule in rules { add(hostBytes: rule.host.utf8.count) }
    }

    /// Counts a rule whose host, a wildcard's dot included or not, has so many bytes.
    package mutating func add(hostBytes: Int) {
        rules += 1
        entryBytes += RouteSnapshot.entryBytes(hostBytes: hostBytes)
    }

    /// Room that a table of them needs at most, in bytes.
    package var fileBytes: Int { RouteSnapshot.fileBytes(routes: rules, entriesBytes: entryBytes) }

    /// Both together.
    package static func + (left: RuleCount, right: RuleCount) -> RuleCount {
        var sum = left
        sum.rules += right.rules
        sum.entryBytes += right.entryBytes
        return sum
    }
}

extension RouteSnapshotWriter {
    /// Adds rules as the configuration has them: of two for one host the later holds.
    package mutating func add(_ rules: [IngressRule], to ingress: IngressIndex) {
        for rule in rules {
            var host = rule.host
            let isPossible = host.withUTF8 {
                set(ingress: ingress, host: UnsafeRawBufferPointer($0), route: rule.route)
            }
            precondition(isPossible, "a rule was read that no table can hold")
        }
    }
}
