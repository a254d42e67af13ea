/// The commands of relay requests: the low four bits of the second byte (protocol relay §2).
package enum RelayCommand: Equatable, Sendable, BitwiseCopyable {
    case connect
    case bind
    /// Anything else, ASSOCIATE included: answered with a bad request.
    case other(UInt8)

    @_noLocks init(number: UInt8) {
        switch number & 0x0F {
        case 1: self = .connect
        case 2: self = .bind
        default: self = .other(number & 0x0F)
        }
    }

    /// The number on the wire.
    package var number: UInt8 {
        @_noLocks get {
            switch self {
            case .connect: 1
            case .bind: 2
            case .other(let number): number & 0x0F
            }
        }
    }
}

/// The status of a relay response (protocol relay §3).
package enum RelayStatus: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    case ok = 0
    case badRequest, unauthorized, forbidden, timeout, serviceUnavailable
    case hostUnreachable, networkUnreachable, internalServerError

    package var number: UInt8 { @_noLocks get { rawValue } }

    /// The four bytes of a response without features, as a little-endian number: what every refusal is.
    package var bareResponse: UInt32 { @_noLocks get { 1 | UInt32(rawValue) &<< 8 } }
}

/// The network of a request (protocol relay §4.4). Only UDP makes a difference to the tunnel protocol.
package enum RelayNetwork: Equatable, Sendable, BitwiseCopyable {
    case tcp
    case udp
    /// Treated as TCP; kept for the registry.
    case other(UInt16)

    @_noLocks init(number: UInt16) {
        switch number {
        case 0: self = .tcp
        case 1: self = .udp
        default: self = .other(number)
        }
    }

    /// The number on the wire (protocol relay §4.4).
    package var number: UInt16 {
        @_noLocks get {
            switch self {
            case .tcp: 0
            case .udp: 1
            case .other(let number): number
            }
        }
    }
}

/// What makes a relay message invalid. A server closes without an answer (protocol relay §1.2).
package enum RelayFault: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    case wrongVersion
    case tooLong
    case tooManyFeatures
    case truncatedFeature
    case badUserAuth
    case badAddress
    case badTunnel
    case badNetwork
    case badMetadata
}
