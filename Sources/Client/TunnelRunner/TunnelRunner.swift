import CLinux
package import EventLoop
import Model
import Observe
import Operations
import Primitives
package import Settings
import Synchronization
import Worker

/// Runs the tunnel client: the same pure worker, loop and codecs as the data plane, on one thread of its own, dialling
/// instead of accepting. Names are resolved on other threads, because resolving blocks.
package final class TunnelRunner: Sendable {
    /// What others ask of the loop's thread.
    private struct Inbox {
        var answers: [(name: String, addresses: [SocketAddress])] = []
        var tunnels: [ExposedTunnel]?
        var leaving = Leaving.no
    }

    private enum Leaving { case no, whenDone, atOnce }

    private let choice: EventLoop.ShellChoice
    private let limits: Limits
    private let visitorServices: [VisitorService]
    private let visitorSockets: VisitorSockets?
    private let takesDatagrams: Bool
    private let report: @Sendable (TunnelStatus) -> Void
    private let reportVisits: @Sendable (VisitStatus) -> Void
    private let inbox: Mutex<Inbox>
    private let wake: ExternalWake
    private let resolver = Resolver()
    private let counters: ClientCounters

    /// Buffers of a client: less than a data plane's, whose visitors it does not know.
    private static let bufferCount = 4_096
    /// What waits for a target or a sender that is slow to take it is in buffers of its own size, few at a time.
    private static let datagramBufferCount: UInt32 = 64
    /// After the grace of those that leave: for the last bytes to be acknowledged.
    private static let farewellMilliseconds: UInt64 = 1_000

    /// `sockets` are those of the configuration's visitor services. `report` and `reportVisits` are called on the loop's
    /// thread and must not block. Throws when the kernel refuses an eventfd.
    package init(
        _ configuration: ClientConfiguration, _ choice: EventLoop.ShellChoice, sockets: VisitorSockets? = nil,
        _ report: @escaping @Sendable (TunnelStatus) -> Void,
        visits reportVisits: @escaping @Sendable (VisitStatus) -> Void = { _ in }
    ) throws(ShellFault) {
        precondition(sockets?.opened.count ?? 0 == configuration.visitorServices.count, "a socket for each service")
        visitorServices = configuration.visitorServices
        visitorSockets = sockets
        takesDatagrams = configuration.takesDatagrams
        self.reportVisits = reportVisits
        inbox = Mutex(Inbox(tunnels: configuration.tunnels))
        self.choice = choice
        limits = Self.limits(leaveGraceMilliseconds: configuration.leaveGraceMilliseconds)
        self.report = report
        wake = try ExternalWake(slot: 1)
        counters = ClientCounters()
    }

    /// From now on these tunnels are wanted; those that did not change go on undisturbed. Visitor services stay as they
    /// are, and a client that takes no datagrams cannot begin to.
    package func change(to configuration: ClientConfiguration) {
        inbox.withLock { $0.tunnels = configuration.tunnels }
        wake.signal()
    }

    /// Ends the loop when what is under way has ended, or after `leaveGraceMilliseconds`.
    package func leave() {
        inbox.withLock { if $0.leaving == .no { $0.leaving = .whenDone } }
        wake.signal()
    }

    /// Ends the loop; every session is closed.
    package func stop() {
        inbox.withLock { $0.leaving = .atOnce }
        wake.signal()
    }

    /// What passes through; from any thread.
    package var load: TunnelLoad { counters.load }

    /// Runs until `leave` or `stop` had its effect, on the calling thread.
    package func run() throws(ShellFault) {
        let memory = try BufferMemory(byteCount: UInt64(Self.bufferCount * BufferStore.stride))
        let datagramMemory = try BufferMemory(
            byteCount: UInt64(Int(Self.datagramBufferCount) * DatagramBuffer.strideBytes))
        var setting = ShellConfiguration(
            buffers: BufferGeometry(
                base: memory.base, strideBytes: UInt32(BufferStore.stride),
                headroomBytes: UInt32(BufferStore.headroom), payloadBytes: UInt32(BufferStore.payload),
                count: UInt32(Self.bufferCount)))
        if takesDatagrams {
            setting.datagramBuffers = .datagrams(base: datagramMemory.base, count: Self.datagramBufferCount)
        }
        var shell = try Shell(choice, setting)
        guard let base = UnsafeMutableRawPointer(bitPattern: memory.base) else { preconditionFailure("no memory") }
        var setup = WorkerSetup(
            now: Clock.now(), seed: KernelRandom.seed(), counters: counters.page, bufferBase: base,
            bufferCount: Self.bufferCount)
        setup.table = NodeTable(services: [], dynamicDomains: [], limits: limits, nodeName: "")
        setup.overlayMax = 16
        if takesDatagrams {
            setup.datagramBase = UnsafeMutableRawPointer(bitPattern: datagramMemory.base)
            setup.datagramBufferCount = Int(Self.datagramBufferCount)
        }
        setup.client = ClientDesk(
            plans: [], visits: visitorServices.map(\.visited), seed: KernelRandom.seed())
        var worker = Worker(setup)
        openVisitorServices(&worker)
        shell.attach(wake)
        shell.connectWakes([shell.wakeDescriptor])
        loop(&worker, &shell)
    }

    private func openVisitorServices(_ worker: inout Worker) {
        for (position, socket) in (visitorSockets?.opened ?? []).enumerated() {
            if visitorServices[position].isUDP {
                worker.openDatagramService(
                    UInt16(position), descriptor: socket.descriptor, family: socket.family)
            } else {
                worker.openVisitService(UInt16(position), descriptor: socket.descriptor)
            }
        }
    }

    private static func limits(leaveGraceMilliseconds: UInt64) -> Limits {
        var limits = Limits()
        limits.set(.leaveGraceMilliseconds, to: leaveGraceMilliseconds)
        limits.set(.visitorsPerWorkerMax, to: 16)
        limits.set(.linksPerWorkerMax, to: 4_096)
        limits.set(.streamsPerWorkerMax, to: 65_536)
        limits.set(.tunnelsMax, to: 16)
        return limits
    }

    private func loop(_ worker: inout Worker, _ shell: inout Shell) {
        var roster = TunnelRoster()
        var leaveBy = Tick.never
        var now = Clock.now()
        worker.begin(now)
        while true {
            switch takeInbox(&worker, &roster, now) {
            case .no: break
            case .whenDone where leaveBy == .never:
                worker.leaveAll()
                let grace = limits[.leaveGraceMilliseconds] + Self.farewellMilliseconds
                leaveBy = now.advanced(milliseconds: grace)
            case .whenDone: break
            case .atOnce: return
            }
            finishTurn(&worker, &roster, now)
            if leaveBy < .never, worker.hasLeft || leaveBy <= now { return }
            shell.submit(&worker.operations)
            let deadline = min(worker.nextDeadline, min(roster.nextDeadline, leaveBy))
            shell.waitForCompletions(until: deadline, now: now)
            now = Clock.now()
            worker.begin(now)
            while worker.hasRoom, let completion = shell.next() { worker.complete(completion) }
        }
    }

    /// What others asked for since the last turn.
    private func takeInbox(_ worker: inout Worker, _ roster: inout TunnelRoster, _ now: Tick) -> Leaving {
        let taken = inbox.withLock { inbox in
            defer {
                inbox.answers = []
                inbox.tunnels = nil
            }
            return inbox
        }
        for answer in taken.answers { worker.resolved(answer.name, answer.addresses) }
        if let tunnels = taken.tunnels, taken.leaving == .no { roster.apply(tunnels, to: &worker, now: now) }
        return taken.leaving
    }

    /// Ends the turn; once more when what it brought changes what is wanted.
    private func finishTurn(_ worker: inout Worker, _ roster: inout TunnelRoster, _ now: Tick) {
        var isChanged = true
        while isChanged {
            isChanged = roster.advance(&worker, now: now)
            worker.end()
            guard let client = worker.client else { return }
            let events = client.events
            client.events = []
            for event in events { isChanged = roster.note(event, &worker) || isChanged }
        }
        for status in roster.takeStatuses() { report(status) }
        tellVisits(worker)
        for name in worker.client?.takeQuestions() ?? [] {
            resolver.resolve(name) { [self] addresses in
                inbox.withLock { $0.answers.append((name, addresses)) }
                wake.signal()
            }
        }
    }
    private func tellVisits(_ worker: borrowing Worker) {
        guard let visits = worker.client?.visits else { return }
        for event in visits.events {
            reportVisits(VisitStatus(service: event.service, reason: event.failure.visitText, count: event.count))
        }
        visits.events = []
    }
}
