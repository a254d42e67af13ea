/// One frame of the plane link.
///
/// ```
///  0        4      6                6 + length
///  ├────────┼──────┼──────────────────┤      all numbers little-endian
///  │ length │ kind │ body             │      length counts the body: 0 … 1 MiB
/// ```
///
/// A kind with its top bit set carries exactly one descriptor (SCM_RIGHTS with the frame's first byte), so that a
/// receiver that does not know the kind still knows to take the descriptor off its queue and close it. Which
/// descriptor belongs to which frame follows from the order alone.
package struct PlaneFrame: Equatable, Sendable {
    package var kind: UInt16
    package var body: [UInt8]

    package init(kind: UInt16, body: [UInt8]) {
        self.kind = kind
        self.body = body
    }

    /// Bytes before the body.
    package static let headBytes = 6
    /// Longest body.
    package static let bodyBytesMax = 1_048_576
    /// Set in the kinds that carry one descriptor.
    package static let descriptorBit: UInt16 = 0x8000

    /// Whether one descriptor belongs to the frame.
    package var carriesDescriptor: Bool { kind & PlaneFrame.descriptorBit != 0 }

    /// Appends a frame whose body `write` appends to the given bytes.
    package static func append(
        kind: UInt16, to bytes: inout [UInt8], write: (inout PlaneByteWriter) -> Void
    ) {
        var writer = PlaneByteWriter(bytes)
        bytes = []
        let start = writer.bytes.count
        writer.put(UInt32(0))
        writer.put(kind)
        write(&writer)
        let length = writer.bytes.count - start - headBytes
        precondition(length <= bodyBytesMax, "a plane message outgrew its frame: it has to be sent in parts")
        for index in 0..<4 {
            writer.patch(start + index, UInt8(truncatingIfNeeded: length >> (index * 8)))
        }
        bytes = writer.bytes
    }
}
