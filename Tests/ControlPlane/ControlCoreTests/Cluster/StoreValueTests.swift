import Model
import PlaneLink
import Primitives
import StoreVocabulary
import Testing

@testable import ControlCore

/// Keys and values in the stores, byte for byte (protocol ingress-sd-plugins §5), and what others may write there.
struct StoreValueTests {
    private static let node = NodeID("6ba7b811-9dad-41d1-80b4-00c04fd430c8")!

    @Test func anEntryBeginsAsStockNodesWriteIt() {
        let entry = DiscoveryEntry(
            node: Self.node, isUDP: false, address: "10.42.0.100:80", renew: 1_700_000_000,
            extra: DiscoveryEntry.Extra(epoch: 7, plane: "data-0", weight: 255))
        let stock =
            "{\"Node\":\"6ba7b811-9dad-41d1-80b4-00c04fd430c8\",\"Network\":\"tcp\",\"Address\":\"10.42.0.100:80\",\"Renew\":1700000000"
        #expect(entry.text == stock + ",\"Epoch\":7,\"Plane\":\"data-0\",\"Weight\":255}")
        #expect(DiscoveryEntry(Array(entry.text.utf8)) == entry)
        var hidden = entry
        hidden.address = ""
        #expect(DiscoveryEntry(Array(hidden.text.utf8)) == hidden, "reached by peer links only")
        var plain = entry
        plain.extra = nil
        plain.isUDP = true
        #expect(plain.text == stock.replacing("tcp", with: "udp") + "}")
        #expect(DiscoveryEntry(Array(plain.text.utf8)) == plain)
    }

    @Test(arguments: [
        "", "{", "null", "[]", "\"x\"", "{}", "{\"Node\":\"\",\"Address\":\"a:1\"}", "{\"Node\":\"n\"}",
        "{\"Node\":\"n\",\"Address\":\"\"}", "{\"Node\":\"n\",\"Address\":\"a:1\"}x",
        "{\"Node\":1,\"Address\":\"a:1\"}",
        "{\"Node\":\"n\",\"Address\":\"a:1\",\"X\":[[[[[1]]]]]}", "{\"Node\":\"\\uD800\",\"Address\":\"a:1\"}",
    ])
    func whatIsNoEntryIsNone(text: String) {
        #expect(DiscoveryEntry(Array(text.utf8)) == nil)
    }

    @Test func othersMayWriteMoreThanWeNeed() {
        let text = """
            { "Renew" : 1.5e3, "Address":"h\\u00e9\\n\\ud83d\\ude00:1", "More":[true,null,{"a":-1}], "Node":"odd name" }
            """
        let entry = DiscoveryEntry(Array(text.utf8))
        #expect(entry?.address == "hé\n😀:1" && entry?.renew == 0 && entry?.extra == nil)
        #expect(entry?.node == NodeID(name: "odd name"))
        #expect(DiscoveryEntry(Array(repeating: UInt8(ascii: " "), count: JSONText.bytesMax + 1)) == nil)
    }

    @Test func aLeaseComesBackAsItWent() {
        let lease = NodeLease(
            epoch: 9, weight: 2,
            peers: [
                PlaneNode.Peer(plane: "data \"0\"\u{1}", address: "[::1]:8430"),
                PlaneNode.Peer(plane: "b", address: "c\\d"),
            ], entrypoints: ["10.0.0.1:80", "x:81"])
        #expect(NodeLease(Array(lease.text.utf8)) == lease)
        #expect(NodeLease(Array("{\"Epoch\":1}".utf8)) == NodeLease(epoch: 1, weight: 1, peers: [], entrypoints: []))
        #expect(NodeLease(Array("{\"Weight\":1}".utf8)) == nil)
        #expect(NodeLease.key(Self.node) == "culvert:node:6ba7b811-9dad-41d1-80b4-00c04fd430c8")
    }

    @Test func damagedValuesNeverTrap() {
        let entry = DiscoveryEntry(
            node: Self.node, isUDP: false, address: "a\"\\:1", renew: 12,
            extra: DiscoveryEntry.Extra(epoch: 7, plane: "d", weight: 1))
        var random = Random(seed: 4)
        for _ in 0..<20_000 {
            var bytes = Array(entry.text.utf8)
            for _ in 0...random.below(3) { bytes[Int(random.below(UInt32(bytes.count)))] = UInt8(random.below(256)) }
            bytes = Array(bytes.prefix(Int(random.below(UInt32(bytes.count + 1)))))
            _ = DiscoveryEntry(bytes)
            _ = NodeLease(bytes)
        }
    }

    @Test func nodesOfTheSameNameAreTheSame() {
        #expect(NodeID(name: "a") == NodeID(name: "a"))
        #expect(NodeID(name: "a") != NodeID(name: "b"))
        let text = NodeID(name: "pod-0").text
        #expect(Array(text)[14] == "5" && "89ab".contains(Array(text)[19]))
    }

    // MARK: Names

    @Test(arguments: [
        ("b7de88a94729b931.gost.local", "b7de88a94729b931"),
        ("b7de88a94729b931.anything.gost.local", "b7de88a94729b931"),
        ("b7de88a94729b931.notgost.local", "b7de88a94729b931.notgost.local"), ("dash", "dash"),
        ("dash.x.example", "dash"), ("app.example.org", "app.example.org"), ("gost.local", "gost.local"),
        (".gost.local", ".gost.local"),
    ])
    func aHostBelowADomainIsItsFirstLabel(host: String, key: String) {
        let domains = ["gost.local", "x.example"]
        #expect(NameID.key(of: host, domains: domains) == key)
        #expect(NameID.keys(of: host, domains: domains) == (key == host ? [host] : [key, host]))
    }

    @Test func aLabelIsReachedBelowEveryDomainAndAsItWasAskedFor() {
        let domains = ["gost.local", "x.example"]
        #expect(
            NameID.hosts(of: "dash", requested: "a.dash.gost.local", domains: domains)
                == ["dash.gost.local", "dash.x.example", "a.dash.gost.local"])
        #expect(NameID.hosts(of: "dash", requested: "dash", domains: domains) == ["dash.gost.local", "dash.x.example"])
        #expect(NameID.hosts(of: "a.example.org", requested: "a.example.org", domains: domains) == ["a.example.org"])
    }

    @Test func valuesOfNames() {
        let text = "381433e1-7980-11ee-bbdb-60f262c1e32d"
        let tunnel = TunnelID(text)!
        #expect(Route(value: Array(text.utf8)) == Route(tunnel: tunnel, isPrivate: false))
        #expect(Route(value: Array("$\(text)".utf8)) == Route(tunnel: tunnel, isPrivate: true))
        for value in ["", "$", "x", text + text, "00000000-0000-0000-0000-000000000000"] {
            #expect(Route(value: Array(value.utf8)) == nil)
        }
        #expect(TunnelID(key: Array(text.utf8)[...]) == tunnel)
        for key in ["", text.uppercased(), text + "0", text.replacing("-", with: "0"), "app.example.org"] {
            #expect(TunnelID(key: Array(key.utf8)[...]) == nil)
        }
    }

    @Test func commandsOfScripts() {
        let command = StoreScript.command("return 1", keys: [[65], [66]], [[67]])
        #expect(command == StoreCommand("EVAL", "return 1", "2", "A", "B", "C"))
    }
}
