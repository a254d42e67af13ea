import Model
import PlaneLink
import Primitives

/// One message of every kind, with every member away from its zero: what the recorded transcript holds.
enum Samples {
    static let tunnel = TunnelID("381433e1-7980-11ee-bbdb-60f262c1e32d")!
    static let connector = ConnectorID("6ba7b811-9dad-41d1-80b4-00c04fd430c8")!
    static let source = SocketAddress(ipv4: 0xC000_0201, port: 40_000)
    static let listener = PlaneListener(
        id: ListenerID(7), role: .entrypoint(ServiceIndex(1), IngressIndex(2)), worker: WorkerIndex(3),
        address: "[::]:8080")

    static let ask = BindAsk(
        ask: 41, connector: connector, tunnel: tunnel, service: ServiceIndex(1),
        requestedHost: InlineText("App.example.org")!, port: 8081, isUDP: true, weight: 255, source: source,
        capabilities: 0x0102)

    static let bound = BoundConnector(
        connector: connector, tunnel: tunnel, service: ServiceIndex(1),
        grantedHost: InlineText("b7de88a94729b931")!, isUDP: false, weight: 3, worker: WorkerIndex(1), source: source)

    static let toData: [ControlToData] = [
        .hello(
            ControlHello(
                version: PlaneVersion(major: 1, minor: 0), capabilities: PlaneCapabilities(rawValue: 5),
                nodeName: "node-a", nodeEpoch: 0x0102_0304_0506_0708)),
        .refused("run both planes from releases that are next to each other"),
        .settings(
            PlaneSettings(
                generation: 1, limits: [.headBytesMax: 8_000, .carrierQueueBytesMax: 65_536], logLevel: .warning)),
        .services(
            generation: 1,
            [
                PlaneService(
                    index: ServiceIndex(1), name: "service-0", carrier: .ws, path: "/ws", ingress: IngressIndex(2),
                    muxVersion: 2, isDirect: true, urlTemplates: ["http://*.localhost:8080"])
            ]),
        .ingresses(generation: 1, [PlaneIngress(index: IngressIndex(2), dynamicDomains: ["localhost", "gost.local"])]),
        .listener(listener),
        .listenerRemoved(ListenerID(9)),
        .listenersEnd,
        .routesSnapshot(generation: 2, count: 1_000_000),
        .routeDelta(
            generation: 3,
            [
                RouteChange(
                    ingress: IngressIndex(2), host: InlineText(".example.org")!,
                    route: Route(tunnel: tunnel, isPrivate: true)),
                RouteChange(
                    ingress: IngressIndex(2), host: InlineText("a.example.org")!,
                    route: Route(tunnel: tunnel, isPrivate: false)),
                RouteChange(ingress: IngressIndex(2), host: InlineText("gone.example.org")!, route: nil),
            ]),
        .bindAnswer(ask: 41, .granted(host: InlineText("app.example.org")!)),
        .bindAnswer(ask: 42, .refused(status: 2, reason: .unauthorized)),
        .dumpAsk(id: 6),
        .closeConnector(connector),
        .drain,
        .tableEnd(generation: 3),
        .ping,
    ]

    /// What 1.1 says of whom to believe.
    static let trust: [ControlToData] = [
        .trust(
            PlaneTrust(
                services: [
                    PlaneTrust.Service(
                        service: ServiceIndex(1), takesProxyHeader: true, entrypointsTakeProxyHeader: false,
                        namesClientByField: true)
                ], proxies: [AddressPrefix("10.0.0.0/8")!, AddressPrefix("2001:db8::/32")!]))
    ]

    /// What 1.1 added.
    static let toDataOneOne: [ControlToData] = [
        .credentials(
            table: 3,
            [
                CredentialDigest(words: (0x0102_0304_0506_0708, 0x1112_1314_1516_1718, 0x21, 0x31)),
                CredentialDigest(
                    user: InlineText("user")!, password: InlineText("pass")!, key: CredentialKey(high: 1, low: 2)),
            ]),
        .access(
            key: CredentialKey(high: 1, low: 2),
            [
                PlaneAccess(service: ServiceIndex(1), credentials: 3, entrypointID: tunnel, relaysAtEntrypoints: true),
                PlaneAccess(
                    service: ServiceIndex(2), credentials: nil, entrypointID: .zero, relaysAtEntrypoints: false),
            ]),
    ]

    /// What 1.4 added.
    static let toDataOneFour: [ControlToData] = [.rulesSnapshot(generation: 3, count: 1_000_000)]

    static let node = NodeID("6ba7b811-9dad-41d1-80b4-00c04fd430c8")!

