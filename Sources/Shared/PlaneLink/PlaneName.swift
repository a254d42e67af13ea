internal import Model

/// Reasons and limits cross the link by name: their numbers are an order in a source file, which may change between
/// the releases of the two planes.
enum PlaneName {
    private static let reasons = Dictionary(uniqueKeysWithValues: Reason.allCases.map { ($0.label, $0) })
    private static let reasonLabels = Reason.allCases.map(\.label)
    private static let limits = Dictionary(uniqueKeysWithValues: Limit.allCases.map { ("\($0)", $0) })

    static func of(_ reason: Reason) -> String { reasonLabels[Int(reason.rawValue)] }
    static func of(_ limit: Limit) -> String { "\(limit)" }

    /// nil for a name that only the other side knows.
    static func reason(_ name: String) -> Reason? { reasons[name] }
    static func limit(_ name: String) -> Limit? { limits[name] }
}
