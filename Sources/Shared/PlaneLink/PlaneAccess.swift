package import Model

/// Who may use one tunnel service's port, beyond everybody: credentials, the tunnel id of public relay visitors, and
/// whether relay visitors may come to its entrypoints.
///
/// Access travels in messages of its own, ahead of `services`, and holds from that message on: services and the
/// conditions to use them change together. (A data plane from before these messages cannot be told; see
/// `PlaneCapabilities.access`.)
package struct PlaneAccess: Hashable, Sendable {
    package var service: ServiceIndex
    /// Number of the table of credentials of which clients and relay visitors need one; nil: none is asked for. A table
    /// of which nothing was sent is empty, and an empty table lets nobody in.
    package var credentials: UInt16?
    /// `entrypoint.id`: relay visitors that present it are public ones, led by their host; zero: there is none.
    package var entrypointID: TunnelID
    /// Relay visitors are served at the service's entrypoints too, under the same conditions as at its tunnel port.
    package var relaysAtEntrypoints: Bool

    package init(
        service: ServiceIndex, credentials: UInt16?, entrypointID: TunnelID, relaysAtEntrypoints: Bool
    ) {
        self.service = service
        self.credentials = credentials
        self.entrypointID = entrypointID
        self.relaysAtEntrypoints = relaysAtEntrypoints
    }

    func encode(to writer: inout PlaneByteWriter) {
        writer.put(service.rawValue)
        writer.put(credentials != nil)
        writer.put(credentials ?? 0)
        writer.put(entrypointID)
        writer.put(relaysAtEntrypoints)
    }

    init(from reader: inout PlaneByteReader) throws(PlaneFault) {
        service = ServiceIndex(try reader.number())
        let isRestricted = try reader.bool()
        let table = try reader.number(UInt16.self)
        credentials = isRestricted ? table : nil
        entrypointID = try reader.identity()
        relaysAtEntrypoints = try reader.bool()
    }
}

extension CredentialKey {
    func encode(to writer: inout PlaneByteWriter) {
        writer.put(high)
        writer.put(low)
    }

    init(from reader: inout PlaneByteReader) throws(PlaneFault) {
        let high = try reader.number(UInt64.self)
        self.init(high: high, low: try reader.number())
    }
}

extension CredentialDigest {
    /// Digests per message at most: a frame has room for twice as many.
    package static let perMessageMax = 16_384

    func encode(to writer: inout PlaneByteWriter) {
        writer.put(words.0)
        writer.put(words.1)
        writer.put(words.2)
        writer.put(words.3)
    }

    init(from reader: inout PlaneByteReader) throws(PlaneFault) {
        let first = try reader.number(UInt64.self)
        let second = try reader.number(UInt64.self)
        let third = try reader.number(UInt64.self)
        self.init(words: (first, second, third, try reader.number()))
    }
}
