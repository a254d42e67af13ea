package import Model
import Observe
import Operations
package import PlaneLink
package import Primitives
import Wire

/// Whom a service lets in: the digests of the names and passwords that the control plane pushed, and their key. The
/// data plane knows no password. An empty table lets nobody in.
package final class CredentialTable: Sendable {
    private let key: CredentialKey
    private let digests: Set<CredentialDigest>

    package init(key: CredentialKey, digests: Set<CredentialDigest>) {
        self.key = key
        self.digests = digests
    }

    /// Whether the name and password that a relay request brought are among them; a request without them has two empty
    /// texts (protocol relay §4.1). Takes as long for a known name as for an unknown one.
    package func admits(user: InlineText, password: InlineText) -> Bool {
        digests.contains(CredentialDigest(user: user, password: password, key: key))
    }
}

/// Who may use a node's services, as the control plane last said it.
package struct NodeAccess: Sendable {
    private let services: [PlaneAccess]
    private let tables: [UInt16: CredentialTable]
    private let nobody: CredentialTable

    /// Access as it came over the plane link, with the digests of its tables.
    package init(key: CredentialKey, services: [PlaneAccess], tables: [UInt16: Set<CredentialDigest>]) {
        self.services = services
        self.tables = tables.mapValues { CredentialTable(key: key, digests: $0) }
        nobody = CredentialTable(key: key, digests: [])
    }

    /// Completes what a service is. One that nothing is said of lets nobody in, as does one whose table did not come.
    func apply(to service: inout NodeTable.Service, _ index: ServiceIndex) {
        guard let access = services.first(where: { $0.service == index }) else {
            service.credentials = nobody
            return
        }
        service.credentials = access.credentials.map { tables[$0] ?? nobody }
        service.entrypointID = access.entrypointID
        service.relaysAtEntrypoints = access.relaysAtEntrypoints
    }
}
