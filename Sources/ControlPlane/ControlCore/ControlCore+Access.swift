internal import Model
internal import PlaneLink
internal import Primitives
internal import Settings

/// Credentials: what the configuration and its files say, made into digests that the data planes get.
extension ControlCore {
    /// A file of credentials was read, at the start or because it changed. The tables that it belongs to are made anew
    /// and sent; where they would be too large the ones before stay.
    mutating func credentialsRead(_ auther: Int, _ credentials: [Credential]) {
        let before = files[auther]
        files[auther] = credentials
        let made = makeTables()
        guard made.reduce(0, { $0 + $1.count }) <= ControlLimit.credentialsMax else {
            files[auther] = before
            note(
                .error, "a file holds too many credentials; those before stay in force",
                ["auther": plan.authers[auther].name, "limit": "\(ControlLimit.credentialsMax)"])
            return
        }
        guard made != credentialTables else { return }
        credentialTables = made
        for (id, link) in links where link.phase == .serving {
            sendServices(to: id)
        }
        note(
            .info, "credentials in force",
            ["auther": plan.authers[auther].name, "users": "\(credentials.count)"])
    }

    /// The digests of every table. Within one auther a file wins over the configuration.
    func makeTables() -> [[CredentialDigest]] {
        plan.access.tables.map { authers in
            var digests: Set<CredentialDigest> = []
            for auther in authers {
                var passwords: [String: String] = [:]
                for credential in plan.authers[auther].credentials + (files[auther] ?? []) {
                    passwords[credential.userName] = credential.password
                }
                for (userName, password) in passwords {
                    guard let user = InlineText(userName), let secret = InlineText(password) else {
                        preconditionFailure("a name or password of more than 255 bytes was read")
                    }
                    digests.insert(CredentialDigest(user: user, password: secret, key: credentialKey))
                }
            }
            return digests.sorted { $0.words.0 < $1.words.0 }
        }
    }

    /// Sends who may use the services, where that can be understood, and the services: they change together.
    mutating func sendServices(to id: LinkID) {
        guard let link = links[id] else { return }
        if link.speaksAccess {
            for (number, digests) in credentialTables.enumerated() {
                var rest = digests[...]
                while !rest.isEmpty {
                    let part = rest.prefix(CredentialDigest.perMessageMax)
                    rest = rest.dropFirst(part.count)
                    effects.append(.send(id, .credentials(table: UInt16(number), Array(part))))
                }
            }
            effects.append(.send(id, .access(key: credentialKey, plan.access.services)))
        }
        effects.append(.send(id, .services(generation: generation, plan.services(ports: ports(of: link.name)))))
    }

    /// Whether a data plane may be handed this socket. One from before credentials would serve everybody there, and one
    /// from before peer links would not know what it is.
    func mayServe(_ link: DataPlaneLink, _ listener: PlaneListener) -> Bool {
        switch listener.role {
        case .tunnel(let service): link.speaksAccess || plan.access.isOpen(service)
        case .entrypoint: true
        case .peers: link.speaksCluster
        }
    }

    /// Says which ports a data plane is not given.
    mutating func noteWithheld(_ id: LinkID) {
        guard let link = links[id] else { return }
        let withheld = (sockets[link.name]?.sockets ?? []).filter { socket in
            socket.listener.role != .peers && !mayServe(link, socket.listener)
        }
        guard !withheld.isEmpty else { return }
        note(
            .error,
            "a data plane is too old to ask for credentials and does not get the ports that need them; upgrade it",
            [
                "dataPlane": link.name,
                "ports": Set(withheld.map(\.listener.address)).sorted().joined(separator: ", "),
            ])
    }
}
