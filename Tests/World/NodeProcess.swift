package import Model
package import Observe
package import PlaneLink
import Primitives
package import Simulator
package import Worker

/// A data plane of one to three workers whose control plane is away: it decides binds alone. Tunnel ports for both
/// carriers and one entrypoint, a listening socket per worker each, as the control plane would open them.
package final class NodeProcess {
    package static let webSocketPort: UInt16 = 8_443
    package static let relayPort: UInt16 = 8_444
    package static let entrypointPort: UInt16 = 8_080
    /// Where other data planes come, once `listenForPeers` was called.
    package static let peersPort: UInt16 = 8_430
    package static let domain = "localhost"
    /// Nobody listens there unless a test does.
    package static let controlPath = "/control"

    /// How a tunnel client reaches the node.
    package enum Carrier: Sendable { case ws, tcp }

    package let host: SimulatedHost
    package let process: SimulatedProcess
    package private(set) var benches: [WorkerBench] = []

    package init(
        _ world: World, workers: Int = 1, seed: UInt64, limits: [Limit: UInt64] = [:], muxVersion: UInt8 = 2,
        isDirect: Bool = false, domain: String = NodeProcess.domain, cipher: LinkCipher.Kind = .none,
        trust: PlaneTrust = PlaneTrust(), bufferCount: Int = WorkerBench.bufferCountStandard,
        access: NodeAccess? = nil, number: Int = 0, plane: String = "simulated"
    ) throws {
        host = world.kernel.makeHost(low: NodeProcess.hostLow(number))
        process = world.kernel.makeProcess(on: host)
        let mailboxes = (0..<workers).map { from in
            (0..<workers).map { to in from == to ? nil : Mailbox(capacity: 32_768) }
        }
        let desk = PlaneDesk(
            hello: DataHello(
                version: .current, capabilities: [], dataPlaneName: plane, processEpoch: 1,
                workers: UInt8(workers), processID: 1, countersLayout: CounterFile.layout),
            path: NodeProcess.controlPath, workerCount: workers, countersDescriptor: process.makeFile([0]))
        desk.serve(
            [Carrier.ws, .tcp].enumerated().map { position, carrier in
                PlaneService(
                    index: ServiceIndex(UInt16(position)), name: "\(carrier)", carrier: carrier == .ws ? .ws : .tcp,
                    path: "/ws", ingress: IngressIndex(0), muxVersion: muxVersion, isDirect: isDirect,
                    urlTemplates: ["http://*.\(domain):\(NodeProcess.entrypointPort)"])
            },
            [PlaneIngress(index: IngressIndex(0), dynamicDomains: [domain])],
            PlaneSettings(generation: 1, limits: limits, logLevel: .info), trust: trust, cipher: cipher,
            access: access)
        for index in 0..<workers {
            let bench = try WorkerBench(
                world.kernel, process, index: index, seed: seed &+ UInt64(index) &* 7_919, bufferCount: bufferCount
            ) { setup in
                setup.workerCount = workers
                setup.outboxes = mailboxes[index]
                setup.inboxes = mailboxes.map { $0[index] }
                if index == 0 { setup.desk = desk }
            }
            benches.append(bench)
            world.add(bench)
        }
        listen()
        // The first turns spread the table before anybody comes.
        world.run(milliseconds: 5)
    }

    /// The address of the node of a number: 10.0.0.1, then 10.0.2.1, 10.0.2.2 …
    package static func hostLow(_ number: Int) -> UInt64 {
        number == 0 ? 0xFFFF_0A00_0001 : 0xFFFF_0A00_0200 + UInt64(number)
    }

    /// Accepts other data planes on every worker.
    package func listenForPeers() {
        for (worker, bench) in benches.enumerated() {
            let descriptor = process.listen(at: address(NodeProcess.peersPort), backlog: 128)
            bench.worker.openListener(Listener(id: UInt32(1_000 + worker), peersOn: descriptor))
            bench.port.submit(&bench.worker.operations)
        }
    }

    private func listen() {
        let ports: [(UInt16, ServiceIndex, Bool)] = [
            (NodeProcess.webSocketPort, ServiceIndex(0), false), (NodeProcess.relayPort, ServiceIndex(1), false),
            (NodeProcess.entrypointPort, ServiceIndex(0), true),
        ]
        for (position, (port, service, isEntrypoint)) in ports.enumerated() {
            for (worker, bench) in benches.enumerated() {
                let descriptor = process.listen(at: address(port), backlog: 128)
                bench.worker.openListener(
                    Listener(
                        id: UInt32(position * benches.count + worker + 1), descriptor: descriptor,
                        isEntrypoint: isEntrypoint, service: service, ingress: IngressIndex(0)))
                bench.port.submit(&bench.worker.operations)
            }
        }
    }

    /// One of the node's ports as others dial it.
    package func address(_ port: UInt16) -> SimulatedAddress { SimulatedAddress(low: host.low, port: port) }

    /// How often something was counted, over all workers.
    package func count(_ reason: Reason) -> UInt64 { benches.reduce(0) { $0 + $1.counters.value(reason) } }

    /// What the log was told for a reason, by all workers.
    package func refusals(_ reason: Reason) -> [Refusal] {
        benches.flatMap { $0.refusals.filter { $0.reason == reason } }
    }

    /// Counters of plain things, over all workers.
    package func count(_ counter: Counter) -> UInt64 { benches.reduce(0) { $0 + $1.counters.value(counter) } }
}
