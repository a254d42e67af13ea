import Model
import Observe
import Primitives
import Simulator
import Testing
import Wire
import World

@testable import Worker

/// A server asks our client to go: another session stands before this one is given up, and nothing on it is cut.
@Suite struct SentAwayTests {
    private static func client() throws -> (ClientBench, ScriptedServer, ScriptedTarget) {
        let client = try ClientBench([ClientBench.plan([ClientBench.node(3_001)])])
        let server = client.server()
        server.capabilities = [.goAway, .reset]
        return (client, server, client.target(3_001))
    }

    @Test func bothServeUntilOthersKnowOfTheNewOne() throws {
        let (client, server, target) = try Self.client()
        let first = try client.session(of: server)
        let stream = first.open(host: "x")
        first.send(stream, "long")
        client.run()
        first.frame(19, 0)
        let second = try client.session(of: server, 1)
        #expect(first.goAways == 0)
        // Whoever was sent here before is served as before.
        let late = first.open(host: "x")
        first.send(late, "late")
        second.send(second.open(host: "x"), "new")
        client.run(50)
        #expect(target.connections.count == 3)
        #expect(first.resets.isEmpty)
        client.run(ClientDesk.overlapMilliseconds)
        #expect(first.goAways == 1)
        #expect(second.goAways == 0)
        // One that crossed that word is served too.
        let crossed = first.open(host: "x")
        first.send(crossed, "crossed")
        client.run(50)
        #expect(target.connections.count == 4)
        for connection in target.connections { connection.write(Array("answer".utf8)) }
        client.run(50)
        for id in [stream, late, crossed] {
            #expect(first.text(id) == "answer")
            first.finish(id)
        }
        client.run(50)
        #expect(!first.isOver, "only the server knows what it has sent that did not come yet")
        first.peer.close()
        client.run(50)
        #expect(client.bench.worker.ledger.links == 1)
        #expect(server.sessions.count == 2)
    }

    @Test func aServerThatKeepsItIsLeftWhenTheGraceIsOver() throws {
        let (client, server, _) = try Self.client()
        let first = try client.session(of: server)
        first.frame(19, 0)
        _ = try client.session(of: server, 1)
        client.run(ClientDesk.overlapMilliseconds + Limit.leaveGraceMilliseconds.row.standard - 200)
        #expect(!first.isOver)
        client.run(400)
        #expect(first.isOver)
    }

    /// As long as there is no other, this one is not given up.
    @Test func withoutAnotherSessionNothingIsGivenUp() throws {
        let (client, server, target) = try Self.client()
        let first = try client.session(of: server)
        server.status = nil
        first.frame(19, 0)
        client.run(8_000)
        #expect(first.goAways == 0)
        first.send(first.open(host: "x"), "still")
        client.run(50)
        #expect(target.connections.count == 1)
    }

    @Test func oneThatIsSentAwayAndLeavesIsClosedByTheClient() throws {
        let (client, server, _) = try Self.client()
        let first = try client.session(of: server)
        first.frame(19, 0)
        _ = try client.session(of: server, 1)
        client.change { $0.leaveAll() }
        client.run(100)
        #expect(first.goAways == 1 && first.isOver)
        for session in server.sessions { session.peer.close() }
        client.run(100)
        #expect(client.hasLeft)
    }

    /// Again and again: each successor is asked to go as well.
    @Test func whoeverIsSentAwayAgainGoesAgain() throws {
        let (client, server, _) = try Self.client()
        for number in 0..<3 { (try client.session(of: server, number)).frame(19, 0) }
        let last = try client.session(of: server, 3)
        client.run(ClientDesk.overlapMilliseconds + 50)
        #expect(server.sessions[..<3].allSatisfy { $0.goAways == 1 })
        #expect(last.goAways == 0)
    }
}
