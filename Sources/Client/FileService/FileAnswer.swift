/// An answer of the file service, complete but for its transport.
struct FileAnswer: Sendable {
    enum Part: Sendable {
        case bytes([UInt8])
        case file(OpenFile, Range<UInt64>)

        var count: UInt64 {
            switch self {
            case .bytes(let bytes): UInt64(bytes.count)
            case .file(_, let range): range.upperBound - range.lowerBound
            }
        }
    }

    var status: Int
    /// In order; names as in the RFCs, without `Content-Length`, which is `length`.
    var fields: [(name: String, value: String)]
    var parts: [Part]
    /// What `Content-Length` says; for a HEAD and a 304 it is that of the whole answer to a GET.
    var length: UInt64

    init(status: Int, fields: [(name: String, value: String)] = [], parts: [Part] = []) {
        self.status = status
        self.fields = fields
        self.parts = parts
        length = parts.reduce(0) { $0 + $1.count }
    }

    /// The first field of that name.
    func field(_ name: String) -> String? { fields.first { $0.name.lowercased() == name.lowercased() }?.value }

    /// A short page in plain text.
    static func text(_ status: Int, _ text: String, fields: [(name: String, value: String)] = []) -> FileAnswer {
        FileAnswer(
            status: status, fields: [("Content-Type", "text/plain; charset=utf-8")] + fields,
            parts: [.bytes(Array((text + "\n").utf8))])
    }

    /// The same without its body, for a HEAD.
    func withoutBody() -> FileAnswer {
        var answer = self
        answer.parts = []
        return answer
    }
}
