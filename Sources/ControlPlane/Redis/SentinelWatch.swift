internal import Settings
internal import StoreVocabulary

/// Asks the sentinels in turn where the master is, and stays with the one that answered to hear of its successor.
final class SentinelWatch {
    /// A sentinel names the master: asked, or by itself.
    var onMaster: (StoreAddress) -> Void = { _ in }
    /// No sentinel answered; the last one's reason.
    var onNone: (StoreFailure) -> Void = { _ in }
    /// The sentinel that was listened to is gone.
    var onLost: () -> Void = {}

    private let way: RedisWay
    private let sentinel: StoreSentinel
    private var attempt: RedisAttempt?
    private var connection: RedisConnection?
    /// Whom to ask next: another one each time, so that one that is wrong is not believed for ever.
    private var next = 0

    init(_ way: RedisWay, _ sentinel: StoreSentinel) {
        self.way = way
        self.sentinel = sentinel
    }

    /// Asks every sentinel at most once, until one answers.
    func ask() {
        guard attempt == nil else { return }
        leave()
        ask(left: way.settings.addresses.count)
    }

    /// Nothing is told any more.
    func stop() {
        attempt?.cancel()
        attempt = nil
        leave()
    }

    private func leave() {
        guard let connection else { return }
        self.connection = nil
        connection.onEnd = { _ in }
        connection.end(.lost)
    }

    private func ask(left: Int) {
        let addresses = way.settings.addresses
        let address = addresses[next % addresses.count]
        next = (next + 1) % addresses.count
        let signIn = SignIn(.sentinel(masterName: sentinel.masterName), login: sentinel.login)
        let attempt = RedisAttempt(way, address, signIn) { [weak self] outcome in
            guard let self else { return }
            self.attempt = nil
            switch outcome {
            case .success((let connection, .master(let master))):
                listen(connection)
                onMaster(master)
            case .success((let connection, _)):
                connection.end(.lost)
                preconditionFailure("a sentinel's answer was judged as something else")
            case .failure(let failure):
                if left > 1 { ask(left: left - 1) } else { onNone(failure) }
            }
        }
        self.attempt = attempt
        attempt.begin(way)
    }

    private func listen(_ connection: RedisConnection) {
        self.connection = connection
        connection.onEnd = { [weak self] _ in
            self?.connection = nil
            self?.onLost()
        }
        connection.onMessages = { [weak self] messages in
            guard let self else { return }
            // Of several switches the last holds.
            let masters = messages.compactMap { message -> StoreAddress? in
                guard case .bytes(let payload) = message.payload else { return nil }
                return StoreAddress(switchMessage: payload, of: self.sentinel.masterName)
            }
            if let master = masters.last { onMaster(master) }
        }
    }
}
