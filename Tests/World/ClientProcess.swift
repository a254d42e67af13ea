package import Model
import Primitives
package import Simulator
package import Worker

/// Our own client in its process: one worker that dials the node and hands its streams to a target on its own host.
package final class ClientProcess {
    package static let targetPort: UInt16 = 3_000

    package let host: SimulatedHost
    package let process: SimulatedProcess
    package let bench: WorkerBench
    package let desk: ClientDesk

    /// `others` are nodes that it may dial instead of the first.
    package init(
        _ world: World, _ node: NodeProcess, _ carrier: NodeProcess.Carrier, number: Int = 0, tunnel: TunnelID,
        connections: Int = 1, isUDP: Bool = false, cipher: LinkCipher.Kind = .none, limits: [Limit: UInt64] = [:],
        targetHost: String? = nil, others: [NodeProcess] = [], seed: UInt64
    ) throws {
        host = world.kernel.makeHost(low: 0xFFFF_0A00_0100 + UInt64(number))
        process = world.kernel.makeProcess(on: host)
        let servers = ([node] + others).map { node in
            var server = ClientDesk.Server(
                host: SocketAddress(high: node.host.high, low: node.host.low, port: 0).hostText,
                port: carrier == .ws ? NodeProcess.webSocketPort : NodeProcess.relayPort,
                isWebSocket: carrier == .ws, path: InlineText("/ws")!, hostHeader: InlineText("10.0.0.1")!)
            server.cipher = cipher
            return server
        }
        var plan = ClientDesk.Plan(
            name: "simulated", tunnel: tunnel, servers: servers, targetHost: targetHost ?? "10.0.1.\(number)",
            targetPort: ClientProcess.targetPort)
        plan.isUDP = isUDP
        let desk = ClientDesk(plans: Array(repeating: plan, count: connections), seed: seed)
        self.desk = desk
        bench = try WorkerBench(world.kernel, process, seed: seed, datagramCount: isUDP ? 8 : 0) { setup in
            var table = Limits()
            for (limit, value) in limits { table.set(limit, to: value) }
            setup.client = desk
            setup.table = NodeTable(services: [], dynamicDomains: [], limits: table, nodeName: "")
        }
        world.add(bench)
    }

    /// Where its target listens.
    package var target: SimulatedAddress { SimulatedAddress(low: host.low, port: ClientProcess.targetPort) }

    /// Connections that were granted their tunnel so far.
    package var boundCount: Int {
        desk.events.count { if case .bound = $0 { true } else { false } }
    }
}
