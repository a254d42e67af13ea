/// The first message of a TLS visitor, as small as one can be: a name, and bytes that make it as long as a test wants.
package enum Hello {
    /// The message in records of at most `recordBytesMax` bytes; with an empty `name` nothing is named.
    /// Its random is `random` 32 times.
    package static func bytes(
        _ name: String, padding: Int = 0, recordBytesMax: Int = 16_384, random: UInt8 = 7
    ) -> [UInt8] {
        var extensions = field(21, [UInt8](repeating: 0, count: padding))
        if !name.isEmpty { extensions += field(0, list([0] + list(Array(name.utf8)))) }
        let body = [3, 3] + [UInt8](repeating: random, count: 32) + [0, 0, 2, 0x13, 1, 1, 0] + list(extensions)
        let message = [1, 0] + list(body)
        return stride(from: 0, to: message.count, by: recordBytesMax).flatMap { start in
            [0x16, 3, 1] + list(Array(message[start..<min(start + recordBytesMax, message.count)]))
        }
    }

    private static func list(_ bytes: [UInt8]) -> [UInt8] {
        [UInt8(bytes.count >> 8), UInt8(bytes.count & 255)] + bytes
    }

    private static func field(_ type: UInt8, _ data: [UInt8]) -> [UInt8] { [0, type] + list(data) }
}
