import ControlCore
import Model
import PlaneLink
import Primitives

/// A data plane that is only what the plane link makes of it: it keeps the sockets, routes and connectors it is told,
/// as the real one does, and answers.
struct SimulatedDataPlane {
    struct Key: Hashable {
        var ingress: UInt16
        var host: String
    }

    let name: String
    var epoch: UInt64
    var workers: UInt8 = 2
    var link: LinkID?
    /// What it would find for each key: claims over rules.
    var routes: [Key: Route] { rules.merging(claims) { $1 } }
    var claims: [Key: Route] = [:]
    var rules: [Key: Route] = [:]
    /// Answers to rules that it keeps back, as one does that stands still.
    var keepsRulesBack = false
    var routesGeneration: UInt64 = 0
    var connectors: [ConnectorID: BoundConnector] = [:]
    var listeners: [ListenerID: PlaneListener] = [:]
    /// Binds that wait for their answer.
    var asks: [UInt64: BindAsk] = [:]
    var granted: [UInt64: String] = [:]
    var refused: [UInt64: Reason] = [:]
    var nextAsk: UInt64 = 1
    var isDraining = false
    var isDismissed = false
    var isDead = false
    var hasTable = false
    var announced: [ListenerID] = []
    var services: [PlaneService] = []
    var servicesCount = 0
    var capabilities: PlaneCapabilities = [.access, .trust]
    /// What it was told of other nodes, and what came of its questions.
    var rows: [UInt16: PlaneNode] = [:]
    var peering: PlanePeering?
    /// Some came over this link.
    var hasRows = false
    var remote: [TunnelID: [Candidate]] = [:]
    var lookups: [UInt64: PlaneLookupOutcome] = [:]
    /// Words that its control plane wants told, until somebody takes them, and whom it said it can tell.
    var tellings: [PeerTelling] = []
    var saidLinked: Set<LinkedPeer> = []
    var minor: UInt16 = PlaneVersion.current.minor
    /// Who may use the services, as it holds since the last of them; nil when nothing was said.
    var access: [PlaneAccess]?
    var tables: [UInt16: Set<CredentialDigest>] = [:]
    private var nextAccess: [PlaneAccess]?
    private var nextTables: [UInt16: Set<CredentialDigest>] = [:]
    /// No services came without a word about access before them.
    var accessCameFirst = true

    init(name: String, epoch: UInt64) {
        self.name = name
        self.epoch = epoch
    }

    var hello: DataToControl {
        .hello(
            DataHello(
                version: PlaneVersion(major: 1, minor: minor), capabilities: capabilities, dataPlaneName: name,
                processEpoch: epoch, workers: workers,
                processID: 1, countersLayout: 1))
    }

    /// What it says after a connection, hello included.
    var inventory: [DataToControl] {
        [hello] + listeners.values.sorted { $0.id.rawValue < $1.id.rawValue }.map { .listenerHeld($0) }
            + connectors.values.sorted { $0.connector.low < $1.connector.low }.map { .connectorBound($0) }
            + [.inventoryEnd]
    }

    /// Takes one message; gives the answers.
    mutating func take(_ message: ControlToData) -> [DataToControl] {
        switch message {
        case .ping: return [.pong]
        case .routeDelta(let generation, let changes):
            precondition(hasTable, "changes before the table")
            precondition(generation > routesGeneration, "generations only grow")
            precondition(changes.count <= RouteChange.perMessageMax)
            for change in changes {
                claims[Key(ingress: change.ingress.rawValue, host: change.host.string)] = change.route
            }
            if changes.count < RouteChange.perMessageMax { routesGeneration = generation }
            return [.applied(generation: generation)]
        case .tableEnd(let generation):
            precondition(routesGeneration == generation)
            return [.applied(generation: generation)]
        case .listenersEnd:
            listeners = listeners.filter { announced.contains($0.key) }
            announced = []
        case .listenerRemoved(let id): listeners[id] = nil
        case .bindAnswer(let number, .granted(let host)):
            guard let ask = asks.removeValue(forKey: number) else { break }
            granted[number] = host.string
            connectors[ask.connector] = BoundConnector(
                connector: ask.connector, tunnel: ask.tunnel, service: ask.service, grantedHost: host,
                isUDP: ask.isUDP, weight: ask.weight, worker: WorkerIndex(0), source: ask.source)
        case .bindAnswer(let number, .refused(_, let reason)):
            asks[number] = nil
            refused[number] = reason
        case .closeConnector(let id):
            guard let bound = connectors.removeValue(forKey: id) else { break }
            return [.connectorLost(id, bound.tunnel, .shutdown)]
        case .drain:
            isDraining = true
            listeners = [:]
        case .dismissed: isDismissed = true
        case .credentials(let table, let digests):
            precondition(capabilities.contains(.access), "an old data plane is told what it does not know")
            precondition(digests.count <= CredentialDigest.perMessageMax)
            nextTables[table, default: []].formUnion(digests)
        case .access(_, let access):
            precondition(capabilities.contains(.access), "an old data plane is told what it does not know")
            nextAccess = access
            tables = nextTables
            nextTables = [:]
        case .peering, .node, .remoteTunnel, .lookupAnswer, .tellPeer: takeOfCluster(message)
        case .trust:
            precondition(capabilities.contains(.trust), "an old data plane is told what it does not know")
        case .services(_, let services):
            self.services = services
            servicesCount += 1
            access = nextAccess
            if nextAccess == nil { accessCameFirst = false }
        default: break
        }
        return []
    }

