internal import Logging
internal import NIOCore
internal import Settings
internal import StoreVocabulary

/// The course of one store's connections: finds the server, connects, tells what comes and goes, and begins again. Lives
/// on one event loop.
///
///     seeking ─ opening ─ up ─┐
///        │         │          │ lost, or no master any more
///        └──── waiting ◄──────┘
///
/// With sentinels `seeking` asks them, and a switch that they tell leads straight to the new master from anywhere.
final class StoreCourse {
    private enum Phase {
        case resting
        case seeking
        case opening(RedisAttempt)
        case up(RedisConnection, StoreAddress, since: NIODeadline)
        case waiting(Scheduled<Void>)
        case stopped
    }

    private let id: StoreID
    private let way: RedisWay
    private let random: () -> UInt64
    private let logger: Logger
    private var report: (StoreEvent) -> Void = { _ in }
    private var phase = Phase.resting
    private var backoff: Backoff
    private let tracking: TrackingWatch
    private let sentinels: SentinelWatch?
    private var sentinelBackoff: Backoff
    private var sentinelRetry: Scheduled<Void>?
    private var version: UInt64 = 0
    /// Why there is no connection, as it was told last.
    private var told: StoreFailure?
    private var trackingTold: StoreFailure?
    /// Where to go when the connection has ended.
    private var successor: StoreAddress?

    init(_ id: StoreID, _ way: RedisWay, logger: Logger, random: @escaping () -> UInt64) {
        self.id = id
        self.way = way
        self.random = random
        self.logger = logger
        backoff = way.limits.backoff
        sentinelBackoff = way.limits.backoff
        tracking = TrackingWatch(way, random: random)
        sentinels = way.settings.sentinel.map { SentinelWatch(way, $0) }
    }

    /// Begins; from now on `report` is told everything.
    func start(report: @escaping (StoreEvent) -> Void) {
        guard case .resting = phase else { return }
        self.report = report
        tracking.onChange = { [weak self] in self?.changed($0) }
        sentinels?.onMaster = { [weak self] in self?.go(to: $0) }
        sentinels?.onNone = { [weak self] in self?.noSentinel($0) }
        sentinels?.onLost = { [weak self] in self?.sentinelLost() }
        seek()
    }

    /// Sends a batch over the connection that is up; without one it fails at once.
    func submit(_ batch: StoreBatch) {
        guard case .up(let connection, _, _) = phase else {
            return report(.answered(id, batch: batch.id, .failed(.notConnected)))
        }
        let time = TimeAmount.milliseconds(Int64(batch.deadlineMilliseconds))
        connection.submit(batch.commands, within: time) { [weak self, weak connection] outcome in
            guard let self else { return }
            report(.answered(id, batch: batch.id, outcome))
            if outcome.isFromReplica {
                connection?.end(.refused("it has become a replica and takes no writes; its master is wanted"))
            }
        }
    }

    /// Ends everything; nothing is told any more, not even of batches under way.
    func stop() {
        report = { _ in }
        sentinelRetry?.cancel()
        sentinels?.stop()
        let last = phase
        phase = .stopped
        switch last {
        case .opening(let attempt): attempt.cancel()
        case .up(let connection, _, _): connection.end(.lost)
        case .waiting(let timer): timer.cancel()
        case .resting, .seeking, .stopped: break
        }
        tracking.stop()
    }

    // MARK: To the server

    private func seek() {
        phase = .seeking
        if let sentinels { sentinels.ask() } else { open(way.settings.addresses[0]) }
    }

    private func open(_ address: StoreAddress) {
        let purpose = SignIn.Purpose.commands(
            database: way.settings.database, mustProveRole: way.settings.sentinel != nil)
        let signIn = SignIn(purpose, login: way.settings.login)
        let attempt = RedisAttempt(way, address, signIn) { [weak self] outcome in
            switch outcome {
            case .success((let connection, _)): self?.cameUp(connection, address)
            case .failure(let failure): self?.failed(failure)
            }
        }
        phase = .opening(attempt)
        attempt.begin(way)
    }

