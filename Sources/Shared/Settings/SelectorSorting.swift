/// The parameters of a `-L` or `-F` that GOST makes a selector of (protocol tunnel-client §9.1, §9.2).
struct SelectorSorting {
    private var placed: [(String, SettingNode)] = []

    /// What GOST puts where a command line has a selector but names no time (§5.5); in YAML it is 10 s.
    private static let failTimeout = "30s"

    mutating func place(_ name: String, _ value: SettingNode) { placed.append((name.lowercased(), value)) }

    /// The entry `selector`, or none where no parameter asked for one.
    func entries(_ tree: ArgumentTree) -> [(String, SettingNode)] {
        guard !placed.isEmpty else { return [] }
        let hasTime = placed.contains { $0.0 == "failtimeout" }
        let time = hasTime ? [] : [("failtimeout", tree.text(SelectorSorting.failTimeout))]
        return [("selector", tree.mapping(placed + time))]
    }
}
