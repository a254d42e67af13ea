internal import Model

/// The bytes of `ControlToData`. Kinds are for ever: a kind that is no longer used is never given to another message.
extension ControlToData {
    enum Kind: UInt16 {
        case hello = 1
        case refused = 2
        case settings = 3
        case services = 4
        case ingresses = 5
        case listenerRemoved = 6
        case listenersEnd = 7
        case routeDelta = 8
        case bindAnswer = 9
        case dumpAsk = 10
        case closeConnector = 11
        case drain = 12
        case tableEnd = 13
        case ping = 14
        // Since 1.1.
        case trust = 18
        case credentials = 20
        case access = 21
        // Since 1.2.
        case node = 22
        case remoteTunnel = 23
        case lookupAnswer = 24
        case peering = 25
        case dismissed = 26
        // Since 1.3.
        case tellPeer = 27
        case listener = 0x8001
        case routesSnapshot = 0x8002
        // Since 1.4.
        case rulesSnapshot = 0x8003
    }

    var kind: Kind {
        switch self {
        case .hello: .hello
        case .refused: .refused
        case .settings: .settings
        case .services: .services
        case .ingresses: .ingresses
        case .trust: .trust
        case .credentials: .credentials
        case .access: .access
        case .listener: .listener
        case .listenerRemoved: .listenerRemoved
        case .listenersEnd: .listenersEnd
        case .routesSnapshot: .routesSnapshot
        case .rulesSnapshot: .rulesSnapshot
        case .routeDelta: .routeDelta
        case .bindAnswer: .bindAnswer
        case .dumpAsk: .dumpAsk
        case .closeConnector: .closeConnector
        case .drain: .drain
        case .tableEnd: .tableEnd
        case .ping: .ping
        case .node: .node
        case .remoteTunnel: .remoteTunnel
        case .lookupAnswer: .lookupAnswer
        case .peering: .peering
        case .dismissed: .dismissed
        case .tellPeer: .tellPeer
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
        case .hello(let hello):
            writer.put(hello.version.major)
            writer.put(hello.version.minor)
            writer.put(hello.capabilities.rawValue)
            writer.put(hello.nodeName)
            writer.put(hello.nodeEpoch)
        case .refused(let text): writer.put(text)
        case .settings(let settings): settings.encode(to: &writer)
        case .services(let generation, let services):
            writer.put(generation)
            writer.put(count: services.count)
            for service in services { service.encode(to: &writer) }
        case .ingresses(let generation, let ingresses):
            writer.put(generation)
            writer.put(count: ingresses.count)
            for ingress in ingresses { ingress.encode(to: &writer) }
        case .trust(let trust): trust.encode(to: &writer)
        case .credentials(let table, let digests):
            precondition(digests.count <= CredentialDigest.perMessageMax)
            writer.put(table)
            writer.put(count: digests.count)
            for digest in digests { digest.encode(to: &writer) }
        case .access(let key, let services):
            key.encode(to: &writer)
            writer.put(count: services.count)
            for service in services { service.encode(to: &writer) }
        case .listener(let listener): listener.encode(to: &writer)
        case .listenerRemoved(let id): writer.put(id.rawValue)
        case .routesSnapshot(let generation, let count), .rulesSnapshot(let generation, let count):
            writer.put(generation)
            writer.put(count)
        case .routeDelta(let generation, let changes):
            precondition(changes.count <= RouteChange.perMessageMax)
            writer.put(generation)
            writer.put(count: changes.count)
            for change in changes { change.encode(to: &writer) }
        case .bindAnswer(let ask, let outcome):
            writer.put(ask)
            outcome.encode(to: &writer)
        case .dumpAsk(let id): writer.put(id)
        case .closeConnector(let connector): writer.put(connector)
        case .tableEnd(let generation): writer.put(generation)
        case .node(let node): node.encode(to: &writer)
        case .remoteTunnel(let tunnel): tunnel.encode(to: &writer)
        case .lookupAnswer(let question, let outcome):
            writer.put(question)
            outcome.encode(to: &writer)
        case .peering(let peering): peering.encode(to: &writer)
        case .tellPeer(let telling): telling.encode(to: &writer)
        case .listenersEnd, .drain, .ping, .dismissed: break
        }
    }

