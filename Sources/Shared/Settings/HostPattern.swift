/// The left side of an ingress rule: one host, or with a leading dot a host and every name below it.
struct HostPattern: Equatable {
    /// Lower case, without a trailing dot; `.example.com` for `*.example.com`.
    let text: String

    /// Longest pattern, with a wildcard's dot.
    static let bytesMax = 254
    static let advice =
        "write `www.example.com` or `*.example.com`, without a port (a rule for every host is not possible)"

    /// Judges a pattern as written.
    init?(_ written: String) {
        var written = written
        var room = [UInt8](repeating: 0, count: HostPattern.bytesMax)
        let count = written.withUTF8 { bytes in
            room.withUnsafeMutableBytes { HostPattern.fold(UnsafeRawBufferPointer(bytes), into: $0) }
        }
        guard let count else { return nil }
        text = String(decoding: room[..<count], as: UTF8.self)
    }

    /// Writes the pattern in lower case into `room`, of `bytesMax` bytes, and gives its length; nil when it is none. `*`
    /// stands only at the front and is the same as nothing (protocol ingress-sd-plugins §2.1); there is no catch-all.
    /// Labels are letters, digits, hyphens and underscores, 1 to 63 of them; names have at most 253 bytes.
    static func fold(_ written: UnsafeRawBufferPointer, into room: UnsafeMutableRawBufferPointer) -> Int? {
        let dot = UInt8(ascii: ".")
        var start = 0, end = written.count
        if start < end, written[start] == UInt8(ascii: "*") { start += 1 }
        if start < end, written[end - 1] == dot { end -= 1 }
        let isWildcard = start < end && written[start] == dot
        guard end - start > (isWildcard ? 1 : 0), end - start <= (isWildcard ? bytesMax : bytesMax - 1) else {
            return nil
        }
        var label = isWildcard ? -1 : 0
        for index in start..<end {
            var byte = written[index]
            switch byte {
            case dot:
                guard label != 0 else { return nil }
                label = -1
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte |= 0x20
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
                UInt8(ascii: "_"):
                break
            default: return nil
            }
            label += 1
            guard label <= 63 else { return nil }
            room[index - start] = byte
        }
        return label == 0 ? nil : end - start
    }
}
