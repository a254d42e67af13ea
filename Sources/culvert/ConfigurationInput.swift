import ArgumentParser
import Foundation
import Settings

/// Turns file names into sources of a configuration, and faults into what a person sees and an exit status.
enum ConfigurationInput {
    /// `EX_CONFIG` of sysexits(3).
    static let faultExit = ExitCode(78)

    /// A source that cannot be read at all, and why.
    struct Unreadable: Error, Equatable {
        var message: String
    }

    /// The text of a file; `-` is standard input, and an argument that begins with `{` is JSON itself, as in GOST.
    static func source(_ name: String) throws(Unreadable) -> ConfigurationSource {
        if name.hasPrefix("{") { return .file(name: "-C {…}", text: name) }
        if name.contains("://") { throw Unreadable(message: "-C \(name): files only; fetch it first") }
        let data: Data
        if name == "-" {
            data = FileHandle.standardInput.readDataToEndOfFile()
        } else {
            do {
                data = try Data(contentsOf: URL(fileURLWithPath: name))
            } catch {
                throw Unreadable(message: "\(name): cannot be read: \((error as NSError).localizedDescription)")
            }
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw Unreadable(message: "\(name): is not UTF-8 text")
        }
        return .file(name: name == "-" ? "standard input" : name, text: text)
    }

    /// Where files and arguments stand, or a message and the end with 78.
    static func origin(files: [String] = [], arguments: CommandLineSettings) throws -> ConfigurationOrigin {
        do {
            return try ConfigurationOrigin(files: files, arguments: arguments)
        } catch {
            throw refusal((error as? Unreadable)?.message ?? "\(error)")
        }
    }

    /// Reads the configuration, or prints every problem and ends with 78.
    static func settings(_ origin: ConfigurationOrigin) throws -> NodeSettings {
        do throws(ConfigurationOrigin.Fault) {
            return try origin.read()
        } catch {
            // Each line begins with its file and line, as editors and people look for them.
            FileHandle.standardError.write(Data((error.text + "\n").utf8))
            throw faultExit
        }
    }

    /// Prints a message for a person and gives the error that ends the program with 78.
    static func refusal(_ message: String) -> ExitCode {
        FileHandle.standardError.write(Data(("culvert: " + message + "\n").utf8))
        return faultExit
    }
}