    /// What 1.2 added.
    static let toDataOneTwo: [ControlToData] = [
        .node(
            PlaneNode(
                index: 3, id: node, kind: .culvert, epoch: 0x0102_0304_0506_0708, isAlive: true, weight: 7,
                peers: [PlaneNode.Peer(plane: "data-0", address: "10.42.0.100:8430")],
                entrypoints: ["10.42.0.100:80"])),
        .node(
            PlaneNode(
                index: 4, id: node, kind: .stock, epoch: 0, isAlive: false, weight: 1, peers: [],
                entrypoints: ["10.42.0.101:80"])),
        .remoteTunnel(
            RemoteTunnel(
                tunnel: tunnel,
                candidates: [
                    Candidate(node: 3, place: 0, isUDP: false, weight: 300, standing: .preferred),
                    Candidate(node: 4, place: 1, isUDP: true, weight: 1, standing: .lastResort),
                ])),
        .remoteTunnel(RemoteTunnel(tunnel: tunnel, candidates: [])),
        .lookupAnswer(question: 9, .found(Route(tunnel: tunnel, isPrivate: true))),
        .lookupAnswer(question: 10, .found(Route(tunnel: tunnel, isPrivate: false))),
        .lookupAnswer(question: 11, .absent(milliseconds: 5_000)),
        .lookupAnswer(question: 12, .unknown),
    ]

    /// What 1.2 says of peer links.
    static let peering: [ControlToData] = [
        .peering(PlanePeering(node: node, secret: PeerSecret(words: [1, 0x0203_0405_0607_0809, 3, 4]))),
        .listener(
            PlaneListener(id: ListenerID(8), role: .peers, worker: WorkerIndex(1), address: "10.42.0.100:8430")),
    ]

    static let toControlOneTwo: [DataToControl] = [
        .lookup(
            PlaneLookup(
                question: 9, service: ServiceIndex(1), ingress: IngressIndex(2), host: InlineText("app.example.org")!,
                tunnel: tunnel))
    ]

    /// What 1.2 says of data planes that leave, in either direction.
    static let leaving: (toData: [ControlToData], toControl: [DataToControl]) = ([.drain, .dismissed], [.leaving])

    static let peer = LinkedPeer(node: node, plane: "data-1")

    /// What 1.3 added.
    static let toDataOneThree: [ControlToData] = [
        .tellPeer(PeerTelling(number: 0x0102_0304_0506_0708, peer: peer, words: [1, 2, 3, 4, 5])),
        .tellPeer(PeerTelling(number: 6, peer: peer, words: [])),
    ]

    static let toControlOneThree: [DataToControl] = [
        .peerLinked(peer, isLinked: true),
        .peerLinked(peer, isLinked: false),
        .peerTold(number: 0x0102_0304_0506_0708, isTaken: true),
        .peerTold(number: 6, isTaken: false),
        .peerSaid(node: node, words: [1, 2, 3, 4, 5]),
    ]

    /// Every statement that there is.
    static let statements: [PeerWords.Statement] = [
        .again,
        .tunnel(
            tunnel,
            [
                PeerWords.Connector(id: connector, plane: "data-0", isUDP: true, weight: 7),
                PeerWords.Connector(id: ConnectorID(high: 0, low: 9), plane: "data-1", isUDP: false, weight: 255),
            ]),
        .tunnel(tunnel, []),
        .name(ingress: "names", key: "shop", Route(tunnel: tunnel, isPrivate: false)),
        .name(ingress: "names", key: "shop.example.org", Route(tunnel: tunnel, isPrivate: true)),
        .name(ingress: "names", key: "gone", nil),
        .node(
            weight: 7,
            [
                PlaneNode.Peer(plane: "data-0", address: "10.42.0.100:8430"),
                PlaneNode.Peer(plane: "data-1", address: "[2001:db8::1]:8431"),
            ]),
        .listEnd,
    ]

    static let toControl: [DataToControl] = [
        .hello(
            DataHello(
                version: PlaneVersion(major: 1, minor: 0), capabilities: PlaneCapabilities(rawValue: 9),
                dataPlaneName: "data-0", processEpoch: 0x1112_1314_1516_1718, workers: 4, processID: 4_242,
                countersLayout: 1)),
        .listenerHeld(listener),
        .bindAsk(ask),
        .connectorBound(bound),
        .connectorLost(connector, tunnel, .keepAliveTimeout),
        .inventoryEnd,
        .applied(generation: 3),
        .dump(id: 6, text: "connectors 1\n", isLast: true),
        .pong,
    ]
}

extension [UInt8] {
    /// Bytes of hexadecimal digits; anything else is skipped.
    init(hex: String) {
        let digits = hex.compactMap(\.hexDigitValue)
        self = stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    var hex: String { map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
}
