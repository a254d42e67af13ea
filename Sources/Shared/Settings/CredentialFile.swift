/// The text of a file of credentials (protocol config §7): one `user password` for each line, separated by blanks. Empty
/// lines and lines that begin with `#` are skipped. Of two lines with one name the later holds.
package struct CredentialFile: Equatable, Sendable {
    /// A line that is no credential: its number, from 1, and what is wrong with it. Never the line itself.
    package struct Problem: Equatable, Sendable {
        package var line: Int
        package var message: String
    }

    package private(set) var credentials: [Credential] = []
    package private(set) var problems: [Problem] = []

    /// Reads the whole text; what is wrong with it is kept beside what is right.
    package init(text: String) {
        var places: [String: Int] = [:]
        // Bytes, because a return in front of a newline is one character with it.
        for (index, bytes) in text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .enumerated()
        {
            let line = CredentialFile.trimmed(Substring(bytes))
            guard !line.isEmpty, !line.hasPrefix("#") else { continue }
            let name = line.prefix { !CredentialFile.isBlank($0) }
            let password = CredentialFile.trimmed(line[name.endIndex...])
            if let fault = Credential.fault(userName: String(name), password: String(password)) {
                problems.append(Problem(line: index + 1, message: fault))
                continue
            }
            let credential = Credential(userName: String(name), password: String(password))
            if let place = places[credential.userName] {
                credentials[place] = credential
            } else {
                places[credential.userName] = credentials.count
                credentials.append(credential)
            }
        }
    }

    private static func isBlank(_ character: Character) -> Bool { character == " " || character == "\t" }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop { isBlank($0) || $0 == "\r" }
        while let last = text.last, isBlank(last) || last == "\r" { text.removeLast() }
        return text
    }
}
