import Foundation
import Testing

@testable import culvert

/// Directories that nobody else may enter.
struct RuntimeDirectoryTests {
    let parent = NSTemporaryDirectory() + "culvert-run-" + UUID().uuidString

    @Test func whereNodesRun() {
        #expect(
            RuntimeDirectory.parent(environment: ["XDG_RUNTIME_DIR": "/run/user/7"], user: 7) == "/run/user/7/culvert")
        #expect(RuntimeDirectory.parent(environment: [:], user: 7) == "/tmp/culvert-7")
    }

    @Test func itIsPrivateAndEmptyAndGoneAfterwards() throws {
        defer { try? FileManager.default.removeItem(atPath: parent) }
        let own = getpid()
        let first = try RuntimeDirectory.make(parent: parent, process: own)
        try Data().write(to: URL(fileURLWithPath: first.socket))
        let second = try RuntimeDirectory.make(parent: parent, process: own)
        #expect(!FileManager.default.fileExists(atPath: second.socket), "what a dead process left is gone")
        let attributes = try FileManager.default.attributesOfItem(atPath: second.path)
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o700)
        #expect(RuntimeDirectory.living(in: parent).map(\.path) == [second.path])
        second.remove()
        #expect(RuntimeDirectory.living(in: parent).isEmpty)
    }

    @Test func aDeadProcessIsNoLivingNode() throws {
        defer { try? FileManager.default.removeItem(atPath: parent) }
        // Beyond the largest process number of Linux (2²²).
        _ = try RuntimeDirectory.make(parent: parent, process: 5_000_000)
        #expect(RuntimeDirectory.living(in: parent).isEmpty)
    }

    @Test func aDirectoryThatOthersMayEnterOrThatIsALinkIsRefused() throws {
        defer { try? FileManager.default.removeItem(atPath: parent) }
        let files = FileManager.default
        try files.createDirectory(atPath: parent, withIntermediateDirectories: true)
        try files.createDirectory(
            atPath: parent + "/open", withIntermediateDirectories: false, attributes: [.posixPermissions: 0o755])
        try files.createSymbolicLink(atPath: parent + "/link", withDestinationPath: parent)
        for name in ["/open", "/link"] {
            let fault = #expect(throws: RuntimeDirectory.Fault.self) {
                try RuntimeDirectory.make(parent: parent + name, process: 1)
            }
            #expect(fault?.message.contains(parent + name) == true)
        }
    }

    @Test func aPathThatIsTooLongForASocketIsSaid() throws {
        defer { try? FileManager.default.removeItem(atPath: parent) }
        let long = parent + "/" + String(repeating: "d", count: 100)
        let fault = #expect(throws: RuntimeDirectory.Fault.self) {
            try RuntimeDirectory.make(parent: long, process: getpid())
        }
        #expect(fault?.message.contains("XDG_RUNTIME_DIR") == true)
    }

    @Test func aFileIsWrittenWholeAndPrivately() throws {
        defer { try? FileManager.default.removeItem(atPath: parent) }
        #expect(throws: Never.self) { try PrivateDirectory.make(parent).get() }
        let path = parent + "/file"
        #expect(try PrivateDirectory.write("one", to: path, replacing: false).get())
        #expect(try !PrivateDirectory.write("two", to: path, replacing: false).get())
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "one")
        #expect(try PrivateDirectory.write("three", to: path, replacing: true).get())
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "three")
        #expect(try FileManager.default.contentsOfDirectory(atPath: parent) == ["file"])
    }
}
