/// Puts together hellos for tests, field by field as RFC 8446 §4.1.2 lists them; it shares nothing with the reader.
struct HelloBuilder {
    var version: UInt16 = 0x0303
    /// Names of type host_name; empty: no such extension.
    var names: [String] = ["app.example.com"]
    var protocols: [String] = []
    /// Data of a key share, whose size is what makes hellos large: 1,216 bytes for X25519MLKEM768.
    var keyShareByteCount = 32
    /// Extensions put behind the others as they stand.
    var extra: [UInt8] = []
    var hasExtensions = true

    static func list8(_ bytes: [UInt8]) -> [UInt8] { [UInt8(bytes.count)] + bytes }
    static func list16(_ bytes: [UInt8]) -> [UInt8] { [UInt8(bytes.count >> 8), UInt8(bytes.count & 255)] + bytes }
    static func ext(_ type: UInt16, _ data: [UInt8]) -> [UInt8] {
        [UInt8(type >> 8), UInt8(type & 255)] + list16(data)
    }

    /// The handshake message: type, length, body.
    var message: [UInt8] {
        var body: [UInt8] = [UInt8(version >> 8), UInt8(version & 255)]
        body += (0..<32).map { UInt8($0 &* 7) }
        body += Self.list8((0..<32).map { UInt8($0) })
        body += Self.list16([0x13, 0x02, 0x13, 0x03, 0x13, 0x01])
        body += Self.list8([0])
        if hasExtensions { body += Self.list16(extensions) }
        return [1, 0, UInt8(body.count >> 8), UInt8(body.count & 255)] + body
    }

    private var extensions: [UInt8] {
        var all = Self.ext(43, Self.list8([3, 4]))
        // The key share stands before the name, as some clients have it to be awkward.
        all += Self.ext(
            51, Self.list16([0x11, 0xEC] + Self.list16([UInt8](repeating: 0xA5, count: keyShareByteCount))))
        if !names.isEmpty {
            all += Self.ext(0, Self.list16(names.flatMap { [0] + Self.list16(Array($0.utf8)) }))
        }
        if !protocols.isEmpty {
            all += Self.ext(16, Self.list16(protocols.flatMap { Self.list8(Array($0.utf8)) }))
        }
        return all + extra
    }

    /// The message in records, cut behind each of the given numbers of bytes.
    func records(cutAt cuts: [Int] = []) -> [UInt8] {
        let message = message
        var all: [UInt8] = []
        var start = 0
        for end in cuts + [message.count] {
            all += [0x16, 3, 1] + Self.list16(Array(message[start..<end]))
            start = end
        }
        return all
    }
}
