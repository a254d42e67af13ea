import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Simulator
import Testing
import Wire
import World

@testable import Worker

/// Both ends of an upgraded conversation half-close, one after the other: then nothing is owed, and nothing stays open.
@Suite struct HalfCloseTests {
    private func upgraded() throws -> (Bench, ScriptedVisitor, ScriptedConnector.Stream) {
        let bench = try Bench(capabilities: [.halfClose, .reset])
        let visitor = bench.visitor()
        visitor.write(bench.get("/", "Connection: Upgrade\r\nUpgrade: websocket\r\n"))
        bench.run()
        let stream = try bench.stream()
        bench.connector.send(
            stream, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        bench.run()
        return (bench, visitor, stream)
    }

    @Test func theVisitorFirst() throws {
        let (bench, visitor, stream) = try upgraded()
        visitor.write("last words")
        visitor.peer.endWriting()
        bench.run()
        #expect(stream.isHalfClosed)
        bench.connector.send(stream, "the answer")
        bench.connector.write(.halfClose, stream)
        bench.run(50)
        #expect(visitor.text.hasSuffix("the answer"))
        #expect(visitor.peer.isEnded)
        #expect(stream.isFinished)
        bench.run(3_000)
        bench.expectQuiet()
    }

    @Test func theServiceFirst() throws {
        let (bench, visitor, stream) = try upgraded()
        bench.connector.send(stream, "the answer")
        bench.connector.write(.halfClose, stream)
        bench.run(50)
        #expect(visitor.text.hasSuffix("the answer"))
        #expect(visitor.peer.isEnded)
        #expect(!stream.isFinished)
        visitor.write("more")
        bench.run()
        #expect(stream.text.hasSuffix("more"))
        visitor.peer.endWriting()
        bench.run(50)
        #expect(stream.isFinished)
        bench.run(3_000)
        bench.expectQuiet()
    }
}
