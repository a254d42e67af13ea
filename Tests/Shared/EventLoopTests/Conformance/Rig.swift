import CLinux
import EventLoop
import Operations
import Primitives
import Testing

/// One loop under test, its buffers, and the verbs a test is written in.
final class Rig {
    static let strideBytes: UInt32 = 4_096
    static let headroomBytes: UInt32 = 32
    static let payloadBytes: UInt32 = strideBytes - headroomBytes
    /// A test that waits longer than this has lost a completion.
    static let patienceMilliseconds: UInt64 = 10_000

    let loop: any LoopUnderTest
    let geometry: BufferGeometry
    /// Buffers for datagrams.
    static let datagramCount: UInt32 = 8
    let datagrams: BufferGeometry?
    private let memory: BufferMemory
    private let datagramMemory: BufferMemory?
    private var queue = OperationQueue(capacity: 4_096)
    private var inbox: [Completion] = []
    private var slots: UInt32 = 0
    private var places: [UnsafeMutableRawPointer] = []

    init(_ subject: Subject, bufferCount: UInt32 = 64, provided: UInt32? = nil) throws {
        memory = try BufferMemory(byteCount: UInt64(bufferCount * Rig.strideBytes))
        geometry = BufferGeometry(
            base: memory.base, strideBytes: Rig.strideBytes, headroomBytes: Rig.headroomBytes,
            payloadBytes: Rig.payloadBytes, count: bufferCount)
        let room = try BufferMemory(byteCount: UInt64(Int(Rig.datagramCount) * DatagramBuffer.strideBytes))
        let datagrams = BufferGeometry.datagrams(base: room.base, count: Rig.datagramCount)
        self.datagrams = datagrams
        datagramMemory = consume room
        loop = try subject.makeLoop(buffers: geometry, datagrams: datagrams)
        for id in 0..<(provided ?? bufferCount) { provide(id) }
    }

    init(loop: any LoopUnderTest, memory: consuming BufferMemory, geometry: BufferGeometry) {
        self.loop = loop
        datagrams = nil
        datagramMemory = nil
        self.memory = memory
        self.geometry = geometry
    }

    deinit { for place in places { place.deallocate() } }

    // MARK: - Emitting

    /// Emits an operation with a token of its own.
    @discardableResult
    func emit(
        _ kind: OperationKind, on descriptor: Int32 = -1, address: UInt = 0, length: UInt32 = 0, argument: UInt64 = 0
    ) -> Token {
        slots += 1
        let token = Token(kind, slot: slots, generation: slots & 0xFF)
        emit(kind, token, on: descriptor, address: address, length: length, argument: argument)
        return token
    }

    func emit(
        _ kind: OperationKind, _ token: Token, on descriptor: Int32, address: UInt = 0, length: UInt32 = 0,
        argument: UInt64 = 0
    ) {
        if queue.room == 0 { loop.submit(&queue) }
        queue.append(
            Operation(
                kind, token: token, descriptor: descriptor, address: address, length: length, argument: argument))
    }

    func provide(_ id: UInt32) { emit(.provideBuffer, on: -1, length: id) }

    func cancel(_ target: Token) -> Token { emit(.cancel, argument: target.raw) }

    /// Keeps `value` where an operation can point at it, as long as the rig lives.
    func place<Value: BitwiseCopyable>(_ value: Value) -> UnsafeMutablePointer<Value> {
        let pointer = UnsafeMutablePointer<Value>.allocate(capacity: 1)
        pointer.initialize(to: value)
        places.append(UnsafeMutableRawPointer(pointer))
        return pointer
    }

    func place(bytes: [UInt8]) -> UInt {
        let pointer = UnsafeMutableRawPointer.allocate(byteCount: max(1, bytes.count), alignment: 16)
        pointer.copyMemory(from: bytes, byteCount: bytes.count)
        places.append(pointer)
        return UInt(bitPattern: pointer)
    }

    func send(_ bytes: [UInt8], on descriptor: Int32) -> Token {
        emit(.send, on: descriptor, address: place(bytes: bytes), length: UInt32(bytes.count))
    }

    // MARK: - Waiting