    private func cameUp(_ connection: RedisConnection, _ address: StoreAddress) {
        phase = .up(connection, address, since: way.eventLoop.now)
        told = nil
        version += 1
        connection.onEnd = { [weak self] failure in self?.lost(failure) }
        logger.debug(
            "a store's server is connected",
            metadata: [
                "store": "\(id)", "address": .string(address.text), "database": "\(way.settings.database)",
            ])
        report(.up(id, version: version))
        tracking.start(connection, at: address)
    }

    private func lost(_ failure: StoreFailure) {
        guard case .up(_, let address, let since) = phase else { return }
        phase = .seeking
        // One that held is no reason to be careful; one that was lost at once is.
        if way.eventLoop.now - since >= .milliseconds(way.limits.silenceMilliseconds) { backoff.reset() }
        tracking.stop()
        if case .refused(let text) = failure { tell(.refused("\(address.text): \(text)")) } else { tell(failure) }
        if let master = successor {
            successor = nil
            open(master)
        } else {
            wait()
        }
    }

    private func failed(_ failure: StoreFailure) {
        tell(failure)
        wait()
    }

    private func tell(_ failure: StoreFailure) {
        guard told != failure else { return }
        told = failure
        report(.down(id, failure))
    }

    private func wait() {
        let time = TimeAmount.milliseconds(backoff.next(random: random()))
        let timer = way.eventLoop.assumeIsolated().scheduleTask(in: time) { [weak self] in
            guard let self, case .waiting = phase else { return }
            seek()
        }
        phase = .waiting(timer)
    }

    // MARK: Sentinels

    /// A sentinel says where the master is.
    private func go(to address: StoreAddress) {
        sentinelBackoff.reset()
        switch phase {
        case .seeking: open(address)
        case .opening(let attempt):
            guard attempt.address != address else { return }
            attempt.cancel()
            open(address)
        case .waiting(let timer):
            timer.cancel()
            open(address)
        case .up(let connection, let current, _):
            guard current != address else { return }
            successor = address
            connection.end(.lost)
        case .resting, .stopped: break
        }
    }

    private func noSentinel(_ failure: StoreFailure) {
        if case .seeking = phase { failed(failure) } else { askLater() }
    }

    /// Whoever seeks asks by itself.
    private func sentinelLost() {
        if case .up = phase { askLater() }
    }

    private func askLater() {
        guard sentinelRetry == nil else { return }
        let time = TimeAmount.milliseconds(sentinelBackoff.next(random: random()))
        sentinelRetry = way.eventLoop.assumeIsolated().scheduleTask(in: time) { [weak self] in
            guard let self else { return }
            sentinelRetry = nil
            sentinels?.ask()
        }
    }

    // MARK: Changes

    private func changed(_ change: TrackingWatch.Change) {
        switch change {
        case .began:
            trackingTold = nil
            report(.trackingUp(id))
        case .lost: report(.trackingLost(id))
        case .keys(let keys): report(.changed(id, keys: keys))
        case .whole: report(.flushed(id))
        case .failed(let failure):
            guard trackingTold != failure else { return }
            trackingTold = failure
            logger.warning(
                "a store does not tell its changes; it is tried again",
                metadata: ["store": "\(id)", "reason": .string(failure.text)])
        }
    }
}

extension StoreOutcome {
    /// A server that takes no writes any more says so to the first of them.
    fileprivate var isFromReplica: Bool {
        guard case .replies(let replies) = self else { return false }
        return replies.contains { reply in
            guard case .fault(let text) = reply else { return false }
            // Within a script's fault it stands behind the script's own words.
            return text.hasPrefix("READONLY ") || text.contains("-READONLY ")
        }
    }
}

extension StoreFailure {
    /// For a log line.
    var text: String {
        switch self {
        case .notConnected: "not connected"
        case .deadline: "no answer in time"
        case .lost: "the connection ended"
        case .refused(let text): text
        case .overloaded: "too much is under way"
        }
    }
}
