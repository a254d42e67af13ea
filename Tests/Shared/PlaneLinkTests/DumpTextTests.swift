import Model
import PlaneLink
import Primitives
import Testing

/// Both planes' dumps are equal when they believe the same, in whatever order they keep it, and tell no secret.
struct DumpTextTests {
    private func text(_ hosts: [String], tunnel: TunnelID = Samples.tunnel) -> String {
        var dump = DumpText()
        dump.add(Samples.bound)
        for var host in hosts {
            host.withUTF8 {
                dump.add(
                    ingress: IngressIndex(0), isWildcard: false, name: UnsafeRawBufferPointer($0),
                    route: Route(tunnel: tunnel, isPrivate: false))
            }
        }
        return dump.finish()
    }

    @Test func theOrderDoesNotMatter() {
        #expect(text(["a.example", "b.example", "c.example"]) == text(["c.example", "a.example", "b.example"]))
        #expect(text(["a.example"]) != text(["b.example"]))
    }

    @Test func longListsAreTheirDigest() {
        let hosts = (0...DumpText.linesMax).map { "h\($0).example" }
        let long = text(hosts)
        #expect(long.utf8.count < 1_000)
        #expect(long == text(hosts.reversed()))
        #expect(long != text(hosts.map { $0 == "h7.example" ? "x7.example" : $0 }))
    }

    /// Rules are listed like all routes; many of them are their file.
    @Test func manyRulesAreTheirFile() throws {
        func text(_ count: Int, generation: UInt64) throws -> String {
            let routes = (0..<count).map { (UInt16(0), "h\($0).example", route(7)) }
            var dump = DumpText()
            dump.add(rules: try RouteTableFile(routes, generation: generation).view())
            return dump.finish()
        }
        #expect(try text(2, generation: 1) == text(2, generation: 2))
        #expect(try text(2, generation: 1).contains("route 0 h1.example"))
        let many = try text(DumpText.linesMax + 1, generation: 1)
        #expect(many.contains("rules 20001 table "))
        #expect(many.utf8.count < 100)
        #expect(try many == text(DumpText.linesMax + 1, generation: 1))
        #expect(try many != text(DumpText.linesMax + 1, generation: 2))
    }

    @Test func tunnelIDsAreNotTold() {
        let dump = text(["a.example"])
        #expect(!dump.contains(Samples.tunnel.text))
        #expect(dump.contains("381433e1…#"))
        let neighbour = TunnelID(high: Samples.tunnel.high, low: Samples.tunnel.low ^ 1)
        #expect(text(["a.example"], tunnel: neighbour) != dump)
    }

    @Test func hostileBytesStayOnTheirLine() {
        let dump = text(["a\nroute 0 b", "c d"])
        #expect(dump.contains("route 0 a\\x0aroute\\x200\\x20b tunnel"))
        #expect(dump.split(separator: "\n").count == 5)
    }

    @Test func piecesAreWholeLinesThatFit() {
        let long = text((0..<3_000).map { "host-number-\($0).example" })
        let pieces = DumpText.pieces(long)
        #expect(pieces.count > 3)
        #expect(pieces.joined() == long)
        #expect(pieces.allSatisfy { $0.utf8.count <= DumpText.pieceBytesMax && $0.hasSuffix("\n") })
        #expect(DumpText.pieces("") == [""])
    }
}
