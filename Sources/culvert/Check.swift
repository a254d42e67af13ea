import ArgumentParser
import Settings

/// Reads a configuration as `run` does and says what it would do, or every problem with its line.
struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Read a configuration and say what it does, or what is wrong with it.")

    @Argument(help: "Files; several are read as one configuration.")
    var files: [String]

    func run() throws {
        let settings = try ConfigurationInput.settings(try files.map(ConfigurationInput.source))
        print(ConfigurationSummary.text(settings))
    }
}