    /// One turn: submits, waits, takes what came.
    func turn(milliseconds: UInt64 = Rig.patienceMilliseconds) -> UInt64 {
        loop.submit(&queue)
        let waited = loop.wait(milliseconds: milliseconds)
        while let completion = loop.next() { inbox.append(completion) }
        return waited
    }

    /// The next completion of `token`; fails the test when it does not come.
    func completion(
        of token: Token, _ comment: Comment? = nil, at location: SourceLocation = #_sourceLocation
    ) -> Completion {
        var waited: UInt64 = 0
        while true {
            if let index = inbox.firstIndex(where: { $0.token == token }) { return inbox.remove(at: index) }
            guard waited < Rig.patienceMilliseconds else { break }
            waited += turn(milliseconds: Rig.patienceMilliseconds - waited)
        }
        Issue.record(
            comment ?? "a completion of \(String(describing: token.kind)) never came", sourceLocation: location)
        return Completion(token: token, result: .min)
    }

    func result(of token: Token, at location: SourceLocation = #_sourceLocation) -> Int32 {
        completion(of: token, at: location).result
    }

    /// Completions of `token` that are there when the loop has come to rest.
    func ready(of token: Token) -> [Completion] {
        _ = turn(milliseconds: 1)
        _ = turn(milliseconds: 1)
        return taken(of: token)
    }

    /// Completions of `token` that came with the turns so far.
    func taken(of token: Token) -> [Completion] {
        let mine = inbox.filter { $0.token == token }
        inbox.removeAll { $0.token == token }
        return mine
    }

    /// Everything that came and was not taken.
    func takeAll() -> [Completion] {
        defer { inbox = [] }
        return inbox
    }

    /// The bytes a receive put into a buffer; the buffer goes back.
    func take(_ completion: Completion) -> [UInt8] {
        let bytes = peek(completion)
        if completion.hasBuffer { provide(completion.bufferID) }
        return bytes
    }

    func peek(_ completion: Completion) -> [UInt8] {
        guard completion.hasBuffer, completion.result > 0 else { return [] }
        let start = UnsafeRawPointer(bitPattern: geometry.payloadAddress(of: completion.bufferID))
        return Array(UnsafeRawBufferPointer(start: start, count: Int(completion.result)))
    }

    /// Bytes of the multishot receive `token` until there are `count`, re-arming it when the buffers ran out.
    func receive(_ token: Token, on descriptor: Int32, count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            let completion = completion(of: token)
            if completion.result == -ENOBUFS {
                emit(.receive, token, on: descriptor)
                continue
            }
            guard completion.result > 0 else { break }
            bytes += take(completion)
            if !completion.isMore && bytes.count < count { emit(.receive, token, on: descriptor) }
        }
        return bytes
    }

    // MARK: - Connections

    /// Opens a socket and starts to connect it.
    func dial(_ address: DialAddress) -> (descriptor: Int32, connect: Token) {
        let descriptor = result(of: emit(.openSocket, length: address.family))
        #expect(descriptor >= 0)
        let connect = emit(.connect, on: descriptor, address: UInt(bitPattern: place(address)))
        return (descriptor, connect)
    }

    /// A connection through a listener of its own, which is closed again.
    func connection(_ family: DialFamily = .ipv4) -> (client: Int32, server: Int32) {
        let listener = loop.listen(family, backlog: 16)
        let accept = emit(.accept, on: listener.descriptor)
        let (client, connect) = dial(listener.address)
        #expect(result(of: connect) == 0)
        let accepted = completion(of: accept)
        #expect(accepted.result >= 0)
        #expect(result(of: emit(.close, on: listener.descriptor)) == 0)
        #expect(result(of: accept) == -ECANCELED)
        return (client, accepted.result)
    }

    func close(_ descriptors: Int32...) {
        for descriptor in descriptors { #expect(result(of: emit(.close, on: descriptor)) == 0) }
    }
}

/// Bytes that do not repeat.
func pattern(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var random = Random(seed: seed)
    return [UInt8](unsafeUninitializedCapacity: count + 8) { room, filled in
        for start in stride(from: 0, to: count, by: 8) {
            UnsafeMutableRawPointer(room.baseAddress!).storeBytes(
                of: random.next(), toByteOffset: start, as: UInt64.self)
        }
        filled = count
    }
}
