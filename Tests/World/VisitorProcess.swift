package import Model
import Operations
import Primitives
package import Simulator
package import Worker

/// Our own client in its process, as visitors run it: one worker whose local ports lead to tunnels.
package final class VisitorProcess {
    /// The first service's port; the others follow.
    package static let firstPort: UInt16 = 9_000
    package static let datagramBufferCount = 8

    package let host: SimulatedHost
    package let process: SimulatedProcess
    package let bench: WorkerBench
    package let desk: ClientDesk

    package init(
        _ world: World, number: Int = 0, services: [VisitDesk.Service], limits: [Limit: UInt64] = [:], seed: UInt64
    ) throws {
        host = world.kernel.makeHost(low: 0xFFFF_0A00_0200 + UInt64(number))
        process = world.kernel.makeProcess(on: host)
        let desk = ClientDesk(plans: [], visits: services, seed: seed)
        self.desk = desk
        var table = Limits()
        for (limit, value) in limits { table.set(limit, to: value) }
        bench = try WorkerBench(
            world.kernel, process, seed: seed, datagramCount: VisitorProcess.datagramBufferCount
        ) { setup in
            setup.client = desk
            setup.table = NodeTable(services: [], dynamicDomains: [], limits: table, nodeName: "")
        }
        for (position, service) in services.enumerated() {
            let address = address(of: position)
            if service.isUDP {
                bench.worker.openDatagramService(
                    UInt16(position), descriptor: process.bindDatagram(at: address), family: .ipv4)
            } else {
                bench.worker.openVisitService(
                    UInt16(position), descriptor: process.listen(at: address, backlog: 128))
            }
        }
        bench.port.submit(&bench.worker.operations)
        world.add(bench)
    }

    /// Where local visitors of a service come.
    package func address(of service: Int) -> SimulatedAddress {
        SimulatedAddress(low: host.low, port: VisitorProcess.firstPort + UInt16(service))
    }

    /// A service that leads to a node's tunnel; one of datagrams is kept alive unless a test says otherwise.
    package static func service(
        _ node: NodeProcess, _ carrier: NodeProcess.Carrier, tunnel: TunnelID, destination: String, isUDP: Bool = false
    ) -> VisitDesk.Service {
        let server = server(
            host: "10.0.0.1", port: carrier == .ws ? NodeProcess.webSocketPort : NodeProcess.relayPort, carrier)
        var service = VisitDesk.Service(name: "visit", tunnel: tunnel, servers: [server], destination: destination)!
        service.isUDP = isUDP
        service.keepsAlive = true
        return service
    }

    package static func server(host: String, port: UInt16, _ carrier: NodeProcess.Carrier) -> ClientDesk.Server {
        ClientDesk.Server(
            host: host, port: port, isWebSocket: carrier == .ws, path: InlineText("/ws")!,
            hostHeader: InlineText(host)!)
    }
}
