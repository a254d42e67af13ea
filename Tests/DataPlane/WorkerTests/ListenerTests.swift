import Model
import Observe
import PlaneLink
import Primitives
import Simulator
import Testing
import Wire
import World

@testable import Worker

/// Listening sockets that the control plane speaks of again.
@Suite struct ListenerTests {
    /// A control plane that starts anew may give a socket another role: the next visitor is taken for what it is then.
    @Test func aListenerTakesItsNewRole() throws {
        let bench = try Bench()
        let process = bench.node.benches[0]
        let listener = try #require(process.worker.listeners.first { $0.isEntrypoint })
        let count = process.worker.listeners.count
        process.worker.openListener(
            Listener(
                id: listener.id, descriptor: listener.descriptor, isEntrypoint: false, service: ServiceIndex(1),
                ingress: IngressIndex(0)))
        process.port.submit(&process.worker.operations)
        let link = bench.visitor()
        link.write(bench.get())
        bench.run()
        #expect(process.worker.listeners.count == count)
        #expect(bench.node.count(.relayVersion) == 1)
        #expect(bench.node.count(.requests) == 0)
        process.worker.openListener(listener)
        process.port.submit(&process.worker.operations)
        let visitor = bench.visitor()
        visitor.write(bench.get())
        bench.run()
        bench.connector.send(try bench.stream(), ExchangeTests.ok)
        bench.run()
        #expect(visitor.text == ExchangeTests.ok)
    }
}
