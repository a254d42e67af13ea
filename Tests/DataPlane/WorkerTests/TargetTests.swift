import Model
import Primitives
import Simulator
import Testing
import Wire
import Worker
import World

/// Which local service a stream reaches, and what becomes of it when there is none.
@Suite struct TargetTests {
    @Test func theHostThatTheServerSentChoosesTheTarget() throws {
        let client = try ClientBench([
            ClientBench.plan([ClientBench.node(3_001, "a.example.com"), ClientBench.node(3_002, ".b.example.com")])
        ])
        let (server, first, second) = (client.server(), client.target(3_001), client.target(3_002))
        let session = try client.session(of: server)
        let one = session.open(host: "A.example.com"), two = session.open(host: "www.b.example.com", port: 443)
        session.send(one, "for a")
        session.send(two, "for b")
        client.run(100)
        #expect(first.received.map { String(decoding: $0, as: UTF8.self) } == ["for a"])
        #expect(second.received.map { String(decoding: $0, as: UTF8.self) } == ["for b"])
        first.connections[0].write(Array("answer".utf8))
        client.run(100)
        #expect(session.text(one) == "answer")
    }

    /// The visitor's host names a service of the client's own machine: it is refused, not dialled.
    @Test(arguments: ["10.0.1.0", "localhost", "c.example.com", ""])
    func aHostThatNoTargetTakesIsRefused(host: String) throws {
        let client = try ClientBench([ClientBench.plan([ClientBench.node(3_001, "a.example.com")])])
        let (server, target, other) = (client.server(), client.target(3_001), client.target(80))
        let session = try client.session(of: server)
        let stream = session.open(host: host)
        session.send(stream, "hello")
        client.run(100)
        #expect(session.finished.contains(stream))
        #expect(target.connections.isEmpty && other.connections.isEmpty)
        #expect(client.count(.noRoute) == 1)
        #expect(!session.isOver, "the others go on")
    }

    @Test func aDeadTargetIsPassedOverWithinTheStream() throws {
        let client = try ClientBench([ClientBench.plan([ClientBench.node(3_001), ClientBench.node(3_002)])])
        let (server, living) = (client.server(), client.target(3_002))
        let session = try client.session(of: server)
        for number in 0..<4 {
            let stream = session.open(host: "x")
            session.send(stream, "visit \(number)")
            client.run(100)
            #expect(!session.finished.contains(stream))
        }
        #expect(living.received.map { String(decoding: $0, as: UTF8.self) } == (0..<4).map { "visit \($0)" })
    }

    @Test func withoutALivingTargetAStockServerGetsFINAndOursTheReason() throws {
        for capabilities: RelayCapabilities in [[], [.reset]] {
            let client = try ClientBench([ClientBench.plan([ClientBench.node(3_001), ClientBench.node(3_002)])])
            let server = client.server()
            server.capabilities = capabilities
            let session = try client.session(of: server)
            let stream = session.open(host: "x")
            client.run(200)
            if capabilities.isEmpty {
                #expect(session.finished.contains(stream))
            } else {
                #expect(session.resets[stream] == UInt32(Reason.dialFailed.rawValue))
            }
            let told = client.desk.events.count { if case .targetUnreachable = $0 { true } else { false } }
            #expect(told == 1)
        }
    }

    /// What a service said before its connection broke is delivered; that more should have come is told to who
    /// understands it.
    @Test func aBrokenTargetCutsItsAnswer() throws {
        for capabilities: RelayCapabilities in [[], [.reset], [.reset, .halfClose]] {
            let client = try ClientBench([ClientBench.plan([ClientBench.node(3_001)])])
            let (server, target) = (client.server(), client.target(3_001))
            server.capabilities = capabilities
            let session = try client.session(of: server)
            let stream = session.open(host: "x")
            session.send(stream, "GET /")
            client.run(100)
            target.connections[0].write(Array("half of it".utf8))
            client.run(100)
            target.connections[0].reset()
            client.run(100)
            #expect(session.text(stream) == "half of it")
            #expect(session.finished.contains(stream) == capabilities.isEmpty)
            #expect(session.resets[stream] == (capabilities.isEmpty ? nil : UInt32(Reason.socketError.rawValue)))
        }
    }

