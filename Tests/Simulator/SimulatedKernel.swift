import CLinux
package import EventLoop
package import Primitives

/// The third shell: performs workers' operations against a simulated network, in one thread, in virtual time, with
/// faults drawn from one generator. The same seed and the same calls give the same history, told by `trace`.
///
/// It knows nothing of workers: a test attaches ports, hands their completions to whatever it tests, submits what that
/// emits, and steps. Nothing happens between steps; time moves only by them.
package final class SimulatedKernel {
    package private(set) var now = Tick(nanoseconds: 1_000_000_000)
    package var faults: Faults
    package internal(set) var trace = Trace()
    /// What the kernel saw a worker do wrong: memory changed before its completion, buffers provided twice, …
    package internal(set) var violations: [String] = []
    /// Memory that workers gave back.
    package internal(set) var releasedBytes = 0
    var random: Random
    var heap = EventHeap()
    var network = SimulatedNetwork()
    private var sockets: UInt64 = 0
    private var ports: UInt64 = 0

    package init(seed: UInt64, faults: Faults) {
        random = Random(seed: seed)
        self.faults = faults
    }

    // MARK: - Building a world

    /// A machine whose address is `low` (and `high`) in IPv6 form, IPv4 mapped.
    package func makeHost(high: UInt64 = 0, low: UInt64) -> SimulatedHost { network.makeHost(high: high, low: low) }

    /// A process with its own descriptors.
    package func makeProcess(on host: SimulatedHost) -> SimulatedProcess { SimulatedProcess(kernel: self, host: host) }

    /// The port through which worker `worker` of `process` submits and completes. Workers are attached in order.
    package func attach(
        worker: Int, of process: SimulatedProcess, buffers: BufferGeometry, datagramBuffers: BufferGeometry? = nil
    ) -> SimulatedPort {
        precondition(worker == process.ports.count, "workers are attached in order")
        ports += 1
        let port = SimulatedPort(
            id: ports, kernel: self, process: process, buffers: buffers, datagramBuffers: datagramBuffers)
        process.ports.append(port)
        return port
    }

    func makeSocket(on host: SimulatedHost, isUnix: Bool, isDatagram: Bool = false) -> SimulatedSocket {
        sockets += 1
        return SimulatedSocket(id: sockets, host: host, isUnix: isUnix, isDatagram: isDatagram)
    }

    // MARK: - Time

    /// When the next event happens; nil when nothing is going to happen.
    package var nextEvent: Tick? { heap.nextTime }

    /// Performs the next event, at its time. False when there is none.
    @discardableResult
    package func step() -> Bool {
        guard let entry = heap.next() else { return false }
        now = max(now, entry.time)
        perform(entry.event)
        return true
    }

    /// Performs everything up to `time`, which then is now.
    package func advance(to time: Tick) {
        while let next = heap.nextTime, next <= time { step() }
        now = max(now, time)
    }

    func schedule(_ event: SimulatedEvent, afterNanoseconds delay: UInt64) {
        heap.schedule(event, at: Tick(nanoseconds: now.nanoseconds + delay))
    }

    /// True once in a thousand times `chance`.
    func happens(_ chance: UInt32) -> Bool { chance > 0 && random.below(1_000) < chance }

    /// 1 … `count`, when `chance` happens; else `count`.
    func shortened(_ count: Int, _ chance: UInt32) -> Int {
        guard count > 1, happens(chance) else { return count }
        return 1 + Int(random.below(UInt32(clamping: count)))
    }

    private func perform(_ event: SimulatedEvent) {
        switch event {
        case .entered(let port): enter(port)
        case .completed(let port, let completion, let pending): port.deliver(completion, of: pending)
        case .wake(let port, let token): port.wake(token)
        case .segment(let socket, let bytes, let files): arrive(bytes, files, at: socket)
        case .ended(let socket): end(socket)
        case .reset(let socket): breakOff(socket)
        case .unacknowledged(let socket, let host): giveUp(socket, onTheWayTo: host)
        case .credit(let socket, let count): credit(socket, count)
        case .knock(let client, let address): knock(client, at: address)
        case .answered(let client, let result): answer(client, result)
        case .awake(let listener):
            listener.isAsleep = false
            progress(listener)
        case .flush(let peer): peer.flush()
        case .datagram(let bytes, let sender, let from, let to): arrive(bytes, of: sender, from: from, at: to)
        case .unreachable(let socket): fail(socket, with: -ECONNREFUSED)
        }
    }
}
