import Model
import PlaneLink
import Primitives
import Testing

/// GOST's order of rules (protocol ingress-sd-plugins §2.2), with the overlay in front of the table.
struct RouteLookupTests {
    private func resolve(
        _ host: String, _ view: RouteSnapshotView?, _ overlay: borrowing RouteOverlay, ingress: UInt16 = 0
    ) -> Route? {
        var copy = host
        return copy.withUTF8 {
            RouteLookup.resolve(
                ingress: IngressIndex(ingress), host: UnsafeRawBufferPointer($0), tables: RouteTables(claims: view),
                overlay: overlay)
        }
    }

    /// The specification's algorithm as it is written there, over a dictionary.
    private func reference(_ host: String, _ rules: [String: Route]) -> Route? {
        if let route = rules[host] ?? rules["." + host] { return route }
        for index in host.indices where host[index] == "." {
            if let route = rules[String(host[index...])] { return route }
        }
        return nil
    }

    @Test func theNameThenItselfAsWildcardThenItsParents() throws {
        let overlay = RouteOverlay(capacity: 8, seed: 1)
        let view = try RouteTableFile([
            (0, "a.b.example.org", route(1)), (0, ".a.b.example.org", route(2)), (0, ".b.example.org", route(3)),
            (0, ".example.org", route(4)), (0, ".org", route(5)),
        ]).view()
        #expect(resolve("a.b.example.org", view, overlay) == route(1))
        #expect(resolve("x.a.b.example.org", view, overlay) == route(2))
        #expect(resolve("y.x.a.b.example.org", view, overlay) == route(2))
        #expect(resolve("b.example.org", view, overlay) == route(3))
        #expect(resolve("c.b.example.org", view, overlay) == route(3))
        #expect(resolve("example.org", view, overlay) == route(4))
        #expect(resolve("org", view, overlay) == route(5))
        #expect(resolve("notorg", view, overlay) == nil)
        #expect(resolve("example.com", view, overlay) == nil)
        #expect(resolve("a.b.example.org", view, overlay, ingress: 1) == nil)
        #expect(resolve("a.b.example.org", nil, overlay) == nil)
    }

    @Test func randomRulesAgreeWithTheSpecification() throws {
        var random = Random(seed: 17)
        func name(_ labels: UInt32) -> String {
            (0...random.below(labels)).map { _ in ["a", "b", "cc", ""][Int(random.below(4))] }.joined(separator: ".")
        }
        for _ in 0..<300 {
            var rules: [String: Route] = [:]
            for number in 0..<random.below(12) {
                let key = (random.below(2) == 0 ? "." : "") + name(4)
                if key.count > 1, !key.hasPrefix("..") { rules[key] = route(UInt64(number)) }
            }
            let overlay = RouteOverlay(capacity: 8, seed: random.next())
            let view = try RouteTableFile(rules.map { (0, $0.key, $0.value) }, seed: random.next()).view()
            for _ in 0..<40 {
                let host = name(5)
                guard !host.isEmpty, !host.hasPrefix(".") else { continue }
                #expect(resolve(host, view, overlay) == reference(host, rules), "\(host) in \(rules.keys)")
            }
        }
    }

    @Test func theOverlayShadowsKeyByKey() throws {
        var overlay = RouteOverlay(capacity: 8, seed: 9)
        let view = try RouteTableFile([
            (0, "a.example", route(1)), (0, "b.example", route(2)), (0, ".example", route(3)),
        ]).view()
        func change(_ host: String, _ new: Route?) -> Bool {
            withHost(host) { overlay.set(ingress: IngressIndex(0), host: $0, route: new) }
        }
        #expect(change("a.example", route(10)))
        #expect(change("b.example", nil))
        #expect(change("new.example", route(11, isPrivate: true)))
        #expect(resolve("a.example", view, overlay) == route(10))
        #expect(resolve("b.example", view, overlay) == route(3))
        #expect(resolve("new.example", view, overlay) == route(11, isPrivate: true))
        #expect(change(".example", nil))
        #expect(resolve("b.example", view, overlay) == nil)
        #expect(change(".deep.example", route(12)))
        #expect(resolve("x.deep.example", view, overlay) == route(12))
        #expect(change("a.example", nil))
        #expect(resolve("a.example", view, overlay) == nil)
        #expect(overlay.count == 5)
        overlay.removeAll()
        #expect(overlay.count == 0)
        #expect(resolve("a.example", view, overlay) == route(1))
        #expect(resolve("x.deep.example", view, overlay) == route(3))
    }

