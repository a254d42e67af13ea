/// What a peer speaks beyond the stock protocol: the two reserved bytes of the Tunnel feature (offset 17–18, big-endian;
/// design §6). A stock peer sends zeros and ignores them.
package struct RelayCapabilities: OptionSet, Sendable, BitwiseCopyable, Hashable {
    package let rawValue: UInt16
    @_noLocks package init(rawValue: UInt16) { self.rawValue = rawValue }

    /// From the wire: bits 8–15 must be zero, else somebody else uses the bytes and nothing is agreed.
    @_noLocks package init(wire: UInt16) { rawValue = wire > 0xFF ? 0 : wire & RelayCapabilities.known }

    package static var halfClose: Self { @_noLocks get { Self(rawValue: 1) } }
    package static var reset: Self { @_noLocks get { Self(rawValue: 2) } }
    package static var opened: Self { @_noLocks get { Self(rawValue: 4) } }
    package static var goAway: Self { @_noLocks get { Self(rawValue: 8) } }
    package static var instance: Self { @_noLocks get { Self(rawValue: 16) } }
    package static var notice: Self { @_noLocks get { Self(rawValue: 32) } }

    private static var known: UInt16 { @_noLocks get { 0x3F } }

    /// All that this version speaks.
    package static var all: Self { @_noLocks get { Self(rawValue: known) } }

    /// `contains` without generics, for the hot path.
    @_noLocks package func has(_ capability: Self) -> Bool { rawValue & capability.rawValue != 0 }
    /// What both sides speak.
    @_noLocks package func agreed(with other: Self) -> Self { Self(rawValue: rawValue & other.rawValue) }
}
