package import Model

/// Why a peer ends a stream that was forwarded to it: the number that its reset carries.
///
/// ```
/// bits 0–7 reason    8–15 worker that has the tunnel, plus one; 0: none    16 nothing of the visitor's bytes was passed on
/// ```
package struct ForwardRefusal: Equatable, Sendable, BitwiseCopyable {
    /// A `Reason`'s number, or one that only a newer peer has.
    package var reason: UInt8
    /// Another worker of the same data plane has the tunnel's connector: the stream is to be opened there.
    package var worker: UInt8?
    /// Nothing of what the visitor sent reached anybody: the request may be repeated whatever it is.
    package var isUntouched: Bool

    /// A refusal to be sent; `worker`: which of ours has the tunnel.
    package init(_ reason: Reason, worker: Int? = nil, isUntouched: Bool) {
        self.reason = reason.rawValue
        self.worker = worker.map { UInt8($0) }
        self.isUntouched = isUntouched
    }

    /// From the reset's number.
    package init(code: UInt32) {
        reason = UInt8(truncatingIfNeeded: code)
        let place = UInt8(truncatingIfNeeded: code >> 8)
        worker = place == 0 ? nil : place - 1
        isUntouched = code & 0x1_0000 != 0
    }

    /// The reset's number.
    package var code: UInt32 {
        UInt32(reason) | UInt32(worker.map { $0 + 1 } ?? 0) << 8 | (isUntouched ? 0x1_0000 : 0)
    }
}
