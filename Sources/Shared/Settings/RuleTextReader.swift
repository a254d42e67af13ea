package import Model

/// The text of a file of host rules (protocol ingress-sd-plugins §2.3), read by bytes as they come: one `host endpoint` for
/// each line, separated by blanks; `#` begins a comment. Of two lines with one host the later holds.
///
/// Where a piece of the text ends does not matter. It stops at the first line that is no rule.
package struct RuleTextReader {
    /// A line that is no rule: its number, from 1, and what is wrong with it. Never the endpoint, which is a secret.
    package struct Problem: Error, Equatable, Sendable {
        package var line: Int
        package var message: String
    }

    /// Longest line, in bytes, its end not counted.
    package static let lineBytesMax = 1_024

    /// Lines that have ended.
    private var lines = 0
    /// The beginning of a line whose end has not come.
    private var carried: [UInt8] = []
    private var room = [UInt8](repeating: 0, count: HostPattern.bytesMax)

    package init() { carried.reserveCapacity(RuleTextReader.lineBytesMax) }

    /// Reads one more piece. `body` gets each rule's host, in lower case, with a leading dot for a host and every name below
    /// it; the bytes are only there for the call.
    package mutating func read(
        _ piece: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer, Route) -> Void
    ) throws(Problem) {
        var start = 0
        while let end = RuleTextReader.newline(in: piece, from: start) {
            try take(UnsafeRawBufferPointer(rebasing: piece[start..<end]), body)
            start = end + 1
        }
        guard start < piece.count else { return }
        guard carried.count + piece.count - start <= RuleTextReader.lineBytesMax else { throw tooLong }
        carried.append(contentsOf: piece[start...])
    }

    /// The text is over: its last line needs no end.
    package mutating func finish(_ body: (UnsafeRawBufferPointer, Route) -> Void) throws(Problem) {
        try take(UnsafeRawBufferPointer(start: nil, count: 0), body)
    }

    private var tooLong: Problem {
        Problem(line: lines + 1, message: "is longer than \(RuleTextReader.lineBytesMax) bytes")
    }

    /// The rest of a line whose beginning may be carried.
    private mutating func take(
        _ rest: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer, Route) -> Void
    ) throws(Problem) {
        guard carried.count + rest.count <= RuleTextReader.lineBytesMax else { throw tooLong }
        let message: String?
        if carried.isEmpty {
            message = RuleTextReader.judge(rest, &room, body)
        } else {
            carried.append(contentsOf: rest)
            message = carried.withUnsafeBytes { RuleTextReader.judge($0, &room, body) }
            carried.removeAll(keepingCapacity: true)
        }
        lines += 1
        if let message { throw Problem(line: lines, message: message) }
    }

    /// What is wrong with a line; nil where it is a rule or empty.
    private static func judge(
        _ line: UnsafeRawBufferPointer, _ room: inout [UInt8], _ body: (UnsafeRawBufferPointer, Route) -> Void
    ) -> String? {
        var position = 0
        let host = field(line, &position)
        guard !host.isEmpty else { return nil }
        let endpoint = field(line, &position)
        guard !endpoint.isEmpty, field(line, &position).isEmpty else {
            return "is no rule: write a host and a tunnel's id, separated by a blank"
        }
        return room.withUnsafeMutableBytes { room in
            guard let count = HostPattern.fold(host, into: room) else {
                return "`\(shown(host))` is no host: \(HostPattern.advice)"
            }
            let isPrivate = endpoint[0] == UInt8(ascii: "$")
            let id = UnsafeRawBufferPointer(rebasing: endpoint[(isPrivate ? 1 : 0)...])
            guard let tunnel = TunnelID(bytes: id), !tunnel.isZero else {
                return "the endpoint of `\(shown(host))` is not a tunnel id: write a UUID of 36 characters, with a "
                    + "leading `$` for a private rule"
            }
            body(UnsafeRawBufferPointer(rebasing: room[..<count]), Route(tunnel: tunnel, isPrivate: isPrivate))
            return nil
        }
    }

    /// The next bytes that are no blank, up to a comment.
    private static func field(_ line: UnsafeRawBufferPointer, _ position: inout Int) -> UnsafeRawBufferPointer {
        while position < line.count, isBlank(line[position]) { position += 1 }
        let start = position
        while position < line.count, !isBlank(line[position]), line[position] != UInt8(ascii: "#") { position += 1 }
        let field = UnsafeRawBufferPointer(rebasing: line[start..<position])
        if position < line.count, line[position] == UInt8(ascii: "#") { position = line.count }
        return field
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
    }

    /// For messages: short, and nothing that a terminal would follow.
    private static func shown(_ host: UnsafeRawBufferPointer) -> String {
        let bytes = host.prefix(80).map { $0 > 0x20 && $0 < 0x7F ? $0 : UInt8(ascii: "?") }
        return String(decoding: bytes, as: UTF8.self) + (host.count > 80 ? "…" : "")
    }

    /// Eight bytes at a time: most bytes are none.
    private static func newline(in piece: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var position = start
        let pattern: UInt64 = 0x0A0A_0A0A_0A0A_0A0A, low: UInt64 = 0x0101_0101_0101_0101
        while position + 8 <= piece.count {
            let word = UInt64(littleEndian: piece.loadUnaligned(fromByteOffset: position, as: UInt64.self)) ^ pattern
            let found = (word &- low) & ~word & (low << 7)
            if found != 0 { return position + found.trailingZeroBitCount / 8 }
            position += 8
        }
        while position < piece.count {
            if piece[position] == 0x0A { return position }
            position += 1
        }
        return nil
    }
}
