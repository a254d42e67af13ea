/// Why a configuration was refused: every problem that was found, each with its place and its fix.
package struct ConfigurationFault: Error, Equatable, Sendable {
    /// At least one, in the order in which they were found.
    package var problems: [ConfigurationProblem]

    package init(problems: [ConfigurationProblem]) {
        precondition(!problems.isEmpty)
        self.problems = problems
    }

    /// One line for each problem: `gost.yaml:12:9: services[0].listener.type: …`.
    package var text: String { problems.map(\.text).joined(separator: "\n") }
}

/// One thing that is wrong with a configuration, or, as a notice, one that is accepted without effect.
package struct ConfigurationProblem: Equatable, Sendable {
    package var place: SettingPlace
    /// The key, as a path from the top: `services[0].handler.metadata.ingress`.
    package var key: String
    /// What is wrong and what to write instead.
    package var message: String

    package init(place: SettingPlace, key: String, message: String) {
        self.place = place
        self.key = key
        self.message = message
    }

    /// One line: place, key and message.
    package var text: String {
        let key = shownKey
        return key.isEmpty ? "\(place.text): \(message)" : "\(place.text): \(key): \(message)"
    }

    /// In a file the whole path; of an argument only the parameter, whose path nobody wrote.
    private var shownKey: Substring {
        guard place.line == nil else { return key[...] }
        if let metadata = key.firstRange(of: ".metadata.") { return key[metadata.upperBound...] }
        let start = key.lastIndex(of: ".").map { key.index(after: $0) } ?? key.startIndex
        return key[start...].hasSuffix("]") ? "" : key[start...]
    }
}
