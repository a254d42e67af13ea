import CLinux
import Foundation
import Primitives
import Settings
import Testing

@testable import ControlShell

/// Files of credentials: read when they change, whatever way they are changed, and kept when they cannot be read.
struct CredentialWatchTests {
    private let path = NSTemporaryDirectory() + "culvert-people-\(UUID().uuidString)"

    private func tick(_ milliseconds: UInt64) -> Tick { Tick(nanoseconds: milliseconds * 1_000_000) }

    private func watch() -> CredentialWatch {
        var auther = Auther(name: "people")
        auther.path = path
        auther.reloadMilliseconds = 500
        return CredentialWatch([Auther(name: "none"), auther])
    }

    private func write(_ text: String) throws {
        // As editors do: another file takes the name.
        try text.write(toFile: path, atomically: true, encoding: .utf8)
    }

    @Test func changesAreFoundAtThePeriod() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        try write("ann one\n")
        let watch = watch()
        let first = watch.look(now: tick(0))
        #expect(first.map(\.auther) == [1])
        #expect(first.map(\.reading) == [.read(CredentialFile(text: "ann one\n"))])
        #expect(watch.nextLook == tick(500))
        try write("ann two\n")
        #expect(watch.look(now: tick(499)).isEmpty)
        #expect(watch.look(now: tick(500)).map(\.reading) == [.read(CredentialFile(text: "ann two\n"))])
        #expect(watch.look(now: tick(1_000)).isEmpty)
    }

    @Test func whatCannotBeReadIsSaidOnce() throws {
        let watch = watch()
        guard case .failed(let text)? = watch.look(now: tick(0)).first?.reading else {
            Issue.record("a file that is not there was read")
            return
        }
        #expect(text.contains(path))
        #expect(watch.look(now: tick(500)).isEmpty)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try write("ann one\n")
        #expect(watch.look(now: tick(1_000)).count == 1)
        try FileManager.default.removeItem(atPath: path)
        #expect(watch.look(now: tick(1_500)).count == 1)
        #expect(watch.look(now: tick(2_000)).isEmpty)
        try write("ann one\n")
        #expect(watch.look(now: tick(2_500)).count == 1)
        try Data([0xFF, 0xFE]).write(to: URL(fileURLWithPath: path))
        guard case .failed(let reason)? = watch.look(now: tick(3_000)).first?.reading else {
            Issue.record("what is no text was read")
            return
        }
        #expect(reason.contains("UTF-8"))
    }
}
