/// Where a setting was written: a file's line, or an argument of the command line.
package struct SettingPlace: Equatable, Sendable {
    /// The file's name as given, or the argument without its credentials and parameters.
    package var source: String
    /// Both from 1; nil for arguments.
    package var line: Int?
    package var column: Int?

    package init(source: String, line: Int? = nil, column: Int? = nil) {
        self.source = source
        self.line = line
        self.column = column
    }

    /// `gost.yaml:12:9`, as far as it is known.
    package var text: String {
        guard let line else { return source }
        guard let column else { return "\(source):\(line)" }
        return "\(source):\(line):\(column)"
    }
}
