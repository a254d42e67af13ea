internal import NIOCore
internal import Settings
internal import StoreVocabulary

/// The connection on which a server tells which keys change. It belongs to a connection for commands, whose tracking is
/// redirected to it; when only this one breaks, a new one takes its place.
final class TrackingWatch {
    enum Change: Equatable {
        case began
        case lost
        case keys([[UInt8]])
        /// Every key may have changed.
        case whole
        /// It cannot be had; it is tried again.
        case failed(StoreFailure)
    }

    var onChange: (Change) -> Void = { _ in }

    private let way: RedisWay
    private let random: () -> UInt64
    private var backoff: Backoff
    private var commands: RedisConnection?
    private var address: StoreAddress?
    private var attempt: RedisAttempt?
    private var connection: RedisConnection?
    private var retry: Scheduled<Void>?
    private var isTold = false

    init(_ way: RedisWay, random: @escaping () -> UInt64) {
        self.way = way
        self.random = random
        backoff = way.limits.backoff
    }

    /// Tracks for this connection, at the server that it leads to, until `stop`.
    func start(_ commands: RedisConnection, at address: StoreAddress) {
        precondition(self.commands == nil, "tracks for another connection")
        self.commands = commands
        self.address = address
        backoff.reset()
        open()
    }

    /// The connection for commands is gone, and with it what was tracked for it.
    func stop() {
        commands = nil
        address = nil
        retry?.cancel()
        retry = nil
        attempt?.cancel()
        attempt = nil
        if let connection {
            self.connection = nil
            connection.onEnd = { _ in }
            connection.end(.lost)
        }
        tellLost()
    }

    private func open() {
        guard let address else { return }
        let signIn = SignIn(.tracking, login: way.settings.login)
        let attempt = RedisAttempt(way, address, signIn) { [weak self] outcome in
            guard let self else { return }
            self.attempt = nil
            switch outcome {
            case .success((let connection, .tracks(let id))): redirect(to: connection, id)
            case .success((let connection, _)):
                connection.end(.lost)
                preconditionFailure("a tracking connection was judged as something else")
            case .failure(let failure): failed(failure)
            }
        }
        self.attempt = attempt
        attempt.begin(way)
    }

    private func redirect(to connection: RedisConnection, _ id: Int64) {
        self.connection = connection
        connection.onEnd = { [weak self] failure in
            guard let self else { return }
            self.connection = nil
            tellLost()
            failed(failure)
        }
        connection.onMessages = { [weak self] in self?.hear($0) }
        // Off first: tracking may be on, towards a connection that is gone.
        let words = [
            StoreCommand("CLIENT", "TRACKING", "OFF"),
            StoreCommand("CLIENT", "TRACKING", "ON", "REDIRECT", "\(id)", "BCAST"),
        ]
        let limit = TimeAmount.milliseconds(way.limits.signInMilliseconds)
        commands?.submit(words, within: limit) { [weak self, weak connection] outcome in
            guard let self, let connection, self.connection === connection else { return }
            switch outcome {
            case .failed(let failure): connection.end(failure)
            case .replies(let replies):
                if case .fault(let text)? = replies.last { return connection.end(.refused(SignIn.shown(text))) }
                backoff.reset()
                isTold = true
                onChange(.began)
            }
        }
    }

    private func hear(_ messages: [PushedMessage]) {
        var invalidation = Invalidation()
        for message in messages where message.channel == Array(SignIn.invalidations.utf8) {
            invalidation.add(message.payload)
        }
        if invalidation.isWhole { return onChange(.whole) }
        if !invalidation.isEmpty { onChange(.keys(invalidation.keys)) }
    }

    private func failed(_ failure: StoreFailure) {
        // Without a connection for commands there is nothing to track.
        guard commands != nil else { return }
        onChange(.failed(failure))
        let wait = TimeAmount.milliseconds(backoff.next(random: random()))
        retry = way.eventLoop.assumeIsolated().scheduleTask(in: wait) { [weak self] in
            self?.retry = nil
            self?.open()
        }
    }

    private func tellLost() {
        guard isTold else { return }
        isTold = false
        onChange(.lost)
    }
}

extension StoreLimits {
    /// The pauses between dials.
    var backoff: Backoff {
        Backoff(firstMilliseconds: retryMilliseconds, lastMilliseconds: retryMillisecondsMax)
    }
}
