import Model
import Observe
import Primitives
import Simulator
import Testing
import Wire
import Worker
import World

/// A tunnel client's worker, scripted servers on one host and scripted targets on the client's own.
struct ClientBench {
    static let tunnel = Bench.tunnel

    let world = World(seed: 1)
    let serverHost: SimulatedHost
    let clientHost: SimulatedHost
    let bench: WorkerBench
    let desk: ClientDesk

    init(_ plans: [ClientDesk.Plan]) throws {
        serverHost = world.kernel.makeHost(low: 0xFFFF_0A00_0001)
        clientHost = world.kernel.makeHost(low: 0xFFFF_0A00_0100)
        let process = world.kernel.makeProcess(on: clientHost)
        let desk = ClientDesk(plans: plans, seed: 7)
        self.desk = desk
        bench = try WorkerBench(world.kernel, process, seed: 3) { $0.client = desk }
        world.add(bench)
    }

    /// One tunnel to the servers at these ports of the server's host.
    static func plan(ports: [UInt16] = [8_444], _ nodes: [TargetGroup.Node], proxy: UInt8 = 0) -> ClientDesk.Plan {
        ClientDesk.Plan(
            name: "t", tunnel: tunnel, servers: ports.map { server(port: $0) },
            targets: TargetGroup(nodes, proxyVersion: proxy))
    }

    static func server(port: UInt16, host: String = "10.0.0.1", isWebSocket: Bool = false) -> ClientDesk.Server {
        ClientDesk.Server(
            host: host, port: port, isWebSocket: isWebSocket, path: InlineText("/ws")!, hostHeader: InlineText("h")!)
    }

    /// A target at a port of the client's host, for one host of visitors or for all.
    static func node(_ port: UInt16, _ host: String? = nil) -> TargetGroup.Node {
        var node = TargetGroup.Node(.host("10.0.1.0", port: port))
        node.filter = host.flatMap { HostFilter($0) }
        return node
    }

    func server(_ port: UInt16 = 8_444) -> ScriptedServer { ScriptedServer(world, on: serverHost, port: port) }

    func target(_ port: UInt16) -> ScriptedTarget {
        ScriptedTarget(world, on: clientHost, at: SimulatedAddress(low: clientHost.low, port: port))
    }

    func target(path: String) -> ScriptedTarget {
        ScriptedTarget(world, on: clientHost, at: SimulatedAddress(path: Array(path.utf8)))
    }

    func run(_ milliseconds: UInt64 = 20) { world.run(milliseconds: milliseconds) }

    /// The server's `number`th session, once it was granted.
    func session(of server: ScriptedServer, _ number: Int = 0) throws -> ScriptedServer.Session {
        let isBound = world.run(milliseconds: 2_000) {
            server.sessions.count > number && server.sessions[number].request != nil
        }
        try #require(isBound)
        run()
        return server.sessions[number]
    }

    /// Changes what the client wants, between two turns.
    func change(_ body: @escaping (inout Worker) -> Void) {
        var isDone = false
        bench.beforeEnd = { worker in
            if !isDone { body(&worker) }
            isDone = true
        }
        bench.turn(world.now)
        bench.beforeEnd = nil
        run()
    }

    /// Everything that was to leave has left.
    var hasLeft: Bool { bench.worker.hasLeft }
    func count(_ reason: Reason) -> UInt64 { bench.counters.value(reason) }

    var boundCount: Int { desk.events.count { if case .bound = $0 { true } else { false } } }
    var failures: [(failure: ClientDesk.Failure, retryMilliseconds: UInt64)] {
        desk.events.compactMap {
            if case .failed(_, _, let failure, let milliseconds) = $0 { (failure, milliseconds) } else { nil }
        }
    }
}
