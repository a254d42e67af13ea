internal import NIOCore
internal import Settings
internal import StoreVocabulary

/// What connecting to any server of a store takes; the same for its master, its tracking and its sentinels.
struct RedisWay {
    let settings: StoreSettings
    let limits: StoreLimits
    let eventLoop: any EventLoop
    let dial: Dialling
}

/// One try to get a connection that is signed in: dials, says what has to be said first, judges the answer. Tells the
/// result once, unless it is cancelled before.
final class RedisAttempt {
    typealias Outcome = Result<(connection: RedisConnection, judgement: SignIn.Judgement), StoreFailure>

    let address: StoreAddress
    private let connection: RedisConnection
    private let signIn: SignIn
    private let limits: StoreLimits
    private var then: ((Outcome) -> Void)?

    init(_ way: RedisWay, _ address: StoreAddress, _ signIn: SignIn, then: @escaping (Outcome) -> Void) {
        self.address = address
        self.signIn = signIn
        self.then = then
        limits = way.limits
        var isSubscriber = true
        if case .commands = signIn.purpose { isSubscriber = false }
        connection = RedisConnection(limits: limits, isSubscriber: isSubscriber)
    }

    /// Dials. The result may be told before this returns.
    func begin(_ way: RedisWay) {
        way.dial(address, way.eventLoop, connection).assumeIsolated().whenComplete { [self] result in
            switch result {
            // Cancelled meanwhile, it has nobody to sign in for.
            case .success(let channel): if then == nil { channel.close(promise: nil) } else { sayHello() }
            case .failure(let error): finish(.failure(StoreFailure(connectionError: error)))
            }
        }
    }

    /// Nobody wants the connection any more.
    func cancel() {
        then = nil
        connection.end(.lost)
    }

    private func sayHello() {
        connection.onEnd = { [self] failure in finish(.failure(failure == .lost ? RedisAttempt.silentEnd : failure)) }
        connection.submit(signIn.commands, within: time) { [self] outcome in
            switch outcome {
            case .failed(.lost), .failed(.notConnected): refuse(RedisAttempt.silentEnd)
            case .failed(let failure): refuse(failure)
            case .replies(let replies):
                switch signIn.judge(replies) {
                case .refused(let text): refuse(.refused(text))
                case let judgement:
                    connection.onEnd = { _ in }
                    finish(.success((connection, judgement)))
                }
            }
        }
    }

    /// What says nothing by itself, and mostly has one of two causes.
    private static let silentEnd = StoreFailure.refused(
        "it ends the connection before it answers; it may be full, or TLS may be spoken on one side only")

    private var time: TimeAmount {
        if case .sentinel = signIn.purpose { return .milliseconds(limits.sentinelMilliseconds) }
        return .milliseconds(limits.signInMilliseconds)
    }

    private func refuse(_ failure: StoreFailure) {
        finish(.failure(failure))
        connection.end(failure)
    }

    private func finish(_ outcome: Outcome) {
        guard let then else { return }
        self.then = nil
        guard case .failure(.refused(let text)) = outcome else { return then(outcome) }
        then(.failure(.refused("\(address.text): \(text)")))
    }
}
