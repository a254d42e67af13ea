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
/// instead of accepting. Names are resolved on another thread, because resolving blocks.
package final class TunnelRunner: Sendable {
    /// What others ask of the loop's thread.
    private struct Inbox {
        var answers: [(name: String, address: SocketAddress?)] = []
        var isStopping = false
    }

    private let tunnels: [ExposedTunnel]
    /// Tunnel and connection number of each plan of the worker.
    private let places: [(tunnel: Int, connection: Int)]
    private let choice: EventLoop.ShellChoice
    private let visitorServices: [VisitorService]
    private let visitorSockets: VisitorSockets?
    private let report: @Sendable (TunnelStatus) -> Void
    private let reportVisits: @Sendable (VisitStatus) -> Void
    private let inbox = Mutex(Inbox())
    private let wake: ExternalWake
    private let resolver = Resolver()

    /// Buffers of a client: less than a data plane's, whose visitors it does not know.
    private static let bufferCount = 4_096
    private static let keepAliveMilliseconds: UInt64 = 5_000
    /// A dead server is noticed within 15 s.
    private static let keepAliveTimeoutMilliseconds: UInt64 = 14_000

    /// What waits for a target or a sender that is slow to take it is in buffers of its own size, few at a time.
    private static let datagramBufferCount: UInt32 = 64

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
        self.reportVisits = reportVisits
        tunnels = configuration.tunnels
        places = configuration.tunnels.enumerated().flatMap { index, tunnel in
            (0..<max(tunnel.connections, 1)).map { (index, $0) }
        }
        self.choice = choice
        self.report = report
        wake = try ExternalWake(slot: 1)
    }

    /// Ends the loop; every session is closed.
    package func stop() {
        inbox.withLock { $0.isStopping = true }
        wake.signal()
    }

    /// Runs until `stop`, on the calling thread.
    package func run() throws(ShellFault) {
        var table = Limits()
        table.set(
            .muxKeepAliveMilliseconds,
            to: tunnels.compactMap(\.keepAliveMilliseconds).min() ?? Self.keepAliveMilliseconds)
        table.set(
            .muxKeepAliveTimeoutMilliseconds,
            to: tunnels.compactMap(\.keepAliveTimeoutMilliseconds).min() ?? Self.keepAliveTimeoutMilliseconds)
        table.set(.visitorsPerWorkerMax, to: 16)
        table.set(.linksPerWorkerMax, to: 4_096)
        table.set(.streamsPerWorkerMax, to: 65_536)
        table.set(.tunnelsMax, to: 16)
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
        let counters = UnsafeMutableRawBufferPointer.allocate(
            byteCount: CounterFile.bytes(workers: 1), alignment: 4_096)
        defer { counters.deallocate() }
        counters.initializeMemory(as: UInt8.self, repeating: 0)
        guard let base = UnsafeMutableRawPointer(bitPattern: memory.base) else { preconditionFailure("no memory") }
        var setup = WorkerSetup(
            now: Clock.now(), seed: KernelRandom.seed(), counters: CounterFile.format(counters, workers: 1)[0],
            bufferBase: base, bufferCount: Self.bufferCount)
        setup.table = NodeTable(services: [], dynamicDomains: [], limits: table, nodeName: "")
        setup.overlayMax = 16
        if takesDatagrams {
            setup.datagramBase = UnsafeMutableRawPointer(bitPattern: datagramMemory.base)
            setup.datagramBufferCount = Int(Self.datagramBufferCount)
        }
        setup.client = ClientDesk(
            plans: makePlans(), visits: visitorServices.map(\.visited), seed: KernelRandom.seed())
        var worker = Worker(setup)
        openVisitorServices(&worker)
        shell.attach(wake)
        shell.connectWakes([shell.wakeDescriptor])
        loop(&worker, &shell)
    }

    private var takesDatagrams: Bool {
        tunnels.contains(where: \.isUDP) || visitorServices.contains(where: \.isUDP)
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

    private func loop(_ worker: inout Worker, _ shell: inout Shell) {
        var now = Clock.now()
        worker.begin(now)
        worker.end()
        while true {
            shell.submit(&worker.operations)
            shell.waitForCompletions(until: worker.nextDeadline, now: now)
            now = Clock.now()
            worker.begin(now)
            while worker.hasRoom, let completion = shell.next() { worker.complete(completion) }
            guard takeInbox(&worker, now) else { return }
            worker.end()
            tellOthers(worker)
        }
    }

    /// False when the loop shall end.
    private func takeInbox(_ worker: inout Worker, _ now: Tick) -> Bool {
        let (answers, isStopping) = inbox.withLock { inbox in
            defer { inbox.answers = [] }
            return (inbox.answers, inbox.isStopping)
        }
        for answer in answers {
            worker.client?.resolved(answer.name, answer.address, now: now)
            worker.targetsResolved(answer.name, isKnown: answer.address != nil)
            worker.visitsResolved(answer.name, isKnown: answer.address != nil)
        }
        return !isStopping
    }

    private func tellOthers(_ worker: borrowing Worker) {
        guard let client = worker.client else { return }
        for name in client.questions {
            resolver.resolve(name) { [self] address in
                inbox.withLock { $0.answers.append((name, address)) }
                wake.signal()
            }
        }
        client.questions = []
        for event in client.events { report(status(of: event)) }
        client.events = []
        for event in client.visits.events {
            reportVisits(
                VisitStatus(service: event.service, reason: event.failure.visitText, count: event.count))
        }
        client.visits.events = []
    }

    // MARK: Configuration in, statuses out

    private func makePlans() -> [ClientDesk.Plan] {
        places.map { place in
            let tunnel = tunnels[place.tunnel]
            var plan = ClientDesk.Plan(
                name: tunnel.name, tunnel: tunnel.tunnel, servers: tunnel.servers.map(\.dialled),
                targetHost: tunnel.target.host, targetPort: tunnel.target.port)
            plan.requestedHost = InlineText(tunnel.requestedHost) ?? InlineText()
            plan.requestedPort = tunnel.requestedPort
            plan.weight = tunnel.weight
            plan.isUDP = tunnel.isUDP
            plan.muxVersion = UInt8(tunnel.muxVersion)
            plan.user = tunnel.userName.flatMap { InlineText($0) }
            plan.password = tunnel.password.flatMap { InlineText($0) } ?? InlineText()
            return plan
        }
    }

    private func status(of event: ClientDesk.Event) -> TunnelStatus {
        switch event {
        case .connecting(let plan, let server):
            status(plan, .connecting(tunnels[places[plan].tunnel].servers[server]))
        case .bound(let plan, let host, let urls):
            status(plan, .bound(host: host, urls: urls))
        case .failed(let plan, let failure, let retryMilliseconds):
            status(plan, .lost(reason: text(of: failure), retryMilliseconds: retryMilliseconds))
        case .targetUnreachable(let plan, let reason):
            status(plan, .targetUnreachable(reason: reason.label))
        }
    }

    private func status(_ plan: Int, _ change: TunnelStatus.Change) -> TunnelStatus {
        TunnelStatus(tunnel: places[plan].tunnel, connection: places[plan].connection, change: change)
    }

    private func text(of failure: ClientDesk.Failure) -> String {
        switch failure {
        case .refused(let status): "the server refused the tunnel with relay status \(status)"
        case .ended(let reason):
            switch reason {
            case .dialFailed: "the server cannot be reached"
            case .dialTimeout: "the server does not answer"
            case .wrongPath: "the server has no WebSocket at this path (404)"
            case .badUpgrade: "the server does not speak WebSocket here"
            case .peerClosed: "the server closed the connection"
            case .keepAliveTimeout: "the server was silent for too long"
            default: reason.label
            }
        }
    }
}
