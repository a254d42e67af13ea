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
