import CLinux
import EventLoop
import Glibc
import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Worker

/// Brings the data plane up: counters, mailboxes, one thread per worker, and their loops.
struct Boot {
    let options: Options
    let journal: Journal

    /// Messages that may wait between one worker and another.
    private static let mailboxCells = 8_192

    private static func workers(_ options: Options) -> Int {
        options.workers > 0 ? options.workers : max(1, min(Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))), 64))
    }

    /// The memory that the process may come to use with these options.
    static func memoryPlan(_ options: Options) -> MemoryPlan {
        MemoryPlan(
            options.limits, workers: workers(options), bufferCount: Part.bufferCount, mailboxCells: mailboxCells)
    }

    func run() throws(ShellFault) {
        try journal.start()
        let choice = try Shell.choose(options.io)
        if let notice = choice.notice { journal.write(.warning, notice) }
        let workers = Boot.workers(options)
        let (pages, countersDescriptor) = try makeCounters(workers)
        var seed = KernelRandom.seed()
        let hello = DataHello(
            version: .current, capabilities: [.access, .trust, .cluster, .words, .rules], dataPlaneName: options.name,
            processEpoch: seed | 1,
            workers: UInt8(workers), processID: UInt32(getpid()), countersLayout: CounterFile.layout)
        seed = KernelRandom.seed()
        let mailboxes = (0..<workers).map { from in
            (0..<workers).map { to in from == to ? nil : Mailbox(capacity: Boot.mailboxCells) }
        }
        let signals = try SignalThread(slot: 1)
        let meeting = Meeting(workers)
        journal.write(
            .info, "data plane starts",
            [("name", options.name), ("workers", String(workers)), ("io", choice.choice.rawValue)])
        for index in 1..<max(workers, 1) where workers > 1 {
            let part = Part(
                index: index, workers: workers, choice: choice.choice, counters: pages[index],
                outboxes: mailboxes[index], inboxes: mailboxes.map { $0[index] }, meeting: meeting, journal: journal,
                signals: nil, hello: nil, controlPath: options.controlPath, countersDescriptor: -1)
            let thread = try WorkerThread(name: "worker-\(index)") { part.runOrExit() }
            _ = consume thread
        }
        let first = Part(
            index: 0, workers: workers, choice: choice.choice, counters: pages[0], outboxes: mailboxes[0],
            inboxes: mailboxes.map { $0[0] }, meeting: meeting, journal: journal, signals: signals, hello: hello,
            controlPath: options.controlPath, countersDescriptor: countersDescriptor)
        first.runOrExit()
    }

    private func makeCounters(_ workers: Int) throws(ShellFault) -> ([CounterPage], Int32) {
        let byteCount = CounterFile.bytes(workers: workers)
        let descriptor = culvert_memfd("culvert-counters")
        guard descriptor >= 0, ftruncate(descriptor, byteCount) == 0 else {
            throw ShellFault(call: .memory, error: errno)
        }
        guard let memory = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
            memory != MAP_FAILED
        else { throw ShellFault(call: .memory, error: errno) }
        let pages = CounterFile.format(
            UnsafeMutableRawBufferPointer(start: memory, count: byteCount), workers: workers)
        return (pages, descriptor)
    }
}

/// One worker's thread: its shell, its memory, its loop.
struct Part: @unchecked Sendable {
    /// Buffers per worker beyond those that may wait for slow readers: what the shell receives into, and some slack.
    private static let buffersBeside = 768
    /// Buffers per worker.
    static let bufferCount = Int(Limit.stalledBytesMax.row.range.upperBound) / BufferStore.stride + buffersBeside

    /// Descriptors that the process may have.
    private static var descriptorsMax: Int {
        let limit = culvert_raise_descriptor_limit()
        return limit == 0 ? .max : Int(clamping: limit)
    }

