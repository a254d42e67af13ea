import Model
import Observe
import PlaneLink
import Primitives
import Simulator
import Testing
import Wire
import World

@testable import Worker

extension LimitCase {
    /// Bytes that wait for somebody.
    static let memory = [
        LimitCase(.streamWindowBytes, 65_536) { bench in
            let visitor = bench.visitor()
            visitor.peer.pauseReading()
            visitor.write(bench.bench.get())
            bench.run()
            let stream = try bench.stream()
            bench.connector.sendWithoutWindow(stream, Array("HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n".utf8))
            for _ in 0..<30 { bench.connector.sendWithoutWindow(stream, [UInt8](repeating: 1, count: 60_000)) }
            bench.run(100)
            #expect(stream.isFinished)
            // A stock peer that has not been told otherwise may send 262,144: that much is no offence.
            visitor.peer.resumeReading()
            bench.run(100)
            #expect(visitor.peer.isReset)
            #expect(visitor.received.count > 262_144)
        },
        LimitCase(.streamWindowBytesMax, 131_072, with: [.streamWindowBytes: 65_536]) { bench in
            let visitor = bench.asking()
            let stream = try bench.stream()
            bench.connector.send(stream, "HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n")
            bench.connector.send(stream, [UInt8](repeating: 1, count: 3_000_000))
            bench.run(1_000)
            #expect(visitor.received.count > 3_000_000)
            let windows = bench.connector.updates.filter { $0.stream == stream.id }.map(\.window)
            #expect(windows.first == 65_536)
            #expect(windows.max() == 131_072)
        },
        // Thirty readers that do not read, with a window each: the worker keeps less than all of that.
        LimitCase(.stalledBytesMax, 4_194_304) { bench in
            let visitors = (0..<30).map { number in
                let visitor = bench.visitor()
                visitor.peer.pauseReading()
                visitor.write(bench.bench.get("/\(number)"))
                return visitor
            }
            bench.run(50)
            for number in 0..<30 {
                let stream = try bench.stream(number)
                bench.connector.send(stream, "HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n")
                bench.connector.send(stream, [UInt8](repeating: 1, count: 1_000_000))
                bench.run(20)
                let held = bench.ledger.buffersInUse - bench.ledger.buffersWithShell
                #expect(held * BufferStore.stride <= 4_194_304 + 1_048_576)
            }
            #expect((1..<30).contains(bench.node.count(.stalled)))
            for visitor in visitors { visitor.peer.resumeReading() }
            bench.run(200)
            #expect(visitors.contains { $0.peer.isReset })
            #expect(visitors.contains { !$0.isEnded })
        },
        // Version 1 has no windows: the whole connector waits, and goes on when its reader does.
        LimitCase(.muxOneUnreadBytesMax, 65_536, muxVersion: 1) { bench in
            let visitor = bench.visitor()
            visitor.peer.pauseReading()
            visitor.write(bench.bench.get())
            bench.run()
            let stream = try bench.stream()
            bench.connector.send(stream, "HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n")
            bench.connector.send(stream, [UInt8](repeating: 1, count: 3_000_000))
            bench.run(200)
            #expect(bench.connector.peer.unsentCount > 1_500_000)
            #expect(bench.ledger.buffersInUse - bench.ledger.buffersWithShell < 40)
            visitor.peer.resumeReading()
            bench.run(1_000)
            #expect(visitor.received.count > 3_000_000)
            #expect(bench.connector.peer.unsentCount == 0)
        },
        LimitCase(
            .muxOneStallMilliseconds, 500, with: [.muxOneUnreadBytesMax: 65_536], muxVersion: 1
        ) { bench in
            let visitor = bench.visitor()
            visitor.peer.pauseReading()
            visitor.write(bench.bench.get())
            let other = bench.visitor()
            other.write(bench.bench.get("/other"))
            bench.run()
            let stalled = try #require(bench.connector.streams.first { !$0.text.contains("/other") })
            let behind = try #require(bench.connector.streams.first { $0.text.contains("/other") })
            bench.connector.send(stalled, "HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n")
            bench.connector.send(stalled, [UInt8](repeating: 1, count: 3_000_000))
            bench.connector.send(behind, ExchangeTests.ok)
            bench.run(300)
            #expect(other.received.isEmpty)
            bench.run(1_500)
            #expect(other.text == ExchangeTests.ok)
            #expect(stalled.isFinished)
            visitor.peer.resumeReading()
            bench.run(100)
            #expect(visitor.peer.isReset)
        },
        // A peer that has streams refused without end and reads none of the refusals.
        LimitCase(.controlQueueBytesMax, 16_384) { bench in
            let visitor = bench.asking()
            bench.connector.peer.pauseReading()
            for round in 0..<40 {
                let ids = (0..<2_000).map { UInt32(round * 2_000 + $0) * 2 + 1_000_001 }
                bench.connector.peer.write(ids.flatMap { bench.connector.frame(.open, $0) })
                bench.run(10)
                #expect(bench.ledger.buffersInUse - bench.ledger.buffersWithShell < 64)
            }
            #expect(bench.node.count(.peerOpenedStream) < 80_000)
            #expect(visitor.status == 503)
            bench.connector.peer.resumeReading()
            bench.run()
            #expect(bench.connector.peer.isEnded || bench.connector.peer.isReset)
        },
        // A carrier that takes nothing: what is framed for it is bounded, so that little stands before a small frame.
        LimitCase(.carrierQueueBytesMax, 16_384) { bench in
            bench.connector.peer.pauseReading()
            let visitor = bench.visitor()
            visitor.write("POST / HTTP/1.1\r\nHost: \(bench.bench.host)\r\nContent-Length: 200000\r\n\r\n")
            visitor.peer.write([UInt8](repeating: 1, count: 200_000))
            let others = (0..<20).map { _ in
                let other = bench.visitor()
                other.write("POST /o HTTP/1.1\r\nHost: \(bench.bench.host)\r\nContent-Length: 100000\r\n\r\n")
                other.peer.write([UInt8](repeating: 1, count: 100_000))
                return other
            }
            bench.run(200)
            let node = bench.node.benches[0]
            var framed: [Int] = []
            for slot in 0..<node.worker.links.end where node.worker.links.isLive(slot) {
                framed.append(node.worker.bytesQueued(slot))
            }
            #expect(framed.contains { $0 > 0 })
            #expect(framed.allSatisfy { $0 <= 16_384 + Worker.quantum + 1_024 })
            bench.connector.peer.resumeReading()
            bench.run(300)
            #expect(bench.connector.streams.count == 21)
            for stream in bench.connector.streams { bench.connector.send(stream, ExchangeTests.ok) }
            bench.run(100)
            #expect(([visitor] + others).allSatisfy { $0.text == ExchangeTests.ok })
        },
    ]
}
