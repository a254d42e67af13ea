import Model
import Primitives
import Simulator
import Testing
import Wire
import World

/// A tunnel client of ours says that it leaves: the node sends it nobody any more.
@Suite struct WithdrawalTests {
    @Test func aConnectorThatLeavesKeepsWhatIsUnderWayAndGetsNothingNew() throws {
        let bench = try Bench(capabilities: [.goAway, .reset])
        let visitor = bench.visitor()
        visitor.write(bench.get("/long"))
        bench.run()
        let stream = try bench.stream()
        let second = try bench.secondConnector()
        bench.connector.peer.write(bench.connector.frame(.goAway, 0))
        bench.run()
        for number in 0..<8 {
            let other = bench.visitor()
            other.write(bench.get("/\(number)"))
        }
        bench.run()
        #expect(bench.connector.streams.count == 1)
        #expect(second.streams.count == 8)
        bench.connector.send(stream, Array("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".utf8))
        bench.run()
        #expect(visitor.text.hasSuffix("ok"))
        #expect(stream.isFinished, "an idle stream is not kept on a connector that leaves")
    }

    @Test func idleStreamsOfVisitorsEndWhenTheirConnectorLeaves() throws {
        let bench = try Bench(capabilities: [.goAway])
        let visitor = bench.visitor()
        visitor.write(bench.get())
        bench.run()
        let stream = try bench.stream()
        bench.connector.send(stream, Array("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".utf8))
        bench.run()
        #expect(!stream.isFinished)
        bench.connector.peer.write(bench.connector.frame(.goAway, 0))
        bench.run()
        #expect(stream.isFinished)
        #expect(!visitor.isEnded, "the visitor's connection stays for its next request")
        let second = try bench.secondConnector()
        visitor.forget()
        visitor.write(bench.get("/next"))
        bench.run()
        #expect(second.streams.count == 1)
    }

    /// It was on its way when the connector left: nothing of it was passed on, so any request may be repeated.
    @Test func aStreamThatCrossedIsRepeatedElsewhere() throws {
        let bench = try Bench(capabilities: [.goAway, .reset])
        let visitor = bench.visitor()
        visitor.write("POST / HTTP/1.1\r\nHost: \(bench.host)\r\nContent-Length: 4\r\n\r\nbody")
        bench.run()
        let second = try bench.secondConnector()
        bench.connector.write(.reset, try bench.stream(), [Reason.shutdown.rawValue, 0, 0, 0])
        bench.run()
        #expect(second.streams.count == 1)
        #expect(second.streams.first?.text.hasSuffix("body") == true)
    }
}
