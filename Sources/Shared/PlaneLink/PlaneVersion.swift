/// The version of the plane link's language: both sides say it in their hello.
///
/// An unknown major is refused with a word (`refused`); an unknown minor is carried on with, because minors only add
/// message kinds, which are skipped, and members at the end of a message, which are ignored. (Design §7.)
package struct PlaneVersion: Hashable, Sendable, BitwiseCopyable {
    package var major: UInt16
    package var minor: UInt16

    package init(major: UInt16, minor: UInt16) {
        self.major = major
        self.minor = minor
    }

    /// What this build speaks. 1.1 added `trust`, `credentials` and `access`, 1.2 what concerns other nodes, 1.3
    /// what control planes tell each other over peer links, 1.4 `rulesSnapshot`.
    package static var current: PlaneVersion { PlaneVersion(major: 1, minor: 4) }

    /// Majors this build understands: its own and, once there is one, the one before.
    package static let majors: ClosedRange<UInt16> = 1...1

    package var isUnderstood: Bool { PlaneVersion.majors.contains(major) }

    /// What the other side is told when its major is not understood.
    package var refusal: String {
        """
        plane link version \(major).\(minor) is not understood here (this side speaks major \
        \(PlaneVersion.majors.upperBound)): run both planes from releases that are next to each other
        """
    }
}

/// What a plane can do beyond its version, announced in its hello. Unknown bits are ignored.
package struct PlaneCapabilities: OptionSet, Hashable, Sendable, BitwiseCopyable {
    package var rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Said by a data plane that asks for credentials where it is told to, and by a control plane that tells it. A data
    /// plane without it would serve a restricted port to everybody: it is never handed one.
    package static var access: PlaneCapabilities { PlaneCapabilities(rawValue: 1 << 8) }
    /// Said by a data plane that understands `trust`; one without it takes addresses from the kernel only.
    package static var trust: PlaneCapabilities { PlaneCapabilities(rawValue: 1 << 9) }
    /// Said by a data plane that forwards to other nodes, and by a control plane that knows them: `lookup`, `lookupAnswer`,
    /// `node` and `remoteTunnel` are spoken where both said it.
    package static var cluster: PlaneCapabilities { PlaneCapabilities(rawValue: 1 << 10) }
    /// Said by a control plane that answers `leaving`. A data plane of another one ends without asking.
    package static var leaving: PlaneCapabilities { PlaneCapabilities(rawValue: 1 << 11) }
    /// Said by a data plane that carries words between control planes, and by a control plane that has some: `tellPeer`,
    /// `peerLinked`, `peerTold` and `peerSaid` are spoken where both said it.
    package static var words: PlaneCapabilities { PlaneCapabilities(rawValue: 1 << 12) }
    /// Said by a data plane that keeps the fixed rules in a table of their own, and by a control plane that sends them so:
    /// `rulesSnapshot` is spoken where both said it, and `routesSnapshot` then replaces what tunnels have claimed only.
    package static var rules: PlaneCapabilities { PlaneCapabilities(rawValue: 1 << 13) }
}
