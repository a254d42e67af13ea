/// A duration in the notation of Go: `1h2m`, `1.5s`, `500ms`.
struct GoDuration: Equatable {
    private(set) var nanoseconds: UInt64

    /// Whole milliseconds; what is left over counts as one, so that a short duration does not become none.
    var milliseconds: UInt64 { nanoseconds / 1_000_000 + (nanoseconds % 1_000_000 == 0 ? 0 : 1) }

    /// Nil without a unit, for negative ones and for anything beyond 292 years.
    init?(_ text: String) {
        var rest = Substring(text)
        guard !rest.isEmpty else { return nil }
        var total = 0.0
        while !rest.isEmpty {
            let number = rest.prefix { $0.isASCII && $0.isNumber || $0 == "." }
            rest = rest.dropFirst(number.count)
            let unit = rest.prefix { !($0.isASCII && $0.isNumber) && $0 != "." }
            rest = rest.dropFirst(unit.count)
            guard let value = GoDuration.number(number), let scale = GoDuration.scale(unit) else { return nil }
            total += value * scale
        }
        guard total < 9.2e18 else { return nil }
        nanoseconds = UInt64(total.rounded())
    }

    /// Decimal seconds: `15`, `1.5`.
    init?(seconds text: String) {
        guard let value = GoDuration.number(Substring(text)), value < 9.2e9 else { return nil }
        nanoseconds = UInt64((value * 1e9).rounded())
    }

    private static func number(_ text: Substring) -> Double? {
        let isDecimal = text.utf8.allSatisfy { (48...57).contains($0) || $0 == UInt8(ascii: ".") }
        guard isDecimal, text.utf8.contains(where: { $0 != UInt8(ascii: ".") }) else { return nil }
        return Double(text.hasPrefix(".") ? "0" + text : text.hasSuffix(".") ? text + "0" : text)
    }

    private static func scale(_ unit: Substring) -> Double? {
        switch unit {
        case "ns": 1
        case "us", "µs", "μs": 1e3
        case "ms": 1e6
        case "s": 1e9
        case "m": 60e9
        case "h": 3600e9
        default: nil
        }
    }
}
