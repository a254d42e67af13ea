/// What the kernel carries for us: kind, generation, slot. The generation tells a late completion from one that is
/// meant for the slot's present owner.
package struct Token: Equatable, BitwiseCopyable, Sendable {
    package var raw: UInt64

    @_noLocks @inlinable
    package init(raw: UInt64) { self.raw = raw }

    @_noLocks @inlinable
    /// The token of an operation on a slot, by whose generation a late completion is known.
    package init(_ kind: OperationKind, slot: UInt32, generation: UInt32) {
        raw = UInt64(kind.rawValue) << 56 | UInt64(generation & 0xFF_FFFF) << 32 | UInt64(slot)
    }

    /// What the operation was; nil for a token that is none of ours.
    @inlinable package var kind: OperationKind? {
        @_noLocks get { OperationKind(rawValue: UInt8(truncatingIfNeeded: raw >> 56)) }
    }
    /// 24 bits.
    @inlinable package var generation: UInt32 { @_noLocks get { UInt32(truncatingIfNeeded: raw >> 32) & 0xFF_FFFF } }
    @inlinable package var slot: UInt32 { @_noLocks get { UInt32(truncatingIfNeeded: raw) } }
}
