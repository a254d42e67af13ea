import Model
import Observe
import Primitives
import Simulator
import Wire
import Worker
import World

/// One seeded history of local visitors, a visiting client, a node, a binding client and its service: by TCP with an HTTP
/// origin, and by datagrams with an echo. The laws are those of `History`, and for datagrams: what comes back was sent, by
/// the same sender; in weather that loses nothing, all of it.
final class VisitHistory {
    enum Weather: Sendable {
        case lossless
        /// Visitors reset their connections, datagrams are lost or late.
        case rude
        /// The node dies: nothing is left at the visiting client.
        case dyingNode
    }

    let world: World
    let node: NodeProcess
    let weather: Weather
    let binder: ClientProcess
    let datagramBinder: ClientProcess
    let visitor: VisitorProcess
    private let origin: ScriptedOrigin
    private let service: SimulatedDatagramPeer
    private(set) var browsers: [Browser] = []
    private var senders: [(peer: SimulatedDatagramPeer, sent: [[UInt8]], received: [[UInt8]])] = []
    private var random: Random

    static let tunnels = [
        History.tunnel, TunnelID(high: 0x8937_87fd_fcd2_46a0, low: 0x8dd4_f910_3ae8_4df4),
    ]

    init(seed: UInt64, weather: Weather) throws {
        random = Random(seed: seed)
        self.weather = weather
        var faults = Faults.lossless
        if weather == .rude {
            faults.lostDatagram = 50
            faults.lateDatagram = 100
        }
        world = World(seed: seed, faults: faults)
        node = try NodeProcess(world, workers: 1 + Int(random.below(3)), seed: seed)
        var carriers: [NodeProcess.Carrier] = []
        for _ in 0..<4 { carriers.append(random.below(2) == 0 ? .ws : .tcp) }
        binder = try ClientProcess(
            world, node, carriers[0], number: 0, tunnel: VisitHistory.tunnels[0], seed: seed &+ 1)
        datagramBinder = try ClientProcess(
            world, node, carriers[1], number: 1, tunnel: VisitHistory.tunnels[1], isUDP: true, seed: seed &+ 2)
        origin = ScriptedOrigin(world, binder)
        service = world.kernel.exchangeDatagrams(on: datagramBinder.host, at: datagramBinder.target)
        let names = VisitHistory.tunnels.map { "\(Endpoint.label(of: $0).string).\(NodeProcess.domain)" }
        let services = [
            VisitorProcess.service(node, carriers[2], tunnel: VisitHistory.tunnels[0], destination: names[0]),
            VisitorProcess.service(
                node, carriers[3], tunnel: VisitHistory.tunnels[1], destination: names[1], isUDP: true),
        ]
        visitor = try VisitorProcess(world, services: services, seed: seed &+ 3)
        let (binder, datagramBinder) = (binder, datagramBinder)
        world.run(milliseconds: 3_000) { binder.boundCount + datagramBinder.boundCount == 2 }
        addVisitors(host: names[0])
    }

    private func addVisitors(host: String) {
        for number in 0..<2 + Int(random.below(4)) {
            let requests = (0..<1 + Int(random.below(5))).map { makeRequest(number * 100 + $0) }
            // One after the other: nobody separates requests here but the origin, which ends some answers by closing.
            browsers.append(
                Browser(
                    world, at: visitor.address(of: 0), visitor.host, name: host, requests: requests,
                    halfCloses: random.below(4) == 0,
                    resetsAt: weather == .rude && random.below(2) == 0 ? Int(random.below(3)) : nil))
        }
        for number in 0..<1 + UInt16(random.below(4)) {
            let address = SimulatedAddress(low: visitor.host.low, port: 20_000 + number)
            senders.append((world.kernel.exchangeDatagrams(on: visitor.host, at: address), [], []))
        }
    }

