/// The keys that one kind of mapping may have, and what each of them does here.
///
/// The tables (`ServerKeys`, `ClientKeys`, `NodeKeys`) are the one place that decides which of GOST's keys are read,
/// which are accepted without effect, and which stop the start because their effect is missing.
struct KeyTable: Sendable {
    /// What the mapping is, for messages: "the metadata of a tunnel handler".
    let subject: String
    let rules: [KeyRule]

    init(_ subject: String, _ rules: [KeyRule]) {
        self.subject = subject
        self.rules = rules
    }

    /// The rule of a key, without regard to case.
    func rule(for key: String) -> KeyRule? {
        let key = key.lowercased()
        return rules.first { rule in
            rule.names.contains { name in
                name.hasSuffix("*") ? key.hasPrefix(name.dropLast().lowercased()) : key == name.lowercased()
            }
        }
    }

    /// The known key that was probably meant.
    func suggestion(for key: String) -> String? {
        let key = key.lowercased()
        let known = rules.flatMap(\.names).filter { !$0.hasSuffix("*") }
        let closest = known.map { (name: $0, steps: KeyTable.editSteps(key, $0.lowercased())) }
            .min { $0.steps < $1.steps }
        guard let closest, closest.steps <= max(1, key.count / 3) else { return nil }
        return closest.name
    }

    /// Levenshtein's distance.
    private static func editSteps(_ left: String, _ right: String) -> Int {
        let left = Array(left.utf8.prefix(64)), right = Array(right.utf8.prefix(64))
        var row = Array(0...right.count)
        for (i, byte) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, other) in right.enumerated() {
                let step = min(row[j] + 1, row[j + 1] + 1, diagonal + (byte == other ? 0 : 1))
                diagonal = row[j + 1]
                row[j + 1] = step
            }
        }
        return row[right.count]
    }
}

/// What one key does.
struct KeyRule: Sendable {
    enum Meaning: Sendable {
        case used
        /// Accepted with a notice; the text says why nothing depends on it.
        case withoutEffect(String)
        /// Stops the start, unless its value switches it off; the text says what to do.
        case missing(String)
    }

    /// In the order in which they are looked for; a trailing `*` stands for any rest.
    let names: [String]
    let meaning: Meaning

    static func used(_ names: String...) -> KeyRule { KeyRule(names: names, meaning: .used) }

    static func withoutEffect(_ names: String..., because reason: String) -> KeyRule {
        KeyRule(names: names, meaning: .withoutEffect(reason))
    }

    static func missing(_ names: String..., advice: String) -> KeyRule {
        KeyRule(names: names, meaning: .missing(advice))
    }
}

extension KeyRule {
    /// How strongly a table claims a key.
    static func rank(_ rule: KeyRule?) -> Int {
        switch rule?.meaning {
        case .used: 3
        case .missing: 2
        case .withoutEffect: 1
        case nil: 0
        }
    }
}
