import CLinux
import Foundation

/// Where a running node keeps its socket and its configuration: a directory of its own that nobody else may enter, in
/// `$XDG_RUNTIME_DIR/culvert/<pid>` or `/tmp/culvert-<uid>/<pid>`.
struct RuntimeDirectory {
    let path: String

    var socket: String { path + "/control.sock" }
    var configuration: String { path + "/node.yaml" }

    /// Why there is no place to run in.
    struct Fault: Error {
        var message: String
    }

    /// The directory that holds those of all nodes of this user.
    static func parent(environment: [String: String], user: UInt32) -> String {
        if let runtime = environment["XDG_RUNTIME_DIR"], runtime.hasPrefix("/") { return runtime + "/culvert" }
        return "/tmp/culvert-\(user)"
    }

    /// Makes the directory of this process; what a dead process of the same number left there is removed.
    static func make(parent: String, process: Int32) throws(Fault) -> RuntimeDirectory {
        try PrivateDirectory.make(parent).mapFault()
        let directory = RuntimeDirectory(path: "\(parent)/\(process)")
        try? FileManager.default.removeItem(atPath: directory.path)
        try PrivateDirectory.make(directory.path).mapFault()
        // The kernel's `sun_path` has room for 108 bytes with the final zero.
        guard directory.socket.utf8.count <= 107 else {
            throw Fault(message: "\(directory.socket) is too long for a socket; set XDG_RUNTIME_DIR to a shorter path")
        }
        return directory
    }

    /// Those of nodes that live, and of no other process: for `dump` and `status`.
    static func living(in parent: String) -> [RuntimeDirectory] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
        return names.compactMap(Int32.init).sorted().filter { kill($0, 0) == 0 }.map {
            RuntimeDirectory(path: "\(parent)/\($0)")
        }
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }
}

extension Result where Success == Void, Failure == PrivateDirectory.Fault {
    fileprivate func mapFault() throws(RuntimeDirectory.Fault) {
        if case .failure(let fault) = self { throw RuntimeDirectory.Fault(message: fault.message) }
    }
}
