package import Model
import Primitives

/// The feature types of relay messages (protocol relay §4), and what tunnel ids carry along.
package enum RelayFeature {
    static var userAuth: UInt8 { @_noLocks get { 1 } }
    static var address: UInt8 { @_noLocks get { 2 } }
    static var tunnel: UInt8 { @_noLocks get { 3 } }
    static var network: UInt8 { @_noLocks get { 4 } }
    static var metadata: UInt8 { @_noLocks get { 5 } }

    /// Most features in one message.
    package static var countMax: Int { @_noLocks get { 64 } }
    /// Most pairs of one Metadata feature that are looked at (protocol relay §4.5).
    package static var metadataPairsMax: Int { @_noLocks get { 20 } }
}

/// The Tunnel feature (protocol relay §4.3): a tunnel's id in requests, a connector's in answers.
package struct RelayTunnel: Equatable, Sendable, BitwiseCopyable {
    package var high: UInt64
    package var low: UInt64
    /// Bit 0x01: a UDP connector. Bit 0x80 is never trusted from the wire.
    package var flags: UInt8
    package var capabilities: RelayCapabilities
    /// 0 unset (as 1), 255 takes the tunnel over.
    package var weight: UInt8

    @_noLocks package init(
        high: UInt64, low: UInt64, flags: UInt8 = 0, capabilities: RelayCapabilities, weight: UInt8
    ) {
        self.high = high
        self.low = low
        self.flags = flags
        self.capabilities = capabilities
        self.weight = weight
    }

    package var tunnelID: TunnelID { @_noLocks get { TunnelID(high: high, low: low) } }
    package var connectorID: ConnectorID { @_noLocks get { ConnectorID(high: high, low: low) } }

    /// Writes the whole feature: always 20 bytes of data.
    @_noLocks func write(to writer: inout ByteWriter) {
        writer.byte(RelayFeature.tunnel)
        writer.big16(20)
        writer.big64(high)
        writer.big64(low)
        writer.byte(flags)
        writer.big16(capabilities.rawValue)
        writer.byte(weight)
    }

    /// Reads the feature's data: 16 bytes or more, a missing tail is zero, more than 20 are ignored.
    @_noLocks static func read(_ bytes: borrowing RawSpan, from start: Int, to end: Int) -> RelayTunnel? {
        guard end &- start >= 16 else { return nil }
        var reader = ByteReader(from: start, to: end)
        let high = reader.big64(bytes)
        let low = reader.big64(bytes)
        // Read one by one: what is missing reads as zero.
        let flags = reader.byte(bytes)
        let reserved = reader.big16(bytes)
        let weight = reader.byte(bytes)
        return RelayTunnel(
            high: high, low: low, flags: flags, capabilities: RelayCapabilities(wire: reserved), weight: weight)
    }
}

/// The features of one message, gathered while it is read.
struct RelayFeatures: BitwiseCopyable {
    var network = RelayNetwork.tcp
    var hasUserAuth = false
    var user = InlineText()
    var password = InlineText()
    /// The first and the last address.
    var source: RelayAddress?
    var destination: RelayAddress?
    var tunnel: RelayTunnel?
    var recordMode = InlineText()

    @_noLocks init() {}

    /// Reads `bytes[start ..< end]`, which must be features without anything left over.
    @_noLocks mutating func read(_ bytes: borrowing RawSpan, from start: Int, to end: Int) -> RelayFault? {
        var reader = ByteReader(from: start, to: end)
        var count = 0
        while reader.remaining > 0 {
            guard count < RelayFeature.countMax else { return .tooManyFeatures }
            count = count &+ 1
            let type = reader.byte(bytes)
            let length = Int(reader.big16(bytes))
            guard let at = reader.take(length) else { return .truncatedFeature }
            if let fault = readOne(type, bytes, from: at, to: at &+ length) { return fault }
        }
        return nil
    }

    @_noLocks private mutating func readOne(
        _ type: UInt8, _ bytes: borrowing RawSpan, from start: Int, to end: Int
    ) -> RelayFault? {
        switch type {
        case RelayFeature.userAuth:
            return readUserAuth(bytes, from: start, to: end) ? nil : .badUserAuth
        case RelayFeature.address:
            guard let address = RelayAddress.read(bytes, from: start, to: end) else { return .badAddress }
            if case .none = source { source = address } else { destination = address }
        case RelayFeature.tunnel:
            guard let read = RelayTunnel.read(bytes, from: start, to: end) else { return .badTunnel }
            tunnel = read
        case RelayFeature.network:
            guard end &- start >= 2 else { return .badNetwork }
            var reader = ByteReader(from: start, to: end)
            network = RelayNetwork(number: reader.big16(bytes))
        case RelayFeature.metadata:
            return readMetadata(bytes, from: start, to: end) ? nil : .badMetadata
        default:
            break
        }
        return nil
    }

    @_noLocks private mutating func readUserAuth(_ bytes: borrowing RawSpan, from start: Int, to end: Int) -> Bool {
        var reader = ByteReader(from: start, to: end)
        let userCount = Int(reader.byte(bytes))
        guard let userAt = reader.take(userCount) else { return false }
        let passwordCount = Int(reader.byte(bytes))
        guard let passwordAt = reader.take(passwordCount) else { return false }
        guard let name = InlineText(bytes, userAt, userAt &+ userCount),
            let secret = InlineText(bytes, passwordAt, passwordAt &+ passwordCount)
        else { return false }
        hasUserAuth = true
        user = name
        password = secret
        return true
    }

    @_noLocks private mutating func readMetadata(_ bytes: borrowing RawSpan, from start: Int, to end: Int) -> Bool {
        var reader = ByteReader(from: start, to: end)
        let pairs = min(Int(reader.big16(bytes)), RelayFeature.metadataPairsMax)
        guard !reader.overran else { return false }
        for _ in 0..<pairs {
            let keyCount = Int(reader.big16(bytes))
            guard let keyAt = reader.take(keyCount) else { return false }
            let valueCount = Int(reader.big16(bytes))
            guard let valueAt = reader.take(valueCount) else { return false }
            guard RelayFeatures.isRecordMode(bytes, keyAt, keyCount) else { continue }
            recordMode = InlineText(bytes, valueAt, valueAt &+ min(valueCount, InlineText.capacity)) ?? InlineText()
        }
        return true
    }

    /// Whether the key is `record.mode`, the only one defined.
    @_noLocks private static func isRecordMode(_ bytes: borrowing RawSpan, _ at: Int, _ count: Int) -> Bool {
        let name: StaticString = "record.mode"
        guard count == name.utf8CodeUnitCount else { return false }
        for index in 0..<count where ByteScan.byte(bytes, at &+ index) != name.utf8Start[index] { return false }
        return true
    }
}
