import Foundation
import Logging
import Model
import Settings
import Testing

@testable import culvert

/// A configuration that is read again: what may change, and that a bad one changes nothing.
struct ReloadTests {
    private let directory = NSTemporaryDirectory() + "culvert-reload-" + UUID().uuidString
    private var file: String { directory + "/gost.yaml" }

    private func text(target: String, further: String = "") -> String {
        """
        services:
        - {name: a, handler: {type: rtcp}, listener: {type: rtcp, chain: c}, forwarder: {nodes: [{addr: "\(target)"}]}}
        \(further)
        chains:
        - {name: c, hops: [{nodes: [{addr: "h:1", connector: {type: tunnel}, dialer: {type: ws}}]}]}
        """
    }

    private func write(_ text: String) throws {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try text.write(toFile: file, atomically: true, encoding: .utf8)
    }

    /// What runs by `before`, and the reload that follows it.
    private func reload(before: String) throws -> (NodeSettings, Reload) {
        try write(before)
        let origin = try ConfigurationOrigin(files: [file], arguments: CommandLineSettings())
        var settings = try origin.read()
        let kept = KeptTunnelIDs(directory: directory + "/ids", random: { (7, 7) })
        if var client = settings.client {
            try kept.complete(&client)
            settings.client = client
        }
        let reload = Reload(
            origin: origin, settings: settings, keptIDs: kept, client: nil,
            logger: Logger(label: "x", factory: { _ in SwiftLogNoOpLogHandler() }))
        return (settings, reload)
    }

    @Test func tunnelsChange() throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let (settings, reload) = try reload(before: text(target: ":1"))
        #expect(try reload.next(settings).get() == settings)
        try write(text(target: ":2"))
        let new = try reload.next(settings).get()
        #expect(new.client?.tunnels.map(\.target.port) == [2])
        #expect(new.client?.tunnels[0].tunnel.isZero == false, "its id is made and kept")
    }

    struct Refusal: CustomTestStringConvertible, Sendable {
        var after: String
        var text: String
        var testDescription: String { text }
    }

    @Test(arguments: [
        ("- {name: b, addr: \":1\", handler: {type: tunnel}}", "the tunnel server changed"),
        ("- {name: b, addr: \":1\", handler: {type: file}}", "the file services changed"),
        ("- {name: b, handler: {type: rtcp}, nonsense: 1}", "gost.yaml:3:36: services[1].nonsense: unknown key"),
    ])
    func whatCannotChangeIsRefusedWhole(further: String, reason: String) throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let (settings, reload) = try reload(before: text(target: ":1"))
        try write(text(target: ":2", further: further))
        let fault = #expect(throws: ConfigurationOrigin.Fault.self) { try reload.next(settings).get() }
        #expect(fault?.text.contains(reason) == true, "\(fault?.text ?? "")")
    }

    @Test func aFileThatIsGoneIsNamed() throws {
        let (settings, reload) = try reload(before: text(target: ":1"))
        try FileManager.default.removeItem(atPath: directory)
        let fault = #expect(throws: ConfigurationOrigin.Fault.self) { try reload.next(settings).get() }
        #expect(fault?.text.contains(file) == true)
    }

    @Test func whatIsWrittenOnTheCommandLineStays() throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try write(text(target: ":1"))
        var arguments = CommandLineSettings()
        arguments.listen = ["rtcp://:0/:9"]
        arguments.forward = ["tunnel://h:2"]
        let inline = "{\"log\": {\"level\": \"debug\"}}"
        let origin = try ConfigurationOrigin(files: [file, inline], arguments: arguments)
        #expect(try origin.read().client?.tunnels.map(\.target.port) == [1, 9])
        #expect(try origin.read().logLevel == .debug)
        try write(text(target: ":2"))
        #expect(try origin.read().client?.tunnels.map(\.target.port) == [2, 9])
    }
}
