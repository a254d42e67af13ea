package import Model
internal import Primitives

/// Why a chunk of another control plane cannot be taken. It is counted and left out; its list is asked for again.
package enum PeerWordsFault: UInt8, Error, CaseIterable, Sendable {
    /// More bytes than `PeerWords.bytesMax`.
    case oversized
    /// A version that this build cannot read.
    case unknownVersion
    /// It ends too early, or a member has a value that none of this version has.
    case malformed
}

/// What control planes of a cluster tell each other, a chunk at a time: which connectors and names their own node has.
///
/// ```
/// 0 version: 1    1 epoch (8)    9 list (4)    13 number (4)    17 statements:   kind (1)    bytes (2)    body
/// ```
///
/// Little-endian. A list is everything that there is, and from then on what changes; its chunks are numbered from 0, and
/// `listEnd` stands where everything was said once. A statement is what holds now, so that it may be said again and again;
/// whoever misses a number says `again`, and the next list begins. Statements of a kind that this version does not know
/// are skipped, members behind the last that it knows too.
package struct PeerWords: Equatable, Sendable {
    /// One connector, as others reach it.
    package struct Connector: Hashable, Sendable {
        package var id: ConnectorID
        /// The data plane that holds it.
        package var plane: String
        package var isUDP: Bool
        package var weight: UInt8

        package init(id: ConnectorID, plane: String, isUDP: Bool, weight: UInt8) {
            self.id = id
            self.plane = plane
            self.isUDP = isUDP
            self.weight = weight
        }
    }

    /// What is so at the teller's node.
    package enum Statement: Hashable, Sendable {
        /// All of the list was said at least once: what it did not name is not there any more.
        case listEnd
        /// The teller has not all of the other's list: it is to be said from its beginning.
        case again
        /// The tunnel's connectors; none: it has no more. At most `connectorsMax`, of at most `planesMax` data planes.
        case tunnel(TunnelID, [Connector])
        /// Whose a name is in the ingress that is configured under this name; nil: nobody's there any more. Texts of at
        /// most 255 bytes.
        case name(ingress: String, key: String, Route?)
        /// What the node's lease says too, for those who could not read it: how many of the visitors it wants, and where
        /// its data planes are reached. At most `planesMax`, texts of at most 255 bytes.
        case node(weight: UInt8, [PlaneNode.Peer])
    }

    /// Of the teller's start.
    package var epoch: UInt64
    /// Counts the lists of one epoch.
    package var list: UInt32
    /// Counts the chunks of one list.
    package var number: UInt32
    package var statements: [Statement]

    /// Longest chunk in bytes.
    package static let bytesMax = 8_192
    /// Connectors of one tunnel that are told, and data planes that have them; beyond they are left out: each is told of
    /// for its data plane's share of the visitors only.
    package static let connectorsMax = 256
    package static let planesMax = PlaneNode.peersMax

    fileprivate static let version: UInt8 = 1

    /// Reads a chunk, which has come whole.
    package init(_ bytes: [UInt8]) throws(PeerWordsFault) {
        guard bytes.count <= PeerWords.bytesMax else { throw .oversized }
        if let version = bytes.first, version != PeerWords.version { throw .unknownVersion }
        do throws(PlaneFault) {
            var reader = PlaneByteReader(PlaneFrame(kind: 0, body: bytes))
            _ = try reader.number(UInt8.self)
            epoch = try reader.number()
            list = try reader.number()
            number = try reader.number()
            statements = []
            while !reader.isAtEnd {
                let kind = try reader.number(UInt8.self)
                let body = try reader.bytes(atMost: PeerWords.bytesMax)
                var inner = PlaneByteReader(PlaneFrame(kind: UInt16(kind), body: body))
                if let statement = try Statement(kind: kind, from: &inner) { statements.append(statement) }
            }
        } catch {
            throw .malformed
        }
    }
}

extension PeerWords.Statement {
    fileprivate enum Kind: UInt8 {
        case listEnd = 1
        case again = 2
        case tunnel = 3
        case name = 4
        case node = 5
    }

    /// nil for a kind that only a newer control plane says.
    fileprivate init?(kind: UInt8, from reader: inout PlaneByteReader) throws(PlaneFault) {
        switch Kind(rawValue: kind) {
        case .listEnd: self = .listEnd
        case .again: self = .again
        case .tunnel: self = try PeerWords.Statement.readTunnel(from: &reader)
        case .name: self = try PeerWords.Statement.readName(from: &reader)
        case .node: self = try PeerWords.Statement.readNode(from: &reader)
        case nil: return nil
        }
    }

    private static func readTunnel(from reader: inout PlaneByteReader) throws(PlaneFault) -> PeerWords.Statement {
        let tunnel = try reader.identity(TunnelID.self)
        let planeCount = Int(try reader.number(UInt8.self))
        guard !tunnel.isZero, planeCount <= PeerWords.planesMax else { throw reader.badValue }
        var planes: [String] = []
        for _ in 0..<planeCount { planes.append(try readText(from: &reader)) }
        let count = try reader.count()
        guard count <= PeerWords.connectorsMax else { throw reader.badValue }
        var connectors: [PeerWords.Connector] = []
        for _ in 0..<count {
            let id = try reader.identity(ConnectorID.self)
            let place = Int(try reader.number(UInt8.self))
            guard place < planes.count else { throw reader.badValue }
            let isUDP = try reader.bool()
            let weight = max(try reader.number(UInt8.self), 1)
            connectors.append(PeerWords.Connector(id: id, plane: planes[place], isUDP: isUDP, weight: weight))
        }
        return .tunnel(tunnel, connectors)
    }

