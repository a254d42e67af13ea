/// A `Range` field, judged against the length of what is served (RFC 9110 §14).
enum ByteRanges: Equatable {
    /// Another unit or not the grammar: the field is ignored.
    case ignored
    /// In order, apart from each other, at least one, each within the length and not empty.
    case satisfiable([Range<UInt64>])
    /// None lies within the length, or there are more than `countMax`.
    case refused

    /// Most ranges of one request. Players and download tools ask for a few; hundreds are an attack (RFC 9110 §14.2).
    static let countMax = 16
    /// Ranges that are no further apart than this are sent as one: a part's own head is longer.
    static let gapBytesMax: UInt64 = 80

    static func judge(_ field: String, length: UInt64) -> ByteRanges {
        guard let equals = field.firstIndex(of: "="),
            field[..<equals].lowercased().filter({ $0 != " " }) == "bytes"
        else { return .ignored }
        var ranges: [Range<UInt64>] = []
        var count = 0
        for part in field[field.index(after: equals)...].utf8.split(separator: UInt8(ascii: ",")) {
            let text = String(Substring(part)).filter { $0 != " " && $0 != "\t" }
            if text.isEmpty { continue }
            count += 1
            guard count <= countMax else { return .refused }
            guard let spec = spec(text) else { return .ignored }
            if let range = spec.range(in: length) { ranges.append(range) }
        }
        guard count > 0 else { return .ignored }
        return ranges.isEmpty ? .refused : .satisfiable(joined(ranges))
    }

    private enum Spec {
        case from(UInt64, to: UInt64?)
        case last(UInt64)

        /// The bytes that exist; nil when there are none.
        func range(in length: UInt64) -> Range<UInt64>? {
            switch self {
            case .from(let first, let last):
                guard first < length else { return nil }
                return first..<(min(last ?? .max, length - 1) + 1)
            case .last(let count):
                guard count > 0, length > 0 else { return nil }
                return (length - min(count, length))..<length
            }
        }
    }

    private static func spec(_ text: String) -> Spec? {
        guard let hyphen = text.firstIndex(of: "-") else { return nil }
        let left = text[..<hyphen], right = text[text.index(after: hyphen)...]
        if left.isEmpty { return number(right).map { .last($0) } }
        guard let first = number(left) else { return nil }
        if right.isEmpty { return .from(first, to: nil) }
        guard let last = number(right), first <= last else { return nil }
        return .from(first, to: last)
    }

    /// Digits only; a number beyond 64 bits is as good as the largest.
    private static func number(_ text: Substring) -> UInt64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return UInt64(text) ?? .max
    }

    private static func joined(_ ranges: [Range<UInt64>]) -> [Range<UInt64>] {
        var out: [Range<UInt64>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = out.last, range.lowerBound <= last.upperBound + gapBytesMax {
                out[out.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                out.append(range)
            }
        }
        return out
    }
}
