import ControlCore
import Model
import PlaneLink
import Primitives
import Settings
import Testing

/// Host names as clients write them, and fixed rules as the data planes will look them up.
struct HostNameTests {
    @Test(arguments: [
        ("App.Example.ORG.", "app.example.org"), ("dash", "dash"), ("a-b_c.d1", "a-b_c.d1"), ("1.2.3.4a", "1.2.3.4a"),
    ])
    func names(written: String, text: String) { #expect(HostName(written)?.text == text) }

    @Test(arguments: [
        "", ".", "a..b", ".a", "a b", "a:80", "::", "0.0.0.0", "0.0.0.0::0", "10.1.2.3", "123", "ä.example", "a/b",
        String(repeating: "a", count: 64), String(repeating: "ab.", count: 85),
    ])
    func noNames(written: String) { #expect(HostName(written) == nil) }

    @Test func labelsBelowADomainEndAtADot() {
        #expect(HostName("dash.gost.local")?.label(below: "gost.local") == "dash")
        #expect(HostName("a.b.gost.local")?.label(below: "gost.local") == "a")
        #expect(HostName("notgost.local")?.label(below: "gost.local") == nil)
        #expect(HostName("gost.local")?.label(below: "gost.local") == nil)
    }

    /// The rule that decides a claim is the rule that visitors meet.
    @Test func fixedRulesAreResolvedAsTheDataPlanesDo() {
        var random = Random(seed: 31)
        func name(_ labels: UInt32) -> String {
            (0...random.below(labels)).map { _ in ["a", "b", "cc"][Int(random.below(3))] }.joined(separator: ".")
        }
        for _ in 0..<200 {
            var overlay = RouteOverlay(capacity: 16, seed: random.next())
            var rules: [IngressRule] = []
            for number in 0..<random.below(10) {
                let host = (random.below(2) == 0 ? "." : "") + name(4)
                let route = Route(tunnel: tunnel(UInt64(number)), isPrivate: false)
                rules.append(IngressRule(host: host, route: route))
                var copy = host
                let isSet = copy.withUTF8 {
                    overlay.set(ingress: IngressIndex(0), host: UnsafeRawBufferPointer($0), route: route)
                }
                #expect(isSet)
            }
            var table = IngressTable(name: "ingress-0")
            table.rules = rules
            let fixed = RuleTable(inline: [table], seed: random.next())
            for _ in 0..<30 {
                let host = name(5)
                var copy = host
                let met = copy.withUTF8 {
                    RouteLookup.resolve(
                        ingress: IngressIndex(0), host: UnsafeRawBufferPointer($0), tables: RouteTables(),
                        overlay: overlay)
                }
                #expect(fixed.resolve(host, in: IngressIndex(0)) == met, "\(host) in \(rules.map(\.host))")
            }
        }
    }
}
