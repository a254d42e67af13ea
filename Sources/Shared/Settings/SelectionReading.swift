/// Reads how nodes are chosen: the `selector:` of a hop or forwarder, and what the metadata of a node says against it
/// (protocol config §5, tunnel-client §5.5).
struct SelectionReading {
    private(set) var strategy = SelectionStrategy.round
    /// What nodes have that say nothing else.
    private var standard = NodePreference()

    static let weightMax: UInt64 = 100
    static let failsMax: UInt64 = 1_000
    static let failTimeoutMillisecondsMax: UInt64 = 3_600_000

    /// `section` is a hop or forwarder.
    init(_ section: SettingSection, findings: inout Findings) {
        let selector = section.section("selector", keys: ClientKeys.selector, findings: &findings)
        if let setting = selector.setting("strategy"), let text = setting.text(findings: &findings) {
            if let known = SelectionReading.strategy(text) {
                strategy = known
            } else {
                setting.problem("`\(text)` is none of round, random, fifo and hash", findings: &findings)
            }
        }
        readFailures(selector, into: &standard, isMetadata: false, findings: &findings)
    }

    private static func strategy(_ text: String) -> SelectionStrategy? {
        switch text.lowercased() {
        case "", "round", "rr": .round
        case "random", "rand": .random
        case "fifo", "ha": .fifo
        case "hash": .hash
        default: nil
        }
    }

    /// What a node's `metadata:` makes of the standard.
    func preference(of node: SettingSection, findings: inout Findings) -> NodePreference {
        let metadata = node.section("metadata", keys: ClientKeys.nodeMetadata, findings: &findings)
        var preference = standard
        if let weight = metadata.setting("weight")?.integer(in: 1...SelectionReading.weightMax, findings: &findings) {
            preference.weight = Int(weight)
        }
        if let setting = metadata.setting("backup") { preference.isBackup = setting.flag(findings: &findings) ?? false }
        readFailures(metadata, into: &preference, isMetadata: true, findings: &findings)
        return preference
    }

    private func readFailures(
        _ section: SettingSection, into preference: inout NodePreference, isMetadata: Bool, findings: inout Findings
    ) {
        if let fails = section.setting("maxFails")?.integer(in: 0...SelectionReading.failsMax, findings: &findings) {
            preference.maxFails = max(1, Int(fails))
        }
        guard let setting = section.setting("failTimeout") else { return }
        let milliseconds =
            isMetadata
            ? setting.metadataMilliseconds(findings: &findings) : setting.structMilliseconds(findings: &findings)
        guard let milliseconds else { return }
        guard milliseconds <= SelectionReading.failTimeoutMillisecondsMax else {
            return setting.problem("must be at most 1h", findings: &findings)
        }
        preference.failTimeoutMilliseconds = milliseconds
    }
}

extension Setting {
    /// A duration outside metadata: GOST takes a bare number for nanoseconds, which nobody means.
    func structMilliseconds(findings: inout Findings) -> UInt64? {
        guard let text = text(findings: &findings) else { return nil }
        if let duration = GoDuration(text) { return duration.milliseconds }
        problem("`\(text)` is not a duration: write it with its unit, as `10s`", findings: &findings)
        return nil
    }
}
