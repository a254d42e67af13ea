import Foundation
import Settings

/// Where a configuration stands: files and arguments, so that it can be read again.
struct ConfigurationOrigin: Sendable {
    /// Why it could not be read, for a person: each line begins with its file and line.
    struct Fault: Error, Equatable {
        var text: String
    }

    private let files: [String]
    private let arguments: CommandLineSettings
    /// Sources that can be read only once, by the name they were given as.
    private let kept: [String: ConfigurationSource]

    /// Files first, so that arguments hold over them. Standard input is read here.
    init(files: [String] = [], arguments: CommandLineSettings) throws {
        self.files = files
        self.arguments = arguments
        var kept: [String: ConfigurationSource] = [:]
        for file in files where file == "-" || file.hasPrefix("{") {
            kept[file] = try ConfigurationInput.source(file)
        }
        self.kept = kept
    }

    /// What stands there now.
    func read() throws(Fault) -> NodeSettings {
        var sources: [ConfigurationSource] = []
        for file in files {
            do {
                sources.append(try kept[file] ?? ConfigurationInput.source(file))
            } catch {
                throw Fault(text: (error as? ConfigurationInput.Unreadable)?.message ?? "\(file): \(error)")
            }
        }
        do throws(ConfigurationFault) {
            return try ConfigurationReader.read(sources + [.arguments(arguments)])
        } catch {
            throw Fault(text: error.text)
        }
    }
}
