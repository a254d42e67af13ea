internal import CLiburing
internal import CLinux
internal import Operations

/// What the worker has not been told yet of a completion that filled several buffers.
struct ReceiveBundle: BitwiseCopyable {
    var token = Token(raw: 0)
    /// Bytes in buffers behind the one in `flags`.
    var rest: Int32 = 0
    /// The kernel's, with the number of the last buffer told.
    var flags: UInt32 = 0
}
