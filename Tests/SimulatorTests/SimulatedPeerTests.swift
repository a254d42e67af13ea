import CLinux
import EventLoop
import Operations
import Primitives
import Simulator
import Testing

@Suite struct SimulatedPeerTests {
    private typealias World = SimulatedKernelTests.World

    /// A visitor that does not read fills windows and buffers; when it reads again, nothing was lost.
    @Test func aPausedVisitorHoldsItsOwn() throws {
        let world = try World(seed: 3, faults: .none)
        let visitor = world.visitors(1)[0]
        visitor.pauseReading()
        let bytes = SimulatedKernelTests.bytes(700_000, seed: 3)
        visitor.write(bytes)
        #expect(world.run())
        #expect(visitor.receivedCount == 0)
        #expect(visitor.unsentCount > 0)
        #expect(world.workers[0].port.providedCount == 0)
        visitor.resumeReading()
        #expect(world.run())
        #expect(visitor.take() == bytes)
        #expect(visitor.unsentCount == 0)
    }

    @Test func aResetReachesTheWorker() throws {
        let world = try World(seed: 4, faults: .none)
        let visitor = world.visitors(1)[0]
        visitor.write([1])
        #expect(world.run())
        #expect(visitor.take() == [1])
        visitor.reset()
        #expect(world.run())
        #expect(world.workers[0].broken == 1)
        #expect(world.leaks == [])
    }

    @Test func nobodyListens() throws {
        let world = try World(seed: 5, faults: .none)
        let visitor = world.kernel.connect(
            from: world.outside, to: SimulatedAddress(low: SimulatedKernelTests.address.low, port: 81))
        #expect(visitor.connected == nil)
        #expect(world.run())
        #expect(visitor.connected == -ECONNREFUSED)
        let lost = world.kernel.connect(from: world.outside, to: SimulatedAddress(low: 0xFFFF_0A00_0063, port: 80))
        #expect(world.run())
        #expect(lost.connected == -EHOSTUNREACH)
    }

    /// Killed: visitors are cut, nothing of the process is left, and the port may be listened on again.
    @Test func aKilledProcess() throws {
        let world = try World(seed: 6, faults: .none)
        let visitors = world.visitors(3)
        for visitor in visitors { visitor.write([1, 2]) }
        #expect(world.run())
        world.node.kill()
        #expect(world.run())
        #expect(visitors.allSatisfy { $0.isEnded || $0.isReset })
        #expect(world.node.openCount == 0)
        #expect(!world.workers[0].port.hasCompletion)
        let visitor = world.visitors(1)[0]
        #expect(world.run())
        #expect(visitor.connected == -ECONNREFUSED)
        let next = world.kernel.makeProcess(on: world.node.host)
        let worker = try EchoWorker(
            world.kernel, next, listener: next.listen(at: SimulatedKernelTests.address, backlog: 8))
        let again = world.visitors(1)[0]
        again.write([9])
        while world.kernel.step() || worker.turn() {}
        #expect(again.take() == [9])
    }

    /// While hosts do not reach each other nothing arrives, and then everything does, in order.
    @Test func aPartitionHoldsAndHeals() throws {
        let world = try World(seed: 8, faults: .lossless)
        let visitor = world.visitors(1)[0]
        visitor.write([0])
        #expect(world.run())
        world.kernel.partition(world.outside, world.node.host)
        let bytes = SimulatedKernelTests.bytes(50_000, seed: 8)
        visitor.write(bytes)
        #expect(world.run())
        #expect(visitor.take() == [0])
        world.kernel.heal(world.outside, world.node.host)
        #expect(world.run())
        #expect(visitor.take() == bytes)
    }

    /// A server outside: workers and visitors alike may connect to it; here a visitor does.
    @Test func listenersOutside() throws {
        let kernel = SimulatedKernel(seed: 9, faults: .lossless)
        let (left, right) = (kernel.makeHost(low: 0xFFFF_0A00_0001), kernel.makeHost(low: 0xFFFF_0A00_0002))
        let address = SimulatedAddress(low: left.low, port: 8_000)
        let listener = kernel.listen(on: left, at: address)
        let client = kernel.connect(from: right, to: address)
        client.write([1, 2, 3])
        client.endWriting()
        while kernel.step() {}
        let server = try #require(listener.accept())
        #expect(server.take() == [1, 2, 3])
        #expect(server.isEnded)
        server.write([4])
        server.close()
        while kernel.step() {}
        #expect(client.take() == [4])
        #expect(client.isEnded)
        listener.close()
        let late = kernel.connect(from: right, to: address)
        while kernel.step() {}
        #expect(late.connected == -ECONNREFUSED)
    }