    /// A host that answers nothing takes its share of the time only; the other target is reached before the server
    /// gives up.
    @Test func aSilentTargetTakesOnlyItsShareOfTheTime() throws {
        var silent = TargetGroup.Node(.host("10.9.9.9", port: 1))
        silent.filter = nil
        let client = try ClientBench([ClientBench.plan([silent, ClientBench.node(3_002)])])
        let far = client.world.kernel.makeHost(low: 0xFFFF_0A09_0909)
        client.world.kernel.partition(client.clientHost, far)
        let (server, living) = (client.server(), client.target(3_002))
        let session = try client.session(of: server)
        let stream = session.open(host: "x")
        session.send(stream, "patient")
        let limit = Limit.openedTimeoutMilliseconds.row.standard
        client.run(limit / 2 - 100)
        #expect(living.connections.isEmpty)
        client.run(300)
        #expect(living.received.map { String(decoding: $0, as: UTF8.self) } == ["patient"])
    }

    @Test func aUnixSocketIsReached() throws {
        let client = try ClientBench([ClientBench.plan([TargetGroup.Node(.unix(InlineText("/run/app.sock")!))])])
        let (server, target) = (client.server(), client.target(path: "/run/app.sock"))
        let session = try client.session(of: server)
        let stream = session.open(host: "x")
        session.send(stream, "through the file system")
        client.run(100)
        #expect(target.received.map { String(decoding: $0, as: UTF8.self) } == ["through the file system"])
    }

    @Test func thePROXYHeaderComesFirst() throws {
        for version: UInt8 in [1, 2] {
            let client = try ClientBench([ClientBench.plan([ClientBench.node(3_001)], proxy: version)])
            let (server, target) = (client.server(), client.target(3_001))
            let session = try client.session(of: server)
            session.send(session.open(host: "x"), "GET /")
            client.run(100)
            let text = "PROXY TCP4 203.0.113.7 0.0.0.0 51000 80\r\n"
            let binary: [UInt8] =
                [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10, 0x21, 0x11, 0, 12, 203, 0, 113, 7, 0, 0, 0, 0]
                + [0xC7, 0x38, 0, 80]
            #expect(target.received.first == (version == 1 ? Array(text.utf8) : binary) + Array("GET /".utf8))
        }
    }

    @Test func aTargetsNameIsResolvedOutsideAndBounded() throws {
        let client = try ClientBench([ClientBench.plan([TargetGroup.Node(.host("app.internal", port: 3_001))])])
        let (server, target) = (client.server(), client.target(3_001))
        let session = try client.session(of: server)
        let first = session.open(host: "x")
        session.send(first, "one")
        client.run(50)
        #expect(client.desk.takeQuestions() == ["app.internal"])
        // The first address is nobody's; the second is the service's.
        let addresses = [
            SocketAddress(ipv4: 0x0A00_0100, port: 0), SocketAddress(ipv4: 0x0A00_0001, port: 0),
        ].reversed()
        client.change { $0.resolved("app.internal", Array(addresses)) }
        client.run(100)
        #expect(target.received.map { String(decoding: $0, as: UTF8.self) } == ["one"])

        // A name that is never answered: the stream ends when the server would give up.
        let silent = try ClientBench([ClientBench.plan([TargetGroup.Node(.host("silent.internal", port: 1))])])
        let other = silent.server()
        let quiet = try silent.session(of: other)
        let stream = quiet.open(host: "x")
        silent.run(Limit.openedTimeoutMilliseconds.row.standard - 200)
        #expect(!quiet.finished.contains(stream))
        silent.run(400)
        #expect(quiet.finished.contains(stream))
    }
}
