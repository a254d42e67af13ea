import Model
import PlaneLink
import Primitives

// What a look-up costs in a table of so many rules, beside a table of claims and an overlay, as a worker does it. Prints
// one line of JSON: nanoseconds each, the median of the rounds.
//
//     RouteProbe [RULES [ROUNDS]]

/// The tables of the measurement, and names to ask them for.
struct Probe {
    /// Look-ups of one round.
    static let asked = 1_000_000
    static let hot = 10_000

    let tables: RouteTables
    let seed: UInt64 = 0x5DEE_CE66

    static func host(_ number: Int) -> String {
        String(UInt64(number) &* 0x9E37_79B9_7F4A_7C15 | 1 << 63, radix: 16) + ".gost.local"
    }

    /// A table of these hosts; it is never given back.
    static func table(_ hosts: some Collection<String>, seed: UInt64) -> RouteSnapshotView {
        let entries = hosts.reduce(0) { $0 + RouteSnapshot.entryBytes(hostBytes: $1.utf8.count) }
        let bytes = RouteSnapshot.fileBytes(routes: hosts.count, entriesBytes: entries)
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: 4_096)
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        var writer = RouteSnapshotWriter(into: memory, routes: hosts.count, seed: seed)
        for (number, host) in hosts.enumerated() {
            var host = host
            let isNew = host.withUTF8 {
                writer.add(
                    ingress: IngressIndex(0), host: UnsafeRawBufferPointer($0),
                    route: Route(tunnel: TunnelID(high: 1, low: UInt64(number) + 1), isPrivate: false))
            }
            precondition(isNew)
        }
        let used = writer.finish(generation: 1)
        guard let view = try? RouteSnapshotView(UnsafeRawBufferPointer(rebasing: memory[..<used])) else {
            preconditionFailure("a table that was just written is damaged")
        }
        return view
    }

    /// Nanoseconds for one look-up of each of these names, which all have a route or none has.
    func nanoseconds(_ names: [InlineText], found: Bool, _ overlay: borrowing RouteOverlay) -> Double {
        var hits = 0
        let clock = ContinuousClock()
        let begun = clock.now
        for name in names {
            let route = RouteLookup.resolve(ingress: IngressIndex(0), host: name, tables: tables, overlay: overlay)
            if route != nil { hits += 1 }
        }
        let (seconds, attoseconds) = (clock.now - begun).components
        precondition(hits == (found ? names.count : 0), "\(hits) of \(names.count) names were found")
        return (Double(seconds) * 1e9 + Double(attoseconds) / 1e9) / Double(names.count)
    }
}

func measure(rules: Int, rounds: Int) {
    var random = Random(seed: 7)
    var hosts = (0..<rules).map(Probe.host)
    // Wildcards as there are, one for each number of labels up to seven, and below them names of 127 labels.
    for depth in 1...7 { hosts.append("." + Array(repeating: "w", count: depth).joined(separator: ".")) }
    let seed: UInt64 = 0x1234_5678_9ABC_DEF1
    let view = Probe.table(hosts, seed: seed)
    let claims = Probe.table((0..<10_000).map { "claim-\($0).gost.local" }, seed: seed)
    let every = Probe.table(
        hosts[..<rules] + (0..<127).map { "." + Array(repeating: "v", count: $0 + 1).joined(separator: ".") },
        seed: seed)
    var overlay = RouteOverlay(seed: 3)
    for number in 0..<1_000 {
        var host = "new-\(number).gost.local"
        let isSet = host.withUTF8 {
            overlay.set(
                ingress: IngressIndex(0), host: UnsafeRawBufferPointer($0),
                route: Route(tunnel: TunnelID(high: 2, low: 2), isPrivate: false))
        }
        precondition(isSet)
    }
    let probe = Probe(tables: RouteTables(claims: claims, rules: view))
    let walk = Probe(tables: RouteTables(claims: claims, rules: every))
    func names(_ count: Int, below limit: Int) -> [InlineText] {
        (0..<count).map { _ in InlineText(Probe.host(Int(random.below(UInt32(limit)))))! }
    }
    let many = names(Probe.asked, below: rules), few = names(Probe.asked, below: min(Probe.hot, rules))
    let deep = Array(
        repeating: InlineText(Array(repeating: "w", count: 127).joined(separator: "."))!, count: 20_000)
    // Another label at each depth: every wildcard's depth is looked at and none is the name's.
    let miss = (0..<20_000).map { number in
        InlineText(Array(repeating: String("abcdefghij".letter(number)), count: 127).joined(separator: "."))!
    }
    var taken: [[Double]] = [[], [], [], []]
    for _ in 0..<rounds {
        taken[0].append(probe.nanoseconds(many, found: true, overlay))
        taken[1].append(probe.nanoseconds(few, found: true, overlay))
        taken[2].append(probe.nanoseconds(deep, found: true, overlay))
        taken[3].append(walk.nanoseconds(miss, found: false, overlay))
    }
    let medians = taken.map { $0.sorted()[$0.count / 2] }
    let labels = ["random_ns", "hot_ns", "labels_ns", "labels_at_every_depth_ns"]
    let fields = zip(labels, medians).map { "\"\($0)\": \(Int($1.rounded()))" }
    print("{\"rules\": \(rules), \(fields.joined(separator: ", ")), \"bytes\": \(view.entryBytes)}")
}

extension String {
    /// One of its letters, by number.
    func letter(_ number: Int) -> Character { self[index(startIndex, offsetBy: number % count)] }
}

let arguments = CommandLine.arguments.dropFirst().compactMap { Int($0) }
measure(rules: arguments.first ?? 1_000_000, rounds: arguments.dropFirst().first ?? 5)
