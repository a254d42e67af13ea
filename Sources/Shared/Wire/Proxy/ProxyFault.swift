/// What is wrong with the header of a proxy; the connection behind it cannot be understood and is closed.
package enum ProxyFault: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    // Version 1.
    case badLine, lineTooLong, badAddress, badPort
    // Version 2.
    case unknownVersion, unknownCommand, unknownFamily, truncatedAddress, tooLong
    /// An address of a Unix socket: there is no network address in it, and nobody who connects to us by TCP has one.
    case unixAddress
}
