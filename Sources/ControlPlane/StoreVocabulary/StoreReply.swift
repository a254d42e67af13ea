/// A store's reply to one command (RESP2).
package enum StoreReply: Equatable, Sendable {
    /// A null: there is no such key, field or list, or the condition of the command did not hold.
    case none
    /// `+OK` and its like.
    case status(String)
    /// The store refused the command: `WRONGTYPE …`. The other commands of the batch were done.
    case fault(String)
    case number(Int64)
    case bytes([UInt8])
    case list([StoreReply])
}