    /// Claims, rules and changes to the claims, each with hosts and wildcards, against the specification's order over one
    /// dictionary of what is in force.
    @Test(arguments: [true, false]) func rulesLieBelowClaims(sameSeed: Bool) throws {
        var random = Random(seed: 29)
        let labels = ["a", "b", "cc"]
        func name(_ most: UInt32) -> String {
            (0...random.below(most)).map { _ in labels[Int(random.below(3))] }.joined(separator: ".")
        }
        for _ in 0..<300 {
            var rules: [String: Route] = [:], claims: [String: Route] = [:]
            for number in 0..<random.below(8) {
                rules[(random.below(2) == 0 ? "." : "") + name(3)] = route(UInt64(number))
            }
            for number in 100..<100 + random.below(8) {
                let host = (random.below(4) == 0 ? "." : "") + name(3)
                // No host has both.
                if rules[host] == nil { claims[host] = route(UInt64(number)) }
            }
            let seed = random.next()
            let tables = RouteTables(
                claims: try RouteTableFile(claims.map { (0, $0.key, $0.value) }, seed: sameSeed ? seed : seed ^ 1)
                    .view(),
                rules: try RouteTableFile(rules.map { (0, $0.key, $0.value) }, seed: seed).view())
            var overlay = RouteOverlay(capacity: 16, seed: random.next())
            for number in 200..<200 + random.below(6) {
                let host = name(3)
                // A rule's host may have been a claim before, which was taken back: that hides no rule.
                let new = random.below(2) == 0 || rules[host] != nil ? nil : route(UInt64(number))
                #expect(withHost(host) { overlay.set(ingress: IngressIndex(0), host: $0, route: new) })
                claims[host] = new
            }
            let all = rules.merging(claims) { $1 }
            for _ in 0..<30 {
                let host = name(4)
                let found = withHost(host) {
                    RouteLookup.resolve(ingress: IngressIndex(0), host: $0, tables: tables, overlay: overlay)
                }
                #expect(found == reference(host, all), "\(host) in \(all.keys)")
            }
        }
    }

    @Test func aFullOverlayRefusesNewKeysAndKeepsItsOwn() {
        var overlay = RouteOverlay(capacity: 3, seed: 9)
        func set(_ host: String, _ number: UInt64) -> Bool {
            withHost(host) { overlay.set(ingress: IngressIndex(0), host: $0, route: route(number)) }
        }
        #expect(set("a", 1) && set("b", 2) && set("c", 3))
        #expect(!set("d", 4))
        #expect(set("b", 5))
        #expect(resolve("b", nil, overlay) == route(5))
        #expect(resolve("d", nil, overlay) == nil)
        #expect(!set("", 1))
        #expect(!set(".", 1))
        #expect(!set(String(repeating: "x", count: 256), 1))
    }

    @Test func overlayAgainstADictionary() {
        var random = Random(seed: 23)
        var overlay = RouteOverlay(capacity: 64, seed: random.next())
        var model: [String: Route?] = [:]
        for step in 0..<5_000 {
            let host = "h\(random.below(80))"
            let new = random.below(3) == 0 ? nil : route(UInt64(step))
            let accepted = withHost(host) { overlay.set(ingress: IngressIndex(1), host: $0, route: new) }
            #expect(accepted == (model[host] != nil || model.count < 64))
            if accepted { model[host] = .some(new) }
            if random.below(500) == 0 {
                overlay.removeAll()
                model = [:]
            }
            let probe = "h\(random.below(80))"
            let answer = withHost(probe) { overlay.lookup(RouteKey(ingress: IngressIndex(1), host: $0)!) }
            switch model[probe] {
            case .none: #expect(answer == .unknown)
            case .some(.none): #expect(answer == RouteOverlay.Answer.none)
            case .some(.some(let route)): #expect(answer == .route(route))
            }
        }
    }

    @Test func hostsOfManyLabels() throws {
        let overlay = RouteOverlay(capacity: 8, seed: 1)
        let host = Array(repeating: "a", count: 127).joined(separator: ".")
        let longest = String(repeating: "a.", count: 127) + "b"
        let view = try RouteTableFile([(0, "." + host.dropFirst(2), route(1)), (0, ".b", route(2))]).view()
        #expect(host.utf8.count == 253)
        #expect(resolve(host, view, overlay) == route(1))
        #expect(longest.utf8.count == 255)
        #expect(resolve(longest, view, overlay) == route(2))
        #expect(resolve(longest + "b", view, overlay) == nil)
    }
}
