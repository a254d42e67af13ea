internal import Model

/// The bytes of `DataToControl`. Kinds are for ever: a kind that is no longer used is never given to another message.
extension DataToControl {
    enum Kind: UInt16 {
        case bindAsk = 1
        case connectorBound = 2
        case connectorLost = 3
        case inventoryEnd = 4
        case applied = 5
        case dump = 6
        case pong = 7
        // Since 1.2.
        case lookup = 8
        case leaving = 9
        // Since 1.3.
        case peerLinked = 10
        case peerTold = 11
        case peerSaid = 12
        case hello = 0x8001
        case listenerHeld = 0x8002
    }

    var kind: Kind {
        switch self {
        case .hello: .hello
        case .listenerHeld: .listenerHeld
        case .bindAsk: .bindAsk
        case .connectorBound: .connectorBound
        case .connectorLost: .connectorLost
        case .inventoryEnd: .inventoryEnd
        case .applied: .applied
        case .dump: .dump
        case .pong: .pong
        case .lookup: .lookup
        case .leaving: .leaving
        case .peerLinked: .peerLinked
        case .peerTold: .peerTold
        case .peerSaid: .peerSaid
        }
    }

    /// Whether one descriptor travels with the message.
    package var carriesDescriptor: Bool { kind.rawValue & PlaneFrame.descriptorBit != 0 }

    /// Appends the message as one frame.
    package func encode(to bytes: inout [UInt8]) {
        PlaneFrame.append(kind: kind.rawValue, to: &bytes) { write(to: &$0) }
    }

    private func write(to writer: inout PlaneByteWriter) {
        switch self {
        case .hello(let hello): hello.encode(to: &writer)
        case .listenerHeld(let listener): listener.encode(to: &writer)
        case .bindAsk(let ask): ask.encode(to: &writer)
        case .connectorBound(let bound): bound.encode(to: &writer)
        case .connectorLost(let connector, let tunnel, let reason):
            writer.put(connector)
            writer.put(tunnel)
            writer.put(PlaneName.of(reason))
        case .applied(let generation): writer.put(generation)
        case .dump(let id, let text, let isLast):
            writer.put(id)
            writer.put(isLast)
            writer.put(text)
        case .lookup(let lookup): lookup.encode(to: &writer)
        case .peerLinked(let peer, let isLinked):
            peer.encode(to: &writer)
            writer.put(isLinked)
        case .peerTold(let number, let isTaken):
            writer.put(number)
            writer.put(isTaken)
        case .peerSaid(let node, let words):
            writer.put(node)
            writer.put(bytes: words)
        case .inventoryEnd, .pong, .leaving: break
        }
    }

    /// The message of a frame; nil for a kind that this version does not know, which is skipped (after its descriptor
    /// was closed, if it carries one).
    package static func decode(_ frame: PlaneFrame) throws(PlaneFault) -> DataToControl? {
        guard let kind = Kind(rawValue: frame.kind) else { return nil }
        var reader = PlaneByteReader(frame)
        switch kind {
        case .hello: return .hello(try DataHello(from: &reader))
        case .listenerHeld: return .listenerHeld(try PlaneListener(from: &reader))
        case .bindAsk: return .bindAsk(try BindAsk(from: &reader))
        case .connectorBound: return .connectorBound(try BoundConnector(from: &reader))
        case .connectorLost:
            let connector = try reader.identity(ConnectorID.self)
            let tunnel = try reader.identity(TunnelID.self)
            // A reason that only a newer data plane knows is still a lost connector.
            return .connectorLost(connector, tunnel, PlaneName.reason(try reader.string()) ?? .connectorLost)
        case .inventoryEnd: return .inventoryEnd
        case .applied: return .applied(generation: try reader.number())
        case .dump:
            let id = try reader.number(UInt64.self)
            let isLast = try reader.bool()
            return .dump(id: id, text: try reader.string(), isLast: isLast)
        case .pong: return .pong
        case .lookup: return .lookup(try PlaneLookup(from: &reader))
        case .leaving: return .leaving
        case .peerLinked: return .peerLinked(try LinkedPeer(from: &reader), isLinked: try reader.bool())
        case .peerTold: return .peerTold(number: try reader.number(), isTaken: try reader.bool())
        case .peerSaid:
            return .peerSaid(node: try reader.identity(), words: try reader.bytes(atMost: PeerWords.bytesMax))
        }
    }
}

extension DataHello {
    func encode(to writer: inout PlaneByteWriter) {
        writer.put(version.major)
        writer.put(version.minor)
        writer.put(capabilities.rawValue)
        writer.put(dataPlaneName)
        writer.put(processEpoch)
        writer.put(workers)
        writer.put(processID)
        writer.put(countersLayout)
    }

    init(from reader: inout PlaneByteReader) throws(PlaneFault) {
        version = try reader.version()
        capabilities = PlaneCapabilities(rawValue: try reader.number())
        dataPlaneName = try reader.string()
        processEpoch = try reader.number()
        workers = try reader.number()
        guard workers >= 1, Int(workers) <= WorkerIndex.countMax else { throw reader.badValue }
        processID = try reader.number()
        countersLayout = try reader.number()
    }
}