    @Test func workersWakeEachOther() throws {
        let world = try World(seed: 10, faults: .all, workers: 3)
        world.workers[0].wake(worker: 2)
        world.workers[1].wake(worker: 2)
        world.workers[2].wake(worker: 0)
        world.workers[1].port.signal(slot: 4)
        #expect(world.run())
        #expect(world.workers.map(\.woken) == [1, 1, 2])
    }

    /// Connections are spread over the sockets that listen at one address.
    @Test func listenersShareAnAddress() throws {
        let world = try World(seed: 11, faults: .none, workers: 2)
        let visitors = world.visitors(40)
        #expect(world.run())
        #expect(visitors.allSatisfy { $0.connected == 0 })
        #expect(world.workers.map(\.accepted).reduce(0, +) == 40)
        #expect(world.workers.allSatisfy { $0.accepted > 5 })
    }

    /// Virtual time: distance is what it is set to, and a deadline without events is reached at once.
    @Test func timeIsVirtual() throws {
        let world = try World(seed: 12, faults: .none)
        world.kernel.setDelay(microseconds: 50_000, world.outside, world.node.host)
        let visitor = world.visitors(1)[0]
        let start = world.kernel.now
        while visitor.connected == nil { #expect(world.kernel.step()) }
        let roundTrip = world.kernel.now.milliseconds(since: start)
        #expect(roundTrip >= 100)
        #expect(roundTrip <= 121)
        let deadline = world.kernel.now.advanced(milliseconds: 1_000_000)
        world.kernel.advance(to: deadline)
        #expect(world.kernel.now == deadline)
    }

    /// A scripted control plane hands a worker a listener and a file, and gets a descriptor back.
    @Test func descriptorsFromOutsideAndBack() throws {
        let kernel = SimulatedKernel(seed: 13, faults: .lossless)
        let host = kernel.makeHost(low: SimulatedKernelTests.address.low)
        let (control, data) = (kernel.makeProcess(on: host), kernel.makeProcess(on: host))
        let path = SimulatedAddress(path: Array("/run/control".utf8))
        let desk = kernel.listen(on: host, at: path)
        let memory = try BufferMemory(byteCount: 4_096)
        let geometry = BufferGeometry(
            base: memory.base, strideBytes: 4_096, headroomBytes: 0, payloadBytes: 64, count: 1)
        let port = kernel.attach(worker: 0, of: data, buffers: geometry)
        var queue = OperationQueue(capacity: 8)
        func perform(_ kind: OperationKind, _ descriptor: Int32, address: UInt = 0, length: UInt32 = 0) -> Int32 {
            let token = Token(kind, slot: 1, generation: 0)
            queue.append(Operation(kind, token: token, descriptor: descriptor, address: address, length: length))
            port.submit(&queue)
            while true {
                while let completion = port.next() { if completion.token == token { return completion.result } }
                guard kernel.step() else { return .min }
            }
        }
        let dial = UnsafeMutablePointer<DialAddress>.allocate(capacity: 1)
        let message = UnsafeMutablePointer<DescriptorMessage>.allocate(capacity: 1)
        defer {
            dial.deallocate()
            message.deallocate()
        }
        dial.initialize(to: path.dial)
        message.initialize(to: DescriptorMessage())
        message.pointee.range = SendRange(address: memory.base, count: 64)

        let link = perform(.openSocket, -1, length: DialFamily.unix.rawValue)
        #expect(perform(.connect, link, address: UInt(bitPattern: dial)) == 0)
        let peer = try #require(desk.accept())
        let listener = control.listen(at: SimulatedKernelTests.address, backlog: 8)
        peer.write([1], passing: [listener, control.makeFile([1, 2, 3])], of: control)
        #expect(perform(.receiveMessage, link, address: UInt(bitPattern: message)) == 1)
        #expect(message.pointee.descriptorCount == 2)

        // The listener is the data plane's now, whatever becomes of the process that made it.
        let passed = message.pointee.descriptors[0]
        control.kill()
        let visitor = kernel.connect(from: kernel.makeHost(low: 0xFFFF_0A00_0002), to: SimulatedKernelTests.address)
        #expect(perform(.accept, passed) >= 0)
        while kernel.step() {}
        #expect(visitor.connected == 0)

        message.pointee.range.count = 1
        message.pointee.descriptorCount = 1
        message.pointee.descriptors[0] = passed
        #expect(perform(.sendMessage, link, address: UInt(bitPattern: message)) == 1)
        while kernel.step() {}
        let next = kernel.makeProcess(on: host)
        #expect(peer.take() == [1])
        #expect(peer.takeDescriptors(into: next).count == 1)
        #expect(next.openCount == 1)
        #expect(kernel.violations == [])
    }
}
