import Foundation
import Model
import Settings
import Testing

@testable import culvert

/// Ids that are kept from one start to the next, and who may read them.
struct KeptTunnelIDsTests {
    let parent = NSTemporaryDirectory() + "culvert-kept-" + UUID().uuidString

    private func kept(_ first: UInt64) -> KeptTunnelIDs {
        KeptTunnelIDs(directory: parent + "/state/tunnels", random: { (first, ~first) })
    }

    private func server(_ host: String, _ port: UInt16 = 8421) -> ServerAddress {
        ServerAddress(carrier: .ws, host: host, port: port, hostHeader: host)
    }

    private func mode(_ path: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return try #require(attributes[.posixPermissions] as? NSNumber).intValue
    }

    @Test func anIDIsMadeOnceForEachServerAndTarget() throws {
        defer { try? FileManager.default.removeItem(atPath: parent) }
        let target = TargetAddress(host: "", port: 8000)
        let first = try kept(1).id(server: server("a"), target: target)
        #expect(first.text.dropFirst(14).first == "4", "version 4")
        #expect(try kept(2).id(server: server("a"), target: target) == first)
        #expect(try kept(3).id(server: server("a", 1), target: target) != first)
        #expect(try kept(4).id(server: server("b"), target: target) != first)
        #expect(try kept(5).id(server: server("a"), target: TargetAddress(host: "", port: 8001)) != first)
        #expect(try kept(6).id(server: server("a"), target: TargetAddress(host: "::1", port: 8000)) != first)

        let names = try FileManager.default.contentsOfDirectory(atPath: parent + "/state/tunnels")
        #expect(names.count == 5, "no draft is left")
        #expect(try kept(7).id(server: server("a"), target: TargetAddress(path: "/run/a.sock")) != first)
        #expect(try names.allSatisfy { try mode(parent + "/state/tunnels/" + $0) == 0o600 })
        #expect(try mode(parent + "/state/tunnels") == 0o700)
    }

    @Test func oneThatAppearsMeanwhileHolds() throws {
        defer { try? FileManager.default.removeItem(atPath: parent) }
        let target = TargetAddress(host: "", port: 8000)
        let other = KeptTunnelIDs(directory: parent, random: { (1, 1) })
        let slow = KeptTunnelIDs(directory: parent) { [parent] in
            // Between our looking and our writing another process is faster.
            _ = try? KeptTunnelIDs(directory: parent, random: { (2, 2) }).id(
                server: ServerAddress(carrier: .ws, host: "a", port: 8421, hostHeader: "a"), target: target)
            return (3, 3)
        }
        let id = try slow.id(server: server("a"), target: target)
        #expect(id == TunnelID(randomHigh: 2, randomLow: 2))
        #expect(try other.id(server: server("a"), target: target) == id)
    }

    @Test func aSpoiltFileIsNamedAndNotOverwritten() throws {
        defer { try? FileManager.default.removeItem(atPath: parent) }
        let target = TargetAddress(host: "x/../y", port: 1)
        _ = try kept(1).id(server: server("a b"), target: target)
        let name = KeptTunnelIDs.fileName(server: server("a b"), target: target)
        #expect(!name.contains("/"))
        let path = parent + "/state/tunnels/" + name
        try Data("nothing".utf8).write(to: URL(fileURLWithPath: path))
        let fault = #expect(throws: KeptTunnelIDs.Fault.self) { try kept(1).id(server: server("a b"), target: target) }
        #expect(fault?.message.contains(path) == true)
    }

    @Test func namesNeverCollide() {
        let target = TargetAddress(host: "", port: 1)
        let names = [
            KeptTunnelIDs.fileName(server: server("a-b"), target: TargetAddress(host: "c", port: 1)),
            KeptTunnelIDs.fileName(server: server("a"), target: TargetAddress(host: "b-c", port: 1)),
            KeptTunnelIDs.fileName(server: server("a%3A8421"), target: target),
            KeptTunnelIDs.fileName(server: server("a"), target: target),
        ]
        #expect(Set(names).count == names.count)
    }

    @Test func onlyWhereNoIDWasWrittenOneIsSet() throws {
        defer { try? FileManager.default.removeItem(atPath: parent) }
        let written = try #require(TunnelID("4e8a1b6c-2f3d-4a5b-8c7d-9e0f1a2b3c4d"))
        var client = ClientConfiguration()
        client.tunnels = [
            ExposedTunnel(
                name: "a", tunnel: written, servers: [server("h")], target: TargetAddress(host: "", port: 1)),
            ExposedTunnel(
                name: "b", tunnel: .zero, servers: [server("h")], target: TargetAddress(host: "", port: 1)),
        ]
        try kept(9).complete(&client)
        #expect(client.tunnels[0].tunnel == written)
        #expect(client.tunnels[1].tunnel == TunnelID(randomHigh: 9, randomLow: ~9))
    }

    @Test(arguments: [
        (["XDG_STATE_HOME": "/s", "HOME": "/h"], "/s/culvert/tunnels"),
        (["XDG_STATE_HOME": "relative", "HOME": "/h"], "/h/.local/state/culvert/tunnels"),
        (["HOME": "/h"], "/h/.local/state/culvert/tunnels"),
    ])
    func whereTheyAreKept(environment: [String: String], path: String) {
        #expect(KeptTunnelIDs.standardDirectory(environment: environment) == path)
    }
}
