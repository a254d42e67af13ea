package import Model
package import Primitives

/// What is wrong with a peer's part of the handshake. The link ends; nothing is answered.
package enum PeerFault: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    /// The first bytes are not those of a peer link.
    case notAPeer
    /// A version whose hello this build cannot read.
    case unknownVersion
    /// Longer than a hello may be, or shorter than it says.
    case badLength
    /// A field has a value that no peer sends.
    case badValue
    /// Our own nonce came back.
    case reflected
    /// The proof is not that of somebody who knows the secret.
    case wrongProof
}

/// The first message of a peer link, from either side: who speaks, and the nonce that the other side's proof is about.
///
/// ```
/// 0   "CVPL"                      40  node id (16)                   76  worker that is wanted, 255: any
/// 4   major, 5 minor              56  epoch of the node (8)          77  bytes of the plane's name
/// 6   bytes that follow (2)       64  capabilities (8)               78  the plane's name
/// 8   nonce (32)                  72  workers (1), 73 worker (1), 74 zero (2)
/// ```
///
/// Big-endian. A newer minor may append: what follows the name is skipped, but is part of what is proven.
package struct PeerHello: Sendable, BitwiseCopyable {
    /// 32 bytes of kernel randomness, new for every link.
    package var nonce: InlineArray<4, UInt64>
    package var node: NodeID
    /// Of the node's last start, as far as this data plane has heard.
    package var epoch: UInt64
    /// What the sender speaks beyond this version (`hearsWords`); unknown bits are ignored.
    package var capabilities: UInt64 = 0
    /// Workers of the sender's data plane, 1 … `WorkerIndex.countMax`, and which of them speaks.
    package var workers: UInt8
    package var worker: UInt8
    /// The worker that the dialling side wants to speak with; nil: whichever accepted.
    package var wanted: UInt8?
    /// The data plane's name within its node, 1 … `planeBytesMax` bytes.
    package var plane: InlineText
    /// Minor version of the sender.
    package var minor: UInt8 = PeerHello.minor

    /// It takes streams that begin with `WordsHeader`.
    package static var hearsWords: UInt64 { @_noLocks get { 1 } }
    package static var major: UInt8 { @_noLocks get { 1 } }
    package static var minor: UInt8 { @_noLocks get { 0 } }
    /// Longest name of a data plane, in bytes.
    package static var planeBytesMax: Int { @_noLocks get { 128 } }
    /// Longest hello, in bytes.
    package static var byteCountMax: Int { @_noLocks get { 512 } }
    private static var headBytes: Int { @_noLocks get { 8 } }
    private static var fixedBytes: Int { @_noLocks get { 78 } }
    private static var magic: UInt32 { @_noLocks get { 0x4356_504C } }

    /// A hello to be sent: `worker` of so many speaks, to the one that is `wanted`.
    package init(
        nonce: InlineArray<4, UInt64>, node: NodeID, epoch: UInt64, plane: InlineText, workers: Int, worker: Int,
        wanted: Int? = nil
    ) {
        self.nonce = nonce
        self.node = node
        self.epoch = epoch
        self.plane = plane
        self.workers = UInt8(workers)
        self.worker = UInt8(worker)
        self.wanted = wanted.map { UInt8($0) }
    }

    /// What the bytes so far hold.
    package enum Step: BitwiseCopyable {
        case needMore
        case hello(PeerHello, byteCount: Int)
        case fault(PeerFault)
    }

    /// Reads the hello that starts with the first byte of `bytes`. Never looks at what follows it.
    package static func read(_ bytes: borrowing RawSpan) -> Step {
        for index in 0..<min(bytes.byteCount, 4) {
            let expected = UInt8(truncatingIfNeeded: magic >> UInt32((3 - index) * 8))
            guard ByteScan.byte(bytes, index) == expected else { return .fault(.notAPeer) }
        }
        if bytes.byteCount > 4, ByteScan.byte(bytes, 4) != major { return .fault(.unknownVersion) }
        guard bytes.byteCount >= headBytes else { return .needMore }
        var head = ByteReader(from: 5, to: headBytes)
        let minor = head.byte(bytes)
        let total = headBytes + Int(head.big16(bytes))
        guard total <= byteCountMax, total >= fixedBytes else { return .fault(.badLength) }
        guard bytes.byteCount >= total else { return .needMore }
        var reader = ByteReader(from: headBytes, to: total)
        var nonce = InlineArray<4, UInt64>(repeating: 0)
        for word in 0..<4 { nonce[word] = reader.big64(bytes) }
        let node = NodeID(high: reader.big64(bytes), low: reader.big64(bytes))
        let epoch = reader.big64(bytes)
        let capabilities = reader.big64(bytes)
        let workers = reader.byte(bytes)
        let worker = reader.byte(bytes)
        _ = reader.big16(bytes)
        let wanted = reader.byte(bytes)
        let nameCount = Int(reader.byte(bytes))
        guard nameCount > 0, nameCount <= planeBytesMax else { return .fault(.badValue) }
        guard let nameAt = reader.take(nameCount) else { return .fault(.badLength) }
        guard workers >= 1, Int(workers) <= WorkerIndex.countMax, worker < workers else { return .fault(.badValue) }
        guard wanted == anyWorker || Int(wanted) < WorkerIndex.countMax else { return .fault(.badValue) }
        guard let plane = InlineText(bytes, nameAt, nameAt + nameCount) else { return .fault(.badValue) }
        var hello = PeerHello(
            nonce: nonce, node: node, epoch: epoch, plane: plane, workers: Int(workers), worker: Int(worker),
            wanted: wanted == anyWorker ? nil : Int(wanted))
        hello.capabilities = capabilities
        hello.minor = minor
        return .hello(hello, byteCount: total)
    }

    private static var anyWorker: UInt8 { 255 }

    /// Writes the hello; its bytes, or nil when they do not fit.
    package func write(into target: UnsafeMutableRawBufferPointer) -> Int? {
        precondition(plane.count > 0 && Int(plane.count) <= PeerHello.planeBytesMax, "a data plane without a name")
        var writer = ByteWriter(target)
        writer.big32(PeerHello.magic)
        writer.byte(PeerHello.major)
        writer.byte(minor)
        guard let lengthAt = writer.skip(2) else { return nil }
        for word in 0..<4 { writer.big64(nonce[word]) }
        writer.big64(node.high)
        writer.big64(node.low)
        writer.big64(epoch)
        writer.big64(capabilities)
        writer.byte(workers)
        writer.byte(worker)
        writer.big16(0)
        writer.byte(wanted ?? PeerHello.anyWorker)
        writer.byte(plane.count)
        writer.text(plane)
        guard let count = writer.finished else { return nil }
        writer.patchBig16(UInt16(count - PeerHello.headBytes), at: lengthAt)
        return count
    }
}
