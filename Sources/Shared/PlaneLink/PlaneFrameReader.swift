/// Cuts the incoming bytes of a plane link, however split, into frames. Holds at most one unfinished frame beside what
/// was just received. After a fault it stays broken: the link has to be closed.
package struct PlaneFrameReader: Sendable {
    /// What the bytes so far hold.
    package enum Step: Equatable, Sendable {
        case frame(PlaneFrame)
        case needMore
        case broken(PlaneFault)
    }

    private var bytes: [UInt8] = []
    /// What of `bytes` has been handed out.
    private var consumed = 0
    private var fault: PlaneFault?

    package init() {}

    /// Bytes received that are not handed out yet.
    package var pendingBytes: Int { bytes.count - consumed }

    /// Takes received bytes; call `next` until it needs more before receiving again.
    package mutating func receive(_ received: UnsafeRawBufferPointer) {
        if consumed > 0 {
            bytes.removeFirst(consumed)
            consumed = 0
        }
        bytes.append(contentsOf: received)
    }

    /// Takes received bytes.
    package mutating func receive(_ received: [UInt8]) {
        received.withUnsafeBytes { receive($0) }
    }

    /// The next complete frame.
    package mutating func next() -> Step {
        if let fault { return .broken(fault) }
        guard pendingBytes >= PlaneFrame.headBytes else { return .needMore }
        var length: UInt32 = 0
        for index in 0..<4 { length |= UInt32(bytes[consumed + index]) << UInt32(index * 8) }
        guard length <= UInt32(PlaneFrame.bodyBytesMax) else {
            fault = .oversized(bytes: length)
            return .broken(.oversized(bytes: length))
        }
        let start = consumed + PlaneFrame.headBytes
        let end = start + Int(length)
        guard bytes.count >= end else { return .needMore }
        let kind = UInt16(bytes[consumed + 4]) | UInt16(bytes[consumed + 5]) << 8
        consumed = end
        return .frame(PlaneFrame(kind: kind, body: Array(bytes[start..<end])))
    }
}
