import Model
import Primitives
import Simulator
import Testing
import Wire
import Worker
import World

/// A tunnel client's connections: which server they go to, how long they wait, how they come and leave.
@Suite struct BinderTests {
    private func plan(_ ports: [UInt16] = [8_444]) -> ClientDesk.Plan {
        ClientBench.plan(ports: ports, [ClientBench.node(3_001)])
    }

    @Test func aServerThatFailsIsPassedOver() throws {
        let client = try ClientBench([plan([8_444, 8_445])])
        let second = client.server(8_445)
        _ = try client.session(of: second)
        #expect(client.boundCount == 1)
        #expect(client.world.now.milliseconds(since: .zero) < 1_500)
        #expect(client.failures.count <= 1)
    }

    @Test func connectionsSpreadOverTheServersAndComeTogetherOnTheLiving() throws {
        let shared = plan([8_444, 8_445])
        let client = try ClientBench([shared, shared, shared, shared])
        let (first, second) = (client.server(8_444), client.server(8_445))
        client.run(500)
        #expect(first.sessions.count == 2 && second.sessions.count == 2)
        for session in second.sessions { session.peer.close() }
        client.run(2_000)
        #expect(first.sessions.count + second.sessions.count == 6)
        #expect(first.sessions.count { !$0.isOver } >= 3, "a server that just ended sessions is tried last")
    }

    @Test func credentialsAreSentAndTheirRefusalIsNotRepeatedSoon() throws {
        var plan = plan()
        plan.user = InlineText("me")
        plan.password = InlineText("secret")!
        let client = try ClientBench([plan])
        let server = client.server()
        server.status = 2
        let session = try client.session(of: server)
        #expect(session.request?.hasUserAuth == true)
        #expect(session.request?.user == InlineText("me"))
        #expect(session.request?.password == InlineText("secret"))
        // UserAuth stands before the addresses (protocol relay §4).
        #expect(session.requestBytes[4] == 1)
        client.run(14_000)
        #expect(server.sessions.count == 1)
        let failure = try #require(client.failures.first)
        guard case .refused(2) = failure.failure else { throw Unexpected(failure.failure) }
        #expect((15_000...30_000).contains(failure.retryMilliseconds))
        client.run(20_000)
        #expect(server.sessions.count == 2)
    }

    struct Unexpected: Error {
        init(_ failure: ClientDesk.Failure) { text = "\(failure)" }
        var text: String
    }

