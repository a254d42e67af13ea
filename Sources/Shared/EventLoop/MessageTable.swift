internal import Operations
internal import Primitives

/// Where the descriptor messages lie that are being received: the kernel's completion gives only the token back, and
/// the descriptors must be taken out of the control bytes. Few: one per plane link.
struct MessageTable: BitwiseCopyable {
    static let capacity = 16

    private var tokens = InlineArray<16, UInt64>(repeating: 0)
    private var addresses = InlineArray<16, UInt>(repeating: 0)

    /// False when there is no place left.
    mutating func note(_ token: Token, at address: UInt) -> Bool {
        for index in 0..<MessageTable.capacity where addresses[index] == 0 {
            tokens[index] = token.raw
            addresses[index] = address
            return true
        }
        return false
    }

    /// The message of a receive that is done.
    mutating func take(_ token: Token) -> UInt? {
        for index in 0..<MessageTable.capacity where addresses[index] != 0 && tokens[index] == token.raw {
            let address = addresses[index]
            addresses[index] = 0
            return address
        }
        return nil
    }
}
