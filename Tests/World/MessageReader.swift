/// Reads HTTP messages as simply as can be, for peers whose messages a test wrote: nothing of `Wire` is used, so that
/// it can be wrong in no way that the worker is.
package struct MessageReader {
    package struct Message: Equatable {
        /// Request line or status line.
        package var first = ""
        package var fields: [String: String] = [:]
        package var body: [UInt8] = []

        package var words: [String] { first.split(separator: " ").map(String.init) }
    }

    private var bytes: [UInt8] = []
    private var position = 0
    /// A message without length or coding goes on to the end of the stream: answers only.
    private let endsWithStream: Bool

    package init(answers: Bool) { endsWithStream = answers }

    package mutating func feed(_ more: [UInt8]) {
        if position > 1 << 16 {
            bytes.removeFirst(position)
            position = 0
        }
        bytes += more
    }

    package var unreadCount: Int { bytes.count - position }

    /// The next complete message. `isEnded`: no more bytes will come.
    package mutating func next(isEnded: Bool) -> Message? {
        guard let head = headEnd() else { return nil }
        var message = Message()
        let lines = String(decoding: bytes[position..<head], as: UTF8.self).split(separator: "\r\n")
        message.first = String(lines[0])
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            message.fields[line[..<colon].lowercased()] = String(value)
        }
        var end = head + 4
        if message.fields["transfer-encoding"] == "chunked" {
            guard let after = chunks(from: end, into: &message.body) else { return nil }
            end = after
        } else if let length = message.fields["content-length"].flatMap({ Int($0) }) {
            guard bytes.count - end >= length else { return nil }
            message.body = Array(bytes[end..<end + length])
            end += length
        } else if endsWithStream {
            guard isEnded else { return nil }
            message.body = Array(bytes[end...])
            end = bytes.count
        }
        position = end
        return message
    }

    private func headEnd() -> Int? {
        guard bytes.count - position >= 4 else { return nil }
        var index = position
        while index + 4 <= bytes.count {
            if bytes[index] == 13, bytes[index + 1] == 10, bytes[index + 2] == 13, bytes[index + 3] == 10 { return index }
            index += 1
        }
        return nil
    }

    /// Takes a chunked body apart; nil when it is not complete.
    private func chunks(from start: Int, into body: inout [UInt8]) -> Int? {
        var index = start
        while true {
            guard let lineEnd = bytes[index...].firstIndex(of: 10) else { return nil }
            let line = String(decoding: bytes[index..<lineEnd], as: UTF8.self)
            guard let count = Int(line.prefix { $0.isHexDigit }, radix: 16) else { return nil }
            index = lineEnd + 1
            guard bytes.count - index >= count + 2 else { return nil }
            body += bytes[index..<index + count]
            index += count + 2
            if count == 0 { return index }
        }
    }
}
