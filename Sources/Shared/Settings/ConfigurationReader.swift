/// The one place where what a person wrote, in YAML or as `-L` and `-F` URLs, becomes the value that programs run by.
///
/// Strict: unknown keys, references to nothing, and keys whose effect is missing stop the start, all of them named with
/// their line. Pure: files are read, names resolved and ids kept elsewhere.
package enum ConfigurationReader {
    /// Reads one file's text. `fileName` is only for messages.
    package static func read(text: String, fileName: String) throws(ConfigurationFault) -> NodeSettings {
        try read([.file(name: fileName, text: text)])
    }

    /// Reads several sources as one configuration: services, chains and ingresses of all of them are joined; of other
    /// keys that stand in more than one the later holds.
    package static func read(_ sources: [ConfigurationSource]) throws(ConfigurationFault) -> NodeSettings {
        var findings = Findings()
        var whole: SettingNode?
        for source in sources {
            let tree: SettingNode?
            switch source {
            case .file(let name, let text):
                tree = YAMLDocument.settings(text: text, fileName: name, findings: &findings)
            case .arguments(let arguments): tree = arguments.settings(findings: &findings)
            }
            if let tree { whole = whole?.joined(with: tree) ?? tree }
        }
        try findings.judge()
        guard let whole else { throw fault("command line", nothingToDo) }
        var reading = ConfigurationReading(findings: findings)
        return try reading.read(whole)
    }

    /// The server part of a file, for a program that serves nothing else; a file without one is a fault.
    package static func server(text: String, fileName: String) throws(ConfigurationFault) -> ServerConfiguration {
        guard let server = try read(text: text, fileName: fileName).server else {
            throw fault(fileName, "there is no service whose handler is of type `tunnel`; add one under `services:`")
        }
        return server
    }

    /// The client part of a file; a file without one is a fault.
    package static func client(text: String, fileName: String) throws(ConfigurationFault) -> ClientConfiguration {
        guard let client = try read(text: text, fileName: fileName).client else {
            throw fault(fileName, "there is no service of type `rtcp` or `file`; add one under `services:`")
        }
        return client
    }

    static let nothingToDo = "there is nothing to do: no service is described; add `-L …`, or `services:` to the file"

    static func fault(_ source: String, _ message: String) -> ConfigurationFault {
        ConfigurationFault(
            problems: [ConfigurationProblem(place: SettingPlace(source: source), key: "", message: message)])
    }
}
