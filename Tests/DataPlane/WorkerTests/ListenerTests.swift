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
    /// The same as the control plane says it: the socket that is held stays, the one that came with the message goes.
    @Test func aRepeatedMessageBringsTheNewRole() throws {
        let desk = PlaneDesk(
            hello: DataHello(
                version: .current, capabilities: [], dataPlaneName: "data-0", processEpoch: 1, workers: 1,
                processID: 1, countersLayout: 1),
            path: "/nowhere", workerCount: 1, countersDescriptor: -1)
        desk.connected()
        let roles: [PlaneListener.Role] = [
            .tunnel(ServiceIndex(0)), .tunnel(ServiceIndex(0)), .entrypoint(ServiceIndex(0), IngressIndex(1)),
        ]
        var bytes: [UInt8] = []
        ControlToData.hello(
            ControlHello(version: .current, capabilities: [], nodeName: "node", nodeEpoch: 1)
        ).encode(to: &bytes)
        for role in roles {
            ControlToData.listener(
                PlaneListener(id: ListenerID(7), role: role, worker: WorkerIndex(0), address: ":1")
            ).encode(to: &bytes)
        }
        bytes.withUnsafeBytes { desk.received($0, descriptors: [51, 52, 53]) }
        var opened: [(PlaneListener, Int32)] = []
        var closed: [Int32] = []
        for effect in desk.effects {
            if case .openListener(let listener, let descriptor) = effect { opened.append((listener, descriptor)) }
            if case .closeDescriptor(let descriptor) = effect { closed.append(descriptor) }
        }
        #expect(opened.map(\.0.role) == [roles[0], roles[2]])
        #expect(opened.map(\.1) == [51, 51])
        #expect(closed == [52, 53])
    }
}
