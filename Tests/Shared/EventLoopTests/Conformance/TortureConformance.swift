import CLinux
import EventLoop
import Operations
import Primitives
import Simulator
import Testing

/// Random histories: sends, receives, cancels and few buffers on several connections at once. Whatever the order, each
/// operation ends exactly once, and every byte that a send reported arrives, in its place.
@Suite struct TortureConformance {
    @Test(arguments: Subject.allCases, UInt64(1)...12)
    func everythingEndsOnceAndNothingIsLost(subject: Subject, seed: UInt64) throws {
        let rig: Rig
        if subject == .simulated {
            let memory = try BufferMemory(byteCount: UInt64(12 * Rig.strideBytes))
            let geometry = BufferGeometry(
                base: memory.base, strideBytes: Rig.strideBytes, headroomBytes: Rig.headroomBytes,
                payloadBytes: Rig.payloadBytes, count: 12)
            let loop = SimulatedLoop(buffers: geometry, seed: seed, faults: .lossless)
            rig = Rig(loop: loop, memory: memory, geometry: geometry)
            for id in 0..<UInt32(12) { rig.provide(id) }
        } else {
            rig = try Rig(subject, bufferCount: 12)
        }
        var torture = Torture(rig, seed: seed)
        torture.play(steps: 400)
        torture.settle()
        torture.end()
        #expect(torture.problems == [])
    }
}

/// One random history.
private struct Torture {
    /// One end of a connection: what it sends, and what it must receive.
    private struct End {
        let descriptor: Int32
        let peer: Int
        var send: Token?
        var receive: Token?
        var sent = 0
        var received = 0
    }

    private let rig: Rig
    private var random: Random
    private var ends: [End] = []
    /// Operations that must still end, with the end they are on (-1: none).
    private var open: [UInt64: Int] = [:]
    /// Buffers that are kept for a while.
    private var kept: [UInt32] = []
    /// Bytes of every stream repeat with a prime: a lost or doubled byte shifts them.
    private static let period = 65_521
    /// Two periods, so that a piece of one lies in one piece.
    private let stream: UnsafeRawBufferPointer
    private(set) var problems: [String] = []

    init(_ rig: Rig, seed: UInt64) {
        self.rig = rig
        random = Random(seed: seed)
        let bytes = pattern(Torture.period, seed: 99)
        let place = UnsafeRawPointer(bitPattern: rig.place(bytes: bytes + bytes))
        stream = UnsafeRawBufferPointer(start: place, count: 2 * Torture.period)
        for _ in 0..<6 {
            let (left, right) = rig.loop.pair()
            ends.append(End(descriptor: left, peer: ends.count + 1))
            ends.append(End(descriptor: right, peer: ends.count - 1))
        }
    }

    mutating func play(steps: Int) {
        for _ in 0..<steps {
            for _ in 0..<1 + random.below(6) { act(Int(random.below(UInt32(ends.count)))) }
            _ = rig.turn(milliseconds: UInt64(random.below(2)))
            digest()
        }
    }

    private mutating func act(_ index: Int) {
        switch random.below(10) {
        case 0...2: send(index)
        case 3...6: receive(index)
        case 7:
            if let receive = ends[index].receive { cancel(receive) }
        case 8:
            if let send = ends[index].send { cancel(send) }
        default:
            giveBack()
        }
    }

    private mutating func begin(_ token: Token, on index: Int) -> Token {
        open[token.raw] = index
        return token
    }

    private mutating func send(_ index: Int) {
        guard ends[index].send == nil else { return }
        let count = 1 + random.below(random.below(8) == 0 ? 65_521 : 6_000)
        let address = UInt(bitPattern: stream.baseAddress) + UInt(ends[index].sent % Torture.period)
        let token = rig.emit(.send, on: ends[index].descriptor, address: address, length: count)
        ends[index].send = begin(token, on: index)
    }

    private mutating func receive(_ index: Int) {
        guard ends[index].receive == nil else { return }
        let token = rig.emit(random.below(2) == 0 ? .receive : .receiveOnce, on: ends[index].descriptor)
        ends[index].receive = begin(token, on: index)
    }

    private mutating func cancel(_ target: Token) { _ = begin(rig.cancel(target), on: -1) }

    private mutating func giveBack() {
        for id in kept { rig.provide(id) }
        kept = []
    }

    private mutating func digest() {
        for completion in rig.takeAll() {
            guard let index = open[completion.token.raw] else {
                problems.append("a completion of nothing: \(completion)")
                continue
            }
            if !completion.isMore { open[completion.token.raw] = nil }
            switch completion.token.kind {
            case .send: sent(completion, on: index)
            case .receive, .receiveOnce: received(completion, on: index)
            case .cancel:
                if ![0, -ENOENT, -EALREADY].contains(completion.result) { problems.append("cancel: \(completion)") }
            default: problems.append("unexpected: \(completion)")
            }
        }
    }

    private mutating func sent(_ completion: Completion, on index: Int) {
        if completion.result > 0 {
            ends[index].sent += Int(completion.result)
        } else if completion.result != -ECANCELED {
            problems.append("send: \(completion)")
        }
        ends[index].send = nil
    }

    private mutating func received(_ completion: Completion, on index: Int) {
        if !completion.isMore { ends[index].receive = nil }
        guard completion.result > 0 else {
            if ![-ECANCELED, -ENOBUFS].contains(completion.result) { problems.append("receive: \(completion)") }
            return
        }
        let start = ends[index].received % Torture.period
        let count = Int(completion.result)
        let came = UnsafeRawPointer(bitPattern: rig.geometry.payloadAddress(of: completion.bufferID))!
        if memcmp(came, stream.baseAddress! + start, count) != 0 {
            problems.append("wrong bytes at \(ends[index].received)")
        }
        ends[index].received += count
        if random.below(3) == 0 { kept.append(completion.bufferID) } else { rig.provide(completion.bufferID) }
    }

    /// No more is sent; everything that was arrives.
    mutating func settle() {
        for _ in 0..<4_000 {
            giveBack()
            for index in ends.indices { receive(index) }
            _ = rig.turn(milliseconds: 5)
            digest()
            let isSettled = ends.allSatisfy { $0.send == nil && ends[$0.peer].received == $0.sent }
            if isSettled { return }
        }
        for (index, end) in ends.enumerated() where ends[end.peer].received != end.sent {
            problems.append("end \(index) sent \(end.sent), its peer received \(ends[end.peer].received)")
        }
    }

    /// All is closed: what still waits ends, and nothing is left.
    mutating func end() {
        giveBack()
        var closes = Set<UInt64>()
        for end in ends { closes.insert(rig.emit(.close, on: end.descriptor).raw) }
        for _ in 0..<200 where !closes.isEmpty || !open.isEmpty {
            _ = rig.turn(milliseconds: 50)
            for completion in rig.takeAll() {
                if closes.remove(completion.token.raw) != nil {
                    if completion.result != 0 { problems.append("close: \(completion)") }
                } else if open[completion.token.raw] == nil {
                    problems.append("ended twice: \(completion)")
                } else if !completion.isMore {
                    open[completion.token.raw] = nil
                }
            }
        }
        if !open.isEmpty { problems.append("\(open.count) operations never ended") }
        if !closes.isEmpty { problems.append("\(closes.count) closes never ended") }
        if let simulated = rig.loop as? SimulatedLoop { problems += simulated.kernel.violations }
    }
}
