internal import Operations

/// The provided buffers of one worker: where they lie and how much of each the kernel may fill.
///
/// Buffer `id` begins at `base + id * strideBytes`; received bytes begin `headroomBytes` later, so that headers can be
/// written in front of them in place.
package struct BufferGeometry: BitwiseCopyable, Sendable {
    package var base: UInt
    package var strideBytes: UInt32
    package var headroomBytes: UInt32
    package var payloadBytes: UInt32
    /// Ids are below this; at most 32,768 (the kernel's limit for one ring of buffers).
    package var count: UInt32

    package static let countMax: UInt32 = 32_768

    package init(base: UInt, strideBytes: UInt32, headroomBytes: UInt32, payloadBytes: UInt32, count: UInt32) {
        precondition(count > 0)
        precondition(count <= BufferGeometry.countMax)
        precondition(headroomBytes + payloadBytes <= strideBytes)
        precondition(payloadBytes > 0)
        self.base = base
        self.strideBytes = strideBytes
        self.headroomBytes = headroomBytes
        self.payloadBytes = payloadBytes
        self.count = count
    }

    /// `count` buffers for datagrams, of `DatagramBuffer.strideBytes` each, from `base` on.
    package static func datagrams(base: UInt, count: UInt32) -> BufferGeometry {
        BufferGeometry(
            base: base, strideBytes: UInt32(DatagramBuffer.strideBytes), headroomBytes: 0,
            payloadBytes: UInt32(DatagramBuffer.headBytes + DatagramBuffer.dataBytes), count: count)
    }

    /// Where received bytes of buffer `id` begin.
    @_noLocks
    package func payloadAddress(of id: UInt32) -> UInt {
        precondition(id < count)
        return base &+ UInt(id) &* UInt(strideBytes) &+ UInt(headroomBytes)
    }
}

/// What a shell is built for. Everything in it is allocated (not touched) at start; nothing grows later.
package struct ShellConfiguration: BitwiseCopyable, Sendable {
    package var buffers: BufferGeometry
    /// Where datagrams are received (`DatagramBuffer`); nil for a loop that receives none.
    package var datagramBuffers: BufferGeometry?
    /// Operations that may be prepared before the ring is entered; more are submitted in between. A power of two.
    package var submissionEntries: UInt32 = 1_024
    /// Room for completions; more wait in the kernel. A power of two, at least twice `submissionEntries`.
    package var completionEntries: UInt32 = 8_192
    /// One completion may fill several buffers, on kernels that can do so (6.10 and newer).
    package var bundlesReceives = true
    /// Descriptor numbers are below this; an operation on another answers `-EBADF`.
    package var descriptorsMax: UInt32 = 1 << 20

    package init(buffers: BufferGeometry) { self.buffers = buffers }
}