    /// The message of a frame; nil for a kind that this version does not know, which is skipped (after its descriptor
    /// was closed, if it carries one).
    package static func decode(_ frame: PlaneFrame) throws(PlaneFault) -> ControlToData? {
        guard let kind = Kind(rawValue: frame.kind) else { return nil }
        var reader = PlaneByteReader(frame)
        return try read(kind, from: &reader)
    }

    private static func read(_ kind: Kind, from reader: inout PlaneByteReader) throws(PlaneFault) -> ControlToData {
        switch kind {
        case .hello:
            let version = try reader.version()
            let capabilities = PlaneCapabilities(rawValue: try reader.number())
            return .hello(
                ControlHello(
                    version: version, capabilities: capabilities, nodeName: try reader.string(),
                    nodeEpoch: try reader.number()))
        case .refused: return .refused(try reader.string())
        case .settings: return .settings(try PlaneSettings(from: &reader))
        case .services:
            let generation = try reader.number(UInt64.self)
            var services: [PlaneService] = []
            for _ in 0..<(try reader.count()) { services.append(try PlaneService(from: &reader)) }
            return .services(generation: generation, services)
        case .ingresses:
            let generation = try reader.number(UInt64.self)
            var ingresses: [PlaneIngress] = []
            for _ in 0..<(try reader.count()) { ingresses.append(try PlaneIngress(from: &reader)) }
            return .ingresses(generation: generation, ingresses)
        case .trust: return .trust(try PlaneTrust(from: &reader))
        case .credentials:
            let table = try reader.number(UInt16.self)
            let count = try reader.count()
            guard count <= CredentialDigest.perMessageMax else { throw reader.badValue }
            var digests: [CredentialDigest] = []
            digests.reserveCapacity(count)
            for _ in 0..<count { digests.append(try CredentialDigest(from: &reader)) }
            return .credentials(table: table, digests)
        case .access:
            let key = try CredentialKey(from: &reader)
            var services: [PlaneAccess] = []
            for _ in 0..<(try reader.count()) { services.append(try PlaneAccess(from: &reader)) }
            return .access(key: key, services)
        case .listener: return .listener(try PlaneListener(from: &reader))
        case .listenerRemoved: return .listenerRemoved(ListenerID(try reader.number()))
        case .listenersEnd: return .listenersEnd
        case .routesSnapshot: return .routesSnapshot(generation: try reader.number(), count: try reader.number())
        case .rulesSnapshot: return .rulesSnapshot(generation: try reader.number(), count: try reader.number())
        case .routeDelta:
            let generation = try reader.number(UInt64.self)
            let count = try reader.count()
            guard count <= RouteChange.perMessageMax else { throw reader.badValue }
            var changes: [RouteChange] = []
            changes.reserveCapacity(count)
            for _ in 0..<count { changes.append(try RouteChange(from: &reader)) }
            return .routeDelta(generation: generation, changes)
        case .bindAnswer: return .bindAnswer(ask: try reader.number(), try BindOutcome(from: &reader))
        case .dumpAsk: return .dumpAsk(id: try reader.number())
        case .closeConnector: return .closeConnector(try reader.identity())
        case .drain: return .drain
        case .tableEnd: return .tableEnd(generation: try reader.number())
        case .ping: return .ping
        case .dismissed: return .dismissed
        case .node: return .node(try PlaneNode(from: &reader))
        case .peering: return .peering(try PlanePeering(from: &reader))
        case .tellPeer: return .tellPeer(try PeerTelling(from: &reader))
        case .remoteTunnel: return .remoteTunnel(try RemoteTunnel(from: &reader))
        case .lookupAnswer:
            return .lookupAnswer(question: try reader.number(), try PlaneLookupOutcome(from: &reader))
        }
    }
}

extension PlaneSettings {
    func encode(to writer: inout PlaneByteWriter) {
        writer.put(generation)
        writer.put(count: limits.count)
        for (limit, value) in limits.sorted(by: { "\($0.key)" < "\($1.key)" }) {
            writer.put(PlaneName.of(limit))
            writer.put(value)
        }
        writer.put(logLevel.rawValue)
    }

    init(from reader: inout PlaneByteReader) throws(PlaneFault) {
        generation = try reader.number()
        limits = [:]
        for _ in 0..<(try reader.count()) {
            let limit = PlaneName.limit(try reader.string())
            let value = try reader.number(UInt64.self)
            if let limit { limits[limit] = value }
        }
        guard let level = Severity(rawValue: try reader.number()) else { throw reader.badValue }
        logLevel = level
    }
}