    private func makeRequest(_ number: Int) -> Browser.Request {
        let size = random.below([1, 100, 5_000, 20_000, 300_000][Int(random.below(5))] + 1)
        let framing = ScriptedOrigin.Framing.allCases[Int(random.below(3))]
        let isPost = random.below(3) == 0
        let body = isPost ? Content.bytes(UInt64(number), Int(random.below(20_000))) : []
        return Browser.Request(
            path: "/\(number)/\(size)/\(framing.rawValue)/\(random.below(4))", isPost: isPost, body: body)
    }

    /// Lets everything happen, then everybody go, until nothing moves.
    func run() {
        for round in 0..<12 {
            for index in senders.indices {
                let sizes: [UInt32] = [1, 100, 1_400, 1_400, 9_000, 40_000]
                let count = Int(random.below(sizes[Int(random.below(6))]))
                let bytes = Content.bytes(UInt64(round * 100 + index), count)
                senders[index].sent.append(bytes)
                senders[index].peer.send(bytes, to: visitor.address(of: 1))
            }
            echo(milliseconds: 40)
            if weather == .dyingNode, round == 6 { node.process.kill() }
        }
        for _ in 0..<200 where !browsers.allSatisfy(\.isDone) && weather != .dyingNode { echo(milliseconds: 100) }
        echo(milliseconds: 100)
        // Longer than every silence that ends something.
        world.run(milliseconds: 75_000)
    }

    private func echo(milliseconds: UInt64) {
        for _ in 0..<milliseconds / 10 {
            world.run(milliseconds: 10)
            for datagram in service.take() { service.send(datagram.bytes, to: datagram.from) }
            for index in senders.indices { senders[index].received += senders[index].peer.take().map(\.bytes) }
        }
    }

    /// The laws that were broken.
    var brokenLaws: [String] {
        var broken = world.kernel.violations
        for (number, sender) in senders.enumerated() {
            if weather == .lossless, sender.received != sender.sent {
                broken.append(
                    "sender \(number) sent \(sender.sent.map(\.count)) and got \(sender.received.map(\.count))")
            }
            if !sender.received.allSatisfy(sender.sent.contains) {
                broken.append("sender \(number) got what it never sent")
            }
        }
        for (number, browser) in browsers.enumerated() {
            broken += browser.violations
            broken += browser.shortened
            if weather != .dyingNode, !browser.isDone { broken.append("visitor \(number) waits for ever") }
            for (request, outcome) in zip(browser.requests, browser.outcomes) where outcome != .answered {
                if weather == .lossless || outcome != .cut {
                    broken.append("visitor \(number), \(request.path): \(outcome)")
                }
            }
        }
        // A binder keeps its carrier, or dials a dead node in vain; a service keeps its socket.
        broken += leaks("visiting client", visitor.bench, sockets: 1)
        if weather != .dyingNode {
            broken += leaks("binder", binder.bench, sockets: 1)
            broken += leaks("binder of datagrams", datagramBinder.bench, sockets: 1)
        }
        for reason in [Reason.windowExceeded, .smuxFault, .webSocketFault, .relayFault, .buffersFull, .stalled] {
            let benches = [visitor.bench, binder.bench, datagramBinder.bench] + node.benches
            let count = benches.reduce(0) { $0 + $1.counters.value(reason) }
            if count > 0 { broken.append("\(reason.label) was counted \(count) times") }
        }
        return broken
    }

    private func leaks(_ what: String, _ bench: WorkerBench, sockets: Int) -> [String] {
        let ledger = bench.worker.ledger
        var broken: [String] = []
        if ledger.visits != 0 || ledger.streams != 0 || ledger.sockets != sockets || ledger.nodes != 0
            || ledger.datagrams != 0
        {
            broken.append("\(what): left behind: \(ledger)")
        }
        if ledger.buffersInUse != ledger.buffersWithShell + (ledger.hasArena ? 1 : 0)
            || ledger.buffersWithShell != bench.port.providedCount
        {
            broken.append("\(what): buffers leaked: \(ledger), \(bench.port.providedCount) with the kernel")
        }
        return broken
    }
}
