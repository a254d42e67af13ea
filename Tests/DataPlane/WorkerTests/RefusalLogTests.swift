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

/// What the log hears of refusals: a share per reason and window, who and what for, and how many it did not hear of.
@Suite struct RefusalLogTests {
    private static let start = Tick(nanoseconds: 1_000_000_000_000)

    @Test func aReasonHasItsShare() {
        var log = RefusalLog()
        var admitted = 0
        for _ in 0..<100 where log.admits(.noRoute, now: Self.start) {
            log.append(Refusal(.noRoute))
            admitted += 1
        }
        #expect(admitted == Int(RefusalLog.burst))
        // Another reason has a share of its own.
        let isOtherAdmitted = log.admits(.stalled, now: Self.start)
        #expect(isOtherAdmitted)
        while let refusal = log.take() { #expect(refusal.suppressed == 0) }
        let later = Self.start.advanced(milliseconds: RefusalLog.windowMilliseconds)
        let isAdmittedLater = log.admits(.noRoute, now: later)
        #expect(isAdmittedLater)
        log.append(Refusal(.noRoute))
        let record = log.take()
        #expect(record?.suppressed == 100 - UInt64(RefusalLog.burst))
        let isEmpty = log.take() == nil
        #expect(isEmpty)
    }

    /// Nobody takes them: the ring is full, and what did not fit is counted.
    @Test func theRingIsBounded() {
        var log = RefusalLog()
        var count = 0
        for reason in Reason.allCases {
            for _ in 0..<RefusalLog.burst where log.admits(reason, now: Self.start) {
                log.append(Refusal(reason))
                count += 1
            }
        }
        #expect(count == RefusalLog.capacity)
        var taken = 0
        while log.take() != nil { taken += 1 }
        #expect(taken == RefusalLog.capacity)
        let hasRoom = log.admits(.dialTimeout, now: Self.start)
        #expect(hasRoom)
    }

    @Test func aRecordSaysWhoAndWhatFor() throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        visitor.write("GET / HTTP/1.1\r\nHost: Nobody.Example:81\r\n\r\n")
        bench.run()
        let refusal = try #require(bench.node.refusals(.noRoute).first)
        #expect(refusal.source.ipv4 == 0x0A00_0009)
        #expect(refusal.source.port != 0)
        #expect(refusal.host.string == "nobody.example")
        #expect(refusal.tunnel.isZero)
        visitor.forget()
        visitor.write("POST / HTTP/1.1\r\nHost: \(bench.host)\r\nContent-Length: 1\r\n\r\nx")
        bench.run()
        bench.connector.peer.reset()
        bench.run()
        let lost = try #require(bench.node.refusals(.connectorLost).first)
        #expect(lost.tunnel == Bench.tunnel)
        #expect(visitor.status == 503)
        #expect(bench.node.refusals(.peerClosed).isEmpty)
    }

    @Test func aFloodIsCountedAndNotWritten() throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        visitor.write(String(repeating: "GET / HTTP/1.1\r\nHost: nobody.example\r\n\r\n", count: 500))
        bench.run(200)
        #expect(bench.node.count(.noRoute) == 500)
        #expect(bench.node.refusals(.noRoute).count == Int(RefusalLog.burst))
        #expect(bench.node.count(.logLinesSuppressed) == 500 - UInt64(RefusalLog.burst))
    }
}
