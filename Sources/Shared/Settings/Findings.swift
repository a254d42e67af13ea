/// What a reading has found so far.
struct Findings {
    /// More problems than this are not listed: by then the file is something else than a configuration.
    static let problemsMax = 50

    private(set) var problems: [ConfigurationProblem] = []
    /// Keys that were accepted and have no effect, and what to know about them.
    private(set) var notices: [ConfigurationProblem] = []

    mutating func problem(_ place: SettingPlace, _ key: String, _ message: String) {
        guard problems.count < Findings.problemsMax else { return }
        problems.append(ConfigurationProblem(place: place, key: key, message: message))
    }

    mutating func notice(_ place: SettingPlace, _ key: String, _ message: String) {
        guard notices.count < Findings.problemsMax else { return }
        notices.append(ConfigurationProblem(place: place, key: key, message: message))
    }

    /// Ends the reading when anything is wrong.
    func judge() throws(ConfigurationFault) {
        if !problems.isEmpty { throw ConfigurationFault(problems: problems) }
    }
}
