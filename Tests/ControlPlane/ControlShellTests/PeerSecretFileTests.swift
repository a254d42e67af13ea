import Foundation
import Glibc
import Model
import Settings
import Testing

@testable import ControlShell

/// The secret of peer links: from a file, or made once and kept.
struct PeerSecretFileTests {
    private let socketPath = RunningControl.path()

    private var folder: String { String(socketPath[..<socketPath.lastIndex(of: "/")!]) }

    private func write(_ text: String) throws -> PeerSecretSource {
        let path = folder + "/secret"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return .file(path: path)
    }

    @Test func aFileIsReadWithoutItsLineEnd() throws {
        let configured = try PeerSecretFile.secret(.text("0123456789abcdef"), socketPath: socketPath)
        #expect(configured == PeerSecret(text: "0123456789abcdef"))
        for end in ["", "\n", "\r\n"] {
            let read = try PeerSecretFile.secret(try write("0123456789abcdef" + end), socketPath: socketPath)
            #expect(read == configured)
        }
        #expect(access(folder + "/peers.secret", F_OK) != 0, "one that is configured is not written down")
    }

    @Test func aFileThatHoldsNoneStopsTheStart() throws {
        let source = try write("pa55word\n")
        let short = #expect(throws: ControlFault.self) { try PeerSecretFile.secret(source, socketPath: socketPath) }
        #expect(short?.description.contains("needs 16 to 1024") == true)
        #expect(short?.description.contains("pa55word") == false)
        let absent = #expect(throws: ControlFault.self) {
            try PeerSecretFile.secret(.file(path: folder + "/none"), socketPath: socketPath)
        }
        #expect(absent?.description.contains("cannot read culvert.peers.secretFile \(folder)/none") == true)
    }

    @Test func aNodeWithoutOneKeepsItsOwn() throws {
        let made = try PeerSecretFile.secret(nil, socketPath: socketPath)
        #expect(try PeerSecretFile.secret(nil, socketPath: socketPath) == made, "after a restart")
        #expect(try PeerSecretFile.secret(nil, socketPath: RunningControl.path()) != made, "of another node")
        let path = folder + "/peers.secret"
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        // Written half by somebody who was killed: another one takes its place.
        try "x".write(toFile: path, atomically: true, encoding: .utf8)
        #expect(try PeerSecretFile.secret(nil, socketPath: socketPath) != made)
    }
}
