/// How long a message's body is (RFC 9112 §6.3).
package enum HTTPFraming: Equatable, Sendable, BitwiseCopyable {
    /// No body follows the head.
    case none
    /// Exactly this many bytes, possibly 0.
    case length(UInt64)
    /// Chunks, up to and with the trailer section.
    case chunked
    /// Answers only: everything until the connection ends.
    case untilClose
}

/// The connection options that matter (RFC 9110 §7.6.1).
package struct HTTPConnectionOptions: OptionSet, Sendable, BitwiseCopyable {
    package private(set) var rawValue: UInt8
    @_noLocks package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// `contains` without generics, for the hot path.
    @_noLocks package func has(_ options: HTTPConnectionOptions) -> Bool { rawValue & options.rawValue != 0 }
    @_noLocks mutating func add(_ options: HTTPConnectionOptions) { rawValue |= options.rawValue }
    /// Whether these are exactly the options `first` and `second`.
    @_noLocks func isExactly(_ first: HTTPConnectionOptions, _ second: HTTPConnectionOptions) -> Bool {
        rawValue == first.rawValue | second.rawValue
    }

    package static var close: Self { @_noLocks get { Self(rawValue: 1) } }
    package static var keepAlive: Self { @_noLocks get { Self(rawValue: 2) } }
    package static var upgrade: Self { @_noLocks get { Self(rawValue: 4) } }
    /// Some other field is named: it is taken out of the head when it is forwarded.
    package static var named: Self { @_noLocks get { Self(rawValue: 8) } }
    /// A Connection field was there at all.
    package static var present: Self { @_noLocks get { Self(rawValue: 16) } }
    /// Fields that concern one hop only are there (Keep-Alive, Proxy-Connection).
    package static var hopFields: Self { @_noLocks get { Self(rawValue: 32) } }
    /// There was more than one option or more than one Connection field.
    package static var several: Self { @_noLocks get { Self(rawValue: 64) } }
}
