import Primitives

/// What a pure worker asks of its shell. The shell (ring, poll, simulator) performs it and answers with a
/// `Completion` that carries the same token, except where a kind says that it has none.
package enum OperationKind: UInt8, Sendable {
    /// Accept connections on `descriptor` until cancelled or an error: a completion each, `result` the new descriptor.
    /// The token's kind is the operation's (also of `openSocket` and `receiveMessage`): shells go by it.
    case accept = 1
    /// Receive into provided buffers until cancelled, end of stream, error or lack of buffers (-ENOBUFS); `isMore` says
    /// whether the shot goes on, which may also end with bytes. `result` 0 is the end of the stream.
    case receive
    /// Receive once into a provided buffer.
    case receiveOnce
    /// Send `length` bytes at `address`. May complete short.
    case send
    /// Send the `SendVector` at `address`. May complete short.
    case sendVector
    /// Receive bytes and descriptors into the `DescriptorMessage` at `address`.
    case receiveMessage
    /// Send the bytes and descriptors of the `DescriptorMessage` at `address`. May complete short in bytes, never in
    /// descriptors: they travel with the first byte.
    case sendMessage
    /// Receive datagrams, each whole into a datagram buffer, until cancelled, error or lack of buffers (-ENOBUFS). The
    /// buffer begins with the sender's `PeerAddress`, the datagram follows at `DatagramBuffer.headBytes`; `result` is its
    /// length, which may be 0: having a buffer tells.
    case receiveDatagram
    /// Send the `SendDatagram` at `address`, whole or not at all.
    case sendDatagram
    /// Make a socket of address family `length` (a `DialFamily`) and type `argument` (a `SocketType`), which sends small
    /// writes at once and notices by keep-alive that its peer is gone; `result` is the descriptor.
    case openSocket
    /// Connect `descriptor` to the `DialAddress` at `address`. A Unix socket is answered at once, with -EAGAIN when its
    /// listener's queue is full; a datagram socket too: it only notes whom it exchanges datagrams with.
    case connect
    /// End one direction of `descriptor`; `length` 1 is the writing side, 2 both.
    case shutdown
    /// Close `descriptor`. What waits on it ends with -ECANCELED. The number may be reused as soon as this completes.
    /// `length` 1 resets the connection, so that the peer sees that it was cut; else 0.
    case close
    /// Cancel the operation whose token is `argument`. Completes when the request was taken; the cancelled operation
    /// completes on its own.
    case cancel
    /// Wake worker `length`: a completion of kind `.woken` there, none here.
    case wake
    /// Hand buffer `length` to the kernel to receive into. No completion.
    case provideBuffer
    /// Hand datagram buffer `length` to the kernel to receive into. No completion.
    case provideDatagramBuffer
    /// Write the peer's address of `descriptor` into the `PeerAddress` at `address`, before anything is received on
    /// it. No completion.
    case peerAddress
    /// Read `length` bytes of kernel randomness to `address`, at once. No completion.
    case randomBytes
    /// Map the file `descriptor` read-only and close the descriptor; the `MappedFile` at `address` says where.
    /// `result` 0 or a negative error number; at once, before the next turn.
    case mapFile
    /// Unmap `argument` bytes at `address`. No completion.
    case unmapFile
    /// Give the memory of `length` bytes at `address`, whole pages, back to the system: they read as zeros until they are
    /// written. No completion.
    case releaseMemory
    /// End the connection of `descriptor` with an error once bytes that it sent have not been acknowledged for `length`
    /// milliseconds by the other side's kernel. A Unix socket needs none: nothing is lost on its way. No completion.
    case limitUnacknowledged
    /// `descriptor` goes to another worker, open, with nothing in flight here; or it comes from one or from another
    /// process, and whatever was learnt of its number does not hold. No completion.
    case forget
    /// Never emitted: the completion a `wake` causes at its target.
    case woken

    /// As the compiler would derive it, but said to be free of locks: kinds are numbered from 1 in their order.
    @_noLocks
    package init?(rawValue: UInt8) {
        guard rawValue >= 1 && rawValue <= OperationKind.last else { return nil }
        self = unsafeBitCast(rawValue &- 1, to: OperationKind.self)
    }

    package var rawValue: UInt8 { @_noLocks get { unsafeBitCast(self, to: UInt8.self) &+ 1 } }

    private static var last: UInt8 { @_noLocks get { OperationKind.woken.rawValue } }
}

/// One request to the shell: 32 bytes, trivial.
package struct Operation: BitwiseCopyable, Sendable {
    package var token: Token
    /// Memory the operation reads or writes; it stays the worker's promise until the completion.
    package var address: UInt
    package var argument: UInt64
    package var descriptor: Int32
    package var lengthAndKind: UInt32

    package static let lengthMax: UInt32 = 1 << 24 - 1

    @_noLocks @inlinable
    /// An operation; what its kind does not use stays zero.
    package init(
        _ kind: OperationKind, token: Token, descriptor: Int32, address: UInt = 0, length: UInt32 = 0,
        argument: UInt64 = 0
    ) {
        precondition(length < 1 << 24)
        self.token = token
        self.address = address
        self.argument = argument
        self.descriptor = descriptor
        self.lengthAndKind = length << 8 | UInt32(kind.rawValue)
    }

    /// What is to be done.
    @inlinable package var kind: OperationKind {
        @_noLocks get { OperationKind(rawValue: UInt8(truncatingIfNeeded: lengthAndKind)).unsafelyUnwrapped }
    }
    @inlinable package var length: UInt32 { @_noLocks get { lengthAndKind >> 8 } }
}

/// What a shell says when an operation is done: 16 bytes, trivial, the shape of an io_uring completion.
package struct Completion: BitwiseCopyable, Sendable {
    package var token: Token
    /// Not negative: bytes or a descriptor. Negative: a Linux error number, negated.
    package var result: Int32
    package var flags: UInt32

    @_noLocks @inlinable
    package init(token: Token, result: Int32, flags: UInt32 = 0) {
        self.token = token
        self.result = result
        self.flags = flags
    }

    /// A provided buffer was used; `bufferID` says which.
    @inlinable package var hasBuffer: Bool { @_noLocks get { flags & 1 != 0 } }
    /// The multishot operation goes on.
    @inlinable package var isMore: Bool { @_noLocks get { flags & 2 != 0 } }
    @inlinable package var bufferID: UInt32 { @_noLocks get { flags >> 16 } }

    @_noLocks @inlinable
    /// The flags of a completion, as a shell makes them.
    package static func flags(buffer: UInt32?, more: Bool) -> UInt32 {
        (buffer.map { $0 << 16 | 1 } ?? 0) | (more ? 2 : 0)
    }
}
