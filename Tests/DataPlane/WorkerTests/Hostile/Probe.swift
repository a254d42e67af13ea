import Observe
import Primitives
import Simulator
import World

@testable import Worker

/// Somebody unconcerned: a visitor who asks, is answered by a service of his own, waits a little and asks again, and keeps
/// in mind how long it took at most. It also watches how much memory the workers hold.
final class Probe: Scripted {
    private static let pauseMilliseconds: UInt64 = 5

    private let world: World
    private let bench: Bench
    private var visitor: ScriptedVisitor
    private let connector: ScriptedConnector
    private let request: String
    private let firstStream: Int
    /// Bytes of requests that were answered, by stream.
    private var answered: [UInt32: Int] = [:]
    private var began: Tick?
    private var hasLeft = false
    private var next: Tick
    private var longestNanoseconds: UInt64 = 0
    private(set) var answers = 0
    /// Most buffers that held somebody's bytes at the end of a turn, of any worker.
    private(set) var buffersHeldMax = 0

    /// Asks for `host`, whose tunnel's only connector is `connector`.
    init(_ bench: Bench, host: String, _ connector: ScriptedConnector) {
        self.bench = bench
        world = bench.world
        self.connector = connector
        request = "GET /probe HTTP/1.1\r\nHost: \(host)\r\n\r\n"
        firstStream = connector.streams.count
        visitor = bench.visitor()
        next = world.now
        world.add(self)
        for node in bench.node.benches {
            node.beforeEnd = { [unowned self] worker in
                buffersHeldMax = max(buffersHeldMax, worker.buffers.buffersInUse - worker.buffersWithShell)
            }
        }
    }

    /// The longest that one request took, one that is still under way included.
    var longestMilliseconds: UInt64 {
        max(longestNanoseconds, began.map { world.now.nanoseconds - $0.nanoseconds } ?? 0) / 1_000_000
    }

    /// Connections that the node ended; a request that got no byte on one is asked again on the next, as any client does.
    private(set) var ends = 0

    var nextAct: Tick { began == nil && !hasLeft ? next : .never }

    func leave() { hasLeft = true }

    func act(_ now: Tick) {
        guard !hasLeft else { return }
        if visitor.isEnded { comeBack() }
        for stream in connector.streams.dropFirst(firstStream)
        where stream.received.count > answered[stream.id, default: 0] && stream.text.hasSuffix("\r\n\r\n") {
            answered[stream.id] = stream.received.count
            connector.send(stream, ExchangeTests.ok)
        }
        if let began, visitor.text == ExchangeTests.ok {
            longestNanoseconds = max(longestNanoseconds, now.nanoseconds - began.nanoseconds)
            answers += 1
            visitor.forget()
            self.began = nil
            next = now.advanced(milliseconds: Probe.pauseMilliseconds)
        } else if began == nil, now >= next {
            began = now
            visitor.write(request)
        }
    }

    private func comeBack() {
        ends += 1
        if !visitor.peer.isReset { visitor.peer.close() }
        visitor = bench.visitor()
        if began != nil { visitor.write(request) }
    }
}