    private static func readName(from reader: inout PlaneByteReader) throws(PlaneFault) -> PeerWords.Statement {
        let ingress = try readText(from: &reader)
        let key = try readText(from: &reader)
        guard !key.isEmpty else { throw reader.badValue }
        let holding = try reader.number(UInt8.self)
        if holding == 0 { return .name(ingress: ingress, key: key, nil) }
        let tunnel = try reader.identity(TunnelID.self)
        guard holding <= 2, !tunnel.isZero else { throw reader.badValue }
        return .name(ingress: ingress, key: key, Route(tunnel: tunnel, isPrivate: holding == 2))
    }

    private static func readNode(from reader: inout PlaneByteReader) throws(PlaneFault) -> PeerWords.Statement {
        let weight = max(try reader.number(UInt8.self), 1)
        let count = Int(try reader.number(UInt8.self))
        guard count <= PeerWords.planesMax else { throw reader.badValue }
        var peers: [PlaneNode.Peer] = []
        for _ in 0..<count {
            let plane = try readText(from: &reader)
            peers.append(PlaneNode.Peer(plane: plane, address: try readText(from: &reader)))
        }
        return .node(weight: weight, peers)
    }

    /// UTF-8, so that it is as long when it is said on.
    private static func readText(from reader: inout PlaneByteReader) throws(PlaneFault) -> String {
        let text = try reader.inlineText()
        guard let valid = text.withBytes({ String(validating: $0, as: UTF8.self) }) else { throw reader.badValue }
        return valid
    }

    /// The body, and its kind in front.
    fileprivate func encode(to writer: inout PlaneByteWriter) {
        switch self {
        case .listEnd: writer.put(Kind.listEnd.rawValue)
        case .again: writer.put(Kind.again.rawValue)
        case .tunnel(let tunnel, let connectors):
            precondition(connectors.count <= PeerWords.connectorsMax)
            writer.put(Kind.tunnel.rawValue)
            writer.put(tunnel)
            var places: [String: UInt8] = [:]
            var planes: [InlineText] = []
            for connector in connectors where places[connector.plane] == nil {
                guard let plane = InlineText(connector.plane) else { preconditionFailure("a data plane's long name") }
                places[connector.plane] = UInt8(planes.count)
                planes.append(plane)
            }
            precondition(planes.count <= PeerWords.planesMax)
            writer.put(UInt8(planes.count))
            for plane in planes { writer.put(plane) }
            writer.put(count: connectors.count)
            for connector in connectors {
                writer.put(connector.id)
                writer.put(places[connector.plane] ?? 0)
                writer.put(connector.isUDP)
                writer.put(connector.weight)
            }
        case .name(let ingress, let key, let route):
            guard let ingressText = InlineText(ingress), let keyText = InlineText(key) else {
                preconditionFailure("a name of more than 255 bytes is told")
            }
            writer.put(Kind.name.rawValue)
            writer.put(ingressText)
            writer.put(keyText)
            if let route {
                writer.put(UInt8(route.isPrivate ? 2 : 1))
                writer.put(route.tunnel)
            } else {
                writer.put(UInt8(0))
            }
        case .node(let weight, let peers):
            precondition(peers.count <= PeerWords.planesMax)
            writer.put(Kind.node.rawValue)
            writer.put(weight)
            writer.put(UInt8(peers.count))
            for peer in peers {
                guard let plane = InlineText(peer.plane), let address = InlineText(peer.address) else {
                    preconditionFailure("a data plane's name or address of more than 255 bytes is told")
                }
                writer.put(plane)
                writer.put(address)
            }
        }
    }
}

/// Writes one chunk, as long as there is room in it.
package struct PeerWordsWriter: Sendable {
    private var writer = PlaneByteWriter()
    /// Statements that it holds.
    package private(set) var count = 0

    /// The chunk of this number, without a statement yet.
    package init(epoch: UInt64, list: UInt32, number: UInt32) {
        writer.put(PeerWords.version)
        writer.put(epoch)
        writer.put(list)
        writer.put(number)
    }

    package var bytes: [UInt8] { writer.bytes }

    /// Adds a statement; false, and nothing is changed, when it does not fit any more.
    package mutating func add(_ statement: PeerWords.Statement) -> Bool {
        var body = PlaneByteWriter()
        statement.encode(to: &body)
        // The kind, two bytes of length, the rest.
        guard writer.bytes.count + body.bytes.count + 2 <= PeerWords.bytesMax else { return false }
        writer.put(body.bytes[0])
        writer.put(bytes: body.bytes[1...])
        count += 1
        return true
    }

    /// Whether a statement fits into an empty chunk: one that does not can never be said.
    package static func canSay(_ statement: PeerWords.Statement) -> Bool {
        var writer = PeerWordsWriter(epoch: 0, list: 0, number: 0)
        return writer.add(statement)
    }
}
