import ArgumentParser
import Settings

/// Reads a configuration as `run` does and says what it would do, or every problem with its line.
struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Read a configuration and say what it does, or what is wrong with it.")

    @Argument(help: "Files; several are read as one configuration.")
    var files: [String]

    func run() throws {
        let origin = try ConfigurationInput.origin(files: files, arguments: CommandLineSettings())
        let settings = try ConfigurationInput.settings(origin)
        print(ConfigurationSummary.text(settings, ruleCounts: try RuleFiles.counts(settings)))
    }
}
