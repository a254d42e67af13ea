/// What a store's shell tells: connections that come and go, changes that others made, and answers.
package enum StoreEvent: Equatable, Sendable {
    /// Connected, signed in, its database selected, its role verified. `version` grows with each connection: what was
    /// written over an earlier one may not be there any more.
    case up(StoreID, version: UInt64)
    /// No connection; the shell tries again by itself. Told once for each `up`, and once more when the reason for not
    /// getting a connection changes.
    case down(StoreID, StoreFailure)
    /// Changes may have been missed from here to the next `trackingUp`.
    case trackingLost(StoreID)
    /// From here on changes are told.
    case trackingUp(StoreID)
    /// Keys that were written, removed or have expired: those of every database of the store's server, changes made
    /// over this connection included. Several messages of the server may be told as one, each key once.
    case changed(StoreID, keys: [[UInt8]])
    /// Anything may have changed: the server forgot everything, or told more than could be kept.
    case flushed(StoreID)
    case answered(StoreID, batch: UInt64, StoreOutcome)
}

/// What became of a batch.
package enum StoreOutcome: Equatable, Sendable {
    /// One for each command, in its order.
    case replies([StoreReply])
    /// For all but `notConnected` and `overloaded` it is open which of its commands were done.
    case failed(StoreFailure)
}

/// Why there is no connection or no answer.
package enum StoreFailure: Error, Hashable, Sendable {
    /// Nothing was sent.
    case notConnected
    /// No answer in time.
    case deadline
    /// The connection ended with the batch under way.
    case lost
    /// The server or a sentinel will not serve us, or says what cannot be understood; the text is for a person and holds
    /// no secret.
    case refused(String)
    /// Too much is under way already; nothing was sent.
    case overloaded
}
