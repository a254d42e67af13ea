/// People who may use a tunnel port: an element of `authers:`, or what a handler's `auth:` became.
package struct Auther: Equatable, Sendable {
    /// Unique within the node.
    package var name: String
    /// Those that stand in the configuration; no name twice.
    package var credentials: [Credential] = []
    /// A file with more of them, one `user password` for each line; it wins over what stands in the configuration.
    package var path: String?
    /// How often the file is looked at for changes.
    package var reloadMilliseconds = Auther.reloadMillisecondsStandard

    package static let reloadMillisecondsStandard: UInt64 = 1_000
    package static let reloadMillisecondsRange: ClosedRange<UInt64> = 100...86_400_000

    package init(name: String) { self.name = name }
}

/// A user's name and password, at most 255 bytes each, neither of them empty (protocol relay §4.1). A secret: it is
/// never printed.
package struct Credential: Hashable, Sendable {
    package var userName: String
    package var password: String

    package static let bytesMax = 255

    package init(userName: String, password: String) {
        self.userName = userName
        self.password = password
    }

    /// Why a name and a password are none, and what to do; nil when they are.
    package static func fault(userName: String, password: String) -> String? {
        if userName.isEmpty { return "has no user name; write one" }
        if password.isEmpty {
            return "has no password; a stock server lets anybody in by such a name, this one nobody: write a password"
        }
        if userName.utf8.count > bytesMax || password.utf8.count > bytesMax {
            return "name and password may be \(bytesMax) bytes long each; shorten them"
        }
        return nil
    }
}