    /// What concerns other nodes.
    private mutating func takeOfCluster(_ message: ControlToData) {
        switch message {
        case .peering(let peering):
            precondition(capabilities.contains(.cluster), "an old data plane is told what it does not know")
            precondition(!hasRows, "rows before the word that there are others")
            self.peering = peering
        case .node(let row):
            precondition(capabilities.contains(.cluster), "an old data plane is told what it does not know")
            rows[row.index] = row
            hasRows = true
        case .remoteTunnel(let tunnel):
            precondition(capabilities.contains(.cluster), "an old data plane is told what it does not know")
            precondition(tunnel.candidates.allSatisfy { rows[$0.node] != nil }, "a candidate of an unknown node")
            remote[tunnel.tunnel] = tunnel.candidates
        case .lookupAnswer(let question, let outcome):
            if case .found(let route) = outcome {
                precondition(
                    remote[route.tunnel] != nil || !capabilities.contains(.cluster), "found, and not told where")
            }
            lookups[question] = outcome
        case .tellPeer(let telling):
            precondition(capabilities.contains(.words), "an old data plane is told what it does not know")
            precondition(!telling.words.isEmpty && telling.words.count <= PeerWords.bytesMax)
            tellings.append(telling)
        default: break
        }
    }

    /// What it knew of other nodes was told by a control plane whose indices hold no more.
    mutating func forgetOthers() {
        peering = nil
        rows = [:]
        remote = [:]
    }

    /// Takes a listener with its socket.
    mutating func take(_ listener: PlaneListener) {
        listeners[listener.id] = listener
        announced.append(listener.id)
    }

    /// Takes a table as the control core wrote it.
    mutating func take(_ table: RouteSnapshotView) {
        claims = SimulatedDataPlane.routes(of: table)
        routesGeneration = table.generation
        hasTable = true
    }

    /// Takes rules, which stand in a table of their own; gives the answers.
    mutating func take(_ table: RouteSnapshotView, generation: UInt64) -> [DataToControl] {
        precondition(capabilities.contains(.rules), "an old data plane is told what it does not know")
        precondition(!hasTable || generation > routesGeneration, "generations only grow")
        rules = SimulatedDataPlane.routes(of: table)
        guard hasTable else { return [] }
        routesGeneration = generation
        return keepsRulesBack ? [] : [.applied(generation: generation)]
    }

    private static func routes(of table: RouteSnapshotView) -> [Key: Route] {
        var routes: [Key: Route] = [:]
        let isWhole = table.forEach { ingress, isWildcard, name, route in
            let host = (isWildcard ? "." : "") + String(decoding: name, as: UTF8.self)
            routes[Key(ingress: ingress.rawValue, host: host)] = route
        }
        precondition(isWhole)
        return routes
    }

    /// The canonical text of what it believes.
    var dump: String {
        var dump = DumpText()
        for bound in connectors.values { dump.add(bound) }
        for (key, route) in routes {
            let isWildcard = key.host.hasPrefix(".")
            var name = isWildcard ? String(key.host.dropFirst()) : key.host
            name.withUTF8 {
                dump.add(
                    ingress: IngressIndex(key.ingress), isWildcard: isWildcard, name: UnsafeRawBufferPointer($0),
                    route: route)
            }
        }
        return dump.finish()
    }
}
