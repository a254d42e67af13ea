import TunnelRunner

/// What the status line of a tunnel client says.
enum StatusText {
    /// `2/3 tunnels up  http://a.example.com +1  5 visitors  12.0/s  1.2 MB/s`, at most `columns` characters.
    ///
    /// - Parameters:
    ///   - before: the load when the line was last made.
    ///   - seconds: the time since then; more than 0.
    static func line(
        _ standing: TunnelReport.Standing, _ load: TunnelLoad, before: TunnelLoad, seconds: Double, columns: Int
    ) -> String {
        var parts = ["\(standing.up)/\(standing.total) tunnels up"]
        if let first = standing.addresses.first {
            let further = standing.addresses.count - 1
            parts.append(further > 0 ? "\(first) +\(further)" : first)
        }
        parts.append(load.visitorsNow == 1 ? "1 visitor" : "\(load.visitorsNow) visitors")
        parts.append("\(decimal(Double(load.visitors &- before.visitors) / seconds))/s")
        parts.append("\(size(Double(load.bytes &- before.bytes) / seconds))/s")
        return String(parts.joined(separator: "  ").prefix(max(columns, 0)))
    }

    private static func size(_ bytes: Double) -> String {
        var value = bytes
        for unit in ["B", "kB", "MB", "GB"] {
            if value < 1_000 { return "\(unit == "B" ? "\(Int(value.rounded()))" : decimal(value)) \(unit)" }
            value /= 1_000
        }
        return "\(decimal(value)) TB"
    }

    /// One digit behind the point.
    private static func decimal(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}