    let index: Int
    let workers: Int
    let choice: ShellChoice
    let counters: CounterPage
    let outboxes: [Mailbox?]
    let inboxes: [Mailbox?]
    let meeting: Meeting
    let journal: Journal
    let signals: SignalThread?
    let hello: DataHello?
    let controlPath: String
    let countersDescriptor: Int32

    func runOrExit() {
        do {
            try run()
        } catch {
            journal.write(.error, "a worker cannot start", [("worker", String(index)), ("error", "\(error)")])
            exit(1)
        }
    }

    private func run() throws(ShellFault) {
        let bufferCount = Part.bufferCount
        let memory = try BufferMemory(byteCount: UInt64(bufferCount * BufferStore.stride))
        var shell = try Shell(
            choice,
            ShellConfiguration(
                buffers: BufferGeometry(
                    base: memory.base, strideBytes: UInt32(BufferStore.stride),
                    headroomBytes: UInt32(BufferStore.headroom), payloadBytes: UInt32(BufferStore.payload),
                    count: UInt32(bufferCount))))
        guard let base = UnsafeMutableRawPointer(bitPattern: memory.base) else {
            preconditionFailure("memory at nowhere")
        }
        var setup = WorkerSetup(
            now: Clock.now(), seed: KernelRandom.seed(), counters: counters, bufferBase: base,
            bufferCount: bufferCount)
        setup.index = index
        setup.descriptorsMax = Part.descriptorsMax / workers
        setup.workerCount = workers
        setup.outboxes = outboxes
        setup.inboxes = inboxes
        if let hello {
            setup.desk = PlaneDesk(
                hello: hello, path: controlPath, workerCount: workers, countersDescriptor: countersDescriptor)
        }
        var worker = Worker(setup)
        if let signals { shell.attach(signals.wake) }
        shell.connectWakes(meeting.exchange(index, shell.wakeDescriptor))
        loop(&worker, &shell, signals?.flags)
    }

    private func loop(_ worker: inout Worker, _ shell: inout Shell, _ signals: SignalFlags?) {
        var now = Clock.now()
        var isLeaving = false
        while true {
            Part.turn(&worker, &shell, &now)
            if worker.hasRefusals || !worker.notices.isEmpty { report(&worker, now) }
            if let signals {
                let came = signals.take()
                if came.rawValue != 0 { hear(came, &worker, &isLeaving) }
                if worker.isOver { end() }
            }
        }
    }

    /// Submits what the last turn asked for, waits, and lets the worker handle what came.
    @inline(never) @_noLocks
    private static func turn(_ worker: inout Worker, _ shell: inout Shell, _ now: inout Tick) {
        let entered = shell.statistics.enters
        shell.submit(&worker.operations)
        shell.waitForCompletions(until: worker.nextDeadline, now: now)
        now = Clock.now()
        worker.begin(now)
        while worker.hasRoom, let completion = shell.next() {
            worker.complete(completion)
        }
        worker.end()
        worker.entered(shell.statistics.enters &- entered)
    }

    /// SIGTERM: leaves, as in a drain where others take over. SIGINT, or a second SIGTERM: ends at once.
    @inline(never)
    private func hear(_ signals: SignalSet, _ worker: inout Worker, _ isLeaving: inout Bool) {
        guard !signals.isDisjoint(with: [.terminate, .interrupt]) else { return }
        if isLeaving || signals.contains(.interrupt) { end() }
        isLeaving = true
        worker.leave()
    }

    @inline(never)
    private func end() -> Never {
        journal.write(.info, "data plane ends")
        exit(0)
    }

    @inline(never)
    private func report(_ worker: inout Worker, _ now: Tick) {
        while let refusal = worker.takeRefusal() {
            if !journal.post(refusal, worker: index, now: now) { counters.add(.logLinesSuppressed) }
        }
        for (severity, text, fields) in worker.notices { journal.post(severity, text, fields, now: now) }
        worker.notices = []
    }
}
