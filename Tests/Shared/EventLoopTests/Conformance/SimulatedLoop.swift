import EventLoop
import Operations
import Primitives
import Simulator

/// A loop of the simulated kernel, without faults unless a test wants them.
final class SimulatedLoop: LoopUnderTest {
    let kernel: SimulatedKernel
    let process: SimulatedProcess
    let port: SimulatedPort
    private var listeners: UInt16 = 0

    init(
        buffers: BufferGeometry, datagrams: BufferGeometry? = nil, seed: UInt64 = 1, faults: Faults = .none
    ) {
        kernel = SimulatedKernel(seed: seed, faults: faults)
        process = kernel.makeProcess(on: kernel.makeHost(low: 0xFFFF_7F00_0001))
        port = kernel.attach(worker: 0, of: process, buffers: buffers, datagramBuffers: datagrams)
    }

    func submit(_ queue: inout OperationQueue) { port.submit(&queue) }

    func wait(milliseconds: UInt64) -> UInt64 {
        let start = kernel.now
        let deadline = start.advanced(milliseconds: milliseconds)
        while !port.hasCompletion, let event = kernel.nextEvent, event <= deadline { kernel.step() }
        if !port.hasCompletion { kernel.advance(to: deadline) }
        return kernel.now.milliseconds(since: start)
    }

    func next() -> Completion? { port.next() }

    func listen(_ family: DialFamily, backlog: Int32) -> Listener {
        listeners += 1
        var address = DialAddress()
        address.family = family.rawValue
        address.port = 40_000 + listeners
        switch family {
        case .ipv4: address.low = 0x7F00_0001
        case .ipv6: address.low = 1
        case .unix: address.setPath(Array("simulated-\(listeners)".utf8))
        }
        return Listener(
            descriptor: process.listen(at: SimulatedAddress(address), backlog: Int(backlog)), address: address)
    }

    func bindDatagram(_ family: DialFamily, isDual: Bool) -> Listener {
        listeners += 1
        var address = DialAddress()
        address.family = (isDual ? DialFamily.ipv4 : family).rawValue
        address.port = 40_000 + listeners
        address.low = isDual || family == .ipv4 ? 0x7F00_0001 : 1
        return Listener(descriptor: process.bindDatagram(at: SimulatedAddress(address)), address: address)
    }

    func pair() -> (left: Int32, right: Int32) { process.makePair() }
    func file(_ bytes: [UInt8]) -> Int32 { process.makeFile(bytes) }
}
