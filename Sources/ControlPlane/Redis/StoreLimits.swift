/// Every number that bounds what a store's shell keeps, sends and waits for.
package struct StoreLimits: Sendable {
    /// From a dial to the connection, name resolution included.
    package var dialMilliseconds: Int64 = 2_000
    /// From the connection to the last reply of the sign-in, TLS included; long enough for a server that takes 2 s for
    /// each command.
    package var signInMilliseconds: Int64 = 15_000
    /// The same with a sentinel, of which there are others.
    package var sentinelMilliseconds: Int64 = 2_000
    /// How long a connection may be quiet before it is asked whether it lives.
    package var pingMilliseconds: Int64 = 1_000
    /// How long a server that owes a reply may say nothing before it counts as dead; longer than its slowest command.
    package var silenceMilliseconds: Int64 = 5_000
    /// The first pause between two dials, which doubles up to the last. A store that is back is found within the last.
    package var retryMilliseconds: Int64 = 50
    package var retryMillisecondsMax: Int64 = 1_000
    /// Commands on the wire, in batches; and batches that wait behind them.
    package var batchesInFlightMax = 64
    package var batchesWaitingMax = 1_024
    /// Commands of all batches under way, in bytes.
    package var requestBytesMax = 16 << 20
    /// Replies to one batch, or one message of a subscription: bytes, and elements of lists.
    package var replyBytesMax = 16 << 20
    package var replyElementsMax = 262_144

    package init() {}
}
