import Model

/// docs/limits.md, generated from the table of limits and the list of reasons, so that it cannot say anything else.
enum LimitsDocument {
    static let path = "docs/limits.md"

    static var text: String {
        var lines = [
            "# Limits", "",
            "Everything that could grow has a limit with a name. Reaching one is an answer, counted under its reason",
            "in `culvert_ends_total{reason=…}`; a limit without a reason pauses one source and ends nothing.", "",
            "Set them in the configuration, under `culvert:`; values outside the range stop the start:", "",
            "```yaml", "culvert:", "  limits:", "    headBytesMax: 8000", "```", "",
            "This page is generated (`CULVERT_WRITE_DOCS=1 swift test --filter DocumentTests`).", "",
            "| limit | unit | standard | range | reason | what it bounds |", "|---|---|---|---|---|---|",
        ]
        for limit in Limit.allCases {
            let row = limit.row
            lines.append(
                "| `\(limit)` | \(row.unit) | \(number(row.standard)) | \(number(row.range.lowerBound)) … "
                    + "\(number(row.range.upperBound)) | \(row.reason.map { "`\($0.label)`" } ?? "–") | \(row.meaning) |"
            )
        }
        lines += [
            "", "## Reasons", "",
            "Why anything ended or was refused: the label of the counters, the field `reason` of the log, and what a",
            "refused visitor is told.", "",
            Reason.allCases.map { "`\($0.label)`" }.joined(separator: ", ") + ".",
        ]
        return lines.joined(separator: "\n") + "\n"
    }

    /// `65,536`.
    static func number(_ value: UInt64) -> String {
        var out = ""
        for (index, digit) in String(value).reversed().enumerated() {
            if index > 0, index % 3 == 0 { out.append(",") }
            out.append(digit)
        }
        return String(out.reversed())
    }
}
