/// The rows that bound what is done about connections and processes that are lost.
extension Limit {
    /// This limit's row of the table, if it is one of them.
    var lossRow: Row {
        switch self {
        case .repetitionsPercent:
            Row(
                unit: "%", standard: 20, range: 0...100, reason: .repetitionsSpent,
                meaning:
                    "requests that a worker may repeat, of those begun there, because their node or connector was "
                    + "lost with them inside; others are told")
        case .repetitionsSavedMax:
            Row(
                unit: "requests", standard: 1_024, range: 1...65_536, reason: .repetitionsSpent,
                meaning:
                    "repetitions that a worker may have saved up for the moment in which a node is lost; it begins "
                    + "with so many")
        case .unacknowledgedMilliseconds:
            Row(
                unit: "ms", standard: 15_000, range: 1_000...600_000, reason: .socketError,
                meaning:
                    "how long bytes sent on a link, a client's or a peer's, may stay unacknowledged by the other "
                    + "side's kernel (TCP_USER_TIMEOUT); not on visitors' connections, which may pause for long")
        default: preconditionFailure("a limit of another table")
        }
    }
}