    @Test func anUnansweredBindIsGivenUp() throws {
        for own: UInt64? in [nil, 2_000] {
            var server = ClientBench.server(port: 8_444)
            server.handshakeTimeoutMilliseconds = own
            let plan = ClientDesk.Plan(
                name: "t", tunnel: ClientBench.tunnel, servers: [server],
                targets: TargetGroup([ClientBench.node(3_001)]))
            let client = try ClientBench([plan])
            let silent = client.server()
            silent.status = nil
            _ = try client.session(of: silent)
            let patience = own ?? Limit.handshakeTimeoutMilliseconds.row.standard
            client.run(patience - 200)
            #expect(client.failures.isEmpty)
            client.run(300)
            guard case .ended(.dialTimeout) = try #require(client.failures.first).failure else {
                throw Unexpected(client.failures[0].failure)
            }
        }
    }

    @Test func aDeadServerIsNoticedWithin15Seconds() throws {
        var plan = plan()
        plan.keepAliveMilliseconds = 5_000
        plan.keepAliveTimeoutMilliseconds = 14_000
        let client = try ClientBench([plan])
        let server = client.server()
        let session = try client.session(of: server)
        client.world.kernel.partition(client.clientHost, client.serverHost)
        client.run(13_000)
        #expect(client.failures.isEmpty)
        client.run(2_000)
        guard case .ended(.keepAliveTimeout) = try #require(client.failures.first).failure else {
            throw Unexpected(client.failures[0].failure)
        }
        client.world.kernel.heal(client.clientHost, client.serverHost)
        #expect(client.world.run(milliseconds: 6_000) { server.sessions.count == 2 })
        #expect(session.keepAlives >= 2)
    }

    @Test func retriesGrowHaveJitterAndAnEnd() throws {
        let client = try ClientBench([plan()])
        client.run(60_000)
        let pauses = client.failures.map(\.retryMilliseconds)
        #expect(pauses.count > 10)
        #expect((200...400).contains(pauses[0]))
        #expect(pauses.dropFirst(5).allSatisfy { (2_500...5_000).contains($0) })
        #expect(Set(pauses.dropFirst(5)).count > 3)
    }

    // MARK: Leaving

    @Test func leavingLetsStreamsEndAndRefusesNewOnes() throws {
        let client = try ClientBench([plan()])
        let (server, target) = (client.server(), client.target(3_001))
        let session = try client.session(of: server)
        let stream = session.open(host: "x")
        session.send(stream, "question")
        client.run(50)
        client.change { $0.leaveAll() }
        let late = session.open(host: "x")
        client.run(50)
        #expect(session.finished == [late])
        #expect(target.connections.count == 1)
        target.connections[0].write(Array("answer".utf8))
        target.connections[0].close()
        client.run(50)
        #expect(session.text(stream) == "answer")
        #expect(session.finished.contains(stream))
        #expect(session.isOver, "nothing is left to be done")
        session.peer.close()
        client.run(100)
        #expect(client.hasLeft)
        let ledger = client.bench.worker.ledger
        #expect(ledger.streams == 0)
    }

    @Test func leavingEndsWithItsGrace() throws {
        let client = try ClientBench([plan()])
        let (server, target) = (client.server(), client.target(3_001))
        let session = try client.session(of: server)
        session.send(session.open(host: "x"), "question")
        client.run(50)
        client.change { $0.leaveAll() }
        let grace = Limit.leaveGraceMilliseconds.row.standard
        client.run(grace - 300)
        #expect(!session.isOver)
        client.run(400)
        #expect(session.isOver && target.connections[0].isEnded || target.connections[0].isReset)
        #expect(client.hasLeft)
        #expect(client.count(.shutdown) == 1)
        client.run(10_000)
        #expect(server.sessions.count == 1, "nobody comes back")
    }

    @Test func aServerThatUnderstandsIsToldAndStreamsThatCrossedAreReset() throws {
        let client = try ClientBench([plan()])
        let (server, _) = (client.server(), client.target(3_001))
        server.capabilities = [.goAway, .reset]
        let session = try client.session(of: server)
        session.send(session.open(host: "x"), "question")
        client.run(50)
        client.change { $0.leaveAll() }
        #expect(session.goAways == 1)
        let late = session.open(host: "x")
        client.run(50)
        #expect(session.resets[late] == UInt32(Reason.shutdown.rawValue))
    }

    @Test func aConnectionThatIsNotMadeYetLeavesAtOnce() throws {
        // One whose BIND is not answered, one whose name is being resolved, one that waits for its next try.
        let named = ClientDesk.Plan(
            name: "n", tunnel: ClientBench.tunnel, servers: [ClientBench.server(port: 1, host: "silent.example.com")],
            targets: TargetGroup([ClientBench.node(3_001)]))
        let client = try ClientBench([plan(), named, plan([9_999])])
        let silent = client.server()
        silent.status = nil
        _ = try client.session(of: silent)
        client.change { $0.leaveAll() }
        client.run(50)
        #expect(client.hasLeft)
        client.run(20_000)
        #expect(silent.sessions.count == 1)
    }

    @Test func aReplacedConnectionServesAStockServerUntilItIsQuiet() throws {
        let client = try ClientBench([plan()])
        let (server, target) = (client.server(), client.target(3_001))
        let session = try client.session(of: server)
        let stream = session.open(host: "x")
        session.send(stream, "long")
        client.run(50)
        client.change { $0.leaveConnection(0, serves: true) }
        let late = session.open(host: "x")
        session.send(late, "late")
        client.run(50)
        #expect(target.received.map { String(decoding: $0, as: UTF8.self) } == ["long", "late"])
        for connection in target.connections { connection.close() }
        client.run(100)
        #expect(session.finished == [stream, late])
        #expect(session.isOver)
    }

    @Test func aPlaceIsUsedAgainAndTargetsChangeInPlace() throws {
        let client = try ClientBench([plan()])
        let (server, old, new) = (client.server(), client.target(3_001), client.target(3_002))
        let session = try client.session(of: server)
        session.send(session.open(host: "x"), "old")
        client.run(50)
        client.change { $0.setTargets(0, TargetGroup([ClientBench.node(3_002)])) }
        session.send(session.open(host: "x"), "new")
        client.run(50)
        #expect(old.received.map { String(decoding: $0, as: UTF8.self) } == ["old"])
        #expect(new.received.map { String(decoding: $0, as: UTF8.self) } == ["new"])
        #expect(server.sessions.count == 1)
        client.change { worker in
            worker.leaveConnection(0, serves: false)
            #expect(worker.addConnection(self.plan()) == 0, "its link belongs to nobody now")
        }
        _ = try client.session(of: server, 1)
        #expect(client.boundCount == 2)
    }

    @Test func aServerThatSendsUsAwayIsLeftForAnother() throws {
        let client = try ClientBench([plan([8_444, 8_445])])
        let (first, second, target) = (client.server(8_444), client.server(8_445), client.target(3_001))
        first.capabilities = .all
        second.capabilities = .all
        let session = try client.session(of: first)
        let stream = session.open(host: "x")
        session.send(stream, "under way")
        client.run(50)
        session.frame(19, 0)
        _ = try client.session(of: second)
        #expect(!session.isOver)
        target.connections[0].write(Array("answer".utf8))
        client.run(50)
        #expect(session.text(stream) == "answer")
        session.peer.close()
        client.run(2_000)
        #expect(first.sessions.count == 1 && second.sessions.count == 1)
    }
}
