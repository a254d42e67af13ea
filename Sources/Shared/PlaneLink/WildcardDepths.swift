/// Which numbers of dots the names of a table's wildcards have: the walk skips the depths at which there is nothing.
package struct WildcardDepths: Equatable, Sendable, BitwiseCopyable {
    /// Bit d of these 128: some wildcard's name has d dots.
    package var low: UInt64 = 0
    package var high: UInt64 = 0

    /// Most dots in the name of a wildcard: a host name has at most 127 labels (RFC 1035 §2.3.4).
    package static var depthMax: Int { @_noLocks get { 127 } }

    @_noLocks
    package init() {}

    /// Whether no wildcard exists.
    package var isEmpty: Bool {
        @_noLocks get { low | high == 0 }
    }

    /// False for any depth that cannot be held.
    @_noLocks
    package func contains(_ depth: Int) -> Bool {
        if depth < 64 { return low &>> UInt64(depth) & 1 != 0 }
        return depth <= WildcardDepths.depthMax && high &>> UInt64(depth &- 64) & 1 != 0
    }

    /// Notes that a wildcard of so many labels exists.
    package mutating func insert(_ depth: Int) {
        precondition(depth >= 0 && depth <= WildcardDepths.depthMax)
        if depth < 64 { low |= 1 &<< UInt64(depth) } else { high |= 1 &<< UInt64(depth &- 64) }
    }

    @_noLocks
    /// Takes over the depths of another table.
    package mutating func formUnion(_ other: WildcardDepths) {
        low |= other.low
        high |= other.high
    }
}
